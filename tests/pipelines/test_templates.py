"""The flex templates' metadata is what the pipelines take, and the launcher's flags mean what --set means."""

import importlib
import importlib.metadata
import re
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from google.cloud.dataflow_v1beta3 import TemplateMetadata

import configs
from configs.loading import load_config, load_options
from pipelines import cli, launching
from pipelines.flex import to_words
from pipelines.templates import describe, main

ROOT = Path(__file__).parents[2]
FOLDER = Path(configs.__file__).parent / "templates"
PLACES = {"input", "authors", "index", "model", "output", "thumbnails", "sheets"}
VALUES = {"input": "gs://b/in.csv", "index": "gs://b/index", "output": "gs://b/tables", "authors": "gs://b/a.csv",
          "model": "gs://b/model.yaml"}  # fmt: skip


def parameters(name):
    return {each["name"]: each for each in describe(name)["parameters"]}


def config_of(name, flags):
    """The config that a template's launch makes."""
    options, beam_arguments = cli._parser().parse_known_args(to_words(name, flags))
    config_type = importlib.import_module(f"pipelines.{name}").Config
    return load_config(config_type, None, [*options.set, *launching._named_settings(options)]), options, beam_arguments


def test_the_templates_in_the_repository_are_those_of_the_pipelines(tmp_path):
    assert main(["--output", str(tmp_path)]) == 0
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        file.name: file.read_text() for file in FOLDER.iterdir()
    }  # if not: linernotes templates
    assert {file.stem for file in FOLDER.iterdir()} == set(cli.PIPELINES)


@pytest.mark.parametrize("name", cli.PIPELINES)
def test_a_template_is_one_that_dataflow_reads(name):
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    read = TemplateMetadata.from_json(text)  # ValueError for a key that it does not have
    assert [each.name for each in read.parameters] == list(parameters(name))
    for each in read.parameters:
        assert re.fullmatch("[a-z][a-z_]*", each.name)
        assert each.label and each.help_text.endswith(".")
        (regex,) = each.regexes
        re.compile(regex)


@pytest.mark.parametrize("name", cli.PIPELINES)
def test_no_parameter_is_named_as_an_option_of_beam_that_the_launcher_gives(name):
    options = PipelineOptions([]).get_all_options()
    assert set(parameters(name)) & set(options) == {"sdk_container_image"}


@pytest.mark.parametrize("name", cli.PIPELINES)
def test_required_parameters_are_all_that_a_launch_needs(name):
    needed = [key for key, each in parameters(name).items() if not each["isOptional"]]
    flags = [f"--{key}={VALUES[key]}" for key in needed if key != "sdk_container_image"]
    config, options, _ = config_of(name, flags)
    assert {key: getattr(config, key) for key in needed if key in VALUES} == {
        key: VALUES[key] for key in needed if key in VALUES
    }
    assert not options.incremental


@pytest.mark.parametrize("name", cli.PIPELINES)
def test_a_parameter_is_checked_before_a_launch(name):
    for key, each in parameters(name).items():
        (regex,) = each["regexes"]
        if key in PLACES:
            assert re.fullmatch(regex, "gs://bucket/path") or key == "model"
            assert not re.fullmatch(regex, "/tables")
            assert not re.fullmatch(regex, "")
        if each["helpText"].endswith(("default false.", "default true.")):
            assert not re.fullmatch(regex, "yes")
        if default := re.search(r"; default (.*)\.$", each["helpText"]):
            assert re.fullmatch(regex, default[1]) or key in PLACES


@pytest.mark.parametrize("name", [name for name in cli.PIPELINES if "set" in parameters(name)])
def test_the_example_of_a_setting_is_one_that_the_pipeline_takes(name):
    flags = [f"--{key}={VALUES[key]}" for key, each in parameters(name).items() if key in VALUES]
    example = re.search(r"such as (\{.*?\});", parameters(name)["set"]["helpText"])
    (regex,) = parameters(name)["set"]["regexes"]
    assert re.fullmatch(regex, example[1])
    assert config_of(name, [*flags, f"--set={example[1]}"])


def test_what_a_launcher_gives_is_a_command_line():
    flags = ["--input=gs://b/books.csv", "--authors=SELECT * FROM authors", "--output=bq://p.d", "--id_column=no",
             "--max_failed_share=0.1", "--incremental=true", "--run_id=r1", "--runner=DataflowRunner",
             "--labels=team=x", "--template_location=gs://b/job",
             "--set={neighbours.max_authors: 3, candidates.shards: 2}"]  # fmt: skip
    config, options, beam_arguments = config_of("attribute_audiobooks", flags)
    assert (config.input, config.authors, config.output) == ("gs://b/books.csv", "SELECT * FROM authors", "bq://p.d")
    assert (config.id_column, config.max_failed_share) == ("no", 0.1)
    assert (config.neighbours.max_authors, config.candidates.shards) == (3, 2)
    assert (options.run_id, options.incremental) == ("r1", True)
    assert beam_arguments == ["--runner=DataflowRunner", "--labels=team=x", "--template_location=gs://b/job"]
    assert "runner=DataflowRunner" in " ".join(load_options(options.runner_config))


def test_an_image_of_no_pipeline_starts_none(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(to_words("", ["--input=gs://b/tracks.csv"]))
    assert caught.value.code == 2
    assert "invalid choice: ''" in capsys.readouterr().err


def test_settings_that_are_no_mapping_are_refused_by_the_command_line():
    assert to_words("compact_index", ["--set=segments"])[-1] == "--set=segments=null"
    assert "--incremental" not in to_words("compact_index", ["--incremental=false"])


def test_the_image_has_the_python_and_beam_that_jobs_are_made_with():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    pinned = re.search(r"^apache-beam==(.+)$", (ROOT / "configs" / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    assert re.search(r"^ARG BEAM=apache/beam_python(.+)_sdk:(.+)$", dockerfile, re.MULTILINE).groups() == (
        "3.11",
        pinned[1],
    )
    assert set(re.findall(r"python:?(\d\.?\d+)", dockerfile)) == {"3.11", "311"}


def test_the_image_has_extras_that_there_are():
    (extras,) = re.findall(r"\.\[([^\]]+)\]", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    known = importlib.metadata.metadata("linernotes").get_all("Provides-Extra")
    assert {each for each in extras.split(",") if each != "${DEVICE}"} | {"cpu", "gpu"} <= set(known)


def test_all_that_is_copied_into_the_image_is_sent_to_its_build():
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line.startswith("!")}
    assert {path.partition("/")[0] for line in copied for path in line.split()} == sent
    assert all((ROOT / path).exists() for path in sent)
