"""Makes the sample catalogue beside this file: everything in it is composed, spoken, drawn or invented here.

make sample

It takes about two minutes and needs espeak-ng. The result is the same each time but for what other versions of the
encoders and of espeak-ng do differently.
"""

import csv
import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import audiobooks
import drawing
import episodes
import film
import noises
import songs
from encoding import write_audio, write_image, write_video
from instruments import SAMPLE_RATE, Samples
from mixing import Song, render

FOLDER = Path(__file__).parent


@dataclasses.dataclass(frozen=True, slots=True)
class Track:
    """A track of the catalogue and how its file is made."""

    media_id: str
    title: str
    artist: str
    album: str
    rights_holder: str
    label: str  # its class
    make: Callable[[], Song] | Callable[[], Samples]
    ending: str
    sample_rate: int
    bit_rate: int = 0
    stereo: bool = False


_SONG_RIGHTS, _PIER_RIGHTS, _LANTERN_RIGHTS = "Saltgate Song Rights", "Ninth Pier Publishing", "Copper Lantern Works"

TRACKS = (
    Track("morning_ferry", "Morning Ferry", "The Pellow Haven Four", "Timetable", _SONG_RIGHTS, "music",
          songs.morning_ferry, "mp3", 44_100, 64_000),
    Track("glass_garden", "Glass Garden", "Isolde Marrivane", "Rooms Without Clocks", _LANTERN_RIGHTS, "music",
          songs.glass_garden, "ogg", 44_100),
    Track("letter_to_ines", "Letter to Ines", "Casimir Oldroyd", "Six Letters", _SONG_RIGHTS, "music",
          songs.letter_to_ines, "flac", 16_000),
    Track("night_bus_nine", "Night Bus Nine", "Parallel Kiosk", "Last Stop", _PIER_RIGHTS, "music",
          songs.night_bus_nine, "opus", 48_000, 48_000, stereo=True),
    Track("brass_kettle", "Brass Kettle", "Dot Harrowgate and Her Quartet", "Boiling Point", _PIER_RIGHTS, "music",
          songs.brass_kettle, "mp3", 44_100, 64_000),
    Track("chapel_at_low_tide", "Chapel at Low Tide", "Casimir Oldroyd", "Six Letters", _SONG_RIGHTS, "music",
          songs.chapel_at_low_tide, "opus", 48_000, 40_000),
    Track("paper_kites", "Paper Kites", "Tin Roof Marimba Club", "Seven to the Bar", _LANTERN_RIGHTS, "music",
          songs.paper_kites, "m4a", 44_100, 56_000, stereo=True),
    Track("white_noise", "White Noise for Sleep", "Hush Foundry", "Even Nights", _LANTERN_RIGHTS, "noise",
          noises.white_noise, "mp3", 24_000, 24_000),
    Track("brown_noise", "Deep Brown Noise", "Hush Foundry", "Even Nights", _LANTERN_RIGHTS, "noise",
          noises.brown_noise, "opus", 48_000, 16_000),
    Track("rain", "Steady Rain on a Tin Roof", "Hush Foundry", "Even Nights", _LANTERN_RIGHTS, "nature",
          noises.rain, "opus", 48_000, 24_000),
    Track("fan", "Bedroom Fan", "Hush Foundry", "Even Nights", _LANTERN_RIGHTS, "machine",
          noises.fan, "mp3", 24_000, 24_000),
    Track("drone", "Drone in A", "Hush Foundry", "Even Nights", _LANTERN_RIGHTS, "tonal",
          noises.drone, "opus", 48_000, 16_000),
)  # fmt: skip

UNRELEASED = (songs.blue_ledger, songs.untitled_seven)

EPISODES = (
    ("slack_water_01", "Slack Water: The Ferry That Waits", episodes.FERRY, 401),
    ("slack_water_02", "Slack Water: How to Read a Tide Table", episodes.TIDE_TABLE, 402),
)

IMAGES = (
    ("cover_timetable", "Cover of Timetable", "png", drawing.sunset_sea, 1.0, 240, 240),
    ("cover_last_stop", "Cover of Last Stop", "png", drawing.night_city, 2.0, 240, 240),
    ("poster_kites", "Poster with a kite", "jpg", drawing.kite_hills, 3.6, 330, 300),
    ("photo_lighthouse", "The lighthouse", "jpg", drawing.lighthouse, 3.6, 270, 480),
)

_NOT_AUDIO = """\
SLACK WATER: THE LOST TAPE

This file says that it is an MP3 and is not: somebody saved the script of an episode under the name of its recording.
A decoder must refuse it, and the refusal must be reported for this one item while all others go on.

HOST: The tape is not in the box.
GUEST: Then what is in the box?
HOST: A note that says where the tape is.
"""


def main() -> None:
    sounds = {track.media_id: _sound(track.make()) for track in TRACKS}
    unreleased = {song.__name__: _sound(song()) for song in UNRELEASED}
    write_tracks(sounds)
    write_episodes({name: _mono(samples) for name, samples in (sounds | unreleased).items()})
    write_visuals(_mono(sounds["paper_kites"]))
    _write_json_lines("audiobooks.jsonl", audiobooks.audiobooks())
    _write_json_lines("authors.jsonl", audiobooks.authors())
    _write_json_lines("truth_authors.jsonl", audiobooks.gold_links())


def write_tracks(sounds: Mapping[str, Samples]) -> None:
    rows = []
    for number, track in enumerate(TRACKS, 1):
        uri = f"tracks/{track.media_id}.{track.ending}"
        samples = sounds[track.media_id] if track.stereo else _mono(sounds[track.media_id])
        write_audio(FOLDER / uri, samples, track.sample_rate, track.bit_rate)
        isrc = f"ZZLNT26{number:05}"  # ZZ is no country
        rows.append((track.media_id, uri, track.title, track.artist, track.album, isrc, track.rights_holder))
    _write_csv("tracks.csv", "media_id,uri,title,artist,album,isrc,rights_holder", rows)
    _write_csv("truth_tracks.csv", "media_id,class", [(track.media_id, track.label) for track in TRACKS])


def write_episodes(sounds: Mapping[str, Samples]) -> None:
    rows, truth = [], []
    for media_id, title, script, seed in EPISODES:
        episode, heard = episodes.mix(script, sounds, seed)
        write_audio(FOLDER / f"episodes/{media_id}.mp3", episode, 44_100, 64_000)
        rows.append((media_id, f"episodes/{media_id}.mp3", title))
        truth += [_truth_row(media_id, stretch) for stretch in heard]
    (FOLDER / "episodes/corrupt.mp3").write_text(_NOT_AUDIO)
    rows.append(("corrupt", "episodes/corrupt.mp3", "Slack Water: The Lost Tape"))
    _write_csv("episodes.csv", "media_id,uri,title", rows)
    _write_csv("truth_music.csv", "episode,start_s,end_s,track_id,track_start_s,condition,speech_to_music_db", truth)


def write_visuals(samples: Samples) -> None:
    """Two videos, one of them with sound, and the images."""
    length = film.SHOTS[-1].end * SAMPLE_RATE // film.FRAMES_A_SECOND
    write_video(FOLDER / "videos/seven_views.mp4", list(film.frames()), film.FRAMES_A_SECOND, samples[:length])
    write_video(FOLDER / "videos/night_strobe.mp4", list(film.strobe()), film.FRAMES_A_SECOND, None)
    rows = [
        ("seven_views", "videos/seven_views.mp4", "Seven Views"),
        ("night_strobe", "videos/night_strobe.mp4", "Lightning over Saltgate"),
    ]
    for media_id, title, ending, scene, time_s, height, width in IMAGES:
        uri = f"images/{media_id}.{ending}"
        write_image(FOLDER / uri, scene(time_s, height, width))
        rows.append((media_id, uri, title))
    _write_csv("visuals.csv", "media_id,uri,title", rows)
    truth = [
        ("seven_views", shot.start / film.FRAMES_A_SECOND, shot.end / film.FRAMES_A_SECOND, shot.transition)
        for shot in film.SHOTS
    ]
    _write_csv("truth_shots.csv", "media_id,start_s,end_s,transition", truth)


def _sound(made: Song | Samples) -> Samples:
    return render(made) if isinstance(made, Song) else made


def _mono(samples: Samples) -> Samples:
    return samples if samples.ndim == 1 else samples.mean(axis=1)


def _truth_row(episode: str, heard: episodes.Heard) -> tuple[object, ...]:
    """A row of the truth; music that nobody released has neither a track nor a place in it."""
    music = heard.music
    level = "" if music.speech_to_music_db is None else music.speech_to_music_db
    released = music.song in {track.media_id for track in TRACKS}
    track = (music.song, f"{music.start_s:.3f}") if released else ("", "")
    return (episode, f"{heard.start_s:.3f}", f"{heard.end_s:.3f}", *track, music.condition, level)


def _write_csv(name: str, header: str, rows: Iterable[tuple[object, ...]]) -> None:
    with (FOLDER / name).open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def _write_json_lines(name: str, rows: Iterable[audiobooks.Row]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
