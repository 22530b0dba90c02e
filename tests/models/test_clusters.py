"""Clusters of audiobooks by unknown authors, against networkx."""

import itertools
import random

import networkx as nx

from models.clusters import Orphan, are_one, cluster, name_clusters
from models.names import parse_name

NAMES = ["Anne Grey", "A. Grey", "Anne Grey", "Bertha Holm", "Carl Ive", ""]


def make_orphans(seed):
    rng = random.Random(seed)
    return [
        Orphan(f"m{i:02}", parse_name(rng.choice(NAMES)), None, frozenset([f"the title {rng.randrange(30)}"]))
        for i in range(24)
    ]


def test_without_cannot_links_clusters_are_the_connected_components():
    for seed in range(10):
        orphans = [each for each in make_orphans(seed) if each.name.key in ("anne grey", "a grey")]
        graph = nx.Graph()
        graph.add_nodes_from(each.media_id for each in orphans)
        graph.add_edges_from((a.media_id, b.media_id) for a, b in itertools.combinations(orphans, 2) if are_one(a, b))
        assert cluster(orphans) == sorted(sorted(each) for each in nx.connected_components(graph))


def test_no_cluster_has_two_given_names():
    for seed in range(10):
        orphans = {each.media_id: each for each in make_orphans(seed)}
        for members in cluster(list(orphans.values())):
            surnames = {orphans[i].name.surname for i in members} - {""}
            assert len(surnames) <= 1


def test_ids_stay_while_members_overlap():
    before = name_clusters([["a", "b"], ["c"]], {})
    after = name_clusters([["a", "b", "d"], ["c", "e"]], before)
    assert after["d"] == before["a"]
    assert after["e"] == before["c"]
    assert len(set(after.values())) == 2
