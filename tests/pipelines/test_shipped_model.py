"""Oracles: what the sample's tracks are, and what stays the same however a recording is stored."""

import csv

import numpy as np
import pytest
import soundfile

from models.labelling import SILENCE
from pipelines import classify_tracks
from pipelines.shipping import SHIPPED_MODEL, load_spec

FUNCTIONAL = {"noise", "nature", "machine", "tonal"}


@pytest.fixture(scope="module")
def labels(sample, run_pipeline, rows, tmp_path_factory):
    """Rows of the sample's tracks, by the shipped model and policy."""
    output = tmp_path_factory.mktemp("shipped") / "tables"
    run_pipeline(classify_tracks, classify_tracks.Config(str(sample / "tracks.csv"), str(output)))
    return {row["media_id"]: row for row in rows(output, "track_labels")}


@pytest.fixture(scope="module")
def truth(sample):
    with (sample / "truth_tracks.csv").open() as file:
        return {row["media_id"]: row["class"] for row in csv.DictReader(file)}


def test_every_song_is_music_and_no_noise_is_paid_as_music(labels, truth):
    assert labels.keys() == truth.keys()
    decisions = {name: row["decision"] for name, row in labels.items()}
    assert {decisions[name] for name in truth if truth[name] == "music"} == {"music"}
    assert {decisions[name] for name in truth if truth[name] in FUNCTIONAL} <= {"functional", "review"}
    assert (
        sum(decision == "functional" for decision in decisions.values()) >= 4
    )  # of 5; the fan is close to the threshold


def test_scores_rank_every_song_above_all_else(labels, truth):
    songs = [row["music_score"] for name, row in labels.items() if truth[name] == "music"]
    others = [row["music_score"] for name, row in labels.items() if truth[name] != "music"]
    assert min(songs) > max(others)


def test_a_label_does_not_hang_on_level_silence_or_channels(
    labels, sample, run_pipeline, rows, write_manifest, tmp_path
):
    samples, rate = soundfile.read(sample / "tracks" / "letter_to_ines.flac", dtype="float32")
    rain, rain_rate = soundfile.read(sample / "tracks" / "rain.opus", dtype="float32")
    made = {
        "quiet": (samples * 0.01, rate),
        "tailed": (np.concatenate([samples, np.zeros(60 * rate, np.float32)]), rate),
        "stereo": (np.stack([samples, samples], axis=1), rate),
        "rain quiet": (rain * 0.1, rain_rate),
        "rain tailed": (np.concatenate([rain, np.zeros(60 * rain_rate, np.float32)]), rain_rate),
    }
    for name, (each, its_rate) in made.items():
        soundfile.write(tmp_path / f"{name}.wav", each, its_rate, subtype="FLOAT")
    manifest = write_manifest(tmp_path / "made.csv", [(name, f"{name}.wav") for name in made])
    run_pipeline(classify_tracks, classify_tracks.Config(manifest, str(tmp_path / "tables")))
    decisions = {row["media_id"]: row["decision"] for row in rows(tmp_path / "tables", "track_labels")}
    assert decisions == {name: "functional" if "rain" in name else "music" for name in made}


def test_the_spec_knows_the_taxonomy_and_has_a_calibrated_threshold():
    spec = load_spec(SHIPPED_MODEL, wants="scores")
    policy = classify_tracks.Config("", "").policy
    assert {*spec.classes, SILENCE} == {"music", "speech", *policy.functional}
    assert spec.scores is not None
    assert 0 < spec.scores.functional_below_music < policy.music_from
