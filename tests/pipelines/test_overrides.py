"""Reviewers' decisions through the real pipelines. Oracle: the same run without them, changed where they say so."""

import dataclasses
import json

import pytest

from configs.loading import ConfigError, load_config
from pipelines import attribute_audiobooks, classify_tracks, match_podcasts, tag_videos
from pipelines.cli import main
from pipelines.launching import make_run


@pytest.fixture
def run_both(run_pipeline, rows, tmp_path):
    """The rows of a table without and with decisions, which are made of those without."""

    def run(pipeline, config, table, decide):
        run_pipeline(pipeline, config)
        name = pipeline.__name__.rpartition(".")[2]
        found = rows(config.output, table, "first", name)
        decisions = tmp_path / "decisions.jsonl"
        lines = [{**each, "table": table, "decided_at": "2026-01-31T10:00:00.000Z"} for each in decide(found)]
        decisions.write_text("".join(json.dumps(line) + "\n" for line in lines))
        overridden = dataclasses.replace(config, overrides=str(decisions))
        run_pipeline(pipeline, overridden, "first", incremental=True)  # what is decided is no longer what is done
        return found, rows(config.output, table, "first", name)

    return run


def about(row, *names, **said):
    return {name: row[name] for name in ("run_id", "media_id", *names)} | said


def test_rejected_plays_are_not_paid_and_corrected_ones_to_whom_it_is_due(
    run_both, rows, sample, sample_index, tmp_path
):
    def decide(found):
        (rejected,) = (row for row in found if row["track_id"] == "brass_kettle")
        (corrected,) = (row for row in found if row["track_id"] == "paper_kites")
        yield about(rejected, "track_id", "start_s", "end_s", decision="reject")
        correction = {"decision": "correct", "correction": {"track_id": "glass_garden"}}
        yield about(corrected, "track_id", "start_s", "end_s", **correction)

    config = match_podcasts.Config(f"{sample}/episodes.csv", sample_index, f"{tmp_path}/tables")
    found, overridden = run_both(match_podcasts, config, "music_matches", decide)
    expected = {row["track_id"]: row for row in found} | {}
    assert {row["track_id"] for row in overridden} == expected.keys() - {"brass_kettle", "paper_kites"} | {
        "glass_garden"
    }
    (right,) = (row for row in overridden if row["track_id"] == "glass_garden")
    wrong = expected["paper_kites"]
    assert (right["start_s"], right["end_s"], right["score"]) == (wrong["start_s"], wrong["end_s"], wrong["score"])
    assert right["title"] == "Glass Garden"
    paid = {row["track_id"]: row["seconds"] for row in rows(config.output, "music_usage", "first")}
    assert paid.keys() == {row["track_id"] for row in overridden}
    assert paid["glass_garden"] == pytest.approx(right["end_s"] - right["start_s"])


def test_verdicts_are_the_reviewers(run_both, sample, tmp_path):
    def decide(found):
        for row in found:
            if row["verdict"] == "block":
                yield about(row, decision="correct", correction={"verdict": "allow"})

    rule = {"name": "flashes", "tag": "flashing", "threshold": 0.5, "action": "block"}
    settings = [f"input={sample}/visuals.csv", f"output={tmp_path}/tables", f"policy.rules={json.dumps([rule])}"]
    config = load_config(tag_videos.Config, None, settings)
    found, overridden = run_both(tag_videos, config, "moderation", decide)
    assert {row["media_id"] for row in found if row["verdict"] == "block"} == {"night_strobe"}
    allowed = [row | ({"verdict": "allow", "rule": "reviewer"} if row["verdict"] == "block" else {}) for row in found]
    assert overridden == allowed


def test_labels_are_the_reviewers(run_both, band_model, sample, tmp_path):
    def decide(found):
        yield about(found[0], decision="correct", correction={"label": "speech", "decision": "speech"})
        yield about(found[1], decision="reject")

    settings = [f"input={sample}/tracks.csv", f"output={tmp_path}/tables", f"model={band_model.spec_file}"]
    config = load_config(classify_tracks.Config, None, [*settings, "policy.functional=[noise]"])
    found, overridden = run_both(classify_tracks, config, "track_labels", decide)
    changes = [
        {"label": "speech", "decision": "speech", "rate": "full", "rule": "reviewer: correct"},
        {"decision": "review", "rate": None, "rule": "reviewer: reject"},
    ]
    assert overridden == sorted([found[0] | changes[0], found[1] | changes[1], *found[2:]], key=repr)


def test_authors_are_the_reviewers(run_both, rows, sample, tmp_path):
    def decide(found):
        by_decision = {row["decision"]: row for row in found}
        yield about(by_decision["new_author"], decision="correct", correction={"author_id": known_id(by_decision)})
        yield about(by_decision["linked"], decision="reject")

    def known_id(by_decision):
        return by_decision["linked"]["links"][0]["author_id"]

    places = [f"{sample}/audiobooks.jsonl", f"{sample}/authors.jsonl", f"{tmp_path}/tables"]
    config = attribute_audiobooks.Config(*places)
    found, overridden = run_both(attribute_audiobooks, config, "author_links", decide)
    before = {row["decision"]: row for row in found}
    after = {row["media_id"]: row for row in overridden}
    corrected, rejected = after[before["new_author"]["media_id"]], after[before["linked"]["media_id"]]
    assert (corrected["decision"], corrected["new_author_id"]) == ("linked", None)
    assert [link["author_id"] for link in corrected["links"]] == [known_id(before)]
    assert corrected["links"][0]["name"] == before["linked"]["links"][0]["name"]
    assert (rejected["decision"], rejected["links"]) == ("unknown", [])
    others = {row["media_id"]: row for row in found} | {each["media_id"]: each for each in (corrected, rejected)}
    assert overridden == sorted(others.values(), key=repr)
    new = rows(config.output, "new_authors", "first", "attribute_audiobooks")
    assert corrected["media_id"] not in {
        member for row in new if row["status"] != "retired" for member in row["media_ids"]
    }


def test_what_is_no_decision_is_refused_before_any_work(sample, sample_index, tmp_path, capsys):
    decisions = tmp_path / "decisions.jsonl"
    decisions.write_text('{"table": "music_matches", "decision": "perhaps"}\n')
    places = [f"--input={sample}/episodes.csv", f"--index={sample_index}", f"--output={tmp_path}/tables"]
    assert main(["match_podcasts", *places, "--set", f"overrides={decisions}"]) == 2
    assert f"overrides {decisions}: line 1: expected a decision, got " in capsys.readouterr().err
    config = match_podcasts.Config(
        f"{sample}/episodes.csv", sample_index, f"{tmp_path}/tables", overrides=f"{tmp_path}/none"
    )
    with pytest.raises((ConfigError, ValueError), match=r"overrides .*none"):
        make_run(match_podcasts, config, "first")
