"""Oracles: the same functions over all frames of a film at once, and what cannot differ between two ways to say it."""

import dataclasses
import io

import av
import numpy as np
import pytest
from PIL import Image

from models.flashes import FlashConfig, find_flashing
from models.keyframes import KeyframeConfig
from models.shots import ShotConfig, find_transitions
from models.video_decoding import VideoConfig, decode_video
from models.watching import SeenMedia, SeenShot, Watch, WatchConfig, watch

RATE = 25
RNG = np.random.default_rng(7)
WATCH = Watch(WatchConfig())


def scene(seed):
    """A coarse picture of its own, that drifts."""
    picture = np.random.default_rng(seed).integers(20, 235, (12, 24, 3)).repeat(12, 0).repeat(12, 1)
    return lambda frame: np.roll(picture, frame // 4, 1)[:, :192].astype(np.uint8)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """40 shots of 1 to 3 s, one of them flashing, some of them blended; where each begins."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    starts = [0]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "20", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = 144, 192, "yuv420p"
        for seed in range(40):
            show, length = scene(seed), int(RNG.integers(25, 75))
            for number in range(length):
                picture = show(number)
                if seed == 20 and number % 5 < 2:
                    picture = np.full_like(picture, 250)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
            starts.append(starts[-1] + length)
        container.mux(stream.encode())
    return str(path), starts


@pytest.fixture(scope="module")
def seen(film):
    """The shots of the film, and the film."""
    *shots, media = watch(film[0], WATCH)
    assert all(isinstance(shot, SeenShot) for shot in shots)
    assert isinstance(media, SeenMedia)
    return shots, media


def test_shots_are_those_of_all_frames_at_once(film, seen):
    frames = list(decode_video(film[0], VideoConfig()))
    times_s = np.array([frame.start_s for frame in frames])
    found = find_transitions(np.stack([frame.grid for frame in frames]), times_s, ShotConfig())
    assert [shot.start_s for shot in seen[0]] == [0, *(times_s[each.frame] for each in found)]
    assert [shot.transition for shot in seen[0]] == ["start", *(each.kind for each in found)]
    assert sum(shot.frames for shot in seen[0]) == len(frames) == film[1][-1]


def test_most_shots_are_where_the_film_has_them(film, seen):
    made = {start / RATE for start in film[1][:-1]}
    found = {round(shot.start_s, 4) for shot in seen[0]}
    assert len(made & found) >= 0.9 * len(made)


def test_flashes_are_those_of_all_frames_at_once(film, seen):
    frames = list(decode_video(film[0], VideoConfig()))
    found = find_flashing([frame.start_s for frame in frames], [frame.grid for frame in frames], FlashConfig())
    tags = {tag: ranges for tag, _, ranges in seen[1].tags}
    assert tags["flashing"] == tuple((each.start_s, each.end_s) for each in found if each.kind == "general")
    assert tags["flashing"]


def test_keyframes_are_in_their_shots_and_differ_by_time(seen):
    for shot in seen[0]:
        times_s = [each.time_s for each in shot.keyframes]
        assert times_s == sorted(set(times_s))
        assert 1 <= len(times_s) <= 3
        assert shot.start_s <= times_s[0] <= times_s[-1] < shot.end_s


def test_thumbnails_are_there_if_they_are_asked_for(film, seen):
    shot = next(iter(watch(film[0], dataclasses.replace(WATCH, thumbnails=True))))
    with Image.open(io.BytesIO(shot.keyframes[0].thumbnail)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (192, 144))
    assert seen[0][0].keyframes[0].thumbnail is None
    bare = [dataclasses.replace(each, thumbnail=None) for each in shot.keyframes]
    assert bare == list(seen[0][0].keyframes)


def test_no_more_keyframes_are_given_than_are_asked_for(film, seen):
    one = Watch(WatchConfig(keyframes=KeyframeConfig(max_a_shot=1)))
    shots = [each for each in watch(film[0], one) if isinstance(each, SeenShot)]
    assert {len(shot.keyframes) for shot in shots} == {1}
    assert [shot.start_s for shot in shots] == [shot.start_s for shot in seen[0]]


def test_a_shot_too_short_for_pictures_is_shown_all_the_same(film):
    seldom = Watch(WatchConfig(keyframes=KeyframeConfig(every_s=1e6)))
    shots = [each for each in watch(film[0], seldom) if isinstance(each, SeenShot)]
    assert {len(shot.keyframes) for shot in shots} == {1}
    assert all(shot.start_s <= shot.keyframes[0].time_s < shot.end_s for shot in shots)


def test_shots_come_while_the_film_goes_on(film, monkeypatch):
    decoded = 0

    def counted(path, config):
        nonlocal decoded
        for frame in decode_video(path, config):
            decoded += 1
            yield frame

    monkeypatch.setattr("models.watching.decode_media", counted)
    lags = [decoded / RATE - each.end_s for each in watch(film[0], WATCH) if isinstance(each, SeenShot)]
    assert max(lags) < 20 < film[1][-1] / RATE
