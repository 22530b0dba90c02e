"""Sites, and a headless Chromium that opens them from disk. Needs Playwright and a Chromium: `make browser`."""

import datetime
import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from models.records import (
    AuthorLink,
    AuthorLinks,
    MediaStatus,
    MusicMatch,
    MusicUsage,
    Neighbours,
    NodeOpinion,
    Provenance,
)
from pipelines import cli
from pipelines.report_bench import write_records, write_synthetic_tables

SAMPLE = Path(__file__).parents[1] / "sample"
HOSTILE = """</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">'"&"""


@pytest.fixture(scope="session")
def chromium():
    """The browser: of the variable CHROMIUM, or else on the path."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    arguments = (
        ["--no-sandbox"] if os.getuid() == 0 else []
    )  # as root, which containers are, its sandbox does not start
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, tmp_path):
    """Opens a file of a site in a tab of its own; the tab, whose `complaints` are all that a console would show."""
    contexts = []

    def open_one(path, **options):
        contexts.append(chromium.new_context(viewport={"width": 1200, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("requestfailed", lambda request: _note_failure(page, request))
        page.on("request", lambda request: _check_local(page, request.url))
        page.goto(path.as_uri())
        return page

    yield open_one
    for context in contexts:
        context.close()


def _note_failure(page, request):
    if request.failure != "net::ERR_ABORTED":  # because the test went on to the next page
        page.complaints.append(f"{request.url}: {request.failure}")


def _check_local(page, url):
    if not url.startswith(("file:", "blob:", "data:")):
        page.complaints.append(f"{url} is loaded")


def _report(folder, *options):
    assert cli.main(["report", "--tables", str(folder / "tables"), "--output", str(folder / "site"), *options]) == 0
    return folder / "site"


@pytest.fixture(scope="session")
def sample_site(tmp_path_factory):
    """The report of real runs over the sample's tracks, episodes, audiobooks and videos."""
    folder = tmp_path_factory.mktemp("sample")
    output = ["--output", str(folder / "tables"), "--run_id", "sample"]
    index = ["--index", str(folder / "index")]
    words = {
        "index_tracks": ["--input", str(SAMPLE / "tracks.csv"), *index],
        "match_podcasts": ["--input", str(SAMPLE / "episodes.csv"), *index, "--set", "max_failed_share=0.5"],
        "tag_videos": ["--input", str(SAMPLE / "visuals.csv"), "--set", f"thumbnails={folder / 'thumbnails'}"],
        "attribute_audiobooks": [
            *("--input", str(SAMPLE / "audiobooks.jsonl")),
            *("--set", f"authors={SAMPLE / 'authors.jsonl'}"),
        ],
    }
    for name, arguments in words.items():
        assert cli.main([name, *arguments, *output]) == 0
    return _report(folder)


@pytest.fixture(scope="session")
def large_site(tmp_path_factory):
    """The report of 1,000 episodes of 10 plays each."""
    folder = tmp_path_factory.mktemp("large")
    write_synthetic_tables(folder / "tables", 1000, 10)
    return _report(folder)


@pytest.fixture(scope="session")
def hostile_site(tmp_path_factory):
    """The report of a run whose names are markup and scripts."""
    folder = tmp_path_factory.mktemp("hostile")
    bad, moment = HOSTILE, datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    records = {
        "match_podcasts": {
            "media_status": MediaStatus(bad, bad, "done", None, None, 20.0, "0", "0"),
            "music_matches": MusicMatch(
                bad, bad, 0.0, 10.0, 0.0, 1.0, 1.0, 50.0, -5.0, bad, (bad,), bad, bad, bad, bad
            ),
            "music_usage": MusicUsage(bad, bad, 1, 10.0, bad, bad, bad, bad),
        },
        "attribute_audiobooks": {
            "media_status": MediaStatus(bad, bad, "failed", bad, bad, None, "0", "0"),
            "author_links": AuthorLinks(
                bad,
                bad,
                (AuthorLink(bad, bad, bad, bad, 0.9, bad, bad, 0.1, (bad,)),),
                bad,
                0.9,
                bad,
                (bad,),
                (Neighbours(bad, bad, 2, (NodeOpinion(bad, 0.9, 0.9),)),),
            ),
        },
    }
    for pipeline, tables in records.items():
        for table, record in tables.items():
            write_records(folder / "tables", table, [record], Provenance("first", pipeline, bad, bad, moment))
    return _report(folder)
