"""The pages of a report: templates filled with what queries give. Text is escaped wherever it stands."""

import dataclasses
import datetime
import json
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from models.decisions import find_key
from models.formatting import name_page, show
from models.listings import MAX_ROWS, Listing, Row, Section, fill_row, fill_section
from models.report_tables import LISTINGS, SECTIONS
from models.run_tables import count, list_runs, read_query

SITE = Path(__file__).with_name("site")
ASSETS = ("site.css", "site.js", "review.js", "icon.svg")
_PAGE_SIZE = 200
CHUNK_ROWS = 2000  # of a data script
Write = Callable[[str, str], object]


@dataclasses.dataclass(frozen=True)
class Report:
    """What all pages share."""

    connection: duckdb.DuckDBPyConnection
    write: Write
    templates: jinja2.Environment

    def rows(self, query: str, period: str = "now") -> list[dict[str, Any]]:
        return count(self.connection, query, period)

    def page(self, path: str, template: str, **values: Any) -> None:
        """Writes a page that is so many folders below the site's root as its path has."""
        here = values.pop("here", None) or path.removesuffix(".html")
        root = "../" * path.count("/")
        self.write(path, self.templates.get_template(template).render(values, here=here, root=root))


def open_report(connection: duckdb.DuckDBPyConnection, write: Write, made: datetime.datetime) -> Report:
    """A report of the runs in the database, made at that time."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SITE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "page": name_page,
        "show": show,
        "tojson_text": json.dumps,
        "review_key": lambda row, table: find_key(table, row),
    }
    runs = list_runs(connection)
    templates.globals |= {
        "navigation": [("index", "Overview"), *((each.query, each.title) for each in LISTINGS), ("review", "Review")],
        "titles": {each.query: each.title for each in LISTINGS},
        "version": version("linernotes"),
        "made": show("time", made),
        "runs": runs,
        "report_id": "+".join(f"{run['pipeline']}-{run['run_id']}" for run in runs),
    }
    return Report(connection, write, templates)


def write_overview(report: Report) -> None:
    """index.html, and what all pages load."""
    for name in ASSETS:
        report.write(name, (SITE / name).read_text(encoding="utf-8"))
    earlier = list_runs(report.connection, "before")
    pipelines = {run["pipeline"] for run in earlier}
    sections = [(section, *_fill(report, section, pipelines), read_query(section.query)) for section in SECTIONS]
    report.page("index.html", "index.html", sections=sections, earlier=earlier, max_rows=MAX_ROWS)


def write_listings(report: Report) -> None:
    """The pages that list all items of a kind, and the data by which they are searched and sorted."""
    for listing in LISTINGS:
        linked = [(_find_page(listing, row), row) for row in report.rows(listing.query)]
        chunks = list(batches(linked, CHUNK_ROWS))
        for number, chunk in enumerate(chunks):
            write_data(report.write, f"{listing.query}-{number}", [_pack(listing, *each) for each in chunk])
        _write_listing(report, listing, linked, len(chunks))


def _write_listing(report: Report, listing: Listing, linked: Sequence[tuple[str | None, Row]], chunks: int) -> None:
    """The pages of a listing; of no rows there is one page too."""
    pages = list(batches(linked, _PAGE_SIZE)) or [[]]
    for number, rows in enumerate(pages, 1):
        report.page(
            f"{listing.query}.html" if number == 1 else f"{listing.query}-{number}.html",
            "listing.html",
            here=listing.query,
            listing=listing,
            rows=[(link, fill_row(listing.columns, row)) for link, row in rows],
            page=number,
            pages=len(pages),
            total=len(linked),
            chunks=chunks,
            page_size=_PAGE_SIZE,
            sql=read_query(listing.query),
        )


def _fill(report: Report, section: Section, compared: set[str]) -> tuple[list[Any], int]:
    """A section's rows of cells, and how many rows there are in all."""
    rows = report.rows(section.query)
    is_compared = bool(compared) if section.pipeline is None else section.pipeline in compared
    before = report.rows(section.query, "before") if is_compared else None
    return list(fill_section(section, rows, before)), len(rows)


def _find_page(listing: Listing, row: Row) -> str | None:
    """Of a row's item: its page, from the site's root."""
    return f"{listing.query}/{name_page(row[listing.key])}.html" if listing.has_pages else None


def _pack(listing: Listing, link: str | None, row: Row) -> list[Any]:
    """What site.js knows of a row: its link, texts, and what it is sorted by."""
    cells = fill_row(listing.columns, row)
    values = [cell.value if cell.column.is_number else (cell.text or "").lower() for cell in cells]
    return [link, [cell.text for cell in cells], values]


def write_data(write: Write, name: str, rows: Sequence[Any]) -> None:
    """A script that hands the rows to site.js: pages opened from disk cannot fetch."""
    text = json.dumps(rows, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    write(f"data/{name}.js", f"linernotes.receive({json.dumps(name)},{text});\n")


def batches(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
