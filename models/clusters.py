"""Clusters: audiobooks whose authors the knowledge base lacks, put together by who seems to have written them."""

import dataclasses
import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence

from models.mentions import Mention
from models.names import PersonName, compare_names, is_initial
from models.profiles import AudiobookProfile


@dataclasses.dataclass(frozen=True, slots=True)
class Orphan:
    """An audiobook without a known author: the name its author seems to have, and what it shares with others."""

    media_id: str
    name: PersonName  # no tokens: nobody is named
    year: int | None
    titles: frozenset[str]


def make_orphan(profile: AudiobookProfile, narrators: Mapping[str, int]) -> Orphan:
    """narrators: how many audiobooks each name key is claimed to narrate."""
    chosen = _likeliest_author(profile.mentions, narrators)
    titles = frozenset(title for title in profile.title_keys if len(title.split()) > 1)
    return Orphan(
        profile.audiobook.media_id,
        chosen.name if chosen else PersonName("", (), ""),
        profile.audiobook.copyright_year,
        titles,
    )


def orphan_keys(orphan: Orphan) -> frozenset[str]:
    """Keys under which orphans of one author may meet: only these are compared."""
    keys = {f"title:{title}" for title in orphan.titles}
    if orphan.name.tokens:
        keys |= {f"name:{orphan.name.key}", *(f"token:{token}" for token in orphan.name.tokens if len(token) > 2)}
    return frozenset(keys)


def may_be_one(a: Orphan, b: Orphan) -> bool:
    """Cannot-link: given names that clash, or years further apart than a working life."""
    if a.year and b.year and abs(a.year - b.year) > 90 and a.name.key != b.name.key:
        return False
    if not a.name.tokens or not b.name.tokens:
        return True
    match = compare_names(a.name, b.name)
    return match.surname > 0 and not match.clash and not (match.left and match.right)


def are_one(a: Orphan, b: Orphan) -> bool:
    """Whether two orphans that share a key are taken for one author's."""
    if not may_be_one(a, b):
        return False
    if a.titles & b.titles:
        return True
    both = a.name.tokens and b.name.tokens
    return bool(both) and (a.name.key == b.name.key or min(len(a.name.tokens), len(b.name.tokens)) > 1)


def cluster(orphans: Sequence[Orphan], most: int = 200) -> list[list[str]]:
    """Connected components over are_one, refusing every union that would bring two together that cannot be one.

    Orphans of one name are one from the start, so that a name of thousands costs no more than another. Ids sorted,
    within and without. most: a key that more names hold joins none.
    """
    groups = _group_by_name(orphans)
    names = [_stand_for(group) for group in groups]
    by_key: dict[str, list[int]] = defaultdict(list)
    for i, orphan in enumerate(names):
        for key in orphan_keys(orphan):
            by_key[key].append(i)
    edges = {pair for holders in by_key.values() if len(holders) <= most for pair in _pairs(holders, names)}
    members = {i: [i] for i in range(len(names))}
    home = list(range(len(names)))
    for a, b in sorted(edges):
        left, right = members[home[a]], members[home[b]]
        if left is not right and all(may_be_one(names[i], names[j]) for i in left for j in right):
            _merge(home, members, home[a], home[b])
    return sorted(sorted(each.media_id for i in found for each in groups[i]) for found in members.values())


def name_clusters(clusters: Iterable[Sequence[str]], yesterday: Mapping[str, str]) -> dict[str, str]:
    """Cluster id by media_id. yesterday's id (by media_id) goes to the cluster with most of its members; a new one
    is derived of the first member.
    """
    parts = sorted(map(list, clusters))
    shares = Counter((yesterday[i], part) for part, members in enumerate(parts) for i in members if i in yesterday)
    given: dict[int, str] = {}
    taken: set[str] = set()
    for name, part in sorted(shares, key=lambda share: (-shares[share], share)):
        if part not in given and name not in taken:
            given[part] = name
            taken.add(name)
    taken |= set(yesterday.values())
    for part, members in enumerate(parts):
        if part not in given:
            given[part] = _derive_id(members, taken)
            taken.add(given[part])
    return {i: given[part] for part, members in enumerate(parts) for i in members}


def _likeliest_author(mentions: Sequence[Mention], narrators: Mapping[str, int]) -> Mention | None:
    """The mention least like a narrator: by claim, then by what other audiobooks say, then by having a full name."""

    def doubt(mention: Mention) -> tuple[float, ...]:
        key = mention.name.key
        roles = {"author": 0, "": 1, "contributor": 1, "translator": 1}
        claim = roles.get(mention.role, 2) + 1.5 * (narrators.get(key, 0) - (mention.role == "narrator") > 0)
        return (claim + (len(mention.name.tokens) < 2), mention.names > 1, mention.contributor, mention.span[0])

    named = [each for each in mentions if not all(map(is_initial, each.name.tokens))]
    authors = [each for each in named if each.role != "narrator"]
    return min(authors or (named if len({each.contributor for each in named}) > 1 else []), key=doubt, default=None)


def _group_by_name(orphans: Sequence[Orphan]) -> list[list[Orphan]]:
    """In order of their first ids; without a name each is a group of its own."""
    groups: dict[str, list[Orphan]] = defaultdict(list)
    for orphan in sorted(orphans, key=lambda each: each.media_id):
        groups[f"name {orphan.name.key}" if orphan.name.tokens else f"id {orphan.media_id}"].append(orphan)
    return list(groups.values())


def _stand_for(group: Sequence[Orphan]) -> Orphan:
    """One orphan for all of a name: the first, with all their titles and the middle of their years."""
    years = sorted(each.year for each in group if each.year)
    titles = frozenset[str]().union(*(each.titles for each in group))
    return dataclasses.replace(group[0], year=years[len(years) // 2] if years else None, titles=titles)


def _pairs(holders: Sequence[int], orphans: Sequence[Orphan]) -> list[tuple[int, int]]:
    return [(a, b) for k, a in enumerate(holders) for b in holders[k + 1 :] if are_one(orphans[a], orphans[b])]


def _merge(home: list[int], members: dict[int, list[int]], a: int, b: int) -> None:
    for i in members[b]:
        home[i] = a
    members[a] += members.pop(b)


def _derive_id(members: Sequence[str], taken: Container[str]) -> str:
    """Of the first member; of a cluster that falls apart, the part with that member may have lost its id to another."""
    texts = (f"{min(members)}{' again' * attempt}" for attempt in itertools.count())
    ids = (f"new-{hashlib.sha256(text.encode()).hexdigest()[:16]}" for text in texts)
    return next(each for each in ids if each not in taken)
