"""Reviewers' decisions, lifted to PCollections. What they change, models.overrides says."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsDict, PBegin, PCollection

from models.audiobooks import Author
from models.decisions import Decision, DecisionError, read_decisions
from models.overrides import list_decisions, override_label, override_links, override_match, override_verdict
from models.policies import PolicyConfig
from models.records import AuthorLinks, Moderation, MusicMatch, TrackLabel
from models.snapshots import Snapshot, StoredTrack
from transforms.files import STORE_ERRORS
from transforms.segments import ReadTracks
from transforms.snapshots import read_bytes

Decisions = tuple[Decision, ...]


def load_decisions(path: str | None) -> list[Decision]:
    """The decisions of a JSON Lines file, as a report exports it; of no file none. ValueError for what is none."""
    if path is None:
        return []
    try:
        return list(read_decisions(read_bytes(path).decode().splitlines()))
    except (*STORE_ERRORS, DecisionError) as error:
        raise ValueError(f"overrides {path}: {error}") from error


def digest_decisions(path: str | None) -> list[str]:
    """What changes when the decisions do, for the digest of a config: nothing of no file. ValueError as of loading."""
    decisions = load_decisions(path)
    return [] if path is None else [hashlib.blake2b(repr(decisions).encode(), digest_size=16).hexdigest()]


@dataclasses.dataclass
class OverrideMatches(beam.PTransform[Any, Any]):
    """The matches as reviewers have them. Corrections may name any track of the index, which is read for that alone."""

    path: str | None
    folder: str  # of the index
    index: Snapshot

    def expand(self, matches: PCollection[MusicMatch]) -> PCollection[MusicMatch]:
        if self.path is None:
            return matches
        tracks = matches.pipeline | ReadTracks(self.folder, self.index.segments)
        decisions = matches.pipeline | ReadDecisions(self.path, "music_matches")
        recordings = tracks | "Named tracks" >> beam.FlatMap(_key_recording, _named_by(self.path, "track_id"))
        overridden: PCollection[MusicMatch] = matches | beam.FlatMap(
            _override_match, AsDict(decisions), AsDict(recordings)
        ).with_output_types(MusicMatch)
        return overridden


@dataclasses.dataclass
class OverrideLabels(beam.PTransform[Any, Any]):
    """The labels as reviewers have them. Rows of earlier attempts pass: they have been through here."""

    path: str | None
    policy: PolicyConfig

    def expand(self, labels: PCollection[Any]) -> PCollection[Any]:
        override = functools.partial(override_label, policy=self.policy)
        return _override(labels, self.path, "track_labels", TrackLabel, override)


@dataclasses.dataclass
class OverrideVerdicts(beam.PTransform[Any, Any]):
    """The verdicts as reviewers have them."""

    path: str | None

    def expand(self, verdicts: PCollection[Moderation]) -> PCollection[Moderation]:
        return _override(verdicts, self.path, "moderation", Moderation, override_verdict)


@dataclasses.dataclass
class OverrideLinks(beam.PTransform[Any, Any]):
    """Links and orphans as reviewers have them: whose author is decided is no orphan.

    Takes (links, orphans, authors), the last those of the knowledge base.
    """

    path: str | None

    def expand(self, inputs: Any) -> Any:  # PCollections of AuthorLinks and Orphan
        links, orphans, authors = inputs
        if self.path is None:
            return links, orphans
        decisions = AsDict(links.pipeline | ReadDecisions(self.path, "author_links"))
        names = authors | "Named authors" >> beam.FlatMap(_key_name, _named_by(self.path, "author_id"))
        overridden = links | "Override links" >> beam.Map(_override_links, decisions, AsDict(names)).with_output_types(
            AuthorLinks
        )
        left = orphans | "Undecided" >> beam.Filter(lambda orphan, decided: orphan.media_id not in decided, decisions)
        return overridden, left


@dataclasses.dataclass
class ReadDecisions(beam.PTransform[PBegin, Any]):
    """The decisions about a table by media_id, of each the last one first. They are to fit into memory."""

    path: str
    table: str

    def expand(self, root: PBegin) -> PCollection[tuple[str, Decisions]]:
        decisions: PCollection[tuple[str, Decisions]] = (
            root | beam.Create([self.path]) | beam.FlatMap(_list, self.table)
        )
        return decisions


def _override(
    records: PCollection[Any],
    path: str | None,
    table: str,
    record_type: type[Any],
    override: Callable[[Any, Decision], Any],
) -> PCollection[Any]:
    if path is None:
        return records
    decisions = records.pipeline | ReadDecisions(path, table)
    overridden: PCollection[Any] = records | beam.Map(_override_record, AsDict(decisions), record_type, override)
    return overridden


def _override_record(
    record: Any, decided: dict[str, Decisions], record_type: Any, override: Callable[[Any, Decision], Any]
) -> Any:
    if not isinstance(record, record_type) or record.media_id not in decided:
        return record
    return override(record, decided[record.media_id][0])


def _override_match(
    match: MusicMatch, decided: dict[str, Decisions], recordings: dict[str, Any]
) -> Iterator[MusicMatch]:
    overridden = override_match(match, decided.get(match.media_id, ()), recordings)
    if overridden is not None:
        yield overridden


def _override_links(links: AuthorLinks, decided: dict[str, Decisions], names: dict[str, str]) -> AuthorLinks:
    decisions = decided.get(links.media_id)
    return links if decisions is None else override_links(links, decisions[0], names)


def _list(path: str, table: str) -> Iterator[tuple[str, Decisions]]:
    yield from list_decisions(load_decisions(path), table).items()


def _named_by(path: str, field: str) -> frozenset[str]:
    """What corrections name in a field."""
    return frozenset(each.correction[field] for each in load_decisions(path) if field in each.correction)


def _key_recording(stored: StoredTrack, wanted: frozenset[str]) -> Iterator[tuple[str, Any]]:
    if stored.track.recording.track_id in wanted:
        yield stored.track.recording.track_id, stored.track.recording


def _key_name(author: Author, wanted: frozenset[str]) -> Iterator[tuple[str, str]]:
    if author.author_id in wanted:
        yield author.author_id, author.name
