"""Cost as the catalogue grows: the same episodes matched against 1 x, 10 x, 100 x the catalogue, a row each.

What is added is pipelines.fillers'. Every scale is matched in a process of its own, `python -m pipelines.scaling
INDEX QUERIES`, in which nothing is decoded: fingerprints are made once.
"""

import contextlib
import dataclasses
import functools
import itertools
import json
import math
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.constellation import Constellation, PeakConfig, crop, join, overlapping_blocks
from models.decoding import DecodeConfig
from models.fingerprinting import fingerprint_file
from models.index import (
    BUCKET_TRACKS,
    Index,
    IndexConfig,
    Postings,
    Track,
    encode_bucket,
    encode_catalogue,
    encode_shard,
    lay_out,
    make_manifest,
    split_postings,
)
from models.landmarks import HASH_BITS, pair_peaks
from models.matching import QueryConfig, match_block, settle
from models.records import MusicMatch, Recording
from models.stretches import Stretch
from pipelines.fillers import make_fillers
from pipelines.scoring import score_matches

Catalogue = Iterator[tuple[str, Constellation]]  # in order of track_id

_OPENING_S = 5.0  # of a query, for which every shard is opened
_SHARD_S = 30_000  # of catalogue in a shard: some 5 million postings, sorted in memory
_AFTER_ALL = "\U0010ffff"  # begins the track_ids of fillers: they come after any other
_QUERY = QueryConfig()


def print_scaling(
    work: Path, tracks: Iterable[Path], episodes: Iterable[Path], scales: Iterable[int], truth: Path | None
) -> None:
    """A row a scale. truth: a folder with truth.jsonl and score.py, if there is one."""
    config = IndexConfig()
    references, queries = _fingerprint(tracks, config, config.peaks), _fingerprint(episodes, config, _QUERY.peaks)
    (work / "queries.pickle").write_bytes(pickle.dumps(queries))
    audio_s = sum(query.end_frame for query in queries.values()) / config.spectrogram.frame_rate
    for number, scale in enumerate(scales):
        folder, started_s = work / f"scale-{scale}", time.process_time()
        counts = write_index(folder, config, functools.partial(scale_catalogue, references, scale))
        built_s = time.process_time() - started_s
        measured = _measure(folder, work / "queries.pickle")
        row = _describe(folder, config, measured, audio_s) | _count_hits(counts, queries.values(), audio_s)
        row = {"scale": f"{scale} x", "build CPU s": f"{built_s:.1f}"} | row | _score(measured["matches"], truth, work)
        if not number:
            print("  ".join(row))
        print("  ".join(value.rjust(len(name)) for name, value in row.items()), flush=True)


def scale_catalogue(references: Mapping[str, Constellation], scale: int) -> Catalogue:
    """The references, and fillers, until there are `scale` times as many."""
    ordered = sorted(references.items())
    yield from ordered
    for number, filler in enumerate(make_fillers([constellation for _, constellation in ordered], scale - 1)):
        yield f"{_AFTER_ALL}{number:09}", filler


def write_index(folder: Path, config: IndexConfig, catalogue: Callable[[], Catalogue]) -> NDArray[np.int64]:
    """A segment in a new folder, in memory that does not grow with the catalogue; that is made several times.

    Returns how many postings each hash has.
    """
    folder.mkdir()
    described = (Track(Recording(name), "", each.end_frame, len(each.frames)) for name, each in catalogue())
    tracks = lay_out(described)
    duration_s = sum(track.frames for track in tracks) / config.spectrogram.frame_rate
    config = dataclasses.replace(config, shards=max(config.shards, math.ceil(duration_s / _SHARD_S)))
    _write_buckets(folder, catalogue())
    counts = _write_shards(folder, config, tracks, catalogue())
    pq.write_table(encode_catalogue(tracks), folder / "catalogue.parquet")
    (folder / "manifest.json").write_text(make_manifest(config, tracks))
    return counts


def _write_buckets(folder: Path, catalogue: Catalogue) -> None:
    for bucket in itertools.count():
        constellations = [constellation for _, constellation in itertools.islice(catalogue, BUCKET_TRACKS)]
        if not constellations:
            return
        _save(folder, encode_bucket(bucket, constellations))


def _write_shards(
    folder: Path, config: IndexConfig, tracks: Iterable[Track], catalogue: Catalogue
) -> NDArray[np.int64]:
    """Postings go to a file for each shard first, to be sorted shard by shard. Returns how many each hash has."""
    counts = np.zeros(1 << HASH_BITS, np.int64)
    unsorted = [folder / f"unsorted-{shard:05d}" for shard in range(config.shards)]
    with contextlib.ExitStack() as files:
        opened = [files.enter_context(path.open("wb")) for path in unsorted]
        for track, (_, constellation) in zip(tracks, catalogue, strict=True):
            landmarks = pair_peaks(constellation, config.landmarks)
            counts += np.bincount(landmarks.hashes, minlength=len(counts))
            for shard, postings in split_postings(landmarks, track.place, config.shards):
                np.stack([postings.hashes, postings.places], axis=1).tofile(opened[shard])
    for shard, path in enumerate(unsorted):
        hashes, places = np.fromfile(path, np.uint32).reshape(-1, 2).T
        _save(folder, encode_shard(shard, config.shards, [Postings(hashes, places)]))
        path.unlink()
    return counts


def _save(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        np.save(folder / name, array, allow_pickle=False)


def match_queries(folder: Path, queries: Mapping[str, Constellation]) -> dict[str, Any]:
    """What matching takes this process, of all queries against the index in a folder, and the matches.

    Opening the index is told apart: a worker does it once.
    """
    started_s = time.process_time()
    index = Index(str(folder))
    for media_id, query in itertools.islice(queries.items(), 1):
        _match(media_id, crop(query, 0, round(_OPENING_S * index.config.spectrogram.frame_rate)), index)
    opened_s = time.process_time()
    outcomes = [_match(media_id, query, index) for media_id, query in queries.items()]
    matched_s = time.process_time()
    return {
        "opened_s": opened_s - started_s,
        "matched_s": matched_s - opened_s,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "candidates": sum(candidates for _, candidates in outcomes),
        "matches": [dataclasses.asdict(match) for matches, _ in outcomes for match in matches],
    }


def _match(media_id: str, query: Constellation, index: Index) -> tuple[list[MusicMatch], int]:
    """The matches of a query, and how many candidates there were: all of this benchmark that is measured."""
    stretches: list[Stretch] = []
    candidates = 0
    for block in _cut(query, index):
        found, count, _ = match_block(media_id, block, index, _QUERY)
        stretches += found
        candidates += count
    return settle(stretches, index.config.spectrogram, _QUERY), candidates


def _cut(query: Constellation, index: Index) -> Iterator[Constellation]:
    frame_rate, blocks = index.config.spectrogram.frame_rate, _QUERY.blocks
    return overlapping_blocks([query], round(blocks.block_s * frame_rate), round(blocks.overlap_s * frame_rate))


def _fingerprint(paths: Iterable[Path], config: IndexConfig, peaks: PeakConfig) -> dict[str, Constellation]:
    decode = DecodeConfig()
    return {path.name: join(fingerprint_file(str(path), config.spectrogram, peaks, decode)) for path in paths}


def _measure(folder: Path, queries: Path) -> dict[str, Any]:
    """match_queries in a process of its own."""
    words = [sys.executable, "-m", "pipelines.scaling", str(folder), str(queries)]
    run = subprocess.run(words, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"bench: matching failed\n{run.stdout}{run.stderr}")
    measured: dict[str, Any] = json.loads(run.stdout)
    return measured


def _describe(folder: Path, config: IndexConfig, measured: Mapping[str, Any], audio_s: float) -> dict[str, str]:
    """Columns of the row: the index, and what matching took."""
    manifest = json.loads((folder / "manifest.json").read_text())
    return {
        "tracks": f"{manifest['tracks']:,}",
        "hours": f"{manifest['frames'] / config.spectrogram.frame_rate / 3600:,.2f}",
        "index MB": f"{sum(path.stat().st_size for path in folder.iterdir()) / 1e6:,.1f}",
        "open CPU s": f"{measured['opened_s']:.2f}",
        "match CPU ms/s": f"{1000 * measured['matched_s'] / audio_s:.2f}",
        "peak MB": f"{measured['peak_mb']:.0f}",
        "candidates/s": f"{measured['candidates'] / audio_s:.2f}",
    }


def _count_hits(counts: NDArray[np.int64], queries: Iterable[Constellation], audio_s: float) -> dict[str, str]:
    """More columns: what the queries' landmarks hit, unwarped, and the share of it that too common hashes have."""
    hits = np.concatenate([counts[pair_peaks(query, _QUERY.landmarks).hashes] for query in queries])
    skipped = hits[hits > _QUERY.retrieval.max_postings].sum()
    return {
        "look-ups/s": f"{len(hits) / audio_s:,.0f}",
        "hits/look-up": f"{hits.mean():.3f}",
        "hits/s": f"{hits.sum() / audio_s:,.0f}",
        "skipped": f"{skipped / max(1, hits.sum()):.1%}",
    }


def _score(matches: Iterable[Mapping[str, Any]], truth: Path | None, work: Path) -> dict[str, str]:
    """More columns of the row."""
    fillers = sum(1 for match in matches if match["track_id"].startswith(_AFTER_ALL))
    if truth is None:
        return {"fillers matched": f"{fillers}"}
    scores = score_matches(matches, truth, work)
    every = scores["event_recall"]["ALL"]
    return {
        "fillers matched": f"{fillers}",
        "found": f"{round(every['hit'] * every['n'])} of {every['n']}",
        "time recall": f"{scores['time']['recall']:.3f}",
        "false/h": f"{scores['fp_per_hour']:.2f}",
    }


if __name__ == "__main__":
    print(json.dumps(match_queries(Path(sys.argv[1]), pickle.loads(Path(sys.argv[2]).read_bytes()))))
