"""What a person reads: numbers, times and shares as text; and the names of pages."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from models.cue_sheets import name_cue_sheet

NOTHING = "\N{EN DASH}"  # of a value that is not known


def show(kind: str, value: Any) -> str:
    """The value as text of that kind: text, count, clock, hours, share, score, factor, level, list or time."""
    return NOTHING if value is None else _FORMATS[kind](value)


def is_number(kind: str) -> bool:
    """Whether values of that kind stand at the right, and can be compared."""
    return kind not in ("text", "list", "time")


def name_page(media_id: str) -> str:
    """The file name, without ending, of an item's page: safe anywhere, and of its own for each id."""
    return name_cue_sheet(media_id).removesuffix(".csv")


def _clock(seconds: float) -> str:
    """H:MM:SS.t; without hours if there are none."""
    tenths = round(seconds * 10)
    sign, tenths = ("-" if tenths < 0 else ""), abs(tenths)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{sign}{clock}:{tenths // 10:02}.{tenths % 10}"


def _time(value: datetime.datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC"


def _level(decibels: float) -> str:
    return f"{round(decibels, 1) + 0.0:.1f} dB"


_FORMATS: Mapping[str, Callable[[Any], str]] = {
    "text": str,
    "count": "{:,.0f}".format,
    "clock": _clock,
    "hours": "{:,.2f} h".format,
    "share": "{:.1%}".format,
    "score": "{:.2f}".format,
    "nats": "{:,.0f}".format,
    "factor": "{:.4f}".format,
    "level": _level,
    "list": ", ".join,
    "time": _time,
}
