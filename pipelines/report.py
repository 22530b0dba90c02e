"""Writes a site that shows what a run found: open its index.html from disk, or from a bucket.

linernotes report --tables build/tables --output build/report
"""

import argparse
import datetime
from collections.abc import Iterator, Sequence

from configs.loading import ConfigError
from models.run_tables import UnknownRunError
from pipelines.exhibits import choose_matches, make_exhibits
from pipelines.item_pages import write_audiobooks, write_episodes, write_tracks, write_videos
from pipelines.report_pages import Report, open_report, write_listings, write_overview
from pipelines.review_page import write_review
from pipelines.site_files import SiteFiles
from pipelines.site_media import choose_tracks, copy_thumbnails, picture_tracks
from transforms.files import STORE_ERRORS
from transforms.run_history import read_run


def main(arguments: Sequence[str]) -> int:
    """Writes the site; 0."""
    options = _parse(arguments)
    try:
        connection = read_run(options.tables, options.run_id, options.compare)
    except UnknownRunError as error:
        raise ConfigError(str(error)) from error
    except STORE_ERRORS as error:
        raise ConfigError(f"tables {options.tables}: {error}") from error
    with _open_output(options.output) as files:
        _write_site(open_report(connection, files.write, datetime.datetime.now(datetime.UTC)), files, options)
    print(f"report: {files.path('index.html')}")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="linernotes report", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--tables", metavar="OUTPUT", required=True, help="of pipelines: a folder or bq://PROJECT.DATASET"
    )
    parser.add_argument(
        "--output", metavar="FOLDER", required=True, help="of the site; what an earlier one left is replaced"
    )
    parser.add_argument("--run_id", metavar="ID", help="the run to show; each pipeline's latest unless named")
    parser.add_argument("--compare", metavar="ID", help="the run to compare with; the one before unless named")
    parser.add_argument(
        "--exhibits", metavar="COUNT", type=int, default=200, help="matches, and tracks, to hear and see"
    )
    parser.add_argument("--clip_s", metavar="SECONDS", type=float, default=12.0, help="of a match or track, at most")
    parser.add_argument("--thumbnails", metavar="COUNT", type=int, default=2000, help="to copy, at most")
    return parser.parse_args(arguments)


def _open_output(output: str) -> SiteFiles:
    try:
        return SiteFiles(output)
    except STORE_ERRORS as error:
        raise ConfigError(f"output {output}: {error}") from error


def _write_site(report: Report, files: SiteFiles, options: argparse.Namespace) -> None:
    tracks = report.rows("tracks")
    track_uris = {row["track_id"]: row["uri"] for row in tracks if row["uri"]}
    item_uris = {row["media_id"]: row["uri"] for row in report.rows("episodes") if row["uri"]}
    matches = choose_matches(report.rows("matches"), options.exhibits)
    exhibits = make_exhibits(matches, item_uris, track_uris, options.clip_s, files.write)
    pictures = picture_tracks(choose_tracks(tracks, options.exhibits), options.clip_s, files.write)
    thumbnails = copy_thumbnails(_list_thumbnails(report), options.thumbnails, files.write)

    write_overview(report)
    write_listings(report)
    write_episodes(report, exhibits)
    write_tracks(report, *pictures)
    write_videos(report, thumbnails)
    write_audiobooks(report)
    write_review(report, exhibits)


def _list_thumbnails(report: Report) -> Iterator[str]:
    for shot in report.rows("shots"):
        yield from (frame["thumbnail"] for frame in shot["keyframes"] if frame["thumbnail"])
