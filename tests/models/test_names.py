"""Names: folded, parsed, compared."""

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from models.names import PARTICLES, compare_names, fold, make_name, parse_name, similarity

WORDS = st.text(string.ascii_lowercase, min_size=2, max_size=12)


@pytest.mark.parametrize(
    ("text", "tokens", "surname"),
    [
        ("Griffith, W.", ("w", "griffith"), "griffith"),
        ("Honor&eacute; de Balzac", ("honore", "balzac"), "balzac"),
        ("Bj\u00c3\u00b6rnstjerne Bj\u00c3\u00b8rnson", ("bjornstjerne", "bjornson"), "bjornson"),
        ("Falstaffe, John, Sir", ("john", "falstaffe"), "falstaffe"),
        ("J. Lord", ("j", "lord"), "lord"),
        ("L. L. Langstroth", ("l", "l", "langstroth"), "langstroth"),
        ("Gregg Margarite (1957-2012)", ("gregg", "margarite"), "margarite"),
        ("LuigiPirandello", ("luigi", "pirandello"), "pirandello"),
        ("Alice Hale 8urnett", ("alice", "hale", "burnett"), "burnett"),
        ("", (), ""),
    ],
)
def test_a_name_is_read_whatever_its_form(text, tokens, surname):
    name = parse_name(text)
    assert (name.tokens, name.surname) == (tokens, surname)


@given(WORDS, WORDS)
def test_order_does_not_change_the_key(given_name, surname):
    assume(make_name(given_name, "x").tokens[:1] == (given_name,) and make_name(surname, "x").tokens[:1] == (surname,))
    assume(given_name not in PARTICLES and surname not in PARTICLES)
    assert make_name(given_name, surname).key == make_name(surname, given_name).key


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@given(WORDS, WORDS)
def test_words_are_similar_exactly_while_a_typo_explains_them(a, b):
    edits, longest = OSA.distance(a, b), max(len(a), len(b))
    near = a == b or (longest >= 4 and edits <= (1 if longest <= 6 else 2))
    assert (similarity(a, b) > 0) == near


@pytest.mark.parametrize(
    ("a", "b", "clash"),
    [
        ("W. Griffith", "William Griffith", False),
        ("Twain", "Mark Twain", False),
        ("Anne Bronte", "Charlotte Bronte", True),
    ],
)
def test_only_other_given_names_clash(a, b, clash):
    match = compare_names(parse_name(a), parse_name(b))
    assert match.surname == 1
    assert match.clash == clash


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_a_name_agrees_with_itself(words):
    name = make_name(" ".join(words), "")
    match = compare_names(name, name)
    assert (match.surname, match.left, match.right, match.clash) == (1, 0, 0, False)
    assert match.exact == len(name.tokens) - 1
    assert match.fuzzy == match.initials == 0


@given(st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=4))
def test_every_word_is_paired_once_or_left_over(one, other):
    a, b = make_name(" ".join(one), ""), make_name(" ".join(other), "")
    match = compare_names(a, b)
    paired = (match.surname > 0) + match.exact + match.fuzzy + match.initials
    assert paired + match.left == len(a.tokens)
    assert paired + match.right == len(b.tokens)


@given(WORDS, WORDS)
def test_similarity_is_the_same_from_both_sides(a, b):
    assert similarity(a, b) == similarity(b, a)
