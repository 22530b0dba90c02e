"""Oracle: the index of the same tracks, built afresh."""

import dataclasses
from pathlib import Path

import pytest

from models.isolation import IsolatedWorker
from models.snapshots import SegmentConfig
from pipelines import compact_index, index_tracks, remove_tracks
from transforms.snapshots import read_snapshot

HOURS = 0.01  # about 1,100 frames a segment
COLUMNS = ("media_id", "uri", "title")


@pytest.fixture(scope="module")
def tracks(sample):
    """What the index has at last."""
    names = {"new": "fan.mp3", "fan": "fan.mp3", "rain": "rain.opus", "noise": "white_noise.mp3", "drone": "drone.opus"}
    return {name: (name, str(sample / "tracks" / uri), f"{name}'s title") for name, uri in names.items()}


@pytest.fixture(scope="module")
def grown(tracks, run_pipeline, write_manifest, tmp_path_factory):
    """An index to which tracks were added, twice, and from which one was removed; the config of the last addition."""
    folder = tmp_path_factory.mktemp("grown")
    old = ("fan", tracks["fan"][1], "an old title")
    first = write_manifest(folder / "first.csv", [old, tracks["rain"], tracks["noise"]], COLUMNS)
    config = index_tracks.Config(first, str(folder / "index"), str(folder / "tables"))
    run_pipeline(index_tracks, config)
    gone = ("gone", tracks["rain"][1], "")
    for number, listed in enumerate([[tracks["fan"], gone, tracks["drone"]], [tracks["new"]]]):
        manifest = write_manifest(folder / f"{number}.csv", listed, COLUMNS)
        config = dataclasses.replace(config, input=manifest, mode="add")
        run_pipeline(index_tracks, config, f"add{number}")
    (folder / "gone.txt").write_text("gone\n")
    run_pipeline(remove_tracks, remove_tracks.Config(str(folder / "gone.txt"), config.index, config.output))
    return config


def arrays_of(index):
    """The files of an index but for what names its segments: the bytes by number of the segment and name."""
    segments = read_snapshot(index).segments
    return {
        (number, path.name): path.read_bytes()
        for number, segment in enumerate(segments)
        for path in Path(index, "builds", segment.segment_id).iterdir()
    }


@pytest.mark.parametrize("hours", [SegmentConfig().hours, HOURS])
def test_a_compacted_index_is_the_one_that_is_built_afresh_and_nothing_is_decoded(
    hours, grown, tracks, run_pipeline, index_of, write_manifest, tmp_path, monkeypatch, rows
):
    segments = SegmentConfig(hours)
    fresh = index_of(write_manifest(tmp_path / "all.csv", tracks.values(), COLUMNS), segments=segments)
    monkeypatch.setattr(IsolatedWorker, "stream", None)
    run_pipeline(compact_index, compact_index.Config(grown.index, grown.output, segments), "compacted")
    compacted = read_snapshot(grown.index)
    assert arrays_of(grown.index) == arrays_of(fresh.index)
    assert (len(compacted.segments) == 1) == (hours != HOURS)
    assert compacted.digest == read_snapshot(fresh.index).digest
    assert all(not segment.removed for segment in compacted.segments)

    statuses = rows(grown.output, "media_status", "compacted", "compact_index")
    assert {row["media_id"]: row["status"] for row in statuses} == dict.fromkeys(tracks, "done")
    assert all(row["duration_s"] > 10 and row["content"] for row in statuses)


def test_compacting_no_index_is_an_error_before_any_work(run_pipeline, tmp_path):
    with pytest.raises(ValueError, match="expected an index built by index_tracks"):
        run_pipeline(compact_index, compact_index.Config(str(tmp_path / "index"), str(tmp_path / "tables")))
    assert list(tmp_path.iterdir()) == []
