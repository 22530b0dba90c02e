"""Oracles: whose peaks they were made of, and the same stretches explained again or in another order."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.explaining import explain
from models.overlay import BINS, EXACT, NONE, Overlay, Placement
from models.records import Recording
from models.stretches import Stretch
from models.verification import VerificationConfig

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=100)
CONFIG = VerificationConfig()


def stretch_of(track_id, cells, score=100.0, offset=0.0, missed=(), first=None, last=None):
    """Of a track with a peak in each of the cells, heard but for the missed ones."""
    cells = np.array(sorted({*cells, *missed}), np.int64)
    heard = ~np.isin(cells, list(missed))
    outcomes = np.where(heard, EXACT, NONE).astype(np.int8)
    rarities = np.full(len(cells), 30, np.float32)
    evidence = Overlay(np.arange(len(cells)), cells, np.where(heard, cells, -1), outcomes, rarities)
    first, last = (int(cells[end]) // BINS if edge is None else edge for edge, end in ((first, 0), (last, -1)))
    return Stretch("item", 0, Recording(track_id), Placement(offset), first, last, score, evidence)


def peaks(seed, first, last, count=60):
    """Random cells of those frames."""
    return np.random.default_rng(seed).integers(first * BINS, last * BINS, count).tolist()


def told(stretches):
    """All but the evidence, which is arrays."""
    return [(dataclasses.replace(each, evidence=None), each.evidence.cells.tolist()) for each in stretches]


def track_ids(stretches):
    return [each.recording.track_id for each in stretches]


def test_stretches_with_peaks_of_their_own_are_kept_the_best_first():
    one, other = stretch_of("one", peaks(1, 0, 300), 50.0), stretch_of("other", peaks(2, 0, 300), 90.0)
    assert told(explain([one, other], CONFIG)) == told([other, one])


def test_the_same_peaks_are_evidence_for_the_best_and_the_others_are_its_alternatives():
    cells = peaks(1, 0, 300)
    same = [stretch_of("worse", cells, 80.0), stretch_of("best", cells, 90.0), stretch_of("worst", cells, 70.0)]
    (found,) = explain(same, CONFIG)
    assert (found.recording.track_id, found.score, found.alternatives) == ("best", 90.0, ("worse", "worst"))


@pytest.mark.parametrize(("score", "last"), [(30.0, 300), (80.0, 100)])
def test_what_fits_much_worse_or_shorter_is_explained_and_no_alternative(score, last):
    cells = peaks(1, 0, 300, 200)
    short = stretch_of("other", [cell for cell in cells if cell < last * BINS], score)
    (found,) = explain([stretch_of("best", cells, 90.0), short], CONFIG)
    assert (found.recording.track_id, found.alternatives) == ("best", ())


def test_a_track_is_no_alternative_to_itself():
    cells = peaks(1, 0, 300)
    (found,) = explain([stretch_of("loop", cells), stretch_of("loop", cells, 90.0, offset=-125.0)], CONFIG)
    assert found.alternatives == ()


def test_what_lies_beside_a_better_stretch_of_the_track_is_the_same():
    """Even if it has peaks of its own: a frame beside, others coincide."""
    one, other = stretch_of("one", peaks(1, 0, 300), 90.0), stretch_of("one", peaks(2, 0, 300), 80.0, offset=1.0)
    assert told(explain([one, other], CONFIG)) == told([one])
    far = dataclasses.replace(other, placement=Placement(40.0))
    assert told(explain([one, far], CONFIG)) == told([one, far])


def test_a_stretch_that_is_explained_in_part_keeps_its_own_part():
    """A bar that another track has too, then one of its own."""
    shared, own = peaks(1, 0, 150), peaks(2, 170, 300)
    best = stretch_of("best", [*shared, *peaks(3, 0, 150)], 200.0)
    kept, rest = explain([best, stretch_of("other", [*shared, *own], 150.0)], CONFIG)
    assert told([kept]) == told([best])
    assert rest.evidence.cells.tolist() == sorted(set(own))
    assert (rest.first_frame, rest.last_frame) == (min(own) // BINS, max(own) // BINS)
    assert 0 < rest.score < 400


def test_what_is_left_without_evidence_is_not_kept():
    shared, few = peaks(1, 0, 150), peaks(2, 170, 300, 4)
    best = stretch_of("best", shared, 200.0)
    assert track_ids(explain([best, stretch_of("other", [*shared, *few], 150.0)], CONFIG)) == ["best"]
    missed = stretch_of("other", [*shared, *few, *peaks(3, 170, 300, 8)], 150.0, missed=peaks(4, 160, 310, 300))
    assert track_ids(explain([best, missed], CONFIG)) == ["best"]


def test_a_few_peaks_that_coincide_change_nothing():
    one, other = peaks(1, 0, 300), peaks(2, 0, 300)
    stretches = [stretch_of("one", one, 90.0), stretch_of("other", [*other, *one[:4]], 80.0)]
    assert told(explain(stretches, CONFIG)) == told(stretches)


# Tracks of some of ten bars; where they share one, they share its peaks.
STRETCHES = st.lists(st.tuples(st.sets(st.integers(0, 9), min_size=1), st.floats(20, 300)), max_size=6).map(
    lambda each: [
        stretch_of(f"track {number}", [cell for bar in bars for cell in peaks(bar, 40 * bar, 40 * bar + 40, 20)], score)
        for number, (bars, score) in enumerate(each)
    ]
)


@REPEATABLE
@given(STRETCHES)
def test_no_peak_is_evidence_for_two(stretches):
    """But for a tenth of a stretch's, which is let be."""
    taken = set()
    for kept in explain(stretches, CONFIG):
        mine = kept.evidence.matches.tolist()
        assert sum(cell in taken for cell in mine) <= 0.1 * len(mine)
        taken |= set(mine)


@REPEATABLE
@given(STRETCHES)
def test_every_peak_that_was_matched_is_explained_if_enough_are(stretches):
    """What is not evidence for any that is kept is too little to be evidence at all."""
    kept = {cell for each in explain(stretches, CONFIG) for cell in each.evidence.matches.tolist()}
    for stretch in stretches:
        left = [cell for cell in stretch.evidence.matches.tolist() if cell not in kept]
        assert len(left) < 5


@REPEATABLE
@given(STRETCHES)
def test_what_is_kept_is_kept_again(stretches):
    kept = explain(stretches, CONFIG)
    again = explain(kept, CONFIG)
    assert sorted(told(again), key=repr) == sorted(told(kept), key=repr)


@REPEATABLE
@given(STRETCHES, st.randoms())
def test_the_order_of_stretches_does_not_matter(stretches, random):
    shuffled = random.sample(stretches, len(stretches))
    assert told(explain(shuffled, CONFIG)) == told(explain(stretches, CONFIG))


@REPEATABLE
@given(STRETCHES, st.integers(0, 10**6))
def test_a_later_block_is_explained_the_same(stretches, frames):
    later = explain([each.moved(frames) for each in stretches], CONFIG)
    assert told(later) == told([each.moved(frames) for each in explain(stretches, CONFIG)])


def test_nothing_is_explained_by_nothing():
    assert explain([], CONFIG) == []
