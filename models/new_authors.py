"""New authors: clusters of audiobooks whose authors the knowledge base lacks, under ids that outlive a run."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from models.clusters import Orphan, cluster, name_clusters
from models.records import NewAuthor


def name_new_authors(
    orphans: Sequence[Orphan], yesterday: Iterable[Mapping[str, Any]], authors: Mapping[str, str | None]
) -> list[NewAuthor]:
    """The new authors of these orphans, and the retired ones of earlier runs.

    yesterday: rows of new_authors, of any runs; of each id the newest counts. authors: of every audiobook at hand its
    known author, or None. An id of an earlier run goes to the cluster with most of its audiobooks; one that no cluster
    takes though its audiobooks are at hand is retired, and says who has most of them now.
    """
    before = {row["new_author_id"]: row["media_ids"] for row in _find_newest(yesterday)}
    homes = {media_id: name for name in sorted(before) for media_id in before[name]}
    clusters = cluster(orphans)
    named = name_clusters(clusters, homes)
    names = {orphan.media_id: orphan.name.full for orphan in orphans}
    found = [
        NewAuthor(
            named[members[0]],
            _commonest(names[each] for each in members),
            "kept" if named[members[0]] in before else "new",
            None,
            tuple(members),
        )
        for members in clusters
    ]
    return sorted([*found, *_retire(before, named, authors)], key=lambda each: each.new_author_id)


def _find_newest(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    newest: dict[str, Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda each: each["processed_at"]):
        newest[row["new_author_id"]] = row
    return (row for row in newest.values() if row["status"] != "retired")


def _retire(
    before: Mapping[str, Sequence[str]], named: Mapping[str, str], authors: Mapping[str, str | None]
) -> Iterator[NewAuthor]:
    taken = set(named.values())
    for new_author_id, media_ids in before.items():
        now = [authors[each] or named.get(each) for each in media_ids if each in authors]
        if now and new_author_id not in taken:
            heirs = Counter(each for each in now if each is not None)
            heir = min(heirs, key=lambda each: (-heirs[each], each), default=None)
            yield NewAuthor(new_author_id, "", "retired", heir, ())


def _commonest(names: Iterable[str]) -> str:
    counts = Counter(name for name in names if name)
    return min(counts, key=lambda name: (-counts[name], -len(name), name), default="")
