"""Mentions: who a contributor string may name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    ("text", "tokens", "role"),
    [
        ("Gelesen von Anna Grau", ("anna", "grau"), "narrator"),
        ("Anna Grau (Narrator)", ("anna", "grau"), "narrator"),
        ("Translated by Anna Grau", ("anna", "grau"), "translator"),
        ("Anna Grau (trans.)", ("anna", "grau"), "translator"),
        ("by Anna Grau", ("anna", "grau"), "author"),
        ("Anna Grau", ("anna", "grau"), "contributor"),
    ],
)
def test_words_that_say_what_somebody_did_are_no_part_of_the_name(text, tokens, role):
    (mention,) = parse_mentions([Contributor(text, "contributor")])
    assert (mention.name.tokens, mention.role) == (tokens, role)


def test_mentions_are_of_their_strings_in_order_and_nobodys_are_left_out():
    strings = [Contributor(text, "author") for text in ("Various", "Anne Grey", "", "Otto Holm & Carl Ive")]
    found = [(each.contributor, each.text, each.names) for each in parse_mentions(strings)]
    assert found == [(1, "Anne Grey", 1), (3, "Otto Holm", 2), (3, "Carl Ive", 2)]


@given(st.text(max_size=40))
def test_every_reading_of_any_text_has_words_and_pieces(text):
    for mention in parse_mentions([Contributor(text, "author")]):
        assert mention.name.tokens
        assert mention.name.surname
        assert mention.span[0] < mention.span[1]
        assert mention.names >= 1


def test_readings_of_the_same_words_overlap_and_those_of_others_do_not():
    spans = {each.name.tokens: each.span for each in parse_mentions([Contributor("Sand, George / Verne", "author")])}
    assert spans[("george", "sand")] == (0, 2)
    assert spans[("george",)] == (1, 2)
    assert spans[("verne",)] == (2, 3)
