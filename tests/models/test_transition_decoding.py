import numpy as np

from models.transition_decoding import KINDS, Scores, decode_transitions, join_scores, split_scores


def scores(cuts, gradual, kind="dissolve", every=2):
    kinds = np.zeros((len(gradual), len(KINDS)), np.float32)
    kinds[:, 0] = 1 - np.array(gradual)
    kinds[:, KINDS.index(kind)] = gradual
    return Scores(np.array(cuts, np.float32), kinds, np.arange(0, every * len(gradual), every))


def test_neighbouring_cuts_are_one():
    found = decode_transitions(scores([0, 0, 0.7, 0.9, 0.8, 0, 0, 0.7, 0, 0], [0] * 5), 0.6, 0.8)
    assert [(each.kind, each.frame) for each in found] == [("cut", 3), ("cut", 7)]


def test_a_gradual_transition_spans_the_samples_that_score():
    found = decode_transitions(scores([0] * 16, [0, 0.1, 0.4, 0.9, 0.5, 0.1, 0, 0], "wipe"), 0.6, 0.8)
    assert [(each.kind, each.first, each.last, each.frame) for each in found] == [("wipe", 4, 10, 7)]


def test_what_scores_too_little_or_for_one_sample_is_none():
    assert decode_transitions(scores([0.5] * 16, [0, 0, 0.7, 0.7, 0.7, 0, 0.9, 0]), 0.6, 0.8) == []


def test_of_two_that_overlap_the_higher_score_stays():
    cuts = np.zeros(16)
    cuts[7] = 0.95
    assert [each.kind for each in decode_transitions(scores(cuts, [0, 0, 0.5, 0.9, 0.5, 0, 0, 0]), 0.6, 0.8)] == ["cut"]
    assert [each.kind for each in decode_transitions(scores(cuts, [0, 0, 0.5, 0.99, 0.5, 0, 0, 0]), 0.6, 0.8)] == [
        "dissolve"
    ]


def test_scores_that_are_split_join_to_what_they_were():
    whole = scores(np.linspace(0, 1, 16), np.linspace(1, 0, 8))
    for frame in range(17):
        joined = join_scores(*split_scores(whole, frame))
        for name in ("cuts", "kinds", "places"):
            np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
