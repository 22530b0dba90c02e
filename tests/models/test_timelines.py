import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.timelines import count_lanes, lay_out, list_ticks

_SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=12).map(
    lambda pairs: sorted((min(pair), max(pair)) for pair in pairs)
)


@given(_SPANS)
def test_bars_of_one_lane_do_not_overlap_and_lanes_are_as_few_as_can_be(spans):
    bars = lay_out(spans, 50.0)
    lanes = [[span for span, bar in zip(spans, bars, strict=True) if bar.lane == lane] for lane in range(99)]
    assert all(a[1] <= b[0] for lane in lanes for a, b in itertools.pairwise(lane))
    at_once = max((sum(start <= moment < end for start, end in spans) for moment in range(50)), default=0)
    lasting = [span for span in spans if span[0] < span[1]]
    assert count_lanes(lay_out(lasting, 50.0)) == at_once


@given(_SPANS)
def test_bars_stand_where_their_spans_are(spans):
    for (start, end), bar in zip(spans, lay_out(spans, 50.0), strict=True):
        assert (bar.left * 50, (bar.left + bar.width) * 50) == pytest.approx((start, end))


@given(st.floats(0.1, 1e6))
def test_ticks_are_a_dozen_at_most_from_the_start_and_evenly_apart(duration_s):
    ticks = list(list_ticks(duration_s))
    assert ticks[0] == 0 and ticks[-1] <= duration_s and len(ticks) <= 13
    assert len({b - a for a, b in itertools.pairwise(ticks)}) <= 1
