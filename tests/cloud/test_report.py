"""A report of BigQuery's tables and a bucket's media, in a bucket. Oracle: the one of the same rows in a folder."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import storage

from models.run_tables import TABLES
from models.tables import arrow_schema
from pipelines import cli
from transforms.tables import read_table

CONFIGS = Path(__file__).parents[2] / "configs"
_MADE = re.compile(rb"made [0-9-]+ [0-9:]+ UTC")


def test_a_report_in_a_bucket_is_the_one_in_a_folder(bucket, make_dataset, emulators, tmp_path):
    output, temp = make_dataset("reported"), f"--temp_location={bucket}/temp"
    index, thumbnails = f"{bucket}/report_index", f"thumbnails={bucket}/report_thumbnails"
    for name, arguments in {
        "index_tracks": [f"--input={bucket}/sample/tracks.csv", f"--index={index}"],
        "match_podcasts": [f"--input={bucket}/sample/episodes.csv", f"--index={index}"],
        "attribute_audiobooks": [
            *(f"--input={bucket}/sample/audiobooks.jsonl", "--set", f"authors={bucket}/sample/authors.jsonl")
        ],
        "tag_videos": [f"--input={bucket}/sample/visuals.csv", "--set", thumbnails],
    }.items():
        words = [name, "--config", str(CONFIGS / f"{name}.yaml"), "--run_id", "cloud", f"--output={output}", temp]
        assert cli.main([*words, *arguments]) == 0
    for table, record_type in TABLES.items():
        rows = read_table(output, table).to_pylist()
        for pipeline in {row["pipeline"] for row in rows}:
            path = tmp_path / "tables" / table / f"{pipeline}-cloud.0.00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            mine = [row for row in rows if row["pipeline"] == pipeline]
            pq.write_table(pa.Table.from_pylist(mine, arrow_schema(record_type)), path)

    assert cli.main(["report", "--tables", str(tmp_path / "tables"), "--output", str(tmp_path / "site")]) == 0
    for _ in range(2):  # the second replaces the first
        assert cli.main(["report", "--tables", output, "--output", f"{bucket}/report"]) == 0

    local = {
        str(path.relative_to(tmp_path / "site")): path for path in (tmp_path / "site").rglob("*") if path.is_file()
    }
    blobs = {
        blob.name.removeprefix("report/"): blob
        for blob in storage.Client().list_blobs(bucket.removeprefix("gs://"), prefix="report/")
    }
    assert blobs.keys() == local.keys() and len(local) > 80
    for name, path in local.items():
        if path.suffix in (".html", ".js", ".css", ".svg"):
            assert _MADE.sub(b"", blobs[name].download_as_bytes()) == _MADE.sub(b"", path.read_bytes()), name
    assert blobs["index.html"].content_type == "text/html"
    assert blobs["site.js"].content_type == "text/javascript"
