"""Oracle: what anybody would call the same author from one day to the next."""

import dataclasses
import datetime

from models.clusters import Orphan
from models.names import parse_name
from models.new_authors import name_new_authors

ANNE, BERTHA = parse_name("Anne Grey"), parse_name("Bertha Holm")


def orphan(media_id, name=ANNE):
    return Orphan(media_id, name, None, frozenset())


def rows_of(authors, day):
    """As a run of that day of the month has written them."""
    written = datetime.datetime(2026, 1, day, tzinfo=datetime.UTC)
    return [dataclasses.asdict(each) | {"processed_at": written} for each in authors]


def known(*media_ids, author_id=None):
    return dict.fromkeys(media_ids, author_id)


FIRST = name_new_authors([orphan("a"), orphan("b"), orphan("c", BERTHA)], [], known("a", "b", "c"))
(ID,) = [each.new_author_id for each in FIRST if each.media_ids == ("a", "b")]
(OTHER,) = [each.new_author_id for each in FIRST if each.media_ids == ("c",)]


def summary(authors):
    return {each.new_author_id: (each.status, each.replaced_by, each.media_ids) for each in authors}


def test_new_authors_have_ids_of_their_own_the_commonest_name_and_their_audiobooks():
    assert summary(FIRST) == {ID: ("new", None, ("a", "b")), OTHER: ("new", None, ("c",))}
    assert {each.new_author_id: each.name for each in FIRST} == {ID: "anne grey", OTHER: "bertha holm"}
    assert ID.startswith("new-")
    assert list(FIRST) == sorted(FIRST, key=lambda each: each.new_author_id)


def test_an_id_stays_with_one_audiobook_more_or_fewer():
    for names in (["a", "b", "d"], ["b"], ["b", "d"]):
        found = name_new_authors([orphan(name) for name in names], rows_of(FIRST, 1), known(*names))
        assert summary(found) == {ID: ("kept", None, tuple(names))}


def test_an_author_whose_audiobooks_are_not_at_hand_is_left_alone():
    found = name_new_authors([orphan("a"), orphan("b")], rows_of(FIRST, 1), known("a", "b"))
    assert OTHER not in summary(found)
    later = name_new_authors([orphan("c", BERTHA)], rows_of(FIRST, 1) + rows_of(found, 2), known("c"))
    assert summary(later) == {OTHER: ("kept", None, ("c",))}


def test_an_id_whose_audiobooks_have_a_known_author_now_is_retired_and_says_who():
    at_hand = known("a", "b", author_id="a16") | known("c")
    found = name_new_authors([orphan("c", BERTHA)], rows_of(FIRST, 1), at_hand)
    assert summary(found) == {ID: ("retired", "a16", ()), OTHER: ("kept", None, ("c",))}


def test_an_id_that_another_cluster_has_swallowed_is_retired_and_says_which():
    parted = [
        dataclasses.replace(FIRST[0], new_author_id="new-1", media_ids=("a",)),
        dataclasses.replace(FIRST[0], new_author_id="new-2", media_ids=("b", "c")),
    ]
    found = name_new_authors([orphan(name) for name in "abc"], rows_of(parted, 1), known("a", "b", "c"))
    assert summary(found) == {"new-1": ("retired", "new-2", ()), "new-2": ("kept", None, ("a", "b", "c"))}


def test_a_retired_id_stays_retired():
    retired = name_new_authors([], rows_of(FIRST, 1), known("a", "b", "c", author_id="a16"))
    assert {each.status for each in retired} == {"retired"}
    history = rows_of(FIRST, 1) + rows_of(retired, 2)
    assert name_new_authors([], history, known("a", "b", "c", author_id="a16")) == []
    again = name_new_authors([orphan("a"), orphan("b")], history, known("a", "b"))
    assert summary(again) == {ID: ("new", None, ("a", "b"))}  # unless the knowledge base loses the author again


def test_of_each_id_the_newest_row_counts_in_whatever_order_they_come():
    second = name_new_authors([orphan("b"), orphan("d")], rows_of(FIRST, 1), known("b", "d"))
    for history in (rows_of(FIRST, 1) + rows_of(second, 2), rows_of(second, 2) + rows_of(FIRST, 1)):
        found = name_new_authors([orphan("d")], history, known("d"))
        assert summary(found) == {ID: ("kept", None, ("d",))}


def test_the_name_is_what_most_audiobooks_have_and_of_those_the_fullest():
    def name_of(*names):
        orphans = [orphan(str(number), parse_name(name)) for number, name in enumerate(names)]
        (found,) = name_new_authors(orphans, [], known(*map(str, range(len(names)))))
        return found.name

    assert name_of("A. Grey", "Anne Grey") == "anne grey"
    assert name_of("A. Grey", "Anne Grey", "A. Grey") == "a grey"


def test_nothing_comes_of_nothing():
    assert name_new_authors([], [], {}) == []
    assert name_new_authors([], rows_of(FIRST, 1), {}) == []


def test_an_audiobook_that_names_nobody_is_an_author_without_a_name():
    (found,) = name_new_authors([orphan("a", parse_name(""))], [], known("a"))
    assert (found.name, found.media_ids) == ("", ("a",))
