"""Oracles: what comparisons must not depend on, and cosines by NumPy."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.audiobooks import Audiobook, Author, Contributor
from models.comparisons import FEATURES, best_mention, compare, stack
from models.names import parse_name
from models.profiles import count_rarity, profile_audiobook, profile_author

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
TOBIAS = Author(
    author_id="a02",
    name="Tobias Quillfeather",
    sort_name="Quillfeather, Tobias",
    given="Tobias",
    surname="Quillfeather",
    aliases=("Uncle Toby",),
    birth=1862,
    death=1931,
    works=("The Brass Orchard", "Nine Lamps on Tallow Street"),
    languages=("English", "French"),
    subjects=("Detective stories", "City life -- Fiction"),
    same_as=(),
)
OTHERS = [dataclasses.replace(TOBIAS, author_id=f"x{n}", name=f"Anne {n}", works=(f"Work {n}",)) for n in range(5)]
RARITY = count_rarity([TOBIAS, *OTHERS])
BOOK = Audiobook(
    media_id="m",
    title="The Brass Orchard",
    subtitle="",
    contributors=(Contributor("Petra Lindqvale", "narrator"), Contributor("T. Quillfeather", "author")),
    publisher="",
    series="",
    language="en",
    genres=("Detective stories",),
    copyright_year=1899,
    description="By the author of Nine Lamps on Tallow Street.",
)


def compared(book=BOOK, author=TOBIAS):
    """The index of the mention, and the features by name."""
    index, features = compare(profile_audiobook(book, RARITY), profile_author(author, RARITY), RARITY)
    return index, dict(zip(FEATURES, features, strict=True))


def test_features_have_names_of_their_own_and_are_as_many():
    assert len(set(FEATURES)) == len(FEATURES)
    nobody = Audiobook("m", "", "", (), "", "", "", (), None, "")
    nothing = Author("a1", "???", "", "", "", (), None, None, (), (), (), ())
    for book in (BOOK, nobody):
        for author in (TOBIAS, nothing):
            index, found = compared(book, author)
            assert np.isfinite(list(found.values())).all()
            assert (index >= 0) == bool(found["has_mention"])


def test_the_features_say_what_anybody_sees():
    index, found = compared()
    assert index == 1
    expected = {
        "has_mention": 1, "surname": 1, "given_initials": 1, "same_words": 0, "clash": 0, "role_author": 1,
        "role_narrator": 0, "position": 1, "contributors": 2, "title_same": 1, "title_cover_best": 1, "age": 37,
        "after_death": -32, "impossible": 0, "same_subjects": 1, "language_share": 0.5, "authors_claimed": 1,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["title_ratio"] == pytest.approx(1)


def test_without_a_name_only_works_texts_and_years_speak():
    index, found = compared(dataclasses.replace(BOOK, contributors=(Contributor("Various", "author"),)))
    assert (index, found["nobody"], found["surname"], found["title_same"]) == (-1, 1, 0, 1)


def test_a_copyright_before_the_author_could_write_is_impossible():
    assert compared(dataclasses.replace(BOOK, copyright_year=1865))[1]["impossible"] == 1
    assert compared(dataclasses.replace(BOOK, copyright_year=None))[1]["impossible"] == 0


@REPEATABLE
@given(st.permutations(range(4)), st.permutations(range(2)))
def test_the_order_of_aliases_works_and_subjects_changes_nothing(names, works):
    aliases = ("Uncle Toby", "T. Q.", "Toby Quill", "Tobias R. Quillfeather")
    author = dataclasses.replace(TOBIAS, aliases=aliases)
    turned = dataclasses.replace(
        author,
        aliases=tuple(aliases[i] for i in names),
        works=tuple(author.works[i] for i in works),
        languages=tuple(author.languages[i] for i in works),
        subjects=tuple(author.subjects[i] for i in works),
    )
    (_, found), (_, expected) = compared(BOOK, turned), compared(BOOK, author)
    assert found == pytest.approx(expected)


@REPEATABLE
@given(st.sampled_from(["upper", "lower", "title"]), st.sampled_from(["", " ", "\t"]))
def test_case_and_spaces_do_not_change_how_titles_and_texts_compare(case, space):
    change = getattr(str, case)
    other = dataclasses.replace(
        BOOK, title=space + change(BOOK.title) + space, genres=tuple(change(genre) for genre in BOOK.genres)
    )
    (_, found), (_, expected) = compared(other), compared()
    for name in ("title_same", "title_ratio", "title_cover", "title_cover_best", "same_subjects", "genre_cosine"):
        assert found[name] == pytest.approx(expected[name])


@REPEATABLE
@given(st.lists(st.sampled_from(["pebbles", "herons", "lamps", "orchard"]), max_size=6))
def test_the_cosine_is_that_of_tf_idf(words):
    book = dataclasses.replace(BOOK, genres=(), description="", title=" ".join(words))
    mine, theirs = profile_audiobook(book, RARITY).words, profile_author(TOBIAS, RARITY).words
    names = sorted({*mine, *theirs})
    one, other = (np.array([each.get(name, 0.0) for name in names]) for each in (mine, theirs))
    for each in (one, other):
        assert np.linalg.norm(each) == pytest.approx(1) or not each.any()
    assert compared(book)[1]["words_cosine"] == pytest.approx(one @ other)


def test_of_several_mentions_the_likest_is_taken_and_of_equals_the_first():
    mentions = profile_audiobook(BOOK, RARITY).mentions
    forms = (parse_name("Tobias Quillfeather"), parse_name("Petra Lindqvale"))
    assert best_mention(mentions, forms)[:2] == (0, forms[1])
    assert best_mention(mentions, forms[:1])[:2] == (1, forms[0])
    assert best_mention(mentions + mentions, forms[:1])[0] == 1
    assert best_mention(mentions, ())[0] == best_mention((), forms)[0] == -1
    assert best_mention(mentions, (parse_name("Xu"),))[0] == -1


def test_stacked_features_keep_their_shape_even_of_no_pairs():
    assert stack([]).shape == (0, len(FEATURES))
    rows = [[float(i + j) for j in range(len(FEATURES))] for i in range(3)]
    np.testing.assert_array_equal(stack(rows), np.array(rows, np.float32))
