"""Oracle: names that anybody would take for one person's share a key, and names of two people do not."""

import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from models.audiobooks import Audiobook, Author, Contributor
from models.blocking import KINDS, audiobook_keys, author_keys, deletions
from models.profiles import count_rarity, profile_audiobook, profile_author

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=100)
RARITY = count_rarity([])
WORDS = st.text(string.ascii_lowercase, min_size=4, max_size=9)
LETTERS = st.sampled_from(string.ascii_lowercase)


def author(name, works=(), aliases=(), subjects=()):
    entry = Author("a1", name, "", "", "", aliases, None, None, works, ("",) * len(works), subjects, ())
    return profile_author(entry, RARITY)


def audiobook(*names, title="", genres=(), description=""):
    strings = tuple(Contributor(name, "author") for name in names)
    return profile_audiobook(Audiobook("m", title, "", strings, "", "", "", genres, None, description), RARITY)


def shared(book, entry):
    """The kinds of the keys that they share."""
    return {key.kind for key in audiobook_keys(book) & author_keys(entry)}


@REPEATABLE
@given(WORDS, st.integers(0, 8), LETTERS, st.sampled_from(["insert", "delete", "replace", "swap"]))
def test_words_one_edit_apart_share_a_deletion(word, place, letter, edit):
    place %= len(word)
    other = {
        "insert": word[:place] + letter + word[place:],
        "delete": word[:place] + word[place + 1 :],
        "replace": word[:place] + letter + word[place + 1 :],
        "swap": word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
    }[edit]
    assume(len(other) > 3 or edit == "delete")
    assert OSA.distance(word, other) <= 1
    assert set(deletions(word)) & set(deletions(other))


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("Tobias Quillfeather", {"name", "surname", "initial", "misspelt"}),
        ("Quillfeather, Tobias", {"name", "surname", "initial", "misspelt"}),
        ("T. Quillfeather", {"surname", "initial", "misspelt"}),
        ("Quillfeather", {"surname"}),
        ("Tobias Quilfeather", {"misspelt"}),
        ("Tobais Quillfeather", {"surname", "initial", "misspelt"}),
        ("Otto Quillfeather", {"surname"}),
        ("Petra Lindqvale", set()),
    ],
)
def test_a_name_meets_its_author_in_every_form(name, kinds):
    found = shared(audiobook(name), author("Tobias Quillfeather"))
    assert found >= kinds
    assert bool(found) == bool(kinds)


def test_titles_names_in_texts_and_subjects_meet_too():
    entry = author("Agnes Thornwhistle", ("The Patient Gardener",), ("Aunt Aggie",), ("Herbs",))
    assert shared(audiobook(title="Patient Gardener, The"), entry) == {"title"}
    assert shared(audiobook(description="The second book of Agnes Thornwhistle."), entry) == {"written"}
    assert shared(audiobook(description="Signed Aunt Aggie."), entry) == {"written"}
    assert shared(audiobook(genres=("Herbs",)), entry) == {"heading"}
    assert shared(audiobook("Various", title="Other"), entry) == set()


@REPEATABLE
@given(st.text(max_size=30), st.text(max_size=30))
def test_every_key_is_of_a_known_kind_whatever_the_text(name, text):
    keys = audiobook_keys(audiobook(name, title=text, genres=(text,), description=text))
    assert {key.kind for key in keys} <= KINDS.keys()
