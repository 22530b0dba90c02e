"""Oracle: the title that stands before volume, edition and recording are added to it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.titles import STOPWORDS, content_words, main_title_key, title_key

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=100)
TITLES = ("heron clock", "ferryman s debt", "road over the fell", "maison aux herons")
VOLUMES = (", Vol. 2", " (Volume II)", " - Part Three", ": Book 4", ", Band 1", " Tome 3", ", Chapter 12: The Fog")
RECORDINGS = (" (Unabridged)", " [Audiobook]", " (Version 2)", " (Dramatic Reading)")


@pytest.mark.parametrize("addition", ["", *VOLUMES, *RECORDINGS])
def test_articles_volumes_and_recordings_do_not_change_the_key(addition):
    for title, article in itertools.product(TITLES, ["", "The ", "a ", "La ", "Das "]):
        assert title_key(f"{article}{title.title()}{addition}") == title


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("Heron Clock, The", "heron clock"),
        ("The Heron Clock 2", "heron clock"),
        ("La Maison aux h\u00e9rons", "maison aux herons"),
        ("The Brass Orchard, Vol. 1 of 3", "brass orchard"),
        ("1984", "1984"),
        ("The", "the"),
        ("Volume One", "volume one"),
        ("", ""),
        ("Books and Bookmen", "books and bookmen"),
    ],
)
def test_a_key_is_what_names_the_work(title, key):
    assert title_key(title) == key


@pytest.mark.parametrize(
    ("title", "key"),
    [
        ("On Pebbles: A Walk with a Hammer", "on pebbles"),
        ("On Pebbles - A Walk", "on pebbles"),
        ("On Pebbles \u2014 A Walk", "on pebbles"),
        ("Candide, or Optimism", "candide"),
        ("Hop-Pickers", "hop pickers"),
        ("The Road (English)", "road"),
    ],
)
def test_a_main_title_stands_before_colon_dash_or_bracket(title, key):
    assert main_title_key(title) == key


@REPEATABLE
@given(st.text(max_size=40))
def test_a_key_of_a_key_is_the_key_of_a_title_and_never_empty_unless_nothing_is_there(title):
    key = title_key(title)
    assert bool(key) == bool(title_key(key))
    assert key == " ".join(key.split())


@REPEATABLE
@given(st.lists(st.sampled_from(["heron", "the", "of", "Clock", "clock", "h\u00e9ron", "ii", "stories"])))
def test_content_words_are_long_tell_texts_apart_and_come_once(words):
    found = content_words(" ".join(words))
    assert len(set(found)) == len(found)
    assert set(found) == {each for word in words if (each := word.lower().replace("\u00e9", "e")) in ("heron", "clock")}
    assert not set(found) & STOPWORDS
