"""Two episodes of a radio hour that never was: speech, and music loud, under the speech, twice, or not at all."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from instruments import SAMPLE_RATE, Samples
from speech import GUEST, HOST, READER, Speaker, room_tone, speak

_LOUD_DB = -15.0  # RMS of music without speech, below full scale
_PAUSE_S = 0.6  # between one passage and the next


@dataclasses.dataclass(frozen=True, slots=True)
class Music:
    """A stretch of a song: loud for `duration_s`, or under a passage for as long as that lasts."""

    song: str
    start_s: float
    condition: str  # jingle, bed_N, unknown_full, unknown_bed_N
    duration_s: float = 0
    speech_to_music_db: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Passage:
    speaker: Speaker
    text: str
    bed: Music | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """A stretch of music in an episode, as the truth has it. A song that is not in the catalogue has no `track_id`."""

    start_s: float
    end_s: float
    music: Music


FERRY = (
    Music("morning_ferry", 19.5, "jingle", duration_s=8),
    Passage(
        HOST,
        """Good morning, and welcome to Slack Water, the programme for people who like to wait for boats.
        I am at the old stone pier in Pellow Haven, where the first ferry leaves when the captain has finished her tea.
        There is no wind today, and the harbour is as flat as a plate.
        With me is the oldest oarsman on this coast, who has promised to explain why nobody is in a hurry.""",
    ),
    Passage(
        GUEST,
        """I have rowed this harbour for thirty years, and I still look at the flag before I look at the water.
        The flag tells you what the wind is doing now, but the water remembers what it did last night.
        If the two disagree, have a second breakfast and wait for them to make up.""",
        Music("night_bus_nine", 24, "bed_6", speech_to_music_db=6),
    ),
    Passage(
        HOST,
        """That sounds like good advice for dry land as well.
        Later in the hour we will hear how the ferry bell got its crack, and who was blamed for it.""",
    ),
    Music("blue_ledger", 6, "unknown_full", duration_s=7),
    Passage(
        GUEST,
        """Now, the bell was cast for a school, and it was never meant to hang in salt air.
        By the third winter it rang a little flat.
        The baker said it was the frost, the smith said it was the baker.
        The captain said that she liked it better so.""",
    ),
    Passage(
        HOST,
        """Here are the notices for the week.
        The lamp on the north steps has been mended, so please return the bicycle light that was tied there.
        The knitting circle meets in the net loft on Thursday, and visitors may bring their own chairs.
        Someone has left a very good umbrella at the ticket window, and it has begun to rain.""",
        Music("paper_kites", 14, "bed_15", speech_to_music_db=15),
    ),
    Passage(
        READER,
        """And that is the end of the first crossing.
        The kettle is on, the rope is coiled, and the gulls have had their share.""",
    ),
    Music("morning_ferry", 33.5, "jingle", duration_s=9),
)

TIDE_TABLE = (
    Passage(
        HOST,
        """What does a tide table tell you, and what does it leave out?
        Today we ask two people who have disagreed about it since they were at school.""",
    ),
    Music("brass_kettle", 3.4, "jingle", duration_s=8),
    Passage(
        HOST,
        """This is Slack Water, and the book on my desk is no bigger than a slice of toast.
        Every page is one month, and every line is one day, with two high waters and two low ones.
        The numbers come from the moon, but the printer is in Upper Marl, and he has never seen the sea.
        That is no complaint, for the printing is very clear.
        But a stretch of coast has corners, and a corner can hold the water back for a quarter of an hour.""",
    ),
    Passage(
        READER,
        """I keep mine in a biscuit tin, with a pencil on a string.
        When the water comes early I write down how early, and what the weather was.
        After twenty years the pencil knows more than the table does.
        My neighbour says that this is cheating, but he borrows the tin before every picnic.""",
        Music("letter_to_ines", 9, "bed_12", speech_to_music_db=12),
    ),
    Passage(
        HOST,
        """We took the biscuit tin to the harbour office, and the clerk was kind enough to look inside.
        She said that the pencil marks were neat, and that the biscuits were stale.
        Then she opened a drawer, and showed us a tin of her own, with four colours of pencil.
        It turns out that half the town keeps one, and that nobody had mentioned it.""",
    ),
    Passage(
        GUEST,
        """In fairness to the table, it never promised to be right about the wind.
        It gives you the hour that the moon would choose, if nobody else were asked.
        Everything after that is manners, and a good pair of boots.""",
        Music("untitled_seven", 4, "unknown_bed_6", speech_to_music_db=6),
    ),
    Passage(
        READER,
        """So the answer is to read the table, and then to look out of the window.
        If you keep a tin, write to us and tell us what is in it.
        We will be back next week with a basket of knots.""",
    ),
    Music("letter_to_ines", 27, "jingle", duration_s=8),
)


def mix(script: tuple[Music | Passage, ...], songs: Mapping[str, Samples], seed: int) -> tuple[Samples, list[Heard]]:
    """The episode, mono, and the music heard in it. `songs` are mono, at SAMPLE_RATE."""
    rng = np.random.default_rng(seed)
    pause = np.zeros(round(_PAUSE_S * SAMPLE_RATE))
    pieces: list[Samples] = [pause]
    heard = []
    for cue in script:
        start_s = sum(len(piece) for piece in pieces) / SAMPLE_RATE
        music = cue if isinstance(cue, Music) else cue.bed
        sound = _loud(cue, songs) if isinstance(cue, Music) else _spoken(cue, songs, rng)
        if music:
            heard.append(Heard(start_s, start_s + len(sound) / SAMPLE_RATE, music))
        pieces += [sound, pause]
    episode = np.concatenate(pieces)
    return episode + room_tone(len(episode), rng), heard


def _loud(music: Music, songs: Mapping[str, Samples]) -> Samples:
    stretch = _stretch(songs[music.song], music.start_s, round(music.duration_s * SAMPLE_RATE))
    return stretch * 10 ** (_LOUD_DB / 20) / _rms(stretch)


def _spoken(passage: Passage, songs: Mapping[str, Samples], rng: np.random.Generator) -> Samples:
    voice = speak(passage.speaker, passage.text, rng)
    bed = passage.bed
    if bed is None or bed.speech_to_music_db is None:
        return voice
    stretch = _stretch(songs[bed.song], bed.start_s, len(voice))
    return voice + stretch * _rms(voice) / _rms(stretch) * 10 ** (-bed.speech_to_music_db / 20)


def _stretch(song: Samples, start_s: float, length: int) -> Samples:
    """The song from `start_s` on, faded over 0.15 s at both ends."""
    start = round(start_s * SAMPLE_RATE)
    if start + length > len(song):
        raise ValueError(f"stretch must end by {len(song) / SAMPLE_RATE} s, got {(start + length) / SAMPLE_RATE} s")
    edge = np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.15 * SAMPLE_RATE)
    return song[start : start + length] * np.clip(edge, 0, 1)


def _rms(samples: Samples) -> float:
    return float(np.sqrt((samples**2).mean()))
