"""Oracle: every block matched with every segment, one after another."""

import itertools
import weakref
from collections import defaultdict

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

import transforms.fingerprinting
import transforms.segments
from models.constellation import Constellation, overlapping_blocks
from models.index import Index, IndexConfig, Reference
from models.matching import QueryConfig, match_block, settle
from models.records import Fingerprint, MediaFile, MediaItem, MediaStatus, Recording
from models.snapshots import SegmentConfig
from models.spectrogram import SpectrogramConfig
from transforms.fingerprinting import MatchFingerprints
from transforms.indexing import PublishIndex, WriteSegments
from transforms.segments import open_segment
from transforms.snapshots import read_snapshot, segment_folder

CONFIG = QueryConfig()
SPECTROGRAM = SpectrogramConfig()
FRAMES = 600  # of a track
TRACKS = 6


def random_peaks(seed):
    rng = np.random.default_rng(seed)
    cells = np.sort(rng.choice(FRAMES * 500, 900, replace=False))
    return Constellation((cells // 500).astype(np.int32), (cells % 500).astype(np.int16), 0, FRAMES)


def item_of(name, tracks):
    """The fingerprint, in blocks, of an item that plays these tracks."""
    parts = [random_peaks(track) for track in tracks]
    moved = [
        Constellation(part.frames + number * FRAMES, part.bins, number * FRAMES, (number + 1) * FRAMES)
        for number, part in enumerate(parts)
    ]
    file = MediaFile(MediaItem(name, f"gs://bucket/{name}"), "its bytes")
    return [Fingerprint(file, block) for block in overlapping_blocks(moved, FRAMES, 100)]


BLOCKS = [*item_of("one", [0, 3, 9]), *item_of("two", [5, 1, 2, 4]), *item_of("failed", [0])]


@pytest.fixture(scope="module", params=[2000, 0.007, 0.0001], ids=["1 segment", "several", "one a track"])
def folder(request, tmp_path_factory):
    """An index of tracks 0 to 5."""
    folder = str(tmp_path_factory.mktemp("index"))
    references = [Reference(Recording(f"{seed}"), "", random_peaks(seed)) for seed in range(TRACKS)]
    with beam.Pipeline(FnApiRunner()) as root:
        segments = (
            root | beam.Create(references) | WriteSegments(folder, "b1", IndexConfig(), SegmentConfig(request.param))
        )
        nothing = root | "Nothing" >> beam.Create([])
        _ = (segments, nothing, nothing) | PublishIndex(folder, "b1", IndexConfig(), None, ())
    return folder


def status_of(name, outcome):
    return MediaStatus(name, f"gs://bucket/{name}", outcome, None, None, None, None, "digest")


def test_blocks_meet_every_segment_and_a_process_has_one_at_a_time(folder, monkeypatch):
    snapshot = read_snapshot(folder)
    indexes = [Index(segment_folder(folder, segment.segment_id)) for segment in snapshot.segments]
    stretches = defaultdict(list)
    for block, index in itertools.product(BLOCKS, indexes):
        media_id = block.file.item.media_id
        stretches[media_id] += match_block(media_id, block.constellation, index, CONFIG)[0]
    expected = [match for name in ("one", "two") for match in settle(stretches[name], SPECTROGRAM, CONFIG)]
    assert {(each.media_id, each.track_id) for each in expected} >= {
        *(("one", track) for track in "03"),
        *(("two", track) for track in "5124"),
    }

    alive = weakref.WeakSet()

    class CountedIndex(Index):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            alive.add(self)

    def match_and_count(*arguments):
        assert len(alive) == 1
        return match_block(*arguments)

    open_segment.cache_clear()
    monkeypatch.setattr(transforms.segments, "Index", CountedIndex)
    monkeypatch.setattr(transforms.fingerprinting, "match_block", match_and_count)
    with beam.Pipeline(FnApiRunner()) as root:
        blocks = root | "Blocks" >> beam.Create(BLOCKS)
        statuses = root | "Statuses" >> beam.Create(
            [status_of("one", "done"), status_of("two", "done"), status_of("failed", "failed")]
        )
        assert_that((blocks, statuses) | MatchFingerprints(folder, snapshot, CONFIG), equal_to(expected))
