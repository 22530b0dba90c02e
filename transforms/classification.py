"""Track classification, lifted to PCollections. What a track is, models.labelling and models.policies say."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection, TaggedOutput

from models.labelling import LabelConfig, label_track
from models.policies import PolicyConfig, decide_album
from models.records import ClassShare, MediaItem, MediaStatus, Provenance, ScoredItem, TrackLabel, TrackSummary
from models.specs import AudioModelSpec
from models.tables import to_row
from transforms.runs import Run
from transforms.tables import ReadTable, Row

_MADE_COLUMNS = ("media_id", "content", "config_digest", "run_id", "pipeline")


@dataclasses.dataclass
class LabelTracks(beam.PTransform[Any, Any]):
    """What each track is, by itself, and its stretches of one class each."""

    spec: AudioModelSpec
    config: LabelConfig

    def expand(self, items: PCollection[ScoredItem]) -> Any:  # PCollections of TrackSummary and TrackSegment
        label = beam.FlatMap(_label, self.spec.classes, self.spec.window_s, self.spec.hop_s, self.config)
        outputs = items | label.with_outputs("segments", main="summaries")
        return outputs.summaries, outputs.segments


@dataclasses.dataclass
class RecallLabels(beam.PTransform[Any, Any]):
    """The rows of `track_labels` of media that this run skips, one each: the run's own, or else the latest.

    Made of the same content with the same config, so that only their albums can have changed.
    """

    output: str
    run: Run

    def expand(self, skipped: PCollection[MediaStatus]) -> PCollection[Row]:
        if not self.run.incremental:  # nothing is skipped: spares the reading
            none: PCollection[Row] = skipped.pipeline | beam.Create([]).with_output_types(Row)
            return none
        made = skipped.pipeline | "Made" >> ReadTable(self.output, "media_status", _MADE_COLUMNS)
        rows = skipped.pipeline | "Rows" >> ReadTable(self.output, "track_labels")
        groups = {
            "skipped": skipped | "Key skipped" >> beam.Map(lambda status: (status.media_id, status)),
            "made": made | "Key made" >> beam.Map(lambda row: (row["media_id"], row)),
            "rows": rows | "Key rows" >> beam.Map(lambda row: (row["media_id"], row)),
        }
        recalled: PCollection[Row] = groups | beam.CoGroupByKey() | beam.FlatMap(_recall, self.run.provenance)
        return recalled


@dataclasses.dataclass
class DecideTracks(beam.PTransform[Any, Any]):
    """The tracks' rows: what the policy makes of each, and of the company it keeps on its album.

    Takes (summaries, recalled): tracks new in this run, and RecallLabels' rows. A recalled one keeps its row, with its
    provenance, in the run that wrote it; but where company has changed what follows for it, it has a new one in this.
    """

    policy: PolicyConfig  # of fit_policy
    provenance: Provenance

    def expand(self, tracks: Any) -> Any:  # PCollections of TrackSummary and Row, to one of TrackLabel and Row
        summaries, recalled = tracks
        groups = {
            "heard": summaries | "Key by album" >> beam.Map(lambda summary: (_album_of(summary.item), summary)),
            "recalled": recalled | "Key rows by album" >> beam.Map(lambda row: (_album_of(_item_of(row)), row)),
        }
        return groups | beam.CoGroupByKey() | beam.FlatMap(_decide_album, self.policy, self.provenance)


def _label(
    item: ScoredItem, classes: Sequence[str], window_s: float, hop_s: float, config: LabelConfig
) -> Iterator[Any]:
    summary, segments = label_track(item, classes, window_s, hop_s, config)
    yield summary
    for segment in segments:
        yield TaggedOutput("segments", segment)


def _recall(grouped: tuple[str, dict[str, Iterable[Any]]], provenance: Provenance) -> Iterator[Row]:
    _, groups = grouped
    wanted = {(status.content, status.config_digest) for status in groups["skipped"]}
    runs = {_run_of(row) for row in groups["made"] if (row["content"], row["config_digest"]) in wanted}
    rows = [row for row in groups["rows"] if _run_of(row) in runs]
    if rows:
        yield max(rows, key=lambda row: (_is_of(row, provenance), row["processed_at"], _run_of(row)))


def _decide_album(
    grouped: tuple[Any, dict[str, Iterable[Any]]], policy: PolicyConfig, provenance: Provenance
) -> Iterator[TrackLabel | Row]:
    _, groups = grouped
    rows = {row["media_id"]: row for row in groups["recalled"]}
    for label in decide_album([*groups["heard"], *map(_summary_of, rows.values())], policy):
        row = rows.get(label.media_id)
        if row is None or not _repeats(label, row, provenance):
            Metrics.counter("linernotes", f"tracks_{label.decision}").inc()
            yield label
        elif _is_of(row, provenance):
            yield row


def _album_of(item: MediaItem) -> tuple[str, ...]:
    """What names the track's album; a track that names none is alone on its own."""
    if item.album is None:
        return ("track", item.media_id)
    return ("album", item.album, item.rights_holder or item.artist or "")


def _item_of(row: Mapping[str, Any]) -> MediaItem:
    named = {name: row[name] for name in ("media_id", "title", "artist", "album", "isrc", "rights_holder")}
    return MediaItem(uri="", **named)  # a label does not say where the track was read


def _summary_of(row: Mapping[str, Any]) -> TrackSummary:
    """What a label was decided on."""
    shares = tuple(ClassShare(**share) for share in row["shares"])
    return TrackSummary(_item_of(row), row["duration_s"], row["silent_s"], row["label"], shares)


def _repeats(label: TrackLabel, row: Row, provenance: Provenance) -> bool:
    """Whether the label says what the row says."""
    made, written = to_row(label, provenance), dataclasses.asdict(provenance)
    return all(row[name] == value for name, value in made.items() if name not in written)


def _run_of(row: Row) -> tuple[str, str]:
    return row["pipeline"], row["run_id"]


def _is_of(row: Row, provenance: Provenance) -> bool:
    return _run_of(row) == (provenance.pipeline, provenance.run_id)
