"""Oracle: dicts of sets, which know neither shards nor arrays."""

import dataclasses
import math
import random
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.audiobooks import Audiobook, Author, Contributor
from models.blocking import KINDS, audiobook_keys, author_keys
from models.candidates import (
    CandidateConfig,
    digest,
    join_keys,
    merge_votes,
    pack_audiobooks,
    pack_authors,
    vote_for,
)
from models.profiles import count_rarity, profile_audiobook, profile_author

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=25)
CONFIG = CandidateConfig()
GIVEN = ("Anne", "Bertha", "Carl", "Dora", "A.")
SURNAMES = ("Grey", "Gray", "Holm", "Ivarsen", "Holme")
THINGS = ("herons", "lanterns", "umbrellas", "pebbles", "orchards", "ferries")
NAMES = ("name", "misspelt", "initial", "surname")


def author(author_id, name, works=(), subjects=()):
    return Author(author_id, name, "", "", "", (), None, None, tuple(works), ("English",) * len(works), subjects, ())


def audiobook(media_id, name, title, genres=()):
    return Audiobook(media_id, title, "", (Contributor(name, "author"),), "", "", "English", genres, None, "")


def draw_world(seed, authors=12, audiobooks=10):
    """Profiles of both, of few names and words, so that many meet; and the rarity."""
    rng = random.Random(seed)

    def name():
        return f"{rng.choice(GIVEN)} {rng.choice(SURNAMES)}"

    def title():
        return f"The {rng.choice(THINGS)} of the {rng.choice(THINGS)}"

    people = [
        author(f"a{number:02}", name(), [title() for _ in range(rng.randrange(4))], tuple(rng.sample(THINGS, 2)))
        for number in range(authors)
    ]
    books = [audiobook(f"m{number:02}", name(), title(), tuple(rng.sample(THINGS, 1))) for number in range(audiobooks)]
    return profiles_of(people, books)


def profiles_of(people, books):
    rarity = count_rarity(people)
    return (
        [profile_author(each, rarity) for each in people],
        [profile_audiobook(each, rarity) for each in books],
        rarity,
    )


def find(authors, audiobooks, rarity, config, batch=500, drop=lambda holdings: None):
    """Votes by media_id, by way of packed blocks in their shards."""
    blocks = defaultdict(lambda: ([], []))
    for side, (profiles, pack) in enumerate([(authors, pack_authors), (audiobooks, pack_audiobooks)]):
        for start in range(0, len(profiles), batch):
            for shard, block in pack(profiles[start : start + batch], config):
                blocks[shard][side].append(block)
    votes = defaultdict(list)
    for held, asking in blocks.values():
        for number, each in join_keys(held, asking, rarity.authors, config, drop):
            votes[number].append(each)
    return {
        each.audiobook.media_id: merge_votes(votes[digest(each.audiobook.media_id)], each.people, config)
        for each in audiobooks
    }


def as_dict(votes, authors):
    """By author_id the votes by name and by text, and works."""
    ids = {digest(each.author.author_id): each.author.author_id for each in authors}
    columns = zip(votes.authors, votes.names, votes.texts, votes.works, strict=True)
    return {ids[int(number)]: tuple(map(float, values)) for number, *values in columns}


def count_votes(book, authors, total, config):
    """Of each author that shares a key with the audiobook: the best by name, the sum of texts, and works."""
    holders = defaultdict(set)
    words = defaultdict(dict)
    for each in authors:
        for key in author_keys(each):
            holders[key.kind, key.text].add(each.author.author_id)
        for word, weight in heaviest(each.words, config.author_words):
            words[word][each.author.author_id] = weight
    found = defaultdict(lambda: [0.0, 0.0])
    for key in audiobook_keys(book):
        held = holders[key.kind, key.text]
        for author_id in held:
            value = KINDS[key.kind] * math.log(max(total, 2) / len(held)) / 10
            if key.kind in NAMES:
                found[author_id][0] = max(found[author_id][0], value)
            else:
                found[author_id][1] += value
    for word, weight in heaviest(book.words, config.audiobook_words):
        for author_id, other in words[word].items():
            found[author_id][1] += 12 * weight * other
    works = {each.author.author_id: math.log1p(len(each.author.works)) for each in authors}
    return {author_id: (*values, works[author_id]) for author_id, values in found.items()}


def heaviest(words, most):
    return sorted(words.items(), key=lambda item: (-item[1], item[0]))[:most]


def approximately(votes):
    return {author_id: pytest.approx(values, abs=1e-5) for author_id, values in votes.items()}


@REPEATABLE
@given(st.integers(0, 10**6), st.integers(1, 9))
def test_candidates_are_those_that_share_a_key_with_the_votes_of_all_keys(seed, shards):
    authors, books, rarity = draw_world(seed)
    config = dataclasses.replace(CONFIG, shards=shards)
    found = find(authors, books, rarity, config, batch=3)
    for book in books:
        counted = count_votes(book, authors, rarity.authors, config)
        counted = {author_id: votes for author_id, votes in counted.items() if max(votes[:2]) > 0}
        assert as_dict(found[book.audiobook.media_id], authors) == approximately(counted)


@REPEATABLE
@given(st.integers(0, 10**6))
def test_the_best_stay_by_name_and_by_text(seed):
    authors, books, rarity = draw_world(seed, authors=40)
    config = dataclasses.replace(CONFIG, by_name=10, by_text=10)  # no shard has more than it may keep: 40
    found = find(authors, books, rarity, config)
    for book in books:
        counted = count_votes(book, authors, rarity.authors, config)
        kept = as_dict(found[book.audiobook.media_id], authors)
        assert kept.keys() <= counted.keys()

        def by_name(votes):
            return sum(votes[:2]) + 0.15 * votes[2]

        named = sorted((each for each in counted.values() if each[0] > 0), key=by_name, reverse=True)[:10]
        least = min(map(by_name, named), default=0)
        others = [each for each in counted.values() if each[1] > 0 and not (each[0] > 0 and by_name(each) >= least)]
        assert len(kept) <= 10 + 10
        assert len(kept) >= len(named) + min(10, len(others))
        missed = [counted[each] for each in counted.keys() - kept.keys() if counted[each][0] > 0]
        assert all(by_name(each) <= least + 1e-5 for each in missed)


@REPEATABLE
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 20))
def test_neither_shards_nor_batches_nor_order_change_the_votes(seed, shards, batch):
    authors, books, rarity = draw_world(seed)
    rng = random.Random(seed)
    shuffled = rng.sample(authors, len(authors)), rng.sample(books, len(books))
    together = find(authors, books, rarity, CONFIG)
    apart = find(*shuffled, rarity, dataclasses.replace(CONFIG, shards=shards), batch)
    for media_id, votes in together.items():
        assert as_dict(apart[media_id], authors) == approximately(as_dict(votes, authors))


def test_every_candidate_goes_to_one_shard_of_authors():
    votes = vote_for([f"a{number}" for number in range(50)])
    parts = dict(votes.split(7))
    assert sorted(number for part in parts.values() for number in part.authors) == sorted(votes.authors)
    assert all(number % 7 == shard for shard, part in parts.items() for number in part.authors)


def test_of_a_hot_name_those_with_most_works_stay_and_the_others_are_counted():
    people = [author(f"a{number}", "Anne Grey", [f"Work {i}" for i in range(number)]) for number in range(9)]
    authors, books, rarity = profiles_of(people, [audiobook("m", "Anne Grey", "Nothing Known")])
    dropped = []
    config = dataclasses.replace(CONFIG, max_holders=4)
    found = find(authors, books, rarity, config, drop=dropped.append)["m"]
    named = {author_id for author_id, votes in as_dict(found, authors).items() if votes[0] > 0}
    assert named == {"a8", "a7", "a6", "a5"}

    holdings = defaultdict(list)  # all that nine authors have in common is hot: of names four stay, of others none
    for each in authors:
        for key in author_keys(each):
            holdings[key].append(each)
        for word, _ in heaviest(each.words, config.author_words):
            holdings["word", word].append(each)
    trimmed = ("name", "surname", "initial", "title")
    assert sum(dropped) == sum(
        len(held) - (4 if getattr(key, "kind", "word") in trimmed else 0)
        for key, held in holdings.items()
        if len(held) > 4
    )


def test_a_hot_word_gives_no_candidates():
    people = [author(f"a{number}", f"Anne Grey{'abcdefghi'[number]}", ["Grey Pebbles"]) for number in range(9)]
    people += [author(f"b{number}", f"Bertha Holm{'abcdefghi'[number]}") for number in range(9)]
    authors, books, rarity = profiles_of(people, [audiobook("m", "Otto Zander", "Pebbles")])
    assert len(find(authors, books, rarity, CONFIG)["m"].authors) == 9
    assert not len(find(authors, books, rarity, dataclasses.replace(CONFIG, max_holders=8))["m"].authors)


def test_a_name_of_twenty_thousand_audiobooks_changes_no_other_audiobooks_votes():
    authors, books, rarity = draw_world(3)
    (planted,) = profiles_of([], [audiobook("planted", "Anne Grey", "The herons of the pebbles")])[1]
    crowd = [
        dataclasses.replace(planted, audiobook=dataclasses.replace(planted.audiobook, media_id=f"p{number}"))
        for number in range(20_000)
    ]
    one_block = dataclasses.replace(CONFIG, shards=1)
    (_, block), *_ = pack_audiobooks([planted], one_block)
    numbers = np.array([digest(each.audiobook.media_id) for each in crowd], np.uint64)
    crowded = type(block)(
        *(np.tile(getattr(block, name), len(crowd)) for name in ("keys", "kinds")),
        np.repeat(numbers, len(block.keys)),
        *(np.tile(getattr(block, name), len(crowd)) for name in ("weights", "works")),
    )
    ((_, held),) = pack_authors(authors, one_block)
    ((_, asked),) = pack_audiobooks(books, one_block)
    alone = dict(join_keys([held], [asked], rarity.authors, one_block))
    found = dict(join_keys([held], [crowded, asked], rarity.authors, one_block))
    assert len(found) == len(alone) + len(crowd)
    for number, votes in alone.items():
        for name in ("authors", "names", "texts", "works"):
            np.testing.assert_array_equal(getattr(found[number], name), getattr(votes, name))


def test_an_audiobook_that_shares_no_key_has_no_candidates():
    authors, books, rarity = profiles_of([author("a1", "Anne Grey")], [audiobook("m", "Otto Zander", "Otherwise")])
    assert not len(find(authors, books, rarity, CONFIG)["m"].authors)
    assert not len(find([], books, rarity, CONFIG)["m"].authors)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(CandidateConfig)])
def test_a_knob_that_is_not_positive_is_refused(field):
    with pytest.raises(ValueError, match=f"{field} must be positive, got 0"):
        CandidateConfig(**{field: 0})


@given(st.text())
def test_digests_fit_beams_integers(text):
    assert 0 <= digest(text) < 2**63
