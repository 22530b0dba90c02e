"""Every input item has one output: a file, or a status that says why it is none. Oracle: the items, one by one."""

import csv
import dataclasses
import datetime
import io
import random
from collections import Counter

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from models.manifests import ManifestError
from models.records import MediaFile, MediaItem, MediaStatus, Provenance
from transforms.files import content_of
from transforms.media import ReadMedia, SkipDone
from transforms.runs import Run
from transforms.tables import WriteTables

NOON = datetime.datetime(2026, 7, 1, 12, 0, 0, 0, datetime.UTC)
FILES = {"a.mp3": b"a", "b.mp3": b"b", "copy of a.mp3": b"a"}
URIS = [*FILES, "nosuch.mp3", "folder", "caf\udce9.mp3"]  # the last as a byte that is not UTF-8 is read
MEDIA_IDS = ["{}", "ünïcode {}", 'a/b, "{}".mp3', "\udcff{}", "\\xff{}"]  # the last two are printed alike


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """A folder with the media_status of two runs."""
    folder = str(tmp_path_factory.mktemp("output"))
    write_statuses(
        folder,
        "run1",
        status("same", "done", "c1", duration_s=12.5),
        status("skipped before", "skipped", "c1", duration_s=7.0),
        status("other bytes", "done", "c0"),
        status("other config", "done", "c1", config_digest="another"),
        status("failed", "failed", "c1"),
        status("pipe", "done", ""),
        status("unread", "done", None),
        status("gone", "done", "c1"),
    )
    write_statuses(folder, "run2", status("in another run", "done", "c1"), status("failed", "failed", "c1"))
    return folder


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_item_is_a_file_or_a_status_that_says_why_not(tmp_path, seed):
    rng = random.Random(seed)
    items = [(rng.choice(MEDIA_IDS).format(rng.randrange(30)), rng.choice(URIS)) for _ in range(150)]
    manifest = lay_out(tmp_path, items)
    expected = list(expected_of(tmp_path, items))
    assert Counter(outcome for _, _, outcome in expected).keys() == {"file", "failed at read"}
    with pipeline() as root:
        files, statuses = root | ReadMedia(manifest, run_of())
        found = files | "Show files" >> beam.Map(lambda file: (file.item.media_id, file.item.uri, "file"))
        gone = statuses | "Show statuses" >> beam.Map(
            lambda status: (status.media_id, status.uri, f"{status.status} at {status.step}")
        )
        assert_that((found, gone) | beam.Flatten(), equal_to(expected))


def test_a_file_has_what_the_manifest_says_of_it_and_its_content(tmp_path):
    lay_out(tmp_path, [])
    manifest = tmp_path / "tracks.csv"
    manifest.write_bytes(b"media_id,uri,title,artist,album,isrc,rights_holder\nx,a.mp3,caf\xe9,B,C,D,E\ny,b.mp3,,,,,\n")
    paths = [f"{tmp_path}/a.mp3", f"{tmp_path}/b.mp3"]
    items = [MediaItem("x", paths[0], "caf\\xe9", "B", "C", "D", "E"), MediaItem("y", paths[1])]
    with pipeline() as root:
        files, statuses = root | ReadMedia(str(manifest), run_of())
        assert_that(files, equal_to([MediaFile(item, content_of(item.uri)) for item in items]), label="files")
        assert_that(statuses, equal_to([]), label="statuses")


def test_the_reasons_are_for_a_person_to_read(tmp_path):
    items = [("x", "a.mp3"), ("x", "b.mp3"), ("y", "nosuch.mp3"), ("z", "folder"), ("caf\udce9", "a.mp3")]
    manifest = lay_out(tmp_path, items)
    twice = "expected one item of id 'x', got 2"
    bytes_ = "expected a name in UTF-8; what is not is spelt \\x… or \\u…"
    reasons = [
        failed("x", f"{tmp_path}/a.mp3", twice),
        failed("x", f"{tmp_path}/b.mp3", twice),
        failed("y", f"{tmp_path}/nosuch.mp3", f"expected a file, found none: {tmp_path}/nosuch.mp3"),
        failed("z", f"{tmp_path}/folder", f"expected a file, found a folder: {tmp_path}/folder"),
        failed("caf\\xe9", f"{tmp_path}/a.mp3", bytes_),
    ]
    with pipeline() as root:
        files, statuses = root | ReadMedia(manifest, run_of())
        assert_that(files, equal_to([]), label="files")
        assert_that(statuses, equal_to(reasons), label="statuses")


def test_a_run_of_at_most_so_many_items_takes_the_first(tmp_path):
    manifest = lay_out(tmp_path, [("z", "a.mp3"), ("y", "nosuch.mp3"), ("x", "b.mp3")])
    with pipeline() as root:
        files, statuses = root | ReadMedia(manifest, run_of(max_items=2))
        assert_that(files | beam.Map(lambda file: file.item.media_id), equal_to(["z"]), label="files")
        assert_that(statuses | "Show" >> beam.Map(lambda status: status.media_id), equal_to(["y"]), label="statuses")


def test_a_pattern_that_matches_nothing_stops_the_run(tmp_path):
    with pytest.raises(ManifestError, match="expected media, found none"), pipeline() as root:
        _ = root | ReadMedia(f"{tmp_path}/*.mp3", run_of())


def test_an_incremental_run_skips_what_was_done_with_the_same_content_and_config(output):
    names = ["same", "skipped before", "other bytes", "other config", "failed", "in another run", "new", "unread"]
    files = [*(file_of(name, "c1") for name in names), file_of("pipe", "")]
    skipped = [
        status("same", "skipped", "c1", duration_s=12.5),
        status("skipped before", "skipped", "c1", duration_s=7.0),
        status("in another run", "skipped", "c1"),
    ]
    passed_over = {each.media_id for each in skipped}
    with pipeline() as root:
        to_do, statuses = root | beam.Create(files) | SkipDone(output, run_of(incremental=True))
        assert_that(to_do, equal_to([file for file in files if file.item.media_id not in passed_over]), label="files")
        assert_that(statuses, equal_to(skipped), label="statuses")


def test_a_run_that_is_not_incremental_or_the_first_skips_nothing(output, tmp_path):
    files = [file_of("same", "c1"), file_of("new", "c1")]
    runs = {"not incremental": SkipDone(output, run_of()), "first": SkipDone(str(tmp_path), run_of(incremental=True))}
    with pipeline() as root:
        created = root | beam.Create(files)
        for name, skip_done in runs.items():
            to_do, statuses = created | name >> skip_done
            assert_that(to_do, equal_to(files), label=f"files, {name}")
            assert_that(statuses, equal_to([]), label=f"statuses, {name}")


def pipeline():
    return beam.Pipeline(FnApiRunner())


def run_of(**changes):
    return dataclasses.replace(Run(Provenance("run3", "test", "1", "model", NOON), "digest"), **changes)


def lay_out(folder, items):
    """The path of a manifest of (media_id, uri) in a folder that has the FILES."""
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    (folder / "folder").mkdir()
    (folder / "caf\udce9.mp3").write_bytes(b"it is there, but who could name it in a table")
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("media_id", "uri"), *items])
    manifest = folder / "tracks.csv"
    manifest.write_bytes(text.getvalue().encode(errors="surrogateescape"))
    return str(manifest)


def expected_of(folder, items):
    shown = [(printed(media_id), f"{folder}/{printed(uri)}") for media_id, uri in items]
    times = Counter(media_id for media_id, _ in shown)
    for (media_id, uri), (shown_id, shown_uri) in zip(items, shown, strict=True):
        is_file = times[shown_id] == 1 and media_id == shown_id and uri in FILES
        yield shown_id, shown_uri, "file" if is_file else "failed at read"


def printed(text):
    return text.replace("\udcff", "\\xff").replace("\udce9", "\\xe9")


def failed(media_id, uri, reason):
    return MediaStatus(media_id, uri, "failed", "read", reason, None, None, "digest")


def file_of(media_id, content):
    return MediaFile(MediaItem(media_id, f"gs://bucket/{media_id}"), content)


def status(media_id, outcome, content, duration_s=None, config_digest="digest"):
    step, reason = ("decode", "bad") if outcome == "failed" else (None, None)
    return MediaStatus(media_id, f"gs://bucket/{media_id}", outcome, step, reason, duration_s, content, config_digest)


def write_statuses(output, run_id, *statuses):
    provenance = Provenance(run_id, "test", "1", "model", NOON)
    with pipeline() as root:
        tables = {"media_status": root | beam.Create(statuses)}
        _ = tables | WriteTables(output, provenance, {"media_status": MediaStatus})
