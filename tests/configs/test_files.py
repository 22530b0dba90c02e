"""The files in configs/ are what the pipelines and Beam understand."""

import dataclasses
import importlib
import logging
from pathlib import Path

import pytest
import yaml
from apache_beam.options.pipeline_options import PipelineOptions
from hypothesis import given, settings
from hypothesis import strategies as st

import configs
from configs.loading import ConfigError, load_config, load_options
from models.constellation import PeakConfig
from models.landmarks import LandmarkConfig
from models.matching import BlockConfig, QueryConfig
from models.retrieval import RetrievalConfig
from models.verification import VerificationConfig
from models.warps import WarpConfig
from pipelines import match_podcasts
from pipelines.cli import PIPELINES

FOLDER = Path(configs.__file__).parent
CONFIGURED = (*PIPELINES, "train_tracks", "train_authors")  # two tools with a config
RUNNERS = sorted(FOLDER.glob("runners/*.yaml"))
QUERIES = st.builds(
    QueryConfig,
    st.builds(PeakConfig, st.integers(1, 20), st.integers(1, 20), st.integers(0, 99), st.integers(100, 512)),
    st.builds(
        WarpConfig,
        *(st.floats(0, 20), st.floats(0.5, 9)) * 2,
        semitones=st.lists(st.floats(0.1, 4) | st.floats(-4, -0.1), max_size=4).map(tuple),
    ),
    st.builds(LandmarkConfig, st.integers(1, 127), st.integers(1, 63), st.integers(1, 63)),
    st.builds(RetrievalConfig, st.integers(1), st.floats(0.5), st.integers(1)),
    st.builds(VerificationConfig, st.lists(st.floats(1e-9, 0.75), min_size=1).map(tuple)),
    blocks=st.builds(BlockConfig, st.floats(30, 1e9), st.floats(0.1, 15)),
)


def test_every_pipeline_has_a_config_and_every_config_a_pipeline():
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(CONFIGURED)


@pytest.mark.parametrize("name", CONFIGURED)
def test_the_config_of_a_pipeline_is_one_that_it_takes(name):
    pipeline = importlib.import_module(f"pipelines.{name}")
    config = load_config(pipeline.Config, str(FOLDER / f"{name}.yaml"))
    assert isinstance(config, pipeline.Config)
    nested = [
        field.name for field in dataclasses.fields(config) if dataclasses.is_dataclass(getattr(config, field.name))
    ]
    for group in nested:
        with pytest.raises(ConfigError, match=f"^{group}.nosuch: no such key"):
            load_config(pipeline.Config, str(FOLDER / f"{name}.yaml"), [f"{group}.nosuch=1"])


@settings(derandomize=True, deadline=None, max_examples=50)
@given(QUERIES)
def test_any_knobs_of_a_query_can_be_written_in_yaml(query):
    config = match_podcasts.Config("in", "index", "out", query)
    given_settings = [f"{key}={yaml.safe_dump(value)}" for key, value in dataclasses.asdict(config).items()]
    assert load_config(match_podcasts.Config, None, given_settings) == config


@pytest.mark.parametrize("path", RUNNERS, ids=lambda path: path.stem)
def test_the_options_of_a_runner_are_ones_that_beam_knows(path, caplog):
    flags = load_options(str(path))
    with caplog.at_level(logging.WARNING):
        known = PipelineOptions(flags).get_all_options()
    assert [record.getMessage() for record in caplog.records] == []
    assert known["runner"]


def test_beam_says_which_option_it_does_not_know(caplog):
    with caplog.at_level(logging.WARNING):
        PipelineOptions(["--nosuch_option=1"]).get_all_options()
    assert "--nosuch_option=1" in caplog.text
