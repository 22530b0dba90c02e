"""Every pipeline from gs:// to bq://. Oracle: the same run from and to folders of this machine."""

import json
import shutil
from pathlib import Path

import pytest

from pipelines import cli
from transforms.tables import read_table

CONFIGS = Path(__file__).parents[2] / "configs"
RUN = "2026-01-31"
WRITES = {
    "index_tracks": ["media_status"],
    "remove_tracks": ["media_status"],
    "compact_index": ["media_status"],
    "match_podcasts": ["media_status", "music_matches", "music_usage", "rights_holder_usage"],
    "export_cue_sheets": ["media_status", "cue_sheets"],
    "classify_tracks": ["media_status", "track_labels", "track_segments"],
    "embed_media": ["media_status", "embeddings"],
    "attribute_audiobooks": ["media_status", "author_links", "new_authors"],
    "tag_videos": ["media_status", "shots", "shot_tags", "media_tags", "moderation"],
    "embed_visuals": ["media_status", "embeddings"],
    "extract_features": ["media_status", "features"],
}
CASES = [(pipeline, table) for pipeline, tables in WRITES.items() for table in tables]
INCREMENTAL = ["match_podcasts", "classify_tracks", "embed_media", "tag_videos", "embed_visuals"]


def commands(files, output, index, tables):
    """The command line of each pipeline, in an order in which they can run. files: a folder with sample/ and model/."""
    sample, model = f"{files}/sample", f"{files}/model/model.yaml"
    out, at, with_model = [f"--output={output}"], [f"--index={index}"], ["--set", f"model={model}"]
    return {
        "index_tracks": [f"--input={sample}/tracks.csv", *at, *out],
        "remove_tracks": [f"--input={files}/withdrawn.txt", *at, *out],
        "compact_index": [*at, *out],
        "match_podcasts": [f"--input={sample}/episodes.csv", *at, *out],
        "export_cue_sheets": [f"--input={output}", *out, "--set", f"sheets={tables}/cue_sheets"],
        "classify_tracks": [f"--input={sample}/tracks.csv", *out],
        "embed_media": [f"--input={sample}/tracks.csv", *out],
        "attribute_audiobooks": [
            f"--input={sample}/audiobooks.jsonl", *out, "--set", f"authors={sample}/authors.jsonl",
        ],
        "tag_videos": [f"--input={sample}/visuals.csv", *out, *with_model, "--set", f"thumbnails={tables}/thumbs"],
        "embed_visuals": [f"--input={sample}/visuals.csv", *out, *with_model],
        "extract_features": [f"--input={sample}/tracks.csv", *out, "--set", "synthesised=1"],
    }  # fmt: skip


@pytest.fixture(scope="session")
def run_one():
    """Runs a pipeline by its command line as the day's run; it must succeed."""

    def run(pipeline, arguments, *more):
        words = [pipeline, "--config", str(CONFIGS / f"{pipeline}.yaml"), "--run_id", RUN, *arguments, *more]
        assert cli.main(words) == 0

    return run


@pytest.fixture(scope="session")
def here(run_one, colour_model, sample_folder, tmp_path_factory):
    """The folder of the tables of all pipelines, run on this machine."""
    folder = tmp_path_factory.mktemp("here")
    shutil.copytree(Path(colour_model).parent, folder / "model")
    shutil.copytree(sample_folder, folder / "sample")
    (folder / "withdrawn.txt").write_text("glass_garden\n")
    output = f"{folder}/tables"
    for pipeline, arguments in commands(folder, output, f"{folder}/index", folder).items():
        run_one(pipeline, arguments)
    return output


@pytest.fixture(scope="session")
def cloud_commands(here, upload, bucket):
    """The command line of each pipeline, on the same files in the bucket."""
    upload(Path(here).parent / "model", "model")
    upload(Path(here).parent / "withdrawn.txt", "withdrawn.txt")
    every = commands(bucket, "bq://linernotes-test.nightly", f"{bucket}/index", bucket)
    return {pipeline: [*arguments, f"--temp_location={bucket}/temp"] for pipeline, arguments in every.items()}


@pytest.fixture(scope="session")
def cloud(cloud_commands, run_one, warehouse):
    """The name of the dataset with the tables of all pipelines, run in the cloud."""
    warehouse.create_dataset("nightly")
    for pipeline, arguments in cloud_commands.items():
        run_one(pipeline, arguments)
    return "nightly"


@pytest.fixture(scope="session")
def select(warehouse):
    """What BigQuery says to a query, as dicts."""
    return lambda query: [dict(row) for row in warehouse.query(query).result()]


def same_everywhere(row):
    """The row without its time, and with the names of files for their paths; in an order of its own, as JSON."""
    kept = {name: value for name, value in row.items() if name not in ("processed_at", "content", "config_digest")}
    if kept.get("uri"):  # of what compact_index writes it is a new name each time
        kept["uri"] = kept["uri"].rpartition("/")[2] if row["pipeline"] != "compact_index" else None
    for keyframe in kept.get("keyframes", []) + kept.get("evidence", []):
        keyframe["thumbnail"] = (keyframe["thumbnail"] or "").rpartition("/")[2]
    return json.dumps(kept, sort_keys=True, default=bytes.hex)


def in_order(rows):
    return sorted(map(same_everywhere, rows))


@pytest.mark.parametrize(("pipeline", "table"), CASES)
def test_bigquery_has_the_rows_that_a_folder_has(here, cloud, select, pipeline, table):
    expected = read_table(here, table, run_keys=[f"{pipeline}-{RUN}"]).to_pylist()
    assert expected or table == "new_authors"
    assert in_order(select(f"SELECT * FROM {cloud}.{table} WHERE pipeline = '{pipeline}'")) == in_order(expected)


def test_every_pipeline_is_tried():
    assert list(WRITES) == list(commands("", "", "", ""))
    assert set(WRITES) == set(cli.PIPELINES)


def test_tables_are_partitioned_by_day_and_clustered_by_run(cloud, warehouse):
    for table in {table for _, table in CASES}:
        found = warehouse.get_table(f"{cloud}.{table}")
        assert (found.time_partitioning.type_, found.time_partitioning.field) == ("DAY", "processed_at")
        assert found.clustering_fields[:2] == ["run_id", "pipeline"]


def test_nothing_is_left_beside_the_tables(cloud, warehouse, bucket, find):
    tables = {table.table_id for table in warehouse.list_tables(cloud)}
    assert tables == {"runs", *(table for _, table in CASES)}
    assert find(f"{bucket}/temp/**{RUN}**") == []


@pytest.mark.parametrize("pipeline", INCREMENTAL)
def test_an_incremental_run_finds_in_bigquery_what_is_done(cloud, cloud_commands, run_one, select, pipeline):
    before = {
        table: select(f"SELECT * FROM {cloud}.{table} WHERE pipeline = '{pipeline}'") for table in WRITES[pipeline]
    }
    run_one(pipeline, cloud_commands[pipeline], "--incremental")
    statuses = select(
        f"SELECT status, COUNT(*) AS n FROM {cloud}.media_status WHERE pipeline = '{pipeline}' GROUP BY 1"
    )
    was_done = sum(row["status"] != "failed" for row in before["media_status"])
    assert {row["status"]: row["n"] for row in statuses}["skipped"] == was_done
    for table in WRITES[pipeline][1:]:
        after = select(f"SELECT * FROM {cloud}.{table} WHERE pipeline = '{pipeline}'")
        assert in_order(after) == in_order(before[table])


@pytest.mark.parametrize("pipeline", ["match_podcasts", "attribute_audiobooks", "export_cue_sheets"])
def test_a_run_done_again_replaces_its_rows(cloud, cloud_commands, run_one, select, pipeline):
    counts = " UNION ALL ".join(f"SELECT '{table}' AS t, COUNT(*) AS n FROM {cloud}.{table}" for _, table in set(CASES))
    before, first = select(f"{counts} ORDER BY 1"), attempt_of(pipeline, select, cloud)
    run_one(pipeline, cloud_commands[pipeline])
    assert select(f"{counts} ORDER BY 1") == before
    assert attempt_of(pipeline, select, cloud) != first


def attempt_of(pipeline, select, dataset):
    (row,) = select(f"SELECT attempt FROM {dataset}.runs WHERE pipeline = '{pipeline}'")
    return row["attempt"]
