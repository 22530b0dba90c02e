"""The tables of a report: rows of a query as cells, beside what the run before had."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.formatting import is_number, show

Row = Mapping[str, Any]
MAX_ROWS = 20  # of a table on the overview


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """name: of the query's column. kind: see models.formatting."""

    name: str
    heading: str
    kind: str = "text"

    @property
    def is_number(self) -> bool:
        return is_number(self.kind)


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """A table of the overview. keys: by which a row is known again in the run before."""

    query: str
    title: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    pipeline: str | None = None  # that the rows come from; None: any
    bar: str | None = None  # the column that is drawn too
    page: str | None = None  # of all rows


@dataclasses.dataclass(frozen=True, slots=True)
class Listing:
    """All items of a kind, split over pages. key: the column that names an item's own page."""

    query: str
    title: str
    key: str
    columns: tuple[Column, ...]
    item: str  # what one is called
    has_pages: bool = True  # of each item


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """before: how that was in the run before, if it was not the same."""

    column: Column
    value: Any
    text: str
    before: str | None = None
    bar: float | None = None  # 0 to 1, of the longest


def fill_section(section: Section, now: Sequence[Row], before: Sequence[Row] | None) -> Iterator[list[Cell]]:
    """The section's rows: the first of the run's, then those that only the run before has. before: None if none ran."""
    known = None if before is None else {_key(section, row): row for row in before}
    longest = max((row[section.bar] or 0 for row in now), default=0) if section.bar else 0
    for row in now[:MAX_ROWS]:
        yield [_compare(section, column, row, known, longest) for column in section.columns]
    here = {_key(section, row) for row in now}
    gone = [row for key, row in (known or {}).items() if key not in here]
    for row in gone[:MAX_ROWS]:
        yield [_show_gone(section, column, row) for column in section.columns]


def fill_row(columns: Sequence[Column], row: Row) -> list[Cell]:
    """The cells of a row that is compared with nothing."""
    return [Cell(column, row[column.name], show(column.kind, row[column.name])) for column in columns]


def _compare(section: Section, column: Column, row: Row, known: Mapping[Any, Row] | None, longest: float) -> Cell:
    value = row[column.name]
    text, before = show(column.kind, value), None
    earlier = None if known is None else known.get(_key(section, row))
    if earlier is not None and column.is_number:
        earlier_text = show(column.kind, earlier[column.name])
        before = None if earlier_text == text else f"was {earlier_text}"
    elif earlier is None and known is not None and column.name == section.columns[0].name:
        before = "new"
    bar = (value or 0) / longest if column.name == section.bar and longest else None
    return Cell(column, value, text, before, bar)


def _show_gone(section: Section, column: Column, row: Row) -> Cell:
    """Of a row that the run does not have any more."""
    text = show(column.kind, row[column.name])
    return Cell(column, None, "none", f"was {text}") if column.is_number else Cell(column, row[column.name], text)


def _key(section: Section, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in section.keys)
