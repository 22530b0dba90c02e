"""Says how long a report takes to make, of the tables of as many synthetic episodes as you like.

python -m pipelines.report_bench --episodes 1000 --output build/report_bench
"""

import argparse
import datetime
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.records import MediaStatus, MusicMatch, MusicUsage, Provenance, Recording
from models.tables import arrow_schema, to_row
from models.usage import sum_plays
from pipelines import report

_EPISODE_S = 3600.0
_TRACKS = 2000
_STARTED = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="report_bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--episodes", metavar="COUNT", type=int, default=1000)
    parser.add_argument("--plays", metavar="COUNT", type=int, default=30, help="of an episode")
    parser.add_argument("--output", metavar="FOLDER", required=True, help="of tables and site")
    options = parser.parse_args(arguments)

    output = Path(options.output)
    write_synthetic_tables(output / "tables", options.episodes, options.plays)
    started = time.perf_counter()
    status = report.main(["--tables", str(output / "tables"), "--output", str(output / "site")])
    taken_s = time.perf_counter() - started
    sizes = [path.stat().st_size for path in (output / "site").rglob("*") if path.is_file()]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.episodes} episodes of {options.plays} plays: {taken_s:.1f} s, {peak_mb:.0f} MB of memory")
    print(f"{len(sizes)} files, {sum(sizes) / 1e6:.0f} MB")
    return status


def write_synthetic_tables(folder: Path, episodes: int, plays: int) -> None:
    """The tables of two runs of match_podcasts over so many episodes of an hour, whose media are nowhere."""
    for number, run_id in enumerate(("first", "second")):
        made = Provenance(run_id, "match_podcasts", "0.1.0", "synthetic", _STARTED + datetime.timedelta(days=number))
        generator = np.random.default_rng(number)
        matches = [list(_make_matches(f"episode_{i:05}", plays, generator)) for i in range(episodes)]
        usages = [usage for listed in matches for usage in _sum(listed)]
        write_records(folder, "media_status", [_make_status(f"episode_{i:05}", i) for i in range(episodes)], made)
        write_records(folder, "music_matches", [match for listed in matches for match in listed], made)
        write_records(folder, "music_usage", usages, made)


def write_records(folder: Path, table: str, records: Sequence[Any], provenance: Provenance) -> None:
    """A table as a run writes it; of one record at least."""
    path = folder / table / f"{provenance.run_key}.000000000000.00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [to_row(record, provenance) for record in records]
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema(type(records[0]))), path)


def _make_status(media_id: str, number: int) -> MediaStatus:
    uri = f"gone/{media_id}.mp3"
    if number % 50 == 49:
        return MediaStatus(media_id, uri, "failed", "decode", "expected audio, got an empty file", None, None, "0")
    return MediaStatus(media_id, uri, "done", None, None, _EPISODE_S, str(number), "0")


def _make_matches(media_id: str, plays: int, generator: np.random.Generator) -> Iterator[MusicMatch]:
    if int(media_id[-5:]) % 50 == 49:
        return  # it failed
    starts = np.sort(generator.uniform(0, _EPISODE_S - 60, plays))
    lengths, levels = generator.uniform(4, 60, plays), generator.normal(-8, 6, plays)
    scores, tracks = 20 + generator.exponential(120, plays), generator.zipf(1.3, plays) % _TRACKS
    for start_s, length_s, level_db, score, track in zip(starts, lengths, levels, scores, tracks, strict=True):
        heard = _describe(int(track))
        yield MusicMatch(
            media_id=media_id,
            track_id=heard.track_id,
            start_s=float(start_s),
            end_s=float(start_s + length_s),
            track_start_s=10.0,
            speed=1.0,
            pitch=1.0,
            score=float(score),
            level_db=float(level_db),
            usage="featured" if level_db >= -2 else "background",
            alternatives=(),
            title=heard.title,
            artist=heard.artist,
            isrc=None,
            rights_holder=heard.rights_holder,
        )


def _describe(track: int) -> Recording:
    return Recording(f"track_{track:04}", f"Title {track}", f"Artist {track % 300}", None, f"Holder {track % 40}")


def _sum(matches: Sequence[MusicMatch]) -> Iterator[MusicUsage]:
    by_track: Mapping[str, list[MusicMatch]] = {match.track_id: [] for match in matches}
    for match in matches:
        by_track[match.track_id].append(match)
    return (sum_plays(listed) for listed in by_track.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
