"""Oracles: connected components by SciPy, and the same rows written in another kind of file."""

import io
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.audiobooks import Audiobook, Author, Contributor
from models.knowledge_base import join_same, merge_authors, name_people, parse_authors, read_audiobook, read_author
from models.manifests import ManifestError, read_rows

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
ROW = {
    "id": "a07", "name": "Lettice Umberley", "given": "Lettice", "surname": "Umberley",
    "sort_name": "Umberley, Lettice", "aliases": ["Captain Swift", "B. Swift"], "birth": 1855, "death": 1923,
    "works": [{"lang": "English", "title": "Under the Yellow Sail"}, "The Corsair"], "subjects": ["Sea stories"],
    "same_as": ["a15"],
}  # fmt: skip
LETTICE = Author(
    author_id="a07",
    name="Lettice Umberley",
    sort_name="Umberley, Lettice",
    given="Lettice",
    surname="Umberley",
    aliases=("Captain Swift", "B. Swift"),
    birth=1855,
    death=1923,
    works=("Under the Yellow Sail", "The Corsair"),
    languages=("English", ""),
    subjects=("Sea stories",),
    same_as=("a15",),
)


def parse(text, name="authors.jsonl"):
    return list(parse_authors(read_rows(io.BytesIO(text.encode()), name)))


def test_an_author_is_what_its_row_states():
    assert parse(json.dumps(ROW)) == [LETTICE]


def test_lists_in_csv_are_json_or_have_bars_between():
    works = json.dumps(ROW["works"]).replace('"', '""')
    text = (
        "id,name,given,surname,sort_name,aliases,birth,death,works,subjects,same_as\n"
        'a07,Lettice Umberley,Lettice,Umberley,"Umberley, Lettice",Captain Swift| B. Swift |,1855,1923,'
        f'"{works}","[""Sea stories""]",a15\n'
    )
    assert parse(text, "authors.csv") == [LETTICE]


def test_what_is_not_known_is_empty():
    empty = Author("a1", "Anne Grey", "", "", "", (), None, None, (), (), (), ())
    nulls = dict.fromkeys(ROW) | {"id": "a1", "name": " Anne Grey "}
    for row in ({"id": "a1", "name": "Anne Grey"}, nulls, {**nulls, "works": [], "birth": 0, "death": ""}):
        assert read_author(row, "here") == empty


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, "expected a column id that is not empty, got id, name, given, surname"),
        ({"name": "  "}, "expected a column name that is not empty, got id, name"),
        ({"name": 1.5}, "expected name to be a text, got 1.5"),
        ({"birth": "about 1855"}, "expected birth to be a year, got 'about 1855'"),
        ({"death": True}, "expected death to be a year, got True"),
        ({"death": float("nan")}, "expected death to be a year, got nan"),
        ({"aliases": {"pen": "Swift"}}, "expected aliases to be a list, got {'pen': 'Swift'}"),
        ({"aliases": [["Swift"]]}, "expected aliases to be a text, got ['Swift']"),
        ({"aliases": "[Swift"}, "expected aliases to be a list, got '[Swift'"),
        ({"works": [{"title": ["The Corsair"]}]}, "expected title to be a text, got ['The Corsair']"),
    ],
)
def test_a_row_that_is_no_author_says_where_and_why(changes, reason):
    first = json.dumps({"id": "a1", "name": "Anne Grey"})
    with pytest.raises(ManifestError) as raised:
        parse(f"{first}\n{json.dumps({**ROW, **changes})}\n")
    assert str(raised.value).startswith(f"authors.jsonl, line 2: {reason}")


def test_the_second_author_of_one_id_is_refused_with_its_line():
    rows = [{"id": "a1", "name": "Anne Grey"}, ROW, {"id": " a1", "name": "Bertha Holm"}]
    with pytest.raises(ManifestError, match=r"^authors.jsonl, line 3: expected one author of id 'a1', got two$"):
        parse("\n".join(map(json.dumps, rows)))


def test_an_audiobook_is_what_its_row_states():
    row = {
        "rid": 7, "title": "On Pebbles", "subtitle": None, "contributors": [{"name": "Anne Grey", "role": "author"}],
        "language": "en", "genres": "Geology|Coasts", "copyright_year": "1868",
    }  # fmt: skip
    strings = (Contributor("Anne Grey", "author"),)
    expected = Audiobook("7", "On Pebbles", "", strings, "", "", "en", ("Geology", "Coasts"), 1868, "")
    assert read_audiobook(row, "here", "rid") == expected
    assert read_audiobook({"media_id": "7"}, "here") == Audiobook("7", "", "", (), "", "", "", (), None, "")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"contributors": "Anne Grey"}, "expected contributors of name and role, got 'Anne Grey'"),
        ({"contributors": [["Anne Grey", "author"]]}, r"expected contributors of name and role, got \['Anne"),
        ({"contributors": 5}, "expected contributors to be a list, got 5"),
        ({"contributors": [{"name": 1.5}]}, "expected name to be a text, got 1.5"),
        ({"copyright_year": "MCMI"}, "expected copyright_year to be a year, got 'MCMI'"),
        ({"media_id": ""}, "expected a column media_id that is not empty, got media_id"),
    ],
)
def test_a_row_that_is_no_audiobook_says_where_and_why(changes, reason):
    with pytest.raises(ManifestError, match=f"^books.csv, line 5: {reason}"):
        read_audiobook({"media_id": "m"} | changes, "books.csv, line 5")


def test_half_a_surrogate_pair_is_read_as_a_question_mark():
    assert read_author({"id": "a1", "name": "Anne \ud83d Grey"}, "here").name == "Anne ? Grey"


# Entries that are the same


@REPEATABLE
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=14))
def test_those_that_are_the_same_are_the_connected_components_under_their_first_id(edges):
    found = join_same([(f"a{a:02}", f"a{b:02}") for a, b in edges])
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    _, labels = connected_components(coo_array(([1] * len(edges), (rows, columns)), (13, 13)), directed=False)
    touched = {number for edge in edges for number in edge}
    assert found == {
        f"a{number:02}": f"a{min(other for other in touched if labels[other] == labels[number]):02}"
        for number in touched
    }


@REPEATABLE
@given(st.permutations([("d", "c"), ("c", "b"), ("x", "y"), ("b", "a"), ("a", "d")]))
def test_the_order_of_the_pairs_does_not_matter(edges):
    assert join_same(edges) == dict.fromkeys("abcd", "a") | dict.fromkeys("xy", "x")


def entry(author_id, name, works=(), **known):
    languages = tuple("English" for _ in works)
    fields = {"aliases": (), "birth": None, "death": None, "subjects": (), "same_as": ()} | known
    return Author(author_id, name, f"sort {name}", "", "", works=tuple(works), languages=languages, **fields)


def test_merging_keeps_all_names_titles_subjects_and_the_years_that_are_known():
    first = entry("a1", "Lettice Umberley", ["The Corsair", "The Sail"], aliases=("B. Swift",), subjects=("Sea",))
    second = entry("a2", "L. Umberley", ["The Sail", "The Ship"], birth=1855, same_as=("a1",))
    third = entry("a3", "Lettice Umberley", aliases=("Lettice", "B. Swift"), death=1923, subjects=("Ships", "Sea"))
    for order in itertools.permutations([first, second, third]):
        merged = merge_authors(list(order))
        assert merged == entry(
            "a1",
            "Lettice Umberley",
            ["The Corsair", "The Sail", "The Ship"],
            aliases=("B. Swift", "L. Umberley", "Lettice"),
            birth=1855,
            death=1923,
            subjects=("Sea", "Ships"),
        )


def test_the_id_of_all_is_the_first_that_the_knowledge_base_has():
    entries = [entry("b2", "L. Umberley", same_as=("a0",)), entry("b1", "Lettice Umberley", same_as=("a0",))]
    entries += [entry("c1", "Anne Grey"), entry("c2", "Bertha Holm", same_as=("c3",))]
    assert name_people(entries) == dict.fromkeys(["a0", "b1", "b2"], "b1") | dict.fromkeys(["c2", "c3"], "c2")
    assert merge_authors(entries[:2]).author_id == "b1"


def test_one_entry_is_itself():
    assert merge_authors([LETTICE]) == LETTICE
