"""The report of real runs and of hostile ones: its numbers, its text, its pages."""

import dataclasses
import datetime
import html.parser
import json
import re
import shutil

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from models.clips import CLIP_RATE
from models.decoding import DecodeConfig, decode_audio
from models.formatting import NOTHING, name_page, show
from models.records import (
    AuthorLink,
    AuthorLinks,
    ClassShare,
    Evidence,
    Keyframe,
    MediaStatus,
    MediaTag,
    Moderation,
    MusicMatch,
    MusicUsage,
    Neighbours,
    NewAuthor,
    NodeOpinion,
    Provenance,
    Shot,
    ShotTag,
    TimeRange,
    TrackLabel,
    TrackSegment,
)
from models.report_tables import LISTINGS, SECTIONS
from models.run_tables import TABLES, read_query
from models.tables import arrow_schema
from pipelines import cli
from pipelines.report_bench import write_records, write_synthetic_tables

_HOSTILE = """</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">'"&\u2028{{ 7*7 }}"""
_OURS = ("site.js", "review.js")


class Page(html.parser.HTMLParser):
    """The tables of a page, by query, as rows of the texts of cells; its elements; and its text."""

    def __init__(self, path):
        super().__init__()
        self.tables, self.elements, self.text = {}, [], ""
        self._rows, self._is_cell, self._is_aside = None, False, False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        if tag == "table":
            self._rows = self.tables.setdefault(attributes.get("data-query"), [])
        if tag == "tr":
            self._rows.append([])
        if tag == "td":
            self._rows[-1].append("")
            self._is_cell = True
        self._is_aside = tag == "small"

    def handle_endtag(self, tag):
        self._is_cell = self._is_cell and tag != "td"
        self._is_aside = False

    def handle_data(self, data):
        self.text += data
        if self._is_cell and not self._is_aside:
            self._rows[-1][-1] += data.strip()


@pytest.fixture(scope="session")
def run_tables(matched, sample_indexes, tmp_path_factory):
    """The tables of real runs of index_tracks and match_podcasts."""
    folder = tmp_path_factory.mktemp("report") / "tables"
    for output in (matched.output, sample_indexes["csv"].output):
        shutil.copytree(output, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def site(run_tables):
    """The report of those."""
    return make_report(run_tables, run_tables.parent / "site")


def make_report(tables, output, *options):
    assert cli.main(["report", "--tables", str(tables), "--output", str(output), *options]) == 0
    return output


def count_directly(tables, query):
    """What the query's SQL gives over the Parquet files themselves."""
    connection = duckdb.connect()
    for table, record_type in TABLES.items():
        connection.register(f"empty_{table}", arrow_schema(record_type).empty_table())
        files = f"{tables}/{table}/*.parquet"
        source = f"read_parquet('{files}')" if list((tables / table).glob("*.parquet")) else f"empty_{table}"
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {source}")
    result = connection.execute(read_query(query))
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def texts(columns, rows):
    return [[show(column.kind, row[column.name]) for column in columns] for row in rows]


def test_every_number_of_the_overview_is_the_sql_over_the_parquet(run_tables, site):
    tables = Page(site / "index.html").tables
    for section in SECTIONS:
        expected = texts(section.columns, count_directly(run_tables, section.query))
        assert [row for row in tables.get(section.query, []) if row] == expected
    assert tables["items"] and tables["failures"] and tables["top_tracks"] and tables["rights_holders"]


def test_every_number_of_the_listings_is_the_sql_over_the_parquet(run_tables, site):
    for listing in LISTINGS:
        expected = texts(listing.columns, count_directly(run_tables, listing.query))
        assert [row for row in Page(site / f"{listing.query}.html").tables[listing.query] if row] == expected


def book(media_id, author_id, nodes, runner_up=None):
    """An audiobook given to an author. nodes: of each how many others are there, and what they said of authors."""
    link = AuthorLink(author_id, author_id.upper(), "A.", "initials", 0.9, runner_up, None, 0.5, ())
    neighbours = tuple(
        Neighbours(*node.split(": "), others, tuple(NodeOpinion(*each) for each in said))
        for node, (others, said) in nodes.items()
    )
    return AuthorLinks(media_id, "linked", (link,), None, 0.9, f"Title {media_id}", (), neighbours)


@pytest.fixture
def neighbourhood(tmp_path):
    """Tables of five audiobooks, with a narrator in common or a title."""
    reader, clock = "narrator: grey", "title: the clock"
    first = {clock: (2, [("ann", 0.75, 0.5), ("bob", 0.25, 0.25)]), reader: (3, [("ann", 1.5, 0.75)])}
    books = [
        book("1", "ann", first, "bob"),
        book("2", "ann", {clock: (2, []), reader: (3, [("ann", 1.0, 0.5)])}),
        book("3", "bob", {clock: (2, [("bob", 0.125, 0.125)]), reader: (3, [])}),
        book("4", "ann", {reader: (3, [("ann", 0.0, 0.0)])}),
        book("5", "cyd", {}),
    ]
    write_records(tmp_path / "tables", "author_links", books, provenance("first", pipeline="attribute_audiobooks"))
    return tmp_path / "tables"


def test_pages_say_which_neighbours_spoke_for_an_author_and_for_the_runner_up(neighbourhood):
    site = make_report(neighbourhood, neighbourhood.parent / "site")
    of_ann = [
        ["ANN", "title: the clock", "2", "0.75", "0.50", "1", "Title 2"],
        ["ANN", "narrator: grey", "3", "1.50", "0.75", "2", "Title 2;Title 4"],
    ]
    of_bob = ["bob, the runner-up", "title: the clock", "2", "0.25", "0.25", "1", "Title 3"]
    assert list_neighbours(site / "audiobooks" / "1.html") == [*of_ann, of_bob]
    assert list_neighbours(site / "authors" / "ann.html") == [
        *(["Title 1", *row[1:]] for row in of_ann),
        ["Title 2", "narrator: grey", "3", "1.00", "0.50", "2", "Title 1;Title 4"],
        ["Title 4", "narrator: grey", "3", "0.00", "0.00", "2", "Title 1;Title 2"],
    ]
    assert list_neighbours(site / "audiobooks" / "3.html") == [
        ["BOB", "title: the clock", "2", "0.12", "0.12", "0", NOTHING]
    ]
    assert "It has no neighbours" in Page(site / "audiobooks" / "5.html").text
    check_links(site)


def test_audiobooks_of_a_run_that_kept_no_neighbours_have_pages_without(neighbourhood):
    (path,) = neighbourhood.glob("author_links/*.parquet")
    pq.write_table(pq.read_table(path).drop_columns("neighbours"), path)
    site = make_report(neighbourhood, neighbourhood.parent / "site")
    for name in ("audiobooks/1.html", "audiobooks/5.html", "authors/ann.html"):
        assert "eighbours" not in Page(site / name).text


def list_neighbours(path):
    return [row for row in Page(path).tables["neighbours"] if row]


def test_no_more_than_five_neighbours_are_named_and_the_surest_first(tmp_path):
    books = [
        dataclasses.replace(each, links=(dataclasses.replace(each.links[0], score=number / 10),))
        for number, each in enumerate(
            book(str(number), "ann", {"name: x": (7, [("ann", 3, 1)])}) for number in range(8)
        )
    ]
    write_records(tmp_path / "tables", "author_links", books, provenance("first", pipeline="attribute_audiobooks"))
    for row in count_directly(tmp_path / "tables", "neighbours"):
        others = [name for name in "76543210" if name != row["media_id"]]
        assert [each["media_id"] for each in row["examples"]] == others[:5]
        assert row["given_audiobooks"] == 7


def test_music_counts_once_where_recordings_overlap(tmp_path):
    spans = [(0, 10, "featured"), (5, 8, "background"), (7, 20, "background"), (30, 31, "featured")]
    write_run(tmp_path / "tables", [match(start_s=start, end_s=end, usage=usage) for start, end, usage in spans])
    (row,) = count_directly(tmp_path / "tables", "music_share")
    moments = np.arange(0, 100, 0.5)
    heard = [(moments >= start) & (moments < end) for start, end, _ in spans]
    featured = [each for each, (_, _, usage) in zip(heard, spans, strict=True) if usage == "featured"]
    assert row["music_s"] == np.any(heard, axis=0).sum() / 2
    assert row["featured_s"] == np.any(featured, axis=0).sum() / 2


def test_usage_by_rights_holder_is_what_the_run_summed(run_tables):
    summed = pq.read_table(run_tables / "rights_holder_usage").to_pylist()
    counted = {row["rights_holder"]: row for row in count_directly(run_tables, "rights_holders")}
    assert summed
    for row in summed:
        mine = counted.pop(row["rights_holder"])
        assert {name: row[name] for name in ("items", "tracks", "plays")} == {
            name: mine[name] for name in ("items", "tracks", "plays")
        }
        assert row["seconds"] == pytest.approx(mine["seconds"])
    assert not counted


def test_there_is_a_page_for_every_item_and_every_link_leads_somewhere(run_tables, site):
    for listing in LISTINGS:
        for row in count_directly(run_tables, listing.query):
            assert not listing.has_pages or (site / listing.query / f"{name_page(row[listing.key])}.html").is_file()
    check_links(site)


def check_links(site):
    for path in site.rglob("*.html"):
        for _, attributes in Page(path).elements:
            for name in ("href", "src"):
                target = (attributes.get(name) or "").partition("#")[0]
                assert not re.match(r"[a-z]+:|//|/", target), f"{path} loads {target}"
                assert not target or (path.parent / target).resolve().is_file(), f"{path} has no {target}"


def test_clips_begin_where_the_page_says(site, sample, rows, run_tables):
    matches = rows(run_tables, "music_matches")
    assert len(list(site.glob("clips/*/*-episode.webm"))) == len(matches) > 0
    page = Page(site / "episodes" / f"{name_page(matches[0]['media_id'])}.html")
    players = [attributes for tag, attributes in page.elements if tag == "audio"]
    assert len(players) % 2 == 0
    episode = join_samples(sample / "episodes" / f"{matches[0]['media_id']}.mp3")
    for player in (each for each in players if each["data-side"] == "episode"):
        clip = join_samples((site / "episodes" / player["src"]).resolve())
        start = round(float(player["data-from"]) * CLIP_RATE)
        assert np.corrcoef(clip, episode[start : start + len(clip)])[0, 1] > 0.9


def join_samples(path):
    return np.concatenate(list(decode_audio(str(path), CLIP_RATE, DecodeConfig())))


def test_landmark_pictures_show_more_coincidences_than_chance_gives(site):
    captions = re.findall(
        r"(\d+) of the recording's (\d+) peaks are peaks of the episode too; moved by a second or so, (\d+) would",
        "".join(path.read_text() for path in site.glob("episodes/*.html")),
    )
    assert captions
    assert all(int(found) > 2 * int(chance) for found, _, chance in captions)


def test_the_run_before_is_compared_with(tmp_path):
    earlier, later = [match(score=20.0)], [match(score=30.0), match(start_s=50.0, end_s=55.0)]
    write_run(tmp_path / "tables", earlier, "first")
    write_run(tmp_path / "tables", later, "second", days=1)
    site = make_report(tmp_path / "tables", tmp_path / "site")
    assert "was 0:10.0" in Page(site / "index.html").text
    only_first = make_report(tmp_path / "tables", tmp_path / "other", "--run_id", "first")
    assert "There is no run before" in Page(only_first / "index.html").text
    assert Page(only_first / "episodes.html").tables["episodes"][1][3] == "1"
    against = make_report(tmp_path / "tables", tmp_path / "third", "--run_id", "first", "--compare", "second")
    assert "was 0:15.0" in Page(against / "index.html").text


def test_an_unknown_run_is_bad_input(tmp_path, capsys):
    write_run(tmp_path / "tables", [match()])
    words = ["report", "--tables", str(tmp_path / "tables"), "--output", str(tmp_path / "site"), "--run_id", "tenth"]
    assert cli.main(words) == 2
    assert "run_id: expected one of the tables' runs, first, got tenth" in capsys.readouterr().err


def test_what_a_run_skipped_is_shown_as_the_run_before_made_it(tmp_path):
    tables = tmp_path / "tables"
    write_run(tables, [match(title="Made before")], "first")
    write_records(tables, "media_status", [status("skipped")], provenance("second", days=1))
    site = make_report(tables, tmp_path / "site")
    assert "Made before" in Page(site / "episodes" / "item.html").text
    assert Page(site / "episodes.html").tables["episodes"][1][:2] == ["item", "skipped"]


def test_what_no_run_wrote_is_said_to_be_none(tmp_path):
    write_records(tmp_path / "tables", "media_status", [status("done")], provenance("first"))
    site = make_report(tmp_path / "tables", tmp_path / "site")
    assert "No recording of the catalogue is heard." in Page(site / "episodes" / "item.html").text
    empty = make_report(tmp_path / "nothing", tmp_path / "nowhere")
    assert "None." in Page(empty / "index.html").text


def test_matches_without_statuses_have_pages(tmp_path):
    write_records(tmp_path / "tables", "music_matches", [match()], provenance("first"))
    site = make_report(tmp_path / "tables", tmp_path / "site")
    assert "Title" in Page(site / "episodes" / "item.html").text


def test_hostile_names_are_text(tmp_path):
    write_hostile_run(tmp_path / "tables")
    site = make_report(tmp_path / "tables", tmp_path / "site")
    pages = {path: Page(path) for path in site.rglob("*.html")}
    for path, page in pages.items():
        scripts = [attributes.get("src", "").rpartition("/")[2] for tag, attributes in page.elements if tag == "script"]
        assert scripts == list(_OURS), path
        assert not [each for each in page.elements if {"onerror", "onload", "style"} & each[1].keys()]
        assert not [each for each in page.elements if each[0] == "img" and each[1]["src"] == "x"]
    for folder in ("episodes", "tracks", "videos", "audiobooks", "authors"):
        assert any(_HOSTILE in pages[path].text for path in site.glob(f"{folder}/*.html")), folder
    assert _HOSTILE in pages[site / "index.html"].text
    for path in site.glob("data/*.js"):
        text = path.read_text()
        assert "<" not in text and text.isascii()
        assert _HOSTILE in json.dumps(read_data(path), ensure_ascii=False).replace('\\"', '"'), path
    check_links(site)


def read_data(path):
    """The rows that a data script hands over."""
    return json.loads(re.fullmatch(r'linernotes\.receive\("[a-z_0-9-]+",(.*)\);\n', path.read_text(), re.DOTALL)[1])


@pytest.mark.parametrize("media_id", ["../../up", "a/b?c#d", "CON", "Item", "%2e%2e", "a" * 300, "ü"])
def test_pages_of_odd_names_stay_in_the_site(tmp_path, media_id):
    write_run(tmp_path / "tables", [match(media_id=media_id), match(media_id="item")], media_ids=(media_id, "item"))
    site = make_report(tmp_path / "tables", tmp_path / "a" / "b" / "site")
    assert len(list(site.glob("episodes/*.html"))) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"tables", "a"}
    check_links(site)


def test_long_listings_are_split_and_whole_in_the_data(tmp_path):
    write_synthetic_tables(tmp_path / "tables", 450, 2)
    site = make_report(tmp_path / "tables", tmp_path / "site")
    names = ["episodes.html", "episodes-2.html", "episodes-3.html"]
    listed = [row for name in names for row in Page(site / name).tables["episodes"] if row]
    data = read_data(site / "data" / "episodes-0.js")
    assert [len(Page(site / name).tables["episodes"]) - 1 for name in names] == [200, 200, 50]
    assert [row[1] for row in data] == listed
    assert all((site / row[0]).is_file() for row in data)


def test_a_report_replaces_an_earlier_one_and_nothing_else(tmp_path, capsys):
    write_run(tmp_path / "tables", [match(media_id="gone")], media_ids=("gone",))
    site = make_report(tmp_path / "tables", tmp_path / "site")
    shutil.rmtree(tmp_path / "tables")
    write_run(tmp_path / "tables", [match()])
    make_report(tmp_path / "tables", site)
    assert [path.name for path in site.glob("episodes/*.html")] == ["item.html"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    words = ["report", "--tables", str(tmp_path / "tables"), "--output", str(tmp_path / "mine")]
    assert cli.main(words) == 2
    assert "found other files" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_media_that_are_gone_leave_a_page_without_players(tmp_path):
    write_run(tmp_path / "tables", [match()])
    site = make_report(tmp_path / "tables", tmp_path / "site")
    assert "<audio" not in (site / "episodes" / "item.html").read_text()


def test_a_recording_heard_faster_is_cut_where_it_plays(tmp_path):
    generator = np.random.default_rng(3)
    tones = np.cumsum(generator.normal(0, 1, CLIP_RATE * 30))
    track = np.float32(tones - np.convolve(tones, np.ones(99) / 99, "same")) / 20
    positions = np.arange(CLIP_RATE * 20) * 1.03 + 5 * CLIP_RATE
    episode = np.interp(positions, np.arange(len(track)), track).astype(np.float32)
    for name, samples in (("track", track), ("item", episode)):
        soundfile.write(tmp_path / f"{name}.wav", samples, CLIP_RATE)
    tables = tmp_path / "tables"
    write_run(tables, [match(start_s=2, end_s=12, track_start_s=2 * 1.03 + 5, speed=1.03, pitch=1.03)], folder=tmp_path)
    made = MediaStatus("track", str(tmp_path / "track.wav"), "done", None, None, 30.0, "0", "0")
    write_records(tables, "media_status", [made], provenance("first", pipeline="index_tracks"))
    site = make_report(tables, tmp_path / "site")
    players = [attributes for tag, attributes in Page(site / "episodes" / "item.html").elements if tag == "audio"]
    episode_from, track_from = (float(player["data-from"]) for player in players)
    clip = join_samples(site / "clips/item/1-recording.webm")
    start = round((5 + 1.03 * track_from) * CLIP_RATE)
    assert episode_from == pytest.approx(track_from, abs=0.04)
    assert np.corrcoef(clip, track[start : start + len(clip)])[0, 1] > 0.9
    (found, sought, chance), *_ = re.findall(
        r"(\d+) of the recording's (\d+) peaks .*? or so, (\d+) would", (site / "episodes/item.html").read_text()
    )
    assert int(found) > 0.5 * int(sought) > int(chance)


def provenance(run_id, days=0, pipeline="match_podcasts"):
    made = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=days)
    return Provenance(run_id, pipeline, "0.1.0", "toy-1", made)


def status(word, media_id="item", folder="gone"):
    return MediaStatus(media_id, f"{folder}/{media_id}.wav", word, None, None, 100.0, "content", "0")


def match(**changes):
    """A match of an item with a track."""
    usual = {"media_id": "item", "track_id": "track", "start_s": 0.0, "end_s": 10.0, "track_start_s": 0.0}
    usual |= {"speed": 1.0, "pitch": 1.0, "score": 50.0, "level_db": -5.0, "usage": "background", "alternatives": ()}
    usual |= {"title": "Title", "artist": "Artist", "isrc": None, "rights_holder": "Holder"}
    return MusicMatch(**usual | changes)


def write_run(tables, matches, run_id="first", days=0, media_ids=("item",), folder="gone"):
    """Tables of a run of match_podcasts."""
    made = provenance(run_id, days)
    usages = {(each.media_id, each.track_id): each for each in matches}
    write_records(tables, "media_status", [status("done", media_id, folder) for media_id in media_ids], made)
    write_records(tables, "music_matches", matches, made)
    write_records(tables, "music_usage", [sum_usage(key, matches) for key in usages], made)


def sum_usage(key, matches):
    mine = [each for each in matches if (each.media_id, each.track_id) == key]
    first = mine[0]
    seconds = sum(each.end_s - each.start_s for each in mine)
    return MusicUsage(*key, len(mine), seconds, first.title, first.artist, first.isrc, first.rights_holder)


def write_hostile_run(tables):
    """Every text of every table is hostile."""
    bad = _HOSTILE
    tags = (TimeRange(0.0, 1.0),)
    link = AuthorLink(bad, bad, bad, bad, 0.9, bad, bad, 0.1, (bad,))
    neighbours = Neighbours(bad, bad, 2, (NodeOpinion(bad, 0.9, 0.9),))
    shares = (ClassShare(bad, 0.9, 5.0),)
    evidence = Evidence(bad, bad, bad, 0.9, 0.5, 0.0, 1.0, bad)
    records = {
        "match_podcasts": {
            "music_matches": MusicMatch(
                bad, bad, 0.0, 10.0, 0.0, 1.0, 1.0, 50.0, -5.0, bad, (bad,), bad, bad, bad, bad
            ),
            "music_usage": MusicUsage(bad, bad, 1, 10.0, bad, bad, bad, bad),
        },
        "classify_tracks": {
            "track_labels": TrackLabel(bad, bad, bad, bad, bad, 0.5, shares, 10.0, 0.0, None, bad, bad, bad, bad, bad),
            "track_segments": TrackSegment(bad, 0.0, 10.0, bad, 0.9),
        },
        "tag_videos": {
            "shots": Shot(bad, 0, 0.0, 10.0, 250, bad, 0.0, (Keyframe(1.0, 1.0, 1.0, bad),)),
            "shot_tags": ShotTag(bad, 0, 0.0, 10.0, bad, 0.9, bad),
            "media_tags": MediaTag(bad, bad, 0.9, 1.0, bad, tags),
            "moderation": Moderation(bad, bad, bad, (evidence,)),
        },
        "attribute_audiobooks": {
            "author_links": AuthorLinks(bad, bad, (link,), bad, 0.9, bad, (bad,), (neighbours,)),
            "new_authors": NewAuthor(bad, bad, bad, bad, (bad,)),
        },
    }
    for pipeline, tables_of in records.items():
        made = provenance("first", pipeline=pipeline)
        statuses = [
            MediaStatus(bad, bad, "done", None, None, 10.0, "0", "0"),
            MediaStatus(bad + "2", bad, "failed", bad, bad, None, "0", "0"),
        ]
        write_records(tables, "media_status", statuses, made)
        for table, record in tables_of.items():
            write_records(tables, table, [record], made)
