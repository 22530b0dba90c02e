"""Oracle: the same profiles joined in one process, without Beam."""

from collections import defaultdict

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.pvalue import AsSingleton
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from models.audiobooks import Audiobook, Author, Contributor
from models.candidates import CandidateConfig, digest, join_keys, pack_audiobooks, pack_authors
from models.profiles import count_rarity, profile_audiobook, profile_author
from models.undistributed import find_pairs
from transforms.candidates import CompareVisits, CountRarity, FindCandidates

NAMES = ("Anne Grey", "A. Grey", "Bertha Holm", "Carl Ivarsen", "Anne Gray", "Otto Holm")
THINGS = ("herons", "lanterns", "pebbles")
PEOPLE = [
    Author(f"a{n:02}", NAMES[n % 6], "", "", "", (), None, None, (THINGS[n % 3],), ("en",), (THINGS[n % 2],), ())
    for n in range(24)
]
RARITY = count_rarity(PEOPLE)
AUTHORS = [profile_author(each, RARITY) for each in PEOPLE]
BOOKS = [
    profile_audiobook(
        Audiobook(f"m{n}", THINGS[n % 3], "", (Contributor(name, "author"),), "", "", "", (), None, ""), RARITY
    )
    for n, name in enumerate([*NAMES, "Nobody Else"])
]


def run(config, check):
    """Compares in a pipeline; its counters."""
    root = beam.Pipeline(FnApiRunner())
    rarity = AsSingleton(root | "People" >> beam.Create(PEOPLE) | CountRarity())
    profiles = {"audiobooks": root | "Books" >> beam.Create(BOOKS), "authors": root | "Authors" >> beam.Create(AUTHORS)}
    visits = profiles | FindCandidates(config, rarity)
    pairs = {"authors": profiles["authors"], "visits": visits} | CompareVisits(config, rarity)
    assert_that(pairs, check)
    result = root.run()
    result.wait_until_finish()
    return {each.key.metric.name: each.committed for each in result.metrics().query()["counters"]}


@pytest.mark.parametrize(("shards", "author_shards"), [(1, 1), (5, 3)])
def test_pairs_over_all_shards_are_those_of_one_process(shards, author_shards):
    config = CandidateConfig(shards, author_shards)
    by_digest = {digest(each.author.author_id): each for each in AUTHORS}
    expected = {each.media_id: each for each in find_pairs(BOOKS, by_digest, RARITY, config)}

    def check(found):
        parts = defaultdict(dict)
        for media_id, pairs in found:
            for row, author_id in enumerate(pairs.author_ids):
                assert author_id not in parts[media_id]
                parts[media_id][author_id] = pairs.features[row]
        assert {name: sorted(part) for name, part in parts.items()} == {
            name: list(pairs.author_ids) for name, pairs in expected.items() if pairs.author_ids
        }
        for media_id, part in parts.items():
            for row, author_id in enumerate(expected[media_id].author_ids):
                np.testing.assert_allclose(part[author_id], expected[media_id].features[row], atol=1e-5)

    assert "hot_key_holdings_dropped" not in {name for name, count in run(config, check).items() if count}


def test_holdings_of_hot_keys_that_are_passed_over_are_counted():
    config = CandidateConfig(shards=3, max_holders=3)
    blocks = defaultdict(lambda: ([], []))
    for side, (profiles, pack) in enumerate([(AUTHORS, pack_authors), (BOOKS, pack_audiobooks)]):
        for shard, block in pack(profiles, config):
            blocks[shard][side].append(block)
    dropped = []
    for held in blocks.values():
        list(join_keys(*held, RARITY.authors, config, dropped.append))
    counters = run(config, lambda found: None)
    assert counters["hot_key_holdings_dropped"] == sum(dropped) > 0


def test_the_rarity_is_counted_over_all_authors():
    with beam.Pipeline(FnApiRunner()) as root:
        assert_that(root | beam.Create(PEOPLE) | CountRarity(), equal_to([RARITY]))
