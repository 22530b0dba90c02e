"""A run: what its rows are marked with, where they go, and which items it passes over."""

import dataclasses
import datetime
import uuid
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection

from models.records import MediaFile, MediaItem, MediaStatus, Provenance


@dataclasses.dataclass(frozen=True)
class Run:
    """One execution of a pipeline."""

    provenance: Provenance
    config_digest: str  # of every knob that can change the result
    attempt: str = dataclasses.field(default_factory=lambda: uuid.uuid4().hex[:12])  # never the same twice
    incremental: bool = False
    max_items: int | None = None  # None: all
    progress: str | None = None  # a local file that grows by a line for each item; None: nobody watches

    def done(self, file: MediaFile, duration_s: float | None) -> MediaStatus:
        return self._status(file.item, "done", duration_s=duration_s, content=file.content)

    def failed(self, item: MediaItem, step: str, reason: str, content: str | None = None) -> MediaStatus:
        return self._status(item, "failed", step=step, reason=reason, content=content)

    def skipped(self, file: MediaFile, duration_s: float | None) -> MediaStatus:
        return self._status(file.item, "skipped", duration_s=duration_s, content=file.content)

    def _status(
        self,
        item: MediaItem,
        status: str,
        step: str | None = None,
        reason: str | None = None,
        duration_s: float | None = None,
        content: str | None = None,
    ) -> MediaStatus:
        return MediaStatus(item.media_id, item.uri, status, step, reason, duration_s, content, self.config_digest)


def check_share(name: str, share: float) -> None:
    """Raises ValueError unless the share is between 0 and 1."""
    if not 0 <= share <= 1:
        raise ValueError(f"{name} must be between 0 and 1, got {share}")


def utc_date() -> str:
    """The default run id."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


@dataclasses.dataclass
class CountStatuses(beam.PTransform[Any, Any]):
    """The statuses as they are; counted in Beam's metrics, and noted for whoever watches the run on this machine."""

    progress: str | None

    def expand(self, statuses: PCollection[MediaStatus]) -> PCollection[MediaStatus]:
        counted: PCollection[MediaStatus] = statuses | beam.Map(_count, self.progress)
        return counted


def _count(status: MediaStatus, progress: str | None) -> MediaStatus:
    Metrics.counter("linernotes", f"items_{status.status}").inc()
    if status.step:
        Metrics.counter("linernotes", f"failed_at_{status.step}").inc()
    if status.duration_s and status.status == "done":
        Metrics.distribution("linernotes", "item_duration_s").update(round(status.duration_s))
        Metrics.counter("linernotes", "media_s").inc(round(status.duration_s))
    if progress:
        with Path(progress).open("a") as file:  # one write below a page: whole, whoever else writes
            file.write(f"{status.status}\n")
    return status
