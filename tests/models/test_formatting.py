import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.formatting import is_number, name_page, show


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("text", "a < b", "a < b"),
        ("count", 1234567, "1,234,567"),
        ("clock", 0.04, "0:00.0"),
        ("clock", 59.96, "1:00.0"),
        ("clock", 3723.25, "1:02:03.2"),
        ("clock", -1.5, "-0:01.5"),
        ("hours", 1234.5, "1,234.50 h"),
        ("share", 0.3609, "36.1%"),
        ("score", 0.995, "0.99"),
        ("nats", 141.26, "141"),
        ("factor", 1.03, "1.0300"),
        ("level", -0.04, "0.0 dB"),
        ("list", ["a", "b"], "a, b"),
        ("time", datetime.datetime(2026, 11, 24, 8, 5), "2026-11-24 08:05 UTC"),
        ("clock", None, "\N{EN DASH}"),
    ],
)
def test_values_are_shown_as_people_write_them(kind, value, text):
    assert show(kind, value) == text


def test_texts_are_no_numbers():
    assert [is_number(kind) for kind in ("text", "list", "time", "count", "clock")] == [False, False, False, True, True]


@given(st.lists(st.text(min_size=1, max_size=20), unique=True, min_size=2, max_size=20))
def test_pages_have_names_of_their_own_and_stay_in_their_folder(media_ids):
    names = [name_page(media_id) for media_id in media_ids]
    assert len({name.lower() for name in names}) == len(names)
    assert all("/" not in name and name not in ("", ".", "..") for name in names)
