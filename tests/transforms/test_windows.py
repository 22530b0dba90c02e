"""Oracle: the file decoded and cut in this process."""

import apache_beam as beam
import numpy as np
import pytest
import soundfile
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from models.decoding import DecodeConfig
from models.isolation import IsolationConfig
from models.records import MediaFile, MediaItem, Provenance
from models.specs import AudioModelSpec, EmbeddingSpec
from models.windows import levels_db, window_file
from transforms.runs import Run
from transforms.windows import CutWindows

RATE, WINDOW, HOP = 8_000, 4_000, 3_000
SPEC = AudioModelSpec("m", "onnx", "m.onnx", RATE, WINDOW, HOP, embedding=EmbeddingSpec())
DECODE = DecodeConfig(block_s=2)
RUN = Run(Provenance("run", "test", "1", "1", None), "digest")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """By name: of many blocks, of less than a window, and one that ends half-way."""
    folder = tmp_path_factory.mktemp("media")
    lengths = {"long": 20 * RATE + 123, "short": 900, "truncated": 20 * RATE}
    for number, (name, length) in enumerate(lengths.items()):
        samples = np.random.default_rng(number).uniform(-0.5, 0.5, length)
        soundfile.write(folder / f"{name}.wav", samples, RATE)
    whole = (folder / "truncated.wav").read_bytes()
    (folder / "truncated.wav").write_bytes(whole[: len(whole) // 2])
    return {name: MediaFile(MediaItem(name, str(folder / f"{name}.wav")), f"bytes of {name}") for name in lengths}


def run_on(files, check_blocks, check_statuses):
    with beam.Pipeline(FnApiRunner()) as root:
        blocks, statuses = root | beam.Create(files) | CutWindows(SPEC, DECODE, IsolationConfig(), RUN)
        assert_that(blocks, check_blocks, label="Blocks")
        assert_that(statuses, check_statuses, label="Statuses")


def test_blocks_are_those_of_the_file_and_numbered_through(files):
    good = [files["long"], files["short"]]

    def check(blocks):
        for file in good:
            mine = sorted((each for each in blocks if each.file == file), key=lambda each: each.first_window)
            expected = [windows for windows, _ in window_file(file.item.uri, RATE, WINDOW, HOP, DECODE)]
            assert [each.first_window for each in mine] == [0, *np.cumsum([len(each) for each in expected])[:-1]]
            for block, windows in zip(mine, expected, strict=True):
                np.testing.assert_array_equal(block.windows, windows)
                np.testing.assert_array_equal(block.levels_db, levels_db(windows))
        assert len({each.file.item.media_id for each in blocks}) == 2

    statuses = [RUN.done(files["long"], 20 + 123 / RATE), RUN.done(files["short"], 900 / RATE)]
    run_on(good, check, equal_to(statuses))


def test_a_file_that_fails_half_way_is_failed_and_the_others_are_done(files):
    reason = "truncated: the header states 20.00 s, got 10.00 s"
    failed = RUN.failed(files["truncated"].item, "decode", reason, "bytes of truncated")

    def check(blocks):
        assert {block.file.item.media_id for block in blocks} == {"truncated", "short"}

    run_on([files["truncated"], files["short"]], check, equal_to([failed, RUN.done(files["short"], 900 / RATE)]))
