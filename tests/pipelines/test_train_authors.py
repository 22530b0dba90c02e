"""Oracles: another training of the same seed, models.link_evaluation on the tables, and the gold itself."""

import contextlib
import dataclasses
import io
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from models.link_evaluation import Verdict, describe_links_figures, evaluate_links
from models.pairs import GRAPH_FEATURES, PAIR_FEATURES
from models.runtimes import open_runtime
from pipelines.cli import main
from pipelines.gold import find_slices, read_gold
from pipelines.shipping import load_author_model
from pipelines.train_authors import _split
from transforms.tables import read_table

GIVEN = ("Anselm", "Bettina", "Cosmo", "Dorothea", "Ezra", "Flora", "Gideon", "Hester")
SURNAMES = ("Ashgrove", "Brindlewick", "Carraway", "Dunmallow")
THINGS = ("Heron", "Lantern", "Umbrella", "Pebble", "Orchard", "Ferry", "Kettle", "Sail", "Lamp", "Road", "Clock")


@dataclasses.dataclass(frozen=True)
class Toy:
    """A model trained for a moment, on the sample's audiobooks and on made ones with names in several forms."""

    config: dict  # of train_authors
    printed: str

    @property
    def folder(self):
        """The model's."""
        return Path(self.config["output"])

    @property
    def figures(self):
        return json.loads((self.folder / "figures.json").read_text())


def make_author(number, given, surname):
    titles = [f"The {one} of the {other}" for one, other in zip(THINGS[number % 11 :], THINGS[number % 7 :])][:3]  # noqa: B905
    return {
        "id": f"b{number:02}", "name": f"{given} {surname}", "given": given, "surname": surname,
        "sort_name": f"{surname}, {given}", "birth": 1800 + number, "subjects": [f"{THINGS[number % 11]}s"],
        "works": [{"title": title, "lang": "English"} for title in titles],
    }  # fmt: skip


def make_audiobooks(number, author):
    """Of each author one for every form of the name; of every eighth the knowledge base does not know."""
    given, surname = author["given"], author["surname"]
    forms = (author["name"], f"{given[0]}. {surname}", f"{surname}, {given}", surname, f"{given} {surname[:-1]}")
    reader = {"name": f"{GIVEN[number % 5]} May", "role": "narrator"}
    for form, work in zip(forms, itertools.cycle(author["works"]), strict=False):
        book = {
            "media_id": f"m{number:02}-{forms.index(form)}", "title": work["title"], "language": "English",
            "contributors": [{"name": form, "role": "author"}, reader],
            "genres": author["subjects"], "copyright_year": author["birth"] + 40,
        }  # fmt: skip
        gold = f"NIL-{number}" if number % 8 == 7 else author["id"]
        yield book, {"media_id": book["media_id"], "authors": [gold], "slice": "made", "odd": number % 2 == 1}


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture(scope="module")
def toy(sample, tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy_authors")
    books, people, gold = (
        [json.loads(line) for line in (sample / f"{name}.jsonl").read_text().splitlines()]
        for name in ("audiobooks", "authors", "truth_authors")
    )
    for number, (given_name, surname) in enumerate(itertools.product(GIVEN, SURNAMES)):
        author = make_author(number, given_name, surname)
        made = list(make_audiobooks(number, author))
        books += [book for book, _ in made]
        gold += [row for _, row in made]
        people += [author] if number % 8 != 7 else []
    config = {
        "name": "toy-authors",
        "audiobooks": write_lines(folder / "audiobooks.jsonl", books),
        "authors": write_lines(folder / "authors.jsonl", people),
        "gold": write_lines(folder / "gold.jsonl", gold),
        "output": str(folder / "model"),
        "network": {"bins": 4, "hidden": [16], "members": 1, "epochs": 12, "batch_size": 128, "learning_rate": 0.01},
        "folds": 2,
        "precision": 0.9,
    }
    return Toy(config, train(config, folder))


def train(config, folder):
    """What training prints."""
    (folder / "train.yaml").write_text(yaml.safe_dump(config))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["train_authors", "--config", str(folder / "train.yaml")]) == 0
    return printed.getvalue()


@pytest.fixture(scope="module")
def tables(toy, tmp_path_factory):
    """Those of attribute_audiobooks with the toy model."""
    output = str(tmp_path_factory.mktemp("toy_run") / "tables")
    words = [f"--input={toy.config['audiobooks']}", f"--set=authors={toy.config['authors']}", f"--output={output}"]
    model = f"--set=model={toy.folder}/model.yaml"
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["attribute_audiobooks", *words, model, "--run_id=toy"]) == 0
    return output


def test_the_models_folder_is_whole(toy):
    assert {path.name for path in toy.folder.iterdir()} == {"pairs", "graph", "model.yaml", "figures.json"}
    model = load_author_model(str(toy.folder / "model.yaml"))
    assert model.name == "toy-authors"
    assert model.attribution.suggest < model.attribution.link < 1
    for network, features in ((model.pairs, PAIR_FEATURES), (model.graph, GRAPH_FEATURES)):
        (logits,) = open_runtime("saved_model", network).predict(np.zeros((3, len(features)), np.float32)).values()
        assert logits.shape == (3, 2)  # of two folds, one member each


def test_the_figures_are_of_all_audiobooks_and_printed(toy):
    figures = toy.figures
    assert toy.printed == describe_links_figures(figures) + "\n"
    assert figures["audiobooks"] == 26 + 5 * 32
    assert figures["slices"]["made"]["audiobooks"] == 5 * 32
    assert figures["slices"]["odd"]["audiobooks"] == 5 * 16


def test_it_has_learnt_something_and_keeps_what_it_promises(toy):
    assert toy.figures["all"]["f1"] > 0.9
    auto = toy.figures["auto"]
    assert auto["recall"] == 0 or auto["precision"] >= 0.9


def test_the_same_seed_gives_the_same_thresholds_and_figures(toy, tmp_path):
    again = dataclasses.replace(toy, config=toy.config | {"output": str(tmp_path / "model")})
    assert train(again.config, tmp_path) == toy.printed
    for name in ("model.yaml", "figures.json"):
        assert (again.folder / name).read_text() == (toy.folder / name).read_text()


def test_the_pipeline_takes_the_model_and_names_it(toy, tables):
    rows = read_table(tables, "author_links").to_pylist()
    assert len(rows) == 26 + 5 * 32
    assert {row["model_version"] for row in rows} == {"toy-authors"}
    assert any(row["links"] for row in rows)


def test_evaluation_prints_the_figures_of_the_tables(toy, tables, tmp_path, capsys):
    words = [f"--output={tables}", f"--gold={toy.config['gold']}", f"--authors={toy.config['authors']}"]
    assert main(["evaluate_authors", *words, f"--json={tmp_path}/figures.json", "--run_id=toy"]) == 0
    gold = read_gold(toy.config["gold"], "media_id", toy.config["authors"])
    expected = evaluate_links(
        [
            Verdict(
                row["media_id"],
                gold[row["media_id"]]["authors"],
                frozenset(link["author_id"] for link in row["links"]),
                row["new_author_id"],
                row["decision"] == "linked",
                find_slices(gold[row["media_id"]]),
            )
            for row in read_table(tables, "author_links").to_pylist()
        ]
    )
    assert capsys.readouterr().out == describe_links_figures(expected) + "\n"
    assert json.loads((tmp_path / "figures.json").read_text()) == json.loads(json.dumps(expected))


@pytest.fixture
def rejection(toy, tmp_path, capsys):
    """What training says when it refuses to start."""

    def run(*settings, **changes):
        (tmp_path / "train.yaml").write_text(yaml.safe_dump(toy.config | {"output": f"{tmp_path}/model"} | changes))
        words = [f"--set={setting}" for setting in settings]
        assert main(["train_authors", "--config", str(tmp_path / "train.yaml"), *words]) == 2
        assert not (tmp_path / "model").exists()
        return capsys.readouterr().err.removesuffix("\n").removeprefix("linernotes train_authors: ")

    return run


def test_gold_without_an_audiobook_is_refused_and_names_it(toy, rejection, tmp_path):
    lines = Path(toy.config["gold"]).read_text().splitlines()
    path = tmp_path / "gold.jsonl"
    path.write_text("\n".join([*lines[:30], *lines[31:]]))
    missing = json.loads(lines[30])["media_id"]
    assert rejection(gold=str(path)) == f"{path}: expected the authors of all audiobooks, found none of {missing}"


@pytest.mark.parametrize("authors", [[], None, "a01"])
def test_gold_without_authors_is_refused_with_its_line(rejection, tmp_path, authors):
    path = tmp_path / "gold.jsonl"
    write_lines(path, [{"media_id": "audiobook_01", "authors": ["a01"]}, {"media_id": "two", "authors": authors}])
    assert rejection(gold=str(path)).startswith(f"{path}, line 2: expected media_id and a list of authors, got ")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("folds=1", "Config: folds must be at least 2, got 1"),
        ("precision=1", "Config: precision must be between 0 and 1, got 1.0"),
        ("network.epoch=3", "network.epoch: no such key; did you mean epochs?"),
        ("network.negatives=0", "network: negatives must be above 0 and at most 1, got 0.0"),
        ("network.hidden=[]", "network: hidden must be positive, got ()"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(rejection, setting, message):
    assert rejection(setting) == message


def test_evaluation_without_gold_of_any_row_is_refused(toy, tables, tmp_path, capsys):
    path = write_lines(tmp_path / "gold.jsonl", [{"media_id": "elsewhere", "authors": ["a01"]}])
    words = [f"--output={tables}", f"--gold={path}", f"--authors={toy.config['authors']}"]
    assert main(["evaluate_authors", *words]) == 2
    assert "expected links of audiobooks with gold, found none among 186 rows" in capsys.readouterr().err


def test_gold_is_of_people_and_slices_are_named_by_what_is_true(sample):
    gold = read_gold(str(sample / "truth_authors.jsonl"), "media_id", str(sample / "authors.jsonl"))
    assert gold["audiobook_20"]["authors"] == {"a09", "a10"}
    assert find_slices(gold["audiobook_20"]) == ("multi_author", "ambiguous")
    assert find_slices({"slice": None, "homonym": 1}) == ()


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.lists(st.frozensets(st.sampled_from("abcdefgh"), min_size=1, max_size=3), min_size=1), st.integers(2, 5))
def test_no_author_is_in_two_folds(truths, folds):
    found = _split(truths, folds, 1)
    homes = {}
    for truth, fold in zip(truths, found, strict=True):
        assert 0 <= fold < folds
        for author_id in truth:
            assert homes.setdefault(author_id, fold) == fold
