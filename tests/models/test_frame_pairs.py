import numpy as np
import pytest

from models.frame_pairs import measure_motion, measure_pairs, measure_triples, reduce_frames


def blots(seed, frames=1, width=96):
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 256, (frames, 9, width // 6, 3)), np.ones((1, 6, 6, 1))).astype(np.uint8)


def places(*numbers):
    return [np.array([number]) for number in numbers]


def pair(grids, measure, columns):
    frames = reduce_frames(grids)
    out = np.full((1, columns), np.nan, np.float32)
    pictures = (frames.thirds, frames.histograms) if measure is measure_pairs else (frames.halves,)
    measure(*pictures, *places(0, 1), out)
    return out[0]


def triple(grids):
    frames = reduce_frames(grids)
    out = np.full((1, 11), np.nan, np.float32)
    measure_triples(frames.thirds, frames.statistics, *places(0, 1, 2), out)
    return out[0]


def test_frames_are_reduced_as_numpy_averages_them():
    grids = np.random.default_rng(1).integers(0, 256, (3, 54, 96, 3), dtype=np.uint8)
    frames = reduce_frames(grids)
    thirds = grids.reshape(3, 18, 3, 32, 3, 3).mean((2, 4)).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(frames.thirds, thirds, atol=1e-6)
    luma = grids.reshape(3, 27, 2, 48, 2, 3).mean((2, 4)) @ [0.299, 0.587, 0.114]
    assert np.abs(frames.halves - luma).max() < 1.5
    np.testing.assert_allclose(frames.histograms.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(frames.statistics[:, 0] * 255, luma.mean((1, 2)), atol=1)


@pytest.mark.parametrize(("measure", "columns"), [(measure_pairs, 5), (measure_motion, 6)])
def test_a_frame_does_not_differ_from_itself(measure, columns):
    np.testing.assert_allclose(pair(blots(2).repeat(2, 0), measure, columns), 0, atol=1e-5)


@pytest.mark.parametrize("shift", [-8, -2, 4, 10])
def test_motion_is_found_where_a_picture_moves_and_explains_the_difference(shift):
    wide = np.random.default_rng(3).integers(0, 256, (1, 27, 72, 1)).repeat(2, 1).repeat(2, 2).repeat(3, 3)
    grids = np.concatenate([wide[:, :, 24:120], wide[:, :, 24 + shift : 120 + shift]]).astype(np.uint8)
    unmoved, moved, _, _, motion, _ = pair(grids, measure_motion, 6)
    assert moved < unmoved / 3
    assert motion > 0.4 * abs(shift) / 2  # blocks at an edge cannot move beyond it


def test_a_change_of_light_leaves_the_pattern():
    picture = blots(4)[0] // 2
    measures = pair(np.stack([picture, picture * 2]), measure_pairs, 5)
    assert measures[0] > 0.1 and measures[3] < 0.05


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_a_mixture_is_told_by_its_share_and_leaves_nothing(share):
    before, after = blots(5)[0], blots(6)[0]
    mixed = (before * (1 - share) + after * share).astype(np.uint8)
    measures = triple(np.stack([before, mixed, after]))
    assert measures[0] == pytest.approx(share, abs=0.02) and measures[1] < 0.01
    assert measures[3] < 1  # softer than both


@pytest.mark.parametrize("column", [24, 48, 72])
def test_a_patchwork_is_near_to_one_of_both_everywhere_and_lies_together(column):
    before, after = blots(7)[0], blots(8)[0]
    wiped = np.concatenate([after[:, :column], before[:, column:]], 1)
    patched, mixed = (
        triple(np.stack([before, wiped, after])),
        triple(np.stack([before, before // 2 + after // 2, after])),
    )
    assert patched[4] < mixed[4] / 3
    assert patched[8] > 0.8
    assert patched[7] == pytest.approx(2 * column / 96 - 1, abs=0.25)
