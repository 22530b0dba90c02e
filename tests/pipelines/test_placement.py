"""What a job names must be where its workers find it."""

import dataclasses
import importlib
import re

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from configs.loading import ConfigError
from pipelines import attribute_audiobooks, tag_videos
from pipelines.cli import PIPELINES
from pipelines.placement import PLACES, check_places

DATAFLOW = PipelineOptions(["--runner=DataflowRunner"])
NO_PLACES = {"id_column", "mode"}  # fields that are text, and name no file
THERE = {"input": "gs://b/videos/*.mp4", "output": "bq://project.dataset", "model": "gs://b/model.yaml"}


def test_every_field_that_names_a_file_is_looked_at():
    texts = {
        field.name
        for name in PIPELINES
        for field in dataclasses.fields(importlib.import_module(f"pipelines.{name}").Config)
        if field.type in (str, str | None)
    }
    assert texts - NO_PLACES == set(PLACES)


@pytest.mark.parametrize("name", ["input", "output", "model", "thumbnails"])
@pytest.mark.parametrize("place", ["there", "/there/file", "file:///there", "../there"])
def test_a_place_on_this_machine_is_refused_for_workers_elsewhere(name, place):
    config = tag_videos.Config(**THERE | {name: place})
    expected = f"{name}: expected a place that Dataflow's workers reach, gs://…, got {place}"
    with pytest.raises(ConfigError, match=f"^{re.escape(expected)}$"):
        check_places(config, DATAFLOW)


@pytest.mark.parametrize("runner", ["FnApiRunner", "DirectRunner", "PortableRunner", "FlinkRunner"])
def test_a_place_on_this_machine_is_well_where_workers_may_share_its_disk(runner):
    check_places(tag_videos.Config("there", "there"), PipelineOptions([f"--runner={runner}"]))


@pytest.mark.parametrize("runner", ["DataflowRunner", "dataflowrunner", "apache_beam.runners.DataflowRunner"])
def test_dataflow_is_known_by_any_of_its_names(runner):
    with pytest.raises(ConfigError, match=r"^input: "):
        check_places(tag_videos.Config("there", "there"), PipelineOptions([f"--runner={runner}"]))


def test_stores_queries_and_what_ships_are_well_anywhere():
    check_places(tag_videos.Config(**THERE), DATAFLOW)
    shipped = attribute_audiobooks.Config("SELECT * FROM records", "bq://p.d.authors", "bq://p.d")
    assert shipped.model.startswith("models:")
    check_places(shipped, DATAFLOW)
