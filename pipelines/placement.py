"""Where a job finds what it reads and writes: workers elsewhere have the package and stores, but not this machine."""

import dataclasses
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, StandardOptions

from configs.loading import ConfigError
from models.places import is_here
from transforms.files import is_query

PLACES = (
    "input",
    "authors",
    "index",
    "model",
    "output",
    "thumbnails",
    "sheets",
    "overrides",
)  # fields of configs that name files


def check_places(config: Any, beam_options: PipelineOptions) -> None:
    """ConfigError for a file or folder of this machine, if the workers are on others and would look for it there.

    Those of a cluster may share a disk with this machine: only of Dataflow's it is known that they do not.
    """
    if not runs_on_dataflow(beam_options):
        return
    for field in dataclasses.fields(config):
        place = getattr(config, field.name)
        if field.name in PLACES and place is not None and is_here(place) and not is_query(place):
            raise ConfigError(f"{field.name}: expected a place that Dataflow's workers reach, gs://…, got {place}")


def runs_on_dataflow(beam_options: PipelineOptions) -> bool:
    """Whether Google's service runs the job."""
    runner = beam_options.view_as(StandardOptions).runner or ""
    return bool(runner.rpartition(".")[2].lower().endswith("dataflowrunner"))


def is_template(beam_options: PipelineOptions) -> bool:
    """Whether the job is written down for another to start, as a flex template's launcher asks: nobody waits for it."""
    return bool(beam_options.view_as(GoogleCloudOptions).template_location)
