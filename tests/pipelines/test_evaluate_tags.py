"""Oracles: figures and thresholds worked out by hand, on tables written by hand."""

import csv
import dataclasses
import datetime
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from configs.loading import ConfigError
from models.manifests import ManifestError
from models.moderation import ModerationConfig, Rule, Unless, moderate
from models.records import MediaTag, Moderation, Provenance, Shot, ShotTag, TimeRange
from models.tables import arrow_schema, to_row
from pipelines.evaluate_tags import main, read_policy

RECORDS = {"shots": Shot, "shot_tags": ShotTag, "media_tags": MediaTag, "moderation": Moderation}
POLICY = ModerationConfig(
    {"arms": ("knife", "gun"), "cutlery": ("plate",)},
    (
        Rule("photosensitive", 0.5, "block", "flashing"),
        Rule("armed", 0.7, "review", group="arms", min_duration_s=2.0, unless=(Unless(0.5, group="cutlery"),)),
        Rule("news", 0.9, "allow", "newsreader", level="media"),
    ),
    max_evidence=2,
)
COUNT = 40  # items: half of the first half show arms, all of the second half flash


def write_table(folder, table, records, run="first", hour=1):
    """As a run of tag_videos leaves it."""
    then = datetime.datetime(2026, 7, 1, hour, tzinfo=datetime.UTC)
    provenance = Provenance(run, "tag_videos", "1", "model", then)
    rows = [to_row(record, provenance) for record in records]
    (folder / table).mkdir(parents=True, exist_ok=True)
    path = folder / table / f"tag_videos-{run}.attempt.00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema(RECORDS[table])), path)


def write_tables(folder, items, run="first", hour=1):
    """items: by media_id, the shots' tags and the item's."""
    shots = [shot(media_id, number) for media_id in items for number in range(3)]
    verdicts = [moderate(media_id, *tags, {}, POLICY) for media_id, tags in items.items()]
    made = {
        "shots": shots,
        "shot_tags": [tag for tags, _ in items.values() for tag in tags],
        "media_tags": [tag for _, tags in items.values() for tag in tags],
        "moderation": verdicts,
    }
    for table, records in made.items():
        write_table(folder, table, records, run, hour)


def shot(media_id, number):
    return Shot(media_id, number, number * 2.0, number * 2.0 + 2, 50, "cut", 0.0, ())


def shot_tag(media_id, number, tag, score):
    return ShotTag(media_id, number, number * 2.0, number * 2.0 + 2, tag, score, "model")


def flashing(media_id, score):
    return MediaTag(media_id, "flashing", score, 1.0, "computed", (TimeRange(2.0, 3.0),))


def make_items():
    """Arms score 0.75 to 0.84 if they are real and 0.505 to 0.595 if not; flashes 0.9 if real and 0.1 if not."""
    items = {}
    for number in range(COUNT // 2):
        media_id, real = f"{number:02}", number % 2 == 0
        score = (0.75 if real else 0.5) + number / 200
        items[media_id] = ([shot_tag(media_id, 0, "gun" if real else "knife", score)], [flashing(media_id, 0.1)])
    for number in range(COUNT // 2, COUNT):
        items[f"{number:02}"] = ([], [flashing(f"{number:02}", 0.9)])
    return items


LABELS = [
    {"media_id": f"{number:02}", "tag": "arms", "label": int(number % 2 == 0)} for number in range(COUNT // 2)
] + [{"media_id": f"{number:02}", "tag": "flashing", "label": int(number >= COUNT // 2)} for number in range(COUNT)]


@pytest.fixture
def run(tmp_path, capsys):
    """Evaluates; what was printed, the figures by rule and unit, and the policy that was written."""
    folder = tmp_path / "tables"
    write_tables(folder, make_items())

    def evaluate(labels, *words, policy=POLICY):
        write_labels(tmp_path / "labels.csv", labels)
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump({"input": "unused", "policy": plain(policy)}))
        words = ["--tables", str(folder), "--labels", str(tmp_path / "labels.csv"), *words]
        words += ["--policy", str(tmp_path / "policy.yaml")] if policy else []
        assert main([*words, "--json", str(tmp_path / "figures.json"), "--output", str(tmp_path / "tuned.yaml")]) == 0
        figures = json.loads((tmp_path / "figures.json").read_text())
        by_rule = {(row["rule"], row["of"]): row for row in figures["tags"]}
        return capsys.readouterr().out, by_rule, figures["verdicts"], read_policy(str(tmp_path / "tuned.yaml"))

    evaluate.folder = folder
    return evaluate


def write_labels(path, labels):
    columns = list(dict.fromkeys(name for row in labels for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(labels)


def plain(value):
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if dataclasses.is_dataclass(value):
        return plain(dataclasses.asdict(value))
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def test_each_rule_is_judged_by_the_items_it_fires_for(run):
    printed, figures, _, _ = run(LABELS, "--min_recall=0.9")
    assert list(figures) == [("photosensitive", "items"), ("armed", "items")]  # nobody labelled news
    armed, flashes = figures["armed", "items"], figures["photosensitive", "items"]
    assert (armed["examples"], armed["positives"], armed["average_precision"]) == (20, 10, 1.0)
    assert (flashes["examples"], flashes["positives"], flashes["average_precision"]) == (40, 20, 1.0)
    assert (armed["current"]["threshold"], armed["current"]["recall"], armed["current"]["precision"]) == (0.7, 1.0, 1.0)
    # All ten score 0.75 or more, the others 0.595 or less.
    assert (armed["proposed"]["threshold"], armed["proposed"]["recall"]) == (0.75, 1.0)
    assert armed["proposed"]["precision_bound"] == pytest.approx(10 / (10 + 1.6449**2), abs=1e-4)
    assert re.search(r"^armed +items +20 +10 +1.000 .* 0.75 +1.000 \(0.787\) +1.000 +1.000$", printed, re.MULTILINE)


def test_the_policy_is_written_with_the_proposed_thresholds_and_else_as_it_was(run):
    printed, _, _, tuned = run(LABELS, "--min_recall=0.95")
    thresholds = {"photosensitive": 0.9, "armed": 0.75, "news": 0.9}
    rules = tuple(dataclasses.replace(rule, threshold=thresholds[rule.name]) for rule in POLICY.rules)
    assert tuned == dataclasses.replace(POLICY, rules=rules)
    assert "written: " in printed


def test_a_small_sample_gives_no_threshold_that_promises_much(run):
    printed, figures, _, tuned = run(LABELS)  # a precision of 0.95
    assert {name: row["proposed"] for name, row in figures.items()} == dict.fromkeys(figures)
    assert tuned == POLICY
    assert "no threshold gives precision 0.95: photosensitive (items), armed (items)" in printed
    _, figures, _, _ = run(LABELS, "--min_precision=0.85", "--confidence=0.9")
    assert figures["photosensitive", "items"]["proposed"]["threshold"] == 0.9
    assert figures["armed", "items"]["proposed"] is not None


def test_without_a_policy_each_tag_is_judged_and_the_rules_are_for_review(run):
    labels = [row | {"tag": "gun"} for row in LABELS if row["tag"] == "arms"]
    _, figures, _, tuned = run(labels, "--min_recall=0.5", policy=None)
    assert figures["gun", "items"]["current"] is None
    assert tuned == ModerationConfig(rules=(Rule("gun", 0.75, "review", "gun"),))


def test_a_tag_without_rows_has_score_0_and_an_item_that_failed_none(run):
    labels = [{"media_id": f"{number:02}", "tag": "unheard of", "label": 1} for number in range(50)]
    printed, figures, _, _ = run(labels, "--min_recall=0.5")
    found = figures["unheard of", "items"]
    assert (found["examples"], found["positives"], found["proposed"]) == (COUNT, COUNT, None)
    assert "10 labelled items are not in the tables, and count for nothing" in printed
    assert "no threshold gives recall 0.5: unheard of (items)" in printed


def test_labels_of_stretches_are_of_shots(run):
    labels = [
        {"media_id": f"{number:02}", "tag": "arms", "label": int(part == 0 and number % 2 == 0), "start_s": part * 2}
        for number in range(COUNT // 2)
        for part in range(3)
    ]
    labels = [row | {"end_s": row["start_s"] + 2} for row in labels]
    _, figures, _, tuned = run(labels, "--min_recall=0.9")
    found = figures["armed", "shots"]
    assert (found["examples"], found["positives"], found["proposed"]["threshold"]) == (60, 10, 0.75)
    assert tuned.rules[1].threshold == 0.75
    of_item = {"media_id": "18", "tag": "arms", "label": 1}  # which goes before shots
    _, figures, _, tuned = run([*labels, of_item], "--min_recall=0.9")
    assert (figures["armed", "items"]["examples"], figures["armed", "shots"]["examples"]) == (1, 60)
    assert tuned.rules[1].threshold == 0.84


def test_verdicts_are_counted_beside_those_of_reviewers(run):
    labels = [{"media_id": "00", "verdict": "block"}, {"media_id": "01", "verdict": "review"}]
    labels += [{"media_id": "39", "verdict": "block"}, {"media_id": "no such", "verdict": "block"}]
    printed, figures, verdicts, tuned = run(labels)
    assert figures == {}
    assert verdicts["block"] == {"allow": 0, "review": 1, "block": 1}
    assert verdicts["review"] == {"allow": 1, "review": 0, "block": 0}
    assert "1 labelled items are not in the tables" in printed
    assert tuned == POLICY


def test_of_several_runs_the_newest_row_of_an_item_counts_or_those_of_one_run(run):
    write_tables(run.folder, {"00": ([], [flashing("00", 0.1)])}, "second", hour=2)
    write_tables(run.folder, {"01": ([shot_tag("01", 0, "gun", 0.99)], [])}, "earlier", hour=0)
    labels = [{"media_id": name, "tag": "gun", "label": 1} for name in ("00", "01")]

    def recall(*words):
        figures = run(labels, "--min_recall=0.5", *words, policy=dataclasses.replace(POLICY, rules=(RULE,)))[1]
        return figures["gun", "items"]["examples"], figures["gun", "items"]["current"]["recall"]

    assert recall() == (2, 0.0)
    assert recall("--run_id=second") == (1, 0.0)
    assert recall("--run_id=first") == (2, 0.5)
    assert recall("--run_id=earlier") == (1, 1.0)


RULE = Rule("gun", 0.7, "review", "gun")


# What cannot be


def test_labels_and_tables_that_have_nothing_in_common_are_an_error(run, tmp_path):
    with pytest.raises(ManifestError, match="expected rows of labelled items, found none"):
        run([{"media_id": "no such", "tag": "gun", "label": 1}])
    with pytest.raises(ManifestError, match=r"labels.csv, line 2: expected label 1, 0 or none, got 'maybe'"):
        run([{"media_id": "00", "tag": "gun", "label": "maybe"}])
    write_labels(tmp_path / "labels.csv", LABELS)
    with pytest.raises(ManifestError, match="found none"):
        main(["--tables", str(tmp_path / "no such"), "--labels", str(tmp_path / "labels.csv")])
    with pytest.raises(ManifestError, match=r"nothing.csv: cannot be read"):
        main(["--tables", str(tmp_path), "--labels", str(tmp_path / "nothing.csv")])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("policy: {rules: [{name: a, tag: b, treshold: 1, action: block}]}", "did you mean threshold?"),
        (
            "policy: {rules: [{name: a, tag: b, threshold: 2, action: block}]}",
            "policy.rules[0]: threshold must be above 0",
        ),
        ("policy:", "policy: expected ModerationConfig, got None"),
        ("rules: []", "expected a key policy, got none"),
        ("[", "expected"),
    ],
)
def test_a_policy_that_cannot_be_is_an_error(tmp_path, text, message):
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_policy(str(tmp_path / "policy.yaml"))


def test_an_aim_that_cannot_be_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="expected one of min_precision and min_recall"):
        main(["--tables", "t", "--labels", "l.csv", "--min_precision=0.9", "--min_recall=0.9"])
