"""Finds who wrote audiobooks: known authors, or new ones.

linernotes attribute_audiobooks --config configs/attribute_audiobooks.yaml
"""

import dataclasses

import apache_beam as beam

from models.candidates import CandidateConfig
from models.neighbours import NeighbourConfig
from models.records import AuthorLinks, MediaStatus, NewAuthor
from pipelines.shipping import SHIPPED_AUTHORS, load_author_model, open_author_model
from transforms.attribution import DecideLinks, NameNewAuthors, ScoreAudiobooks
from transforms.audiobooks import ReadAudiobooks, ReadAuthors, count_audiobooks, list_authors
from transforms.overrides import OverrideLinks, digest_decisions
from transforms.runs import CountStatuses, Run, check_share
from transforms.tables import ReadTable, WriteTables

WRITES_INDEX = False
TABLES = {"media_status": MediaStatus, "author_links": AuthorLinks, "new_authors": NewAuthor}


@dataclasses.dataclass(frozen=True)
class Config:
    """input: manifest of the audiobooks' records. authors: the knowledge base, a .csv, .jsonl or .parquet. output:
    folder of the tables; new authors keep the ids that they have there from earlier runs. id_column: of the manifest.
    model: the model.yaml that train_authors wrote; the shipped one unless named. overrides: reviewers' decisions, as a
    report exports them.
    """

    input: str
    authors: str
    output: str
    id_column: str = "media_id"
    model: str = SHIPPED_AUTHORS
    candidates: CandidateConfig = dataclasses.field(default_factory=CandidateConfig)
    neighbours: NeighbourConfig = dataclasses.field(default_factory=NeighbourConfig)
    overrides: str | None = None
    max_failed_share: float = 0.05

    def __post_init__(self) -> None:
        check_share("max_failed_share", self.max_failed_share)


def build(root: beam.Pipeline, config: Config, run: Run) -> None:
    """Audiobooks to links with authors, new authors, and a status for each."""
    model = load_author_model(config.model)

    found, unreadable = root | ReadAudiobooks(config.input, config.id_column, run)
    authors = root | ReadAuthors(config.authors)
    cases = {"audiobooks": found, "authors": authors} | ScoreAudiobooks(
        model.pairs, model.graph, config.candidates, config.neighbours
    )
    links, orphans = (*(cases | DecideLinks(model.attribution)), authors) | OverrideLinks(config.overrides)
    yesterday = root | ReadTable(config.output, "new_authors")
    named, new_authors = {"links": links, "orphans": orphans, "yesterday": yesterday} | NameNewAuthors()

    done = found | beam.Map(lambda each: run.done(each.file, None))
    tables = {
        "media_status": (unreadable, done) | beam.Flatten() | CountStatuses(run.progress),
        "author_links": named,
        "new_authors": new_authors,
    }
    _ = tables | WriteTables(config.output, run.provenance, TABLES, run.attempt)


def count_items(config: Config, _run_id: str) -> int:
    """How many audiobooks there are, once both inputs are read and found well."""
    for _ in list_authors(config.authors):
        pass
    return count_audiobooks(config.input, config.id_column)


def model_version(config: Config) -> str:
    """What the rows name as their model."""
    return load_author_model(config.model).name


def knobs(config: Config) -> object:
    """All of the config that can change the rows of an audiobook."""
    model = load_author_model(config.model)
    return [
        model.name,
        model.digest,
        model.attribution,
        config.candidates,
        config.neighbours,
        *digest_decisions(config.overrides),
    ]


def check_model(config: Config) -> None:
    """Opens the model; ConfigError if it is none."""
    open_author_model(config.model)
