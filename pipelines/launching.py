"""Launching: from the command line's words to a finished run."""

import argparse
import contextlib
import dataclasses
import datetime
import hashlib
import importlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from configs.loading import ConfigError, load_config, load_options
from models.records import Provenance
from pipelines.logs import LOGGER, read_metrics
from pipelines.placement import check_places, is_template
from pipelines.progress import show_progress
from transforms.commits import check_name
from transforms.files import STORE_ERRORS, list_media
from transforms.runs import Run, utc_date
from transforms.tables import prepare_output, read_table

# Named, because Beam's default first tries to download another runner. One worker: see configs/runners/local.yaml.
_DEFAULT_RUNNER = "FnApiRunner"
_LOCAL_RUNNERS = (_DEFAULT_RUNNER, "DirectRunner", "SwitchingDirectRunner", "PrismRunner")


def launch(options: argparse.Namespace, beam_arguments: Sequence[str]) -> int:
    """Checks everything that can be checked before work starts, runs the pipeline, and returns the exit status."""
    pipeline = importlib.import_module(f"pipelines.{options.name}")
    config = load_config(pipeline.Config, options.config, [*options.set, *_named_settings(options)])
    beam_options = _beam_options(options, beam_arguments)
    check_places(config, beam_options)
    run = _make_run(options, pipeline, config)
    items = getattr(pipeline, "count_items", _count_media)(config, run.provenance.run_id)
    if hasattr(pipeline, "check_model") and (options.dry_run or _runs_here(beam_options)):
        pipeline.check_model(config)  # elsewhere only the workers need have what opens it
    if options.dry_run:
        return _dry_run(pipeline, config, run, beam_options, items)

    _prepare(config.output, run, beam_options)
    about = {**dataclasses.asdict(run.provenance), "attempt": run.attempt, "config_digest": run.config_digest}
    LOGGER.info("run started", extra={**about, "items": items, "output": config.output})
    with show_progress(items) if _runs_here(beam_options) else contextlib.nullcontext() as progress:
        metrics = run_pipeline(pipeline, config, dataclasses.replace(run, progress=progress), beam_options)
    if is_template(beam_options):
        return 0
    counts = count_statuses(config.output, run)
    LOGGER.info("run finished", extra={**about, **counts, "metrics": metrics})
    return _report(config, counts)


def run_pipeline(
    pipeline: Any, config: Any, run: Run, beam_options: PipelineOptions | None = None
) -> Mapping[str, Any]:
    """Builds and runs a pipeline module, waits for its end, and returns its metrics."""
    try:
        root = beam.Pipeline(options=beam_options or PipelineOptions([], runner=_DEFAULT_RUNNER))
    except ValueError as error:  # of a project, region and so on that cannot be
        raise ConfigError(str(error)) from error
    pipeline.build(root, config, run)
    result = root.run()
    if is_template(root.options):
        return {}
    result.wait_until_finish()
    return read_metrics(result.metrics())


def make_run(pipeline: Any, config: Any, run_id: str, incremental: bool = False) -> Run:
    """A new run of a pipeline module."""
    name = pipeline.__name__.rpartition(".")[2]
    model_version = pipeline.model_version(config) if hasattr(pipeline, "model_version") else pipeline.MODEL_VERSION
    provenance = Provenance(run_id, name, version("linernotes"), model_version, datetime.datetime.now(datetime.UTC))
    return Run(provenance, _digest(pipeline.knobs(config)), incremental=incremental)


def count_statuses(output: str, run: Run) -> Mapping[str, int]:
    """How many items of a finished run are done, failed and skipped."""
    rows = read_table(output, "media_status", run_keys=[run.provenance.run_key], columns=["status"])
    statuses = rows["status"].to_pylist()
    return {status: statuses.count(status) for status in ("done", "failed", "skipped")}


def _count_media(config: Any, _run_id: str) -> int:
    return sum(1 for _ in list_media(config.input))


def _named_settings(options: argparse.Namespace) -> Iterator[str]:
    for name in ("input", "index", "output"):
        if getattr(options, name) is not None:
            yield f"{name}={json.dumps(getattr(options, name))}"


def _beam_options(options: argparse.Namespace, arguments: Sequence[str]) -> PipelineOptions:
    configured = load_options(options.runner_config) if options.runner_config else []
    flags = [*configured, *arguments]
    if not any(flag.partition("=")[0] == "--runner" for flag in flags):
        flags = [f"--runner={_DEFAULT_RUNNER}", *flags]
    return PipelineOptions(flags)


def _runs_here(beam_options: PipelineOptions) -> bool:
    return beam_options.view_as(StandardOptions).runner in _LOCAL_RUNNERS


def _make_run(options: argparse.Namespace, pipeline: Any, config: Any) -> Run:
    run_id = options.run_id or utc_date()
    try:
        check_name("run_id", run_id)
        return make_run(pipeline, config, run_id, options.incremental)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _prepare(output: str, run: Run, beam_options: PipelineOptions) -> None:
    """Finishes what a crash left in the output; ConfigError if that is no output."""
    try:
        prepare_output(output, run.provenance.run_key, beam_options)
    except STORE_ERRORS as error:
        raise ConfigError(f"output {output}: {error}") from error


def _digest(knobs: object) -> str:
    text = json.dumps(knobs, default=dataclasses.asdict, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _dry_run(pipeline: Any, config: Any, run: Run, beam_options: PipelineOptions, items: int) -> int:
    """Runs one item through the whole pipeline, here, into a folder that is thrown away."""
    if not _runs_here(beam_options):
        beam_options.view_as(StandardOptions).runner = _DEFAULT_RUNNER
    with tempfile.TemporaryDirectory(prefix="linernotes-") as folder:
        written = ["output", *(["index"] if pipeline.WRITES_INDEX else []), "thumbnails", "sheets"]
        changes = {name: f"{folder}/{name}" for name in written if getattr(config, name, None) is not None}
        trial = dataclasses.replace(config, **changes)
        run_pipeline(pipeline, trial, dataclasses.replace(run, max_items=1, incremental=False), beam_options)
        (row,) = read_table(trial.output, "media_status").to_pylist()
    outcome = f"failed at {row['step']}: {row['reason']}" if row["status"] == "failed" else row["status"]
    print(f"dry run: {items} items; config, input and models are well; the first item, {row['media_id']}, is {outcome}")
    return 1 if row["status"] == "failed" else 0


def _report(config: Any, counts: Mapping[str, int]) -> int:
    items = sum(counts.values())
    print(f"{items} items: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
    print(f"tables: {config.output}")
    if counts["failed"] > config.max_failed_share * items:
        share = counts["failed"] / items
        print(f"failed: {share:.1%} of the items, and at most {config.max_failed_share:.1%} may", file=sys.stderr)
        return 1
    return 0
