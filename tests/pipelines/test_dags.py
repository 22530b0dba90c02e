"""What Airflow's DAGs offer is what the command line and the pipelines take; tests/airflow runs them."""

import dataclasses
import importlib
import re
import types
import typing
from pathlib import Path

import pytest
import yaml

from configs.loading import load_config
from pipelines import cli
from transforms.commits import check_name

ROOT = Path(cli.__file__).parents[1]
DESCRIPTION = yaml.safe_load((ROOT / "pipelines" / "dags" / "pipelines.yaml").read_text(encoding="utf-8"))
DESCRIBED, CHAINS = DESCRIPTION["pipelines"], DESCRIPTION["chains"]
STEPS = [(chain, name, step) for chain, said in CHAINS.items() for name, step in said["steps"].items()]
UNUSED = {"help", "log_format"}  # Airflow keeps the logs, and alerts quote the last line
NAMED = ("input", "index", "output")  # the settings that have an option of their own
TYPES = {"string": str, "number": float, "integer": int, "boolean": bool, "array": tuple[str, ...]}


def test_every_pipeline_has_a_dag():
    assert tuple(DESCRIBED) == cli.PIPELINES


def test_every_option_of_the_command_line_is_a_param_with_a_description():
    options = {action.dest: action for action in cli._parser()._actions if action.option_strings}
    assert set(DESCRIPTION["options"]) == options.keys() - UNUSED
    flags = {name for name, schema in DESCRIPTION["options"].items() if schema["type"] == "boolean"}
    assert flags == {name for name, action in options.items() if action.nargs == 0 and name not in UNUSED}
    assert {name for name, schema in DESCRIPTION["options"].items() if "description" not in schema} == set(NAMED)


@pytest.mark.parametrize("name", DESCRIBED)
def test_the_params_of_a_dag_are_the_settings_of_its_pipeline(name):
    pipeline, said = importlib.import_module(f"pipelines.{name}"), DESCRIBED[name]
    settings = {each: hint for each, hint in hints(pipeline.Config).items() if not is_group(hint)}
    assert {*said["options"], *said["settings"]} == settings.keys()
    assert set(said["options"]) == settings.keys() & set(NAMED)
    types_said = {each: TYPES[DESCRIPTION["settings"][each]["type"]] for each in said["settings"]}
    assert types_said == {each: settings[each] for each in said["settings"]}
    assert said["summary"] == pipeline.__doc__.partition("\n")[0]


def test_every_described_setting_is_one_of_a_pipeline():
    assert set(DESCRIPTION["settings"]) == {each for said in DESCRIBED.values() for each in said["settings"]}


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_dag_says_which_tables_it_changes_as_the_readme_does(name):
    rows = (line.split("|") for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines())
    (writes,) = (cells[4] for cells in rows if len(cells) == 6 and f"linernotes {name} " in cells[2])
    index = ["index"] if "the index" in writes else []
    assert sorted(DESCRIBED[name]["writes"]) == sorted([*index, *re.findall(r"`(\w+)`", writes)])


@pytest.mark.parametrize(("chain", "name", "step"), STEPS, ids=lambda each: each if isinstance(each, str) else "")
def test_a_chain_gives_a_pipeline_what_it_takes(chain, name, step):
    assert set(step["options"]) == set(DESCRIBED[name]["options"])
    used = {*step["options"].values(), *step.get("settings", {}).values()}
    assert used <= set(CHAINS[chain]["params"])
    assert set(step.get("settings", {})) <= set(DESCRIBED[name]["settings"])
    given = [*step.get("fixed", ()), *(f"{each}=some" for each in (*step["options"], *step.get("settings", {})))]
    load_config(importlib.import_module(f"pipelines.{name}").Config, None, given)


@pytest.mark.parametrize("setting", [name for name, schema in DESCRIPTION["settings"].items() if "enum" in schema])
def test_the_choices_of_a_param_are_those_of_the_setting(setting):
    (name,) = (name for name, said in DESCRIBED.items() if setting in said["settings"])
    pipeline, given = importlib.import_module(f"pipelines.{name}"), [f"{each}=some" for each in NAMED]
    choices = DESCRIPTION["settings"][setting]["enum"]
    for choice in choices:
        load_config(pipeline.Config, None, [*given, f"{setting}={choice}"])
    with pytest.raises(ValueError, match=" or ".join(choices)):
        load_config(pipeline.Config, None, [*given, f"{setting}=another"])


@pytest.mark.parametrize("run_id", ["2026-01-31", "a_b-C", "-a", "a b", "a/b", "a.b", "", "_a"])
def test_a_run_id_that_a_param_takes_is_one_that_the_command_line_takes(run_id):
    if re.search(DESCRIPTION["options"]["run_id"]["pattern"], run_id):
        check_name("run_id", run_id)
    else:
        with pytest.raises(ValueError, match="run_id"):
            check_name("run_id", run_id)


def hints(config_type):
    """The types of a Config's fields; of one that may be None, the other."""
    found = {}
    for field, hint in typing.get_type_hints(config_type).items():
        if typing.get_origin(hint) is not typing.ClassVar:
            (found[field],) = (
                (each for each in typing.get_args(hint) if each is not type(None))
                if isinstance(hint, types.UnionType)
                else [hint]
            )
    return found


def is_group(hint):
    return dataclasses.is_dataclass(hint)
