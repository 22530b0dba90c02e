import numpy as np
import pytest
from PIL import Image

from models.video_decoding import VideoConfig, decode_video
from pipelines.shot_bench import match_boundaries, print_shots
from pipelines.shot_films import FilmConfig, Truth, write_film
from pipelines.shot_views import find_material

CONFIG = FilmConfig(height=108, width=192, shots=8, varying_share=0.5)


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("material")
    rng = np.random.default_rng(1)
    for number in range(4):
        blots = Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8))
        blots.resize((360, 240), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("seed", range(3))
def test_the_truth_of_a_film_is_in_order_and_within_it_and_the_same_again(material, tmp_path, seed):
    truth = write_film(tmp_path / "film.mp4", find_material(material), seed, CONFIG)
    frames = sum(1 for _ in decode_video(str(tmp_path / "film.mp4"), VideoConfig()))
    bounds = [bound for each in truth for bound in (each.first, each.last)]
    assert bounds == sorted(bounds) and bounds[0] > 0 and bounds[-1] < frames
    assert len(truth) == CONFIG.shots - 1
    assert all((each.first == each.last) == (each.kind == "cut") for each in truth)
    assert write_film(tmp_path / "again.mp4", find_material(material), seed, CONFIG) == truth


def test_a_folder_without_photos_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="expected photos"):
        find_material(tmp_path)


def test_a_boundary_finds_one_transition_and_one_transition_takes_one_boundary():
    truth = [Truth("cut", 10, 10), Truth("dissolve", 20, 40), Truth("cut", 60, 60), Truth("cut", 62, 62)]
    assert match_boundaries(truth, [12, 44, 61], 2, 5) == [True, True, True, False]
    assert match_boundaries(truth, [13, 46], 2, 5) == [False, False, False, False]
    assert match_boundaries(truth, [60, 62], 2, 5) == [False, False, True, True]
    assert match_boundaries(truth, [], 2, 5) == [False] * 4


def test_the_benchmark_prints_what_was_found_of_each_kind(material, capsys):
    print_shots(material, films=1, config=CONFIG)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("shots: 1 films")
    assert any(line.split()[0] == "ours" for line in lines[1:])
