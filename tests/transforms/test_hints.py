"""What is asked of machines is what Beam understands."""

import re

import pytest
from apache_beam.transforms.resources import parse_resource_hints

from configs.loading import ConfigError, load_config
from pipelines import match_podcasts
from transforms.hints import make_hints

GPU = "type:nvidia-l4;count:1;install-nvidia-driver"


@pytest.mark.parametrize(("size", "count"), [("30GB", 30e9), ("1.5GiB", 1.5 * 2**30), ("800MB", 8e8), ("2TiB", 2**41)])
def test_a_size_is_as_many_bytes_as_beam_reads(size, count):
    hints = parse_resource_hints(make_hints(min_ram=size))
    assert {urn: int(value) for urn, value in hints.items()} == {"beam:resources:min_ram_bytes:v1": count}


def test_what_is_not_asked_for_is_no_hint():
    assert make_hints() == {}
    assert make_hints(GPU) == {"accelerator": GPU}


@pytest.mark.parametrize("size", ["30", "lots", "-3GB", "GB", "30 GB "])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match=f"^{re.escape(f'min_ram must be a size such as 30GB, got {size!r}')}$"):
        make_hints(min_ram=size)


def test_a_hint_is_set_as_any_knob_is():
    values = ["input=gs://b/a.csv", "index=gs://b/index", "output=bq://p.d"]
    asking = load_config(match_podcasts.Config, None, [*values, "search.min_ram=30GB"])
    assert asking.search.hints == {"min_ram": "30GB"}
    with pytest.raises(ConfigError, match=r"^search: min_ram must be a size such as 30GB, got '30'$"):
        load_config(match_podcasts.Config, None, [*values, "search.min_ram='30'"])
