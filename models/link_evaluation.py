"""How good links are: precision, recall and F1 against gold, of known and of new authors, and of their clusters."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

_NIL = "NIL"  # how the gold id begins of an author whom the knowledge base lacks


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """An audiobook's authors in truth and as found. slices: that it counts in besides all."""

    media_id: str
    truth: frozenset[str]  # NIL… is none of the knowledge base
    found: frozenset[str]
    new_author_id: str | None
    auto: bool  # linked without review
    slices: tuple[str, ...] = ()

    @property
    def is_nil(self) -> bool:
        return all(author_id.startswith(_NIL) for author_id in self.truth)


def evaluate_links(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Figures of all, of each slice, of links without review, of new authors, and of their clusters."""
    slices = {name: [each for each in verdicts if name in each.slices] for each in verdicts for name in each.slices}
    return {
        "audiobooks": len(verdicts),
        "all": _score(verdicts),
        "auto": _score(verdicts, lambda each: each.found if each.auto else frozenset()),
        "new_author": _score_nil(verdicts),
        "clusters": score_clusters(
            {each.media_id: min(each.truth) for each in verdicts if each.is_nil},
            {each.media_id: _find_cluster(each) for each in verdicts if each.is_nil},
        ),
        "slices": {name: _score(found) | {"audiobooks": len(found)} for name, found in sorted(slices.items())},
    }


def score_clusters(truth: Mapping[str, str], found: Mapping[str, str]) -> dict[str, float]:
    """B³ (Bagga and Baldwin, COLING 1998) over items, of which both name the cluster."""
    true_sets, found_sets = _group(truth), _group(found)
    both = {item: len(true_sets[truth[item]] & found_sets[found[item]]) for item in truth}
    precision = _mean(both[item] / len(found_sets[found[item]]) for item in truth)
    recall = _mean(both[item] / len(true_sets[truth[item]]) for item in truth)
    return _ratios(precision, recall)


def describe_links_figures(figures: Mapping[str, Any]) -> str:
    """A table to print."""
    rows = {name: figures[name] for name in ("all", "auto", "new_author", "clusters")} | figures["slices"]
    width = max(map(len, rows))
    return "\n".join(
        f"{name:{width}}  precision {row['precision']:.3f}  recall {row['recall']:.3f}  F1 {row['f1']:.3f}"
        for name, row in rows.items()
    )


def _score(
    verdicts: Iterable[Verdict], find: Callable[[Verdict], frozenset[str]] = lambda each: each.found
) -> dict[str, float]:
    right = wrong = missed = 0
    for each in verdicts:
        truth, found = {name for name in each.truth if not name.startswith(_NIL)}, find(each)
        right, wrong, missed = right + len(truth & found), wrong + len(found - truth), missed + len(truth - found)
    return _count(right, wrong, missed)


def _score_nil(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Of audiobooks without link whether their authors are all new."""
    unlinked = [each for each in verdicts if not each.found]
    right = sum(each.is_nil for each in unlinked)
    return _count(right, len(unlinked) - right, sum(each.is_nil for each in verdicts) - right)


def _find_cluster(verdict: Verdict) -> str:
    return min(verdict.found, default=verdict.new_author_id or f"alone {verdict.media_id}")


def _count(right: int, wrong: int, missed: int) -> dict[str, float]:
    return _ratios(
        right / (right + wrong) if right + wrong else 0.0, right / (right + missed) if right + missed else 0.0
    )


def _ratios(precision: float, recall: float) -> dict[str, float]:
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def _group(clusters: Mapping[str, str]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = defaultdict(set)
    for item, name in clusters.items():
        groups[name].add(item)
    return groups


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
