"""Logs as one JSON object a line, which Cloud Logging, Airflow and others read: severity, message, time, and fields."""

import logging
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from apache_beam.metrics.metric import MetricResults, MetricsFilter
from pythonjsonlogger.json import JsonFormatter

LOGGER = logging.getLogger("linernotes")


def log_as_json() -> None:
    """From now on all log lines of this process are JSON on standard error, also that of an error nobody catches."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter(["message", "levelname", "name"], rename_fields={"levelname": "severity"}, timestamp="time")
    )
    logging.basicConfig(handlers=[handler], force=True)
    LOGGER.setLevel(logging.INFO)
    sys.excepthook = _log_error


def read_metrics(metrics: MetricResults) -> Mapping[str, Any]:
    """linernotes' counters, summed over steps, and distributions, of the steps together, by name."""
    found = metrics.query(MetricsFilter().with_namespace("linernotes"))
    values: dict[str, Any] = {}
    for counter in found["counters"]:
        name = counter.key.metric.name
        values[name] = values.get(name, 0) + counter.result
    for distribution in found["distributions"]:
        name, new = distribution.key.metric.name, distribution.result
        old = values.get(name, {"count": 0, "sum": 0, "min": new.min, "max": new.max})
        values[name] = {
            "count": old["count"] + new.count,
            "sum": old["sum"] + new.sum,
            "min": min(old["min"], new.min),
            "max": max(old["max"], new.max),
        }
    return dict(sorted(values.items()))


def _log_error(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    LOGGER.critical(f"{kind.__name__}: {error}", exc_info=(kind, error, traceback))
