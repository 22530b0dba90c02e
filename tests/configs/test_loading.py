"""Configuration that is right comes out as it went in; configuration that is wrong says which key and why."""

import dataclasses
import re
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.loading import ConfigError, load_config, load_options

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=50)


@dataclasses.dataclass(frozen=True)
class Filter:
    """Knobs two levels down."""

    window_s: float = 5.0
    min_anchors: int = 4

    def __post_init__(self) -> None:
        if self.min_anchors < 1:
            raise ValueError(f"min_anchors must be positive, got {self.min_anchors}")


@dataclasses.dataclass(frozen=True)
class Query:
    """Knobs one level down."""

    fan_out: int = 8
    shares: tuple[float, ...] = (0.25, 0.5)
    filter: Filter = dataclasses.field(default_factory=Filter)


@dataclasses.dataclass(frozen=True)
class Config:
    """One field of each kind."""

    input: str
    verbose: bool = False
    max_share: float = 0.05
    model: str | None = None
    limit_s: float | None = None
    query: Query = dataclasses.field(default_factory=Query)
    filters: tuple[Filter, ...] = ()
    shares: dict[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    named: dict[str, Filter] | None = None
    extra: Query | None = None


KEYS = ("input", "verbose", "max_share", "model", "query", "query.fan_out", "query.shares", "query.filter.min_anchors")
GROUPS = ("query", "query.filter")
TEXTS = st.text(st.characters(codec="utf-8"))
FLOATS = st.floats(allow_nan=False)
FILTERS = st.builds(Filter, FLOATS, st.integers(min_value=1))
QUERIES = st.builds(Query, st.integers(), st.lists(FLOATS).map(tuple), FILTERS)
CONFIGS = st.builds(
    Config,
    TEXTS,
    st.booleans(),
    FLOATS,
    st.none() | TEXTS,
    st.none() | FLOATS,
    QUERIES,
    st.lists(FILTERS, max_size=3).map(tuple),
    st.dictionaries(TEXTS, st.lists(FLOATS, max_size=2).map(tuple), max_size=3),
    st.none() | st.dictionaries(TEXTS, FILTERS, max_size=2),
    st.none() | QUERIES,
)


@REPEATABLE
@given(CONFIGS)
def test_a_config_comes_back_from_yaml_as_it_was(config):
    assert load(yaml.safe_dump(dataclasses.asdict(config))) == config
    assert load(yaml.safe_dump(dataclasses.asdict(config), allow_unicode=True)) == config


@REPEATABLE
@given(CONFIGS, CONFIGS)
def test_settings_of_every_key_leave_nothing_of_the_file(config, other):
    given_settings = [f"{key}={yaml.safe_dump(value)}" for key, value in leaves(dataclasses.asdict(config))]
    assert load(yaml.safe_dump(dataclasses.asdict(other)), given_settings) == config
    assert load_config(Config, None, given_settings) == config


@REPEATABLE
@given(st.sampled_from(KEYS), st.data())
def test_a_key_with_a_letter_missing_is_an_error_that_names_the_right_one(key, data):
    *groups, name = key.split(".")
    missing = data.draw(st.integers(0, len(name) - 1))
    misspelt = ".".join([*groups, name[:missing] + name[missing + 1 :]])
    with pytest.raises(ConfigError, match=f"^{re.escape(f'{misspelt}: no such key; did you mean {name}?')}$"):
        load("input: x", [f"{misspelt}=1"])


def test_a_key_like_none_is_an_error_that_names_them_all():
    with pytest.raises(ConfigError, match=r"^query\.filter\.zzz: no such key; there are window_s, min_anchors$"):
        load("input: x", ["query.filter.zzz=1"])
    with pytest.raises(ConfigError, match=r"^1: no such key"):
        load("1: x")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("input=7", "input: expected str, got 7"),
        ("input=", "input: expected str, got None"),
        ("verbose=1", "verbose: expected bool, got 1"),
        ("max_share=true", "max_share: expected float, got True"),
        ("max_share=much", "max_share: expected float, got 'much'"),
        ("max_share=", "max_share: expected float, got None"),
        ("model=7", "model: expected str, got 7"),
        ("limit_s=no", "limit_s: expected float, got False"),
        ("query=7", "query: expected Query, got 7"),
        ("query=", "query: expected Query, got None"),
        ("query.fan_out=true", "query.fan_out: expected int, got True"),
        ("query.fan_out=8.0", "query.fan_out: expected int, got 8.0"),
        ("query.shares=0.5", "query.shares: expected tuple, got 0.5"),
        ("query.shares=[0.5, x]", "query.shares[1]: expected float, got 'x'"),
        ("query.shares=[true]", "query.shares[0]: expected float, got True"),
        ("query.shares=half", "query.shares: expected tuple, got 'half'"),
        ("filters=[{min_anchors: 1.5}]", "filters[0].min_anchors: expected int, got 1.5"),
        ("shares=0.5", "shares: expected dict, got 0.5"),
        ("shares=", "shares: expected dict, got None"),
        ("shares={1: [0.5]}", "shares: expected str, got 1"),
        ("shares={all: 0.5}", "shares.all: expected tuple, got 0.5"),
        ("shares.all=[0.5, x]", "shares.all[1]: expected float, got 'x'"),
        ("named={short: 7}", "named.short: expected Filter, got 7"),
        ("named.short.min_anchors=1.5", "named.short.min_anchors: expected int, got 1.5"),
        ("named.short.min_anchor=1", "named.short.min_anchor: no such key; did you mean min_anchors?"),
        ("extra=7", "extra: expected Query, got 7"),
        ("extra.fan_out=8.0", "extra.fan_out: expected int, got 8.0"),
    ],
)
def test_a_value_of_another_type_is_an_error_that_names_the_key(setting, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load("input: x", [setting])


def test_whole_numbers_are_floats_where_floats_are_meant():
    config = load("{input: x, max_share: 1, limit_s: 2, query: {shares: [1, 0]}}")
    assert config == Config("x", max_share=1.0, limit_s=2.0, query=Query(shares=(1.0, 0.0)))
    numbers = [config.max_share, config.limit_s, *config.query.shares]
    assert [type(number) for number in numbers] == [float] * 4


def test_null_is_a_value_only_where_the_field_may_be_none():
    assert load("{input: x, model: null, limit_s: ~, named: null, extra: null}") == Config("x")


def test_a_group_that_may_be_none_is_there_once_a_key_of_it_is_set():
    assert load("input: x", ["extra.fan_out=3"]) == Config("x", extra=Query(3))
    assert load("{input: x, extra: {}}") == Config("x", extra=Query())
    named = {"short": Filter(1.0), "long": Filter()}
    config = load("{input: x, named: {short: {window_s: 1}, long: {}}}", ["shares.all=[1, 0]"])
    assert config == Config("x", shares={"all": (1.0, 0.0)}, named=named)
    assert list(config.named) == ["short", "long"]


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A group whose defaults are not its class's."""

    query: Query = Query(2, (1.0,), Filter(7.0, 3))


def test_a_key_of_a_group_leaves_the_others_as_the_group_has_them():
    filtered = load_config(Fitted, None, ["query.filter.min_anchors=9"])
    assert filtered == Fitted(Query(2, (1.0,), Filter(7.0, 9)))
    assert load_config(Fitted, None, ["query={}"]) == Fitted()


@pytest.mark.parametrize(
    ("setting", "where"), [("query.filter.min_anchors=0", "query.filter"), ("filters=[{min_anchors: 0}]", "filters[0]")]
)
def test_a_value_that_a_knob_refuses_is_an_error_that_names_the_knob(setting, where):
    with pytest.raises(ConfigError, match=f"^{re.escape(where)}: min_anchors must be positive, got 0$"):
        load("input: x", [setting])
    with pytest.raises(ConfigError, match=r"^Filter: min_anchors must be positive, got 0$"):
        load_config(Filter, None, ["min_anchors=0"])


def test_settings_go_on_top_of_the_file_and_the_last_one_wins():
    text = "{input: x, query: {fan_out: 3, filter: {window_s: 1.5}}}"
    given_settings = ["query.fan_out=9", "query.filter.min_anchors=1", "query.fan_out=10", "input=a=b", "model='7'"]
    assert load(text, given_settings) == Config("a=b", model="7", query=Query(10, filter=Filter(1.5, 1)))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("query", "--set: expected key=value, got 'query'"),
        ("=1", "--set: expected key=value, got '=1'"),
        ("input.name=1", "--set input.name=1: input is not a group of keys"),
        ("input=[1", "--set input=[1: "),
    ],
)
def test_a_setting_that_is_none_is_an_error_that_quotes_it(setting, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        load("input: x", [setting])


def test_a_required_key_that_is_not_given_is_an_error():
    for text in ["", "# nothing", "verbose: true"]:
        with pytest.raises(ConfigError, match=r"^input: required, but not given$"):
            load(text)
    with pytest.raises(ConfigError, match=r"^input: required, but not given$"):
        load_config(Config, None)


@pytest.mark.parametrize(("text", "kind"), [("[input]", "list"), ("input", "str"), ("7", "int")])
def test_a_file_that_is_not_a_mapping_is_an_error(tmp_path, text, kind):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=f"^config {re.escape(path)}: expected a mapping of keys, got {kind}$"):
        load_config(Config, path)


@pytest.mark.parametrize("content", [b"input: [", b"input: \xff", b"\tinput: x"])
def test_a_file_that_is_not_yaml_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"^config {re.escape(str(path))}: "):
        load_config(Config, str(path))


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match=r"nosuch\.yaml"):
        load_config(Config, str(tmp_path / "nosuch.yaml"))


def test_yaml_that_would_run_code_is_an_error(tmp_path):
    path = written(tmp_path, f"input: !!python/object/apply:pathlib.Path.touch [{tmp_path / 'ran'}]")
    with pytest.raises(ConfigError, match="python/object/apply"):
        load_config(Config, path)
    assert not (tmp_path / "ran").exists()


def test_options_become_flags(tmp_path):
    text = "{runner: FnApiRunner, workers: 0, streaming: true, spot: false, region: null, experiments: [a=1, b], x: []}"
    flags = ["--runner=FnApiRunner", "--workers=0", "--streaming", "--experiments=a=1", "--experiments=b"]
    assert load_options(written(tmp_path, text)) == flags
    assert load_options(written(tmp_path, "# nothing")) == []


def load(text, given_settings=()):
    """The Config of a file with this text."""
    with tempfile.TemporaryDirectory() as folder:
        return load_config(Config, written(Path(folder), text), given_settings)


def written(folder, text):
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def leaves(values, group=""):
    """(key, value) for all that is not itself a group of keys."""
    for name, value in values.items():
        if f"{group}{name}" in GROUPS:
            yield from leaves(value, f"{group}{name}.")
        else:
            yield f"{group}{name}", value
