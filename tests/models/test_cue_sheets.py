"""Oracles: the csv module and pyarrow reading back what was written, and sums of the rows themselves."""

import csv
import datetime
import io
import re

import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.cue_sheets import COLUMNS, encode_cue_sheet, gather_item, name_cue_sheet, sum_durations

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=200)
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
HOSTILE = [
    '="cmd"|\' /C calc\'!A0',
    "+1", "-1", "@SUM(A1)", "\uff1d1", "\t=1", "\r=1", "  =1", "\0=1", "a;=1", "a\n=1", "\n\n=1",
]  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(HOSTILE)
SECONDS = st.integers(0, 25 * 3600 * 125).map(lambda frames: frames * 0.008)


def match(**values):
    row = {
        "media_id": "episode",
        "track_id": "track",
        "start_s": 1.0,
        "end_s": 2.5,
        "speed": 1.0,
        "title": "Title",
        "artist": None,
        "isrc": None,
        "rights_holder": None,
        "usage": "background",
        "level_db": -12.04,
    }
    return row | values


@st.composite
def matches_of(draw):
    start_s, duration_s = draw(SECONDS), draw(SECONDS)
    texts = {name: draw(TEXT) for name in ("track_id", "title", "artist", "isrc", "rights_holder")}
    return match(start_s=start_s, end_s=start_s + duration_s, **texts)


def parse(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def seconds(timecode):
    hours, minutes, rest = re.fullmatch(r"(\d{2,}):([0-5]\d):([0-5]\d\.\d{3})", timecode).groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def unprotected(cell):
    """What was protected, guessed from the cell alone."""
    signs = re.escape(SIGNS)
    return re.sub(rf"\A'(?=[\s\0]*[{signs}]|[\t\r\n\0])|(?<=[;\t\r\n])'(?=[{signs}])", "", cell)


@REPEATABLE
@given(st.lists(matches_of(), max_size=5))
def test_a_cue_sheet_reads_back_as_the_matches_in_order_of_time(matches):
    cues = parse(encode_cue_sheet(matches))
    assert [int(cue["sequence"]) for cue in cues] == list(range(1, len(matches) + 1))
    ordered = sorted(matches, key=lambda row: (row["start_s"], row["end_s"], row["track_id"]))
    for cue, row in zip(cues, ordered, strict=True):
        assert seconds(cue["in"]) == pytest.approx(row["start_s"], abs=0.00051)
        assert seconds(cue["out"]) == pytest.approx(row["end_s"], abs=0.00051)
        for name in ("title", "artist", "isrc", "rights_holder", "track_id"):
            assert unprotected(cue[name]) == unprotected(row[name])


@REPEATABLE
@given(st.lists(matches_of(), max_size=5))
def test_durations_are_out_less_in_and_add_up_to_the_matches(matches):
    cues = parse(encode_cue_sheet(matches))
    for cue in cues:
        assert seconds(cue["duration"]) == pytest.approx(seconds(cue["out"]) - seconds(cue["in"]), abs=1e-9)
    total_s = sum(seconds(cue["duration"]) for cue in cues)
    assert sum_durations(matches) == pytest.approx(total_s)
    assert total_s == pytest.approx(sum(row["end_s"] - row["start_s"] for row in matches), abs=0.001 * len(matches))


@REPEATABLE
@given(matches_of())
def test_no_cell_of_text_is_a_formula_whatever_separates_cells(row):
    (cue,) = parse(encode_cue_sheet([row]))
    for name in ("title", "artist", "isrc", "rights_holder", "track_id"):
        for cell in re.split(r"[;\t\r\n]", cue[name]):
            assert not cell.startswith(tuple(SIGNS))


def test_what_is_no_formula_is_left_alone():
    titles = [
        "'Round Midnight",
        "99 Luftballons",
        "C'est si bon",
        "Résumé: Ænima",
        "夜に駆ける",
        "a, b",
        'Say "so"',
        "1+1=2",
    ]
    cues = parse(encode_cue_sheet([match(title=title, start_s=i, end_s=i + 1) for i, title in enumerate(titles)]))
    assert [cue["title"] for cue in cues] == titles


def test_a_cue_says_all_of_it():
    row = match(
        start_s=90_000.0, end_s=90_061.2345, speed=1.02000001, artist="The Artist", isrc="ZZ", rights_holder="R"
    )
    assert encode_cue_sheet([row]) == (
        ",".join(COLUMNS) + "\r\n"
        "episode,1,25:00:00.000,25:01:01.234,00:01:01.234,Title,The Artist,ZZ,R,background,-12.0,1.02,track\r\n"
    )


def test_no_music_is_a_header():
    assert encode_cue_sheet([]) == ",".join(COLUMNS) + "\r\n"
    assert sum_durations([]) == 0


def test_rows_of_an_older_run_leave_usage_and_level_empty():
    row = match()
    del row["usage"], row["level_db"]
    (cue,) = parse(encode_cue_sheet([row]))
    assert cue["usage"] == cue["level_db"] == ""


def test_pyarrow_reads_the_numbers_as_numbers():
    table = pyarrow.csv.read_csv(io.BytesIO(encode_cue_sheet([match(), match(level_db=-0.04)]).encode()))
    assert table["level_db"].to_pylist() == [-12.0, 0.0]
    assert table["speed"].to_pylist() == [1.0, 1.0]
    assert table["sequence"].to_pylist() == [1, 2]


# Names of files


@pytest.mark.parametrize("media_id", ["slack_water_01", "ep-1.mp3", "0", "a" * 100, "console"])
def test_a_plain_media_id_is_the_name(media_id):
    assert name_cue_sheet(media_id) == f"{media_id}.csv"


ODD_IDS = [
    "../../etc/passwd",
    "..",
    "",
    ".",
    "a/b",
    "a_b~0123",
    "A",
    "con",
    "nul.mp3",
    "a" * 101,
    "-rf",
    "é",
    "*",
    "a\0",
]


@REPEATABLE
@given(st.sets(st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(ODD_IDS) | st.text("aA/_.~-")))
def test_names_are_safe_and_no_two_are_one_even_without_case(media_ids):
    names = [name_cue_sheet(media_id) for media_id in media_ids]
    assert len({name.casefold() for name in names}) == len(media_ids)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(~[0-9a-f]{16})?\.csv", name)
        assert len(name) <= 104
        assert not re.match(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", name, re.IGNORECASE)


# Which rows are a run's


def status(run_id, outcome="done", content="bytes", config_digest="knobs", day=1):
    return {
        "media_id": "episode",
        "uri": "episode.mp3",
        "status": outcome,
        "step": None,
        "reason": None,
        "duration_s": 600.0,
        "content": content,
        "config_digest": config_digest,
        "run_id": run_id,
        "processed_at": datetime.datetime(2026, 1, day, tzinfo=datetime.UTC),
    }


def gathered(run_id, statuses, *runs_of_matches):
    items = list(gather_item(run_id, statuses, [match(run_id=run) for run in runs_of_matches]))
    return [[row["run_id"] for row in item.matches] for item in items]


def test_an_item_has_its_runs_matches():
    assert gathered("b", [status("a"), status("b")], "a", "b", "b") == [["b", "b"]]
    assert gathered("b", [status("a"), status("b")], "a") == [[]]


def test_a_skipped_item_has_the_matches_of_the_latest_run_that_did_the_same():
    earlier = [status("a", day=1), status("b", day=2), status("c", content="other bytes", day=3)]
    assert gathered("d", [*earlier, status("d", "skipped", day=4)], "a", "b", "c") == [["b"]]
    assert gathered("d", [*earlier, status("d", "skipped", day=4)], "a", "c") == [["a"]]
    assert gathered("d", [*earlier, status("d", "skipped", day=4)], "c") == [[]]


def test_a_skipped_item_has_the_rows_kept_in_its_own_run_first():
    assert gathered("a", [status("a", "skipped", day=1), status("b", day=2)], "a", "b") == [["a"]]


def test_items_that_shared_an_id_and_items_of_other_runs():
    assert gathered("a", [status("a", "failed"), status("a", "failed")]) == [[], []]
    assert gathered("b", [status("a")], "a") == []
