"""Cue sheets in files, lifted to PCollections. What is on them, models.cue_sheets says.

SHEETS/csv/RUN_ID/NAME.csv   the cue sheet of an item
"""

import contextlib
import dataclasses
import uuid
from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import PBegin, PCollection
from apache_beam.transforms.combiners import Top

from models.cue_sheets import CueSheet, MatchedItem, encode_cue_sheet, gather_item, name_cue_sheet, sum_durations
from models.records import Provenance
from transforms.commits import staged_prefix
from transforms.run_history import find_sources
from transforms.runs import Run
from transforms.tables import ReadTable, Row

MATCHING = "match_podcasts"  # the pipeline whose rows are exported


@dataclasses.dataclass
class ReadMatched(beam.PTransform[PBegin, PCollection[MatchedItem]]):
    """The items of a run of match_podcasts, with their matches."""

    tables: str
    run: Run  # of the same id, whose config_digest the statuses get

    def __post_init__(self) -> None:
        run_id = self.run.provenance.run_id
        self._run_keys = find_sources(self.tables, [f"{MATCHING}-{run_id}"])

    def expand(self, root: PBegin) -> PCollection[MatchedItem]:
        rows = {table: self._read(root, table) for table in ("media_status", "music_matches")}
        items: PCollection[MatchedItem] = (
            rows | beam.CoGroupByKey() | beam.FlatMap(_gather, self.run).with_output_types(MatchedItem)
        )
        if self.run.max_items is None:
            return items
        first = Top.Of(self.run.max_items, key=lambda item: item.status.media_id, reverse=True)
        some: PCollection[MatchedItem] = items | first | beam.FlatMap(list).with_output_types(MatchedItem)
        return some

    def _read(self, root: PBegin, table: str) -> PCollection[tuple[str, Row]]:
        rows = root | f"Read {table}" >> ReadTable(self.tables, table, run_keys=self._run_keys)
        rows_by_media_id: PCollection[tuple[str, Row]] = rows | f"Key {table}" >> beam.FlatMap(_key_row)
        return rows_by_media_id


@dataclasses.dataclass
class WriteCueSheets(beam.PTransform[PCollection[MatchedItem], PCollection[CueSheet]]):
    """Replaces the run's cue sheets: one for each item that is done, none for another; yields which file is whose.

    A file is replaced whole, and one that is no longer of an item is removed.
    """

    sheets: str  # a folder, anywhere FileSystems writes
    provenance: Provenance
    attempt: str
    byte_order_mark: bool

    def expand(self, items: PCollection[MatchedItem]) -> PCollection[CueSheet]:
        sheets: PCollection[CueSheet] = items | beam.FlatMap(_write_sheet, self).with_output_types(CueSheet)
        written_by_name = sheets | "Key written" >> beam.Map(lambda sheet: (_base(sheet.uri), sheet.uri))
        found_by_name = sheets.pipeline | beam.Create([self.folder]) | "Find" >> beam.FlatMap(_find_sheets)
        _ = (
            {"written": written_by_name, "found": found_by_name}
            | beam.CoGroupByKey()
            | "Remove" >> beam.Map(_remove_unwritten)
        )
        return sheets

    @property
    def folder(self) -> str:
        return str(FileSystems.join(self.sheets, "csv", self.provenance.run_id))


def _key_row(row: Row) -> Iterator[tuple[str, Row]]:
    if row["pipeline"] == MATCHING:
        yield row["media_id"], row


def _gather(grouped: tuple[str, dict[str, Iterable[Row]]], run: Run) -> Iterator[MatchedItem]:
    _, rows = grouped
    for item in gather_item(run.provenance.run_id, rows["media_status"], rows["music_matches"]):
        outcome = "failed" if item.status.status == "failed" else "done"
        status = dataclasses.replace(item.status, status=outcome, config_digest=run.config_digest)
        yield dataclasses.replace(item, status=status)


def _write_sheet(item: MatchedItem, files: WriteCueSheets) -> Iterator[CueSheet]:
    """Written aside, under a name that no other worker uses, then renamed."""
    if item.status.status != "done":
        return
    media_id, run_key = item.status.media_id, files.provenance.run_key
    text = encode_cue_sheet(item.matches).encode("utf-8-sig" if files.byte_order_mark else "utf-8")
    aside = f"{staged_prefix(files.sheets, run_key, files.attempt, 'csv')}{uuid.uuid4().hex}.csv"
    target = str(FileSystems.join(files.folder, name_cue_sheet(media_id)))
    with FileSystems.create(aside) as file:
        file.write(text)
    with contextlib.suppress(OSError):  # it exists; if it cannot be made, the rename says so
        FileSystems.mkdirs(files.folder)
    FileSystems.rename([aside], [target])
    yield CueSheet(media_id, target, len(item.matches), sum_durations(item.matches))


def _find_sheets(folder: str) -> Iterator[tuple[str, str]]:
    for metadata in FileSystems.match([FileSystems.join(folder, "*.csv")])[0].metadata_list:
        yield _base(metadata.path), metadata.path


def _remove_unwritten(grouped: tuple[str, dict[str, Iterable[str]]]) -> None:
    _, paths = grouped
    if not list(paths["written"]):
        FileSystems.delete([path for path in paths["found"] if FileSystems.exists(path)])


def _base(path: str) -> str:
    return str(FileSystems.split(path)[1])
