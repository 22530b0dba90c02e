"""Labels for evaluation that reviewers' decisions make: none of rejected rows, of which only is known what is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.decisions import Decision
from models.policies import MUSIC

Rows = Mapping[tuple[str, str], Mapping[str, Any]]  # of a table by run_id and media_id

TRACK_COLUMNS = ("media_id", "uri", "label", "is_music", "source", "group", "hard")


def label_verdicts(decided: Mapping[str, Sequence[Decision]], rows: Rows) -> Iterator[dict[str, Any]]:
    """Rows of media_id and verdict, as evaluate_tags takes them."""
    for media_id, found, decision in _join(decided, rows):
        yield {"media_id": media_id, "verdict": decision.correction.get("verdict", found["verdict"])}


def label_tracks(
    decided: Mapping[str, Sequence[Decision]], rows: Rows, uris: Mapping[tuple[str, str], str]
) -> Iterator[dict[str, Any]]:
    """Rows of TRACK_COLUMNS, as evaluate_tracks takes them. uris: by run_id and media_id."""
    for media_id, found, decision in _join(decided, rows):
        label = decision.correction.get("label", found["label"])
        row = {"media_id": media_id, "uri": uris[found["run_id"], media_id], "label": label}
        yield row | {"is_music": int(label == MUSIC), "source": "reviewers", "group": found["album"] or "", "hard": ""}


def label_authors(decided: Mapping[str, Sequence[Decision]], rows: Rows) -> Iterator[dict[str, Any]]:
    """Rows of media_id and authors, as evaluate_authors takes them: of a new author, whose id begins with NIL, too."""
    for media_id, found, decision in _join(decided, rows):
        if "author_id" in decision.correction:
            authors = [decision.correction["author_id"]]
        else:
            authors = [link["author_id"] for link in found["links"]] or _new_author(found)
        if authors:
            yield {"media_id": media_id, "authors": authors}


def _new_author(found: Mapping[str, Any]) -> list[str]:
    return [f"NIL {found['new_author_id']}"] if found["new_author_id"] else []


def _join(decided: Mapping[str, Sequence[Decision]], rows: Rows) -> Iterator[tuple[str, Mapping[str, Any], Decision]]:
    """The last decision about each item, and the row it is about: not of the rejected, nor of rows that are gone."""
    for media_id, (decision, *_) in sorted(decided.items()):
        found = rows.get((decision.key["run_id"], media_id))
        if found is not None and decision.decision != "reject":
            yield media_id, found, decision
