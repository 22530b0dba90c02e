"""Says how good the tags and verdicts of tag_videos are, by labels, and proposes thresholds for its policy.

    linernotes evaluate_tags --tables build/tables --labels labels.csv --policy configs/tag_videos.yaml --min_recall 0.9

labels.csv (or .jsonl, or .parquet) has columns media_id, tag and label (1, 0 or empty), start_s and end_s if a label is
of shots, and verdict (models/tag_labels.py). A tag without a row in the tables has score 0: the model gave it less than
the run keeps. A rule is tuned by itself, with its minimum duration and exceptions; what allow rules before it exempt is
not taken into account.
"""

import argparse
import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from configs.loading import ConfigError, load_config
from models.manifests import ManifestError
from models.moderation import REVIEW, ModerationConfig, Rule
from models.records import MediaTag, ShotTag, TimeRange
from models.tag_evaluation import (
    AimConfig,
    TagFigures,
    count_verdicts,
    describe_tags,
    describe_verdicts,
    evaluate_scores,
)
from models.tag_labels import TaggedItem, TagLabel, find_item_examples, find_shot_examples, parse_labels, takes
from transforms.files import read_records
from transforms.tables import read_table

Row = dict[str, Any]

_COLUMNS = {
    "moderation": ("verdict",),
    "shots": ("shot", "start_s", "end_s"),
    "shot_tags": tuple(field.name for field in dataclasses.fields(ShotTag)[1:]),
    "media_tags": tuple(field.name for field in dataclasses.fields(MediaTag)[1:]),
}
_WRITTEN_BY = ("media_id", "run_id", "processed_at")
_UNITS = {"items": find_item_examples, "shots": find_shot_examples}


@dataclasses.dataclass(frozen=True)
class _PolicyFile:
    policy: ModerationConfig


@dataclasses.dataclass(frozen=True)
class _Judged:
    """A rule with its figures, of items or of shots."""

    rule: Rule
    unit: str
    figures: TagFigures


def main(arguments: Sequence[str]) -> int:
    """Prints the figures, and writes the policy with the proposed thresholds if asked to; 0."""
    options = _parser().parse_args(arguments)
    aim = _make_aim(options)
    policy = read_policy(options.policy) if options.policy else ModerationConfig()
    labels, verdicts = parse_labels(read_records(options.labels))
    wanted = sorted({label.media_id for label in labels} | verdicts.keys())
    items = _read_items(options.tables, wanted, [f"tag_videos-{options.run_id}"] if options.run_id else None)

    judged = [each for rule in _list_rules(policy, labels) for each in _judge(rule, items, labels, policy, aim)]
    pairs = [(truth, items[each].verdict) for each, truth in verdicts.items() if each in items]
    confusion = count_verdicts((truth, found) for truth, found in pairs if found is not None)
    _print(judged, confusion, aim)
    if missing := len(wanted) - len(items):
        print(f"{missing} labelled items are not in the tables, and count for nothing")
    if options.json:
        Path(options.json).write_text(json.dumps(_to_json(judged, confusion), indent=1) + "\n", encoding="utf-8")
    if options.output:
        Path(options.output).write_text(_write_policy(_propose(policy, judged), aim), encoding="utf-8")
        print(f"written: {options.output}")
    return 0


def read_policy(path: str) -> ModerationConfig:
    """What a YAML file, such as a config of tag_videos, has under `policy`. ConfigError if that is none."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"config {path}: {error}") from error
    if not isinstance(values, Mapping) or "policy" not in values:
        raise ConfigError(f"config {path}: expected a key policy, got none")
    return load_config(_PolicyFile, None, [f"policy={yaml.safe_dump(values['policy'])}"]).policy


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="linernotes evaluate_tags", description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", metavar="FOLDER", required=True, help="that tag_videos wrote")
    parser.add_argument("--labels", metavar="FILE", required=True, help="CSV, JSON Lines or Parquet of labels")
    parser.add_argument("--policy", metavar="FILE", help="YAML with a key policy, such as the config of tag_videos")
    parser.add_argument("--run_id", metavar="ID", help="of one run (default: of each item the newest)")
    parser.add_argument("--min_precision", type=float, help="that thresholds are to promise (default: 0.95)")
    parser.add_argument("--min_recall", type=float, help="that thresholds are to have instead")
    parser.add_argument("--confidence", type=float, default=AimConfig.confidence, help="of the promise")
    parser.add_argument("--output", metavar="FILE", help="write the policy with the proposed thresholds there")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    return parser


def _make_aim(options: argparse.Namespace) -> AimConfig:
    neither = options.min_precision is None and options.min_recall is None
    try:
        return AimConfig(0.95 if neither else options.min_precision, options.min_recall, options.confidence)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _read_items(tables: str, media_ids: Sequence[str], run_keys: Sequence[str] | None) -> dict[str, TaggedItem]:
    """Those of the items that a run has rows of, from the newest run that has."""
    rows = {table: _read_rows(tables, table, columns, media_ids, run_keys) for table, columns in _COLUMNS.items()}
    if not any(rows.values()):
        raise ManifestError(f"{tables}: expected rows of labelled items, found none")
    newest = {
        row["media_id"]: row["run_id"]
        for row in sorted((row for each in rows.values() for row in each), key=lambda row: row["processed_at"])
    }
    found: dict[str, dict[str, list[Row]]] = {media_id: {table: [] for table in rows} for media_id in sorted(newest)}
    for table, each in rows.items():
        for row in each:
            if row["run_id"] == newest[row["media_id"]]:
                found[row["media_id"]][table].append(row)
    return {media_id: _make_item(**of_item) for media_id, of_item in found.items()}


def _read_rows(
    tables: str, table: str, columns: Sequence[str], media_ids: Sequence[str], run_keys: Sequence[str] | None
) -> list[Row]:
    read = read_table(tables, table, [*_WRITTEN_BY, *columns], run_keys)
    if not read.num_rows:
        return []
    rows: list[Row] = read.filter(pc.is_in(read["media_id"], pa.array(media_ids, pa.string()))).to_pylist()
    return rows


def _make_item(
    moderation: Sequence[Row], shots: Sequence[Row], shot_tags: Sequence[Row], media_tags: Sequence[Row]
) -> TaggedItem:
    return TaggedItem(
        shots={row["shot"]: TimeRange(row["start_s"], row["end_s"]) for row in (*shot_tags, *shots)},
        shot_tags=[ShotTag(**_fields(row)) for row in shot_tags],
        media_tags=[
            MediaTag(**_fields(row) | {"ranges": tuple(TimeRange(**each) for each in row["ranges"])})
            for row in media_tags
        ],
        verdict=moderation[0]["verdict"] if moderation else None,
    )


def _fields(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _WRITTEN_BY[1:]}


def _list_rules(policy: ModerationConfig, labels: Sequence[TagLabel]) -> list[Rule]:
    """The policy's, and for each labelled tag that none of them takes one of its own."""
    spoken_for = {label for label in labels if any(takes(rule, label) for rule in policy.rules)}
    tags = {label.tag: None for label in labels if label not in spoken_for}
    return [
        *policy.rules,
        *(Rule(tag, 1.0, REVIEW, group=tag) if tag in policy.groups else Rule(tag, 1.0, REVIEW, tag) for tag in tags),
    ]


def _judge(
    rule: Rule, items: Mapping[str, TaggedItem], labels: Iterable[TagLabel], policy: ModerationConfig, aim: AimConfig
) -> Iterator[_Judged]:
    taken = [label for label in labels if takes(rule, label)]
    for unit, find in _UNITS.items():
        if examples := find(rule, items, taken, policy):
            scores, truth = zip(*examples, strict=True)
            threshold = rule.threshold if rule in policy.rules else None
            yield _Judged(rule, unit, evaluate_scores(scores, truth, threshold, aim))


def _propose(policy: ModerationConfig, judged: Iterable[_Judged]) -> ModerationConfig:
    """The policy with the proposed thresholds, of items rather than of shots; without one, of rules for review."""
    thresholds: dict[Rule, float] = {}
    for each in judged:
        if each.figures.proposed is not None:
            thresholds.setdefault(each.rule, each.figures.proposed.threshold)
    rules = [dataclasses.replace(rule, threshold=thresholds.get(rule, rule.threshold)) for rule in policy.rules]
    if not rules:
        rules = [dataclasses.replace(rule, threshold=threshold) for rule, threshold in thresholds.items()]
    return dataclasses.replace(policy, rules=tuple(rules))


def _write_policy(policy: ModerationConfig, aim: AimConfig) -> str:
    promise = {name: value for name, value in dataclasses.asdict(aim).items() if value is not None}
    said = ", ".join(f"{name} {value}" for name, value in promise.items())
    values = yaml.safe_dump({"policy": _to_yaml(policy)}, sort_keys=False, allow_unicode=True, width=120)
    return f"# Thresholds proposed by linernotes evaluate_tags for {said}.\n{values}"


def _to_yaml(value: Any) -> Any:
    """The config as YAML has it, without what is so by default."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: (field.default, getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {name: _to_yaml(each) for name, (default, each) in fields.items() if each not in (default, {})}
    if isinstance(value, Mapping):
        return {name: _to_yaml(each) for name, each in value.items()}
    return [_to_yaml(each) for each in value] if isinstance(value, tuple) else value


def _print(judged: Sequence[_Judged], confusion: Mapping[str, Mapping[str, int]], aim: AimConfig) -> None:
    if judged:
        print(describe_tags([(each.rule.name, each.unit, each.figures) for each in judged]))
    kept_none = [each for each in judged if each.figures.proposed is None]
    if kept_none:
        wanted = f"precision {aim.min_precision}" if aim.min_precision is not None else f"recall {aim.min_recall}"
        print(f"no threshold gives {wanted}: {', '.join(f'{each.rule.name} ({each.unit})' for each in kept_none)}")
    if any(count for row in confusion.values() for count in row.values()):
        print(describe_verdicts(confusion))


def _to_json(judged: Iterable[_Judged], confusion: Mapping[str, Any]) -> dict[str, Any]:
    rows = [{"rule": each.rule.name, "of": each.unit, **dataclasses.asdict(each.figures)} for each in judged]
    return {"tags": rows, "verdicts": confusion}
