"""A segment of the index, made of constellations alone."""

import collections

import numpy as np
import pyarrow.parquet as pq
import pytest

from models.index import (
    Index,
    IndexConfig,
    Reference,
    describe,
    encode_bucket,
    encode_catalogue,
    encode_shard,
    lay_out,
    make_manifest,
    split_postings,
)
from models.landmarks import pair_peaks
from models.records import Recording


@pytest.fixture(scope="session")
def write_index(tmp_path_factory):
    """A function that writes a segment of constellations by track_id, and gives its folder."""

    def write(catalogue):
        folder, config = tmp_path_factory.mktemp("index"), IndexConfig()
        recordings = {name: Recording(name, title=name.upper()) for name in catalogue}
        tracks = lay_out(describe(Reference(recordings[name], "", each)) for name, each in catalogue.items())
        parts = collections.defaultdict(list)
        for track in tracks:
            landmarks = pair_peaks(catalogue[track.recording.track_id], config.landmarks)
            for shard, postings in split_postings(landmarks, track.place, config.shards):
                parts[shard].append(postings)
        arrays = encode_bucket(0, [catalogue[track.recording.track_id] for track in tracks])
        for shard in range(config.shards):
            arrays |= encode_shard(shard, config.shards, parts[shard])
        for name, array in arrays.items():
            np.save(folder / name, array)
        pq.write_table(encode_catalogue(tracks), folder / "catalogue.parquet")
        (folder / "manifest.json").write_text(make_manifest(config, tracks))
        return str(folder)

    return write


@pytest.fixture(scope="session")
def build_index(write_index):
    return lambda catalogue: Index(write_index(catalogue))
