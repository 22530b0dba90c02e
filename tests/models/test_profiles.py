"""Oracles: what is counted one by one, and text of any kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.attribution import name_evidence
from models.audiobooks import Audiobook, Author, Contributor
from models.comparisons import compare
from models.names import parse_name
from models.profiles import (
    count_rarity,
    find_names,
    join_rarity,
    normalise_language,
    profile_audiobook,
    profile_author,
)

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
TEXTS = st.text(max_size=25) | st.sampled_from(
    ["Grey, Anne", "A. Grey & Otto Holm", "The Heron Clock, Vol. 2", "de la"]
)
LISTS = st.lists(TEXTS, max_size=3).map(tuple)
ROLES = st.sampled_from(["author", "narrator", ""])
YEARS = st.none() | st.integers(-3000, 3000)
AUTHORS = st.builds(
    lambda aliases, works, **known: Author(aliases=aliases, works=works, languages=("en",) * len(works), **known),
    author_id=st.sampled_from("abc"), name=TEXTS, sort_name=TEXTS, given=TEXTS, surname=TEXTS, aliases=LISTS,
    birth=YEARS, death=YEARS, works=LISTS, subjects=LISTS, same_as=st.just(()),
)  # fmt: skip
AUDIOBOOKS = st.builds(
    Audiobook,
    media_id=st.just("m"), title=TEXTS, subtitle=TEXTS, publisher=TEXTS, series=TEXTS, language=TEXTS, genres=LISTS,
    contributors=st.lists(st.builds(Contributor, TEXTS, ROLES), max_size=3).map(tuple),
    copyright_year=YEARS, description=TEXTS,
)  # fmt: skip


@REPEATABLE
@given(AUDIOBOOKS, AUTHORS)
def test_any_audiobook_compares_with_any_author_and_is_evidence_of_some_kind(book, author):
    rarity = count_rarity([author])
    profile = profile_audiobook(book, rarity)
    mention, features = compare(profile, profile_author(author, rarity), rarity)
    assert np.isfinite(features).all()
    assert -1 <= mention < len(profile.mentions)
    assert (name_evidence(np.array(features, np.float32)) == "text") or mention >= 0


@REPEATABLE
@given(st.lists(AUTHORS, max_size=6), st.integers(0, 6))
def test_the_rarity_of_parts_is_that_of_the_whole(authors, split):
    parts = [count_rarity(authors[:split]), count_rarity(authors[split:])]
    assert join_rarity(parts) == count_rarity(authors)
    assert join_rarity([]) == count_rarity([])


def test_rarity_falls_with_every_author_that_uses_a_word():
    authors = [
        Author(f"a{n}", f"Anne Grey{n}", "", "", "", (), None, None, ("Herons, herons",) * n, ("",) * n, (), ())
        for n in range(3)
    ]
    rarity = count_rarity(authors)
    assert (rarity.authors, rarity.words["herons"], rarity.name_tokens["anne"]) == (3, 2, 3)
    assert rarity.word("herons") == pytest.approx(np.log(4 / 3))
    assert rarity.name_token("anne") == 0
    assert rarity.word("unheard") == pytest.approx(np.log(4))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("By the author Agnes Thornwhistle.", {"Agnes Thornwhistle"}),
        ("told by Anne Mary Grey, of", {"Anne Mary", "Mary Grey", "Anne Mary Grey"}),
        ("Hop-Pickers and O'Brien", set()),
        ("nobody at all", set()),
        ("", set()),
    ],
)
def test_names_in_texts_are_capitalised_words_in_a_row(text, names):
    found = find_names(text)
    assert {parse_name(name).key for name in names} <= found
    assert bool(found) == bool(names)


def test_people_among_subjects_are_written_names():
    book = Audiobook("m", "", "", (), "", "", "", ("Twain, Mark, 1835-1910 -- Travel",), None, "")
    assert parse_name("Mark Twain").key in profile_audiobook(book, count_rarity([])).written_names


@pytest.mark.parametrize(
    ("text", "language"), [("en", "english"), ("English", "english"), ("AF-NL", "afrikaans"), ("", "")]
)
def test_a_languages_code_and_name_are_one(text, language):
    assert normalise_language(text) == language
