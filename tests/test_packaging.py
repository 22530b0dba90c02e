"""Four packages of generic names are ours alone, and what is installed is what is in the repository."""

import ast
import importlib.metadata
import re
from pathlib import Path

import models

ROOT = Path(models.__file__).parents[1]
PACKAGES = ("configs", "models", "pipelines", "transforms")
REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


_MODELS = {
    "tracks": (["saved_model"], 5_000_000),
    "authors": (["pairs", "graph"], 12_000_000),
    "transitions": ([], 1_000_000),
}


def test_the_four_packages_are_ours_and_nobody_elses():
    providers = importlib.metadata.packages_distributions()
    assert {name: set(providers[name]) for name in PACKAGES} == {name: {"linernotes"} for name in PACKAGES}
    assert {name for name, distributions in providers.items() if "linernotes" in distributions} == set(PACKAGES)


def test_the_command_is_installed():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="linernotes")
    assert script.dist.name == "linernotes"
    assert script.load().__module__ == "pipelines.cli"


def test_the_setup_names_every_package_once():
    listed = setup_arguments()["packages"]
    assert len(listed) == len(set(listed))
    folders = {path.parent.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert set(listed) == {".".join(folder.parts) for folder in folders}


def test_every_package_says_that_it_is_one():
    for name in setup_arguments()["packages"]:
        assert (ROOT / name.replace(".", "/") / "__init__.py").is_file()


def test_every_config_is_installed_with_the_code():
    patterns = setup_arguments()["package_data"]["configs"]
    shipped = {path for pattern in patterns for path in (ROOT / "configs").glob(pattern)}
    assert shipped == {path for path in (ROOT / "configs").rglob("*") if path.suffix in (".yaml", ".txt")}


def test_the_constraints_pin_everything_that_we_require():
    lines = (ROOT / "configs" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {normal(line.partition("==")[0]) for line in lines if re.match(r"[^#]+==", line)}
    arguments = setup_arguments()
    extras = arguments["extras_require"].values()
    required = {
        name_of(each) for each in [*arguments["install_requires"], *(each for extra in extras for each in extra)]
    }
    assert required - pinned == {"linernotes"}  # the developers' extra names others


def setup_arguments():
    """What setup.py, which calls setup() with literals, says; an argument that is no literal is left out."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"]
    (call,) = calls
    return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if is_literal(keyword.value)}


def is_literal(node):
    return not any(isinstance(each, ast.Call | ast.Name) for each in ast.walk(node))


def name_of(requirement):
    return normal(REQUIREMENT.match(requirement)[0])


def normal(name):
    """A distribution's name as PEP 503 compares it; its extras are left out."""
    return re.sub(r"[-_.]+", "-", name.partition("[")[0].strip()).lower()


def test_the_shipped_models_and_queries_are_installed_with_the_code():
    patterns = setup_arguments()["package_data"]["models"]
    shipped = {path for pattern in patterns for path in (ROOT / "models").glob(pattern) if path.is_file()}
    models = {name: {path for path in (ROOT / "models" / name).rglob("*") if path.is_file()} for name in _MODELS}
    assert shipped == set().union(*models.values(), (ROOT / "models" / "queries").glob("*.sql"))
    for name, (networks, most_bytes) in _MODELS.items():
        assert {ROOT / "models" / name / network / "saved_model.pb" for network in networks} <= models[name]
        assert sum(path.stat().st_size for path in models[name]) < most_bytes
