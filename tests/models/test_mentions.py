"""Mentions: who a contributor string may name."""

import pytest

from models.audiobooks import Contributor
from models.mentions import is_nobody, parse_mentions


def names_of(text, role="author"):
    return {each.name.tokens for each in parse_mentions([Contributor(text, role)])}


@pytest.mark.parametrize("text", ["Various", "Unknown Author", "N/A", "Diverse", "Anonymous", "", "..."])
def test_nobody_is_not_mentioned(text):
    assert is_nobody(text)
    assert not names_of(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("M.J. Richardson / Roy Watling", {("m", "j", "richardson"), ("roy", "watling")}),
        ("Jean Lang with Lang", {("jean", "lang"), ("lang",)}),
        ("Mark Twain aka Samuel Clemens", {("mark", "twain"), ("samuel", "clemens")}),
        ("Sand,George", {("george", "sand")}),
        ("Balfour; John Hutton", {("john", "hutton", "balfour"), ("john", "hutton")}),
        ("Leatherwood, S., Caldwell, Winn", {("s", "leatherwood"), ("winn", "caldwell")}),
    ],
)
def test_every_person_of_a_string_has_a_reading(text, expected):
    assert expected <= names_of(text)


def test_a_string_that_says_who_reads_overrules_the_claimed_role():
    (mention,) = parse_mentions([Contributor("Read by Anthony Craine", "author")])
    assert (mention.name.tokens, mention.role) == (("anthony", "craine"), "narrator")


def test_readings_of_the_same_words_overlap_and_those_of_others_do_not():
    spans = {each.name.tokens: each.span for each in parse_mentions([Contributor("Sand, George / Verne", "author")])}
    assert spans[("george", "sand")] == (0, 2)
    assert spans[("george",)] == (1, 2)
    assert spans[("verne",)] == (2, 3)
