"""Oracles: what two people can and cannot both be, and thresholds tried one by one."""

import dataclasses

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.attribution import (
    EVIDENCE,
    AttributionConfig,
    Candidate,
    attribute,
    choose_auto_thresholds,
    choose_link_threshold,
    describe_links,
    name_evidence,
)
from models.audiobooks import Audiobook, Author, Contributor
from models.comparisons import FEATURES, compare
from models.mentions import parse_mentions
from models.profiles import count_rarity, profile_audiobook, profile_author

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
CONFIG = AttributionConfig(dict.fromkeys(EVIDENCE, 0.5), dict.fromkeys(EVIDENCE, 0.9), margin=0.3)
STRINGS = ("Anne Grey", "Bertha Holm & Carl Ive", "Ivarsen, Dora, Grey, Ed", "Fritz Vale")
MENTIONS = parse_mentions([Contributor(text, "author") for text in STRINGS])


def mentioned(text, mentions=MENTIONS):
    """The index of the reading of those words."""
    return next(i for i, each in enumerate(mentions) if each.name.full == text)


def decide(*candidates, mentions=MENTIONS, config=CONFIG):
    return attribute("m", mentions, candidates, config)


def linked(*candidates, **options):
    return [link.author_id for link in decide(*candidates, **options).links]


def candidate(author_id, text, score, evidence="full_name"):
    return Candidate(author_id, mentioned(text) if text else -1, evidence if text else "text", score)


@pytest.mark.parametrize(
    ("score", "decision"), [(0.49, "new_author"), (0.5, "review"), (0.89, "review"), (0.9, "linked"), (1.0, "linked")]
)
def test_a_link_is_made_from_the_lower_threshold_and_without_review_from_the_higher(score, decision):
    found = decide(candidate("a1", "anne grey", score))
    assert found.decision == decision
    assert [link.author_id for link in found.links] == ["a1"] * (decision != "new_author")
    assert found.best == score


@pytest.mark.parametrize("evidence", EVIDENCE)
def test_thresholds_are_of_the_kind_of_evidence(evidence):
    strict = dataclasses.replace(CONFIG, link={**CONFIG.link, evidence: 0.7})
    lenient = dataclasses.replace(CONFIG, link={**dict.fromkeys(EVIDENCE, 0.7), evidence: 0.5})
    each = Candidate("a1", mentioned("anne grey"), evidence, 0.6)
    assert linked(each, config=strict) == []
    assert linked(each, config=lenient) == ["a1"]


def test_a_runner_up_that_is_close_sends_the_link_to_review():
    close, far = candidate("a2", "anne grey", 0.7), candidate("a2", "anne grey", 0.6)
    for rival, decision in ((close, "review"), (far, "linked")):
        (link,) = (found := decide(candidate("a1", "anne grey", 0.95), rival)).links
        assert found.decision == decision
        assert (link.author_id, link.runner_up, link.margin) == ("a1", "a2", pytest.approx(0.95 - rival.score))


def test_all_of_an_audiobooks_links_must_be_sure():
    sure, unsure = candidate("a1", "anne grey", 0.95), candidate("a2", "fritz vale", 0.8)
    assert decide(sure, unsure).decision == "review"


def test_each_person_of_a_string_and_of_other_strings_gets_an_author():
    names = ("anne grey", "bertha holm", "carl ive", "dora ivarsen", "ed grey", "fritz vale")
    candidates = [candidate(f"a{number}", name, 0.9 + number / 100) for number, name in enumerate(names)]
    found = decide(*candidates)
    assert [link.author_id for link in found.links] == ["a5", "a4", "a3", "a2", "a1", "a0"]
    assert (found.decision, {link.runner_up for link in found.links}) == ("linked", {""})
    assert {link.mention for link in found.links} >= {"Anne Grey", "Bertha Holm", "Carl Ive", "Ivarsen, Dora"}


def test_two_readings_of_the_same_words_give_one_author():
    whole, part = candidate("a1", "dora ivarsen", 0.9), candidate("a2", "dora", 0.95)
    assert linked(whole, part) == ["a2"]
    assert linked(whole, candidate("a2", "ed grey", 0.95)) == ["a2", "a1"]


def test_the_same_name_in_two_strings_is_one_person():
    mentions = parse_mentions([Contributor("Anne Grey", "author"), Contributor("Grey, Anne", "narrator")])
    both = [Candidate("a1", 0, "full_name", 0.9), Candidate("a2", 1, "full_name", 0.8)]
    assert linked(*both, mentions=mentions) == ["a1"]


def test_texts_alone_give_one_author_and_only_where_no_name_gives_one():
    assert linked(candidate("a1", "", 0.9), candidate("a2", "", 0.8)) == ["a1"]
    assert linked(candidate("a1", "", 0.8), candidate("a2", "anne grey", 0.9)) == ["a2"]
    (link,) = decide(candidate("a1", "", 0.9)).links
    assert (link.mention, link.evidence) == ("", "text")


CANDIDATES = st.lists(
    st.builds(
        lambda number, mention, score, evidence: Candidate(
            f"a{number}", mention, evidence if mention >= 0 else "text", score
        ),
        st.integers(0, 99),
        st.integers(-1, len(MENTIONS) - 1),
        st.floats(0, 1),
        st.sampled_from(EVIDENCE),
    ),
    unique_by=lambda each: each.author_id,
    max_size=12,
)


@REPEATABLE
@given(CANDIDATES)
def test_no_mention_gives_two_authors_and_no_link_is_below_its_threshold(candidates):
    found = decide(*candidates)
    spans = [
        (each.contributor, place)
        for link in found.links
        for each in MENTIONS
        if link.mention == each.text and link.evidence != "text"
        for place in range(*each.span)
    ]
    assert len(spans) == len(set(spans))
    assert len({link.author_id for link in found.links}) == len(found.links)
    assert all(link.score >= 0.5 for link in found.links)
    assert all(link.score >= next_.score for link, next_ in zip(found.links, found.links[1:], strict=False))
    if any(link.evidence == "text" for link in found.links):
        assert len(found.links) == 1


@REPEATABLE
@given(CANDIDATES, st.randoms(use_true_random=False))
def test_order_does_not_matter(candidates, random):
    assert decide(*candidates) == decide(*random.sample(candidates, len(candidates)))


@pytest.mark.parametrize(
    ("contributors", "decision"),
    [
        ([("Anne Grey", "author")], "new_author"),
        ([("Anne Grey", "narrator")], "unknown"),
        ([("Various", "author")], "unknown"),
        ([], "unknown"),
    ],
)
def test_who_has_no_link_has_a_new_author_if_somebody_is_named(contributors, decision):
    found = decide(mentions=parse_mentions([Contributor(*each) for each in contributors]))
    assert (found.decision, found.links, found.best) == (decision, (), 0.0)


# Evidence and reasons


def compared(name, author_name="Tobias Reginald Quillfeather", aliases=()):
    """FEATURES of an audiobook with that contributor, and an author of that name."""
    author = Author("a1", author_name, "", "", "", aliases, None, None, ("The Heron Clock",), ("English",), (), ())
    book = Audiobook("m", "The Heron Clock", "", (Contributor(name, "author"),), "", "", "English", (), None, "")
    rarity = count_rarity([author])
    _, features = compare(profile_audiobook(book, rarity), profile_author(author, rarity), rarity)
    return np.array(features, np.float32)


@pytest.mark.parametrize(
    ("name", "evidence"),
    [
        ("Tobias Reginald Quillfeather", "full_name"),
        ("Quillfeather, Tobias Reginald", "full_name"),
        ("Tobias Quillfeather", "full_name"),
        ("T. R. Quillfeather", "initials"),
        ("Quillfeather", "surname"),
        ("Tobias Reginald Quilfeather", "misspelt"),
        ("Tobais Reginald Quillfeather", "misspelt"),
        ("Tobias Otto Quillfeather", "partial"),
        ("Petra Lindqvale", "text"),
        ("Various", "text"),
    ],
)
def test_evidence_is_what_a_name_shows(name, evidence):
    assert name_evidence(compared(name)) == evidence


def test_reasons_and_runner_up_are_for_a_person_to_read():
    features = np.stack([compared("Tobias Quillfeather"), compared("Tobias Quillfeather", "Tobias Quill")])
    candidates = [Candidate("a1", 0, "full_name", 0.9), Candidate("a2", 0, "partial", 0.4)]
    found = decide(*candidates, mentions=parse_mentions([Contributor("Tobias Quillfeather", "author")]))
    (row,) = describe_links(found.links, ["a1", "a2"], ["Tobias Reginald Quillfeather", "Tobias Quill"], features)
    assert (row.name, row.runner_up_name) == ("Tobias Reginald Quillfeather", "Tobias Quill")
    assert "title among the author's works" in row.reasons
    alike = features[0][FEATURES.index("sorted_ratio")]
    assert row.reasons[0] == f"name {alike:.0%} alike"


# Thresholds


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"link": {"full_name": 0.5}}, "link must have thresholds of .*, got full_name"),
        ({"auto": {**CONFIG.auto, "guess": 1.0}}, "auto must have thresholds of .*, got .*guess"),
        ({"auto": {**CONFIG.auto, "text": 0.4}}, "auto must not be below link"),
    ],
)
def test_thresholds_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **changes)


SCORED = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60)


def columns(scored):
    return np.array([score for score, _ in scored], float), np.array([right for _, right in scored], bool)


@REPEATABLE
@given(SCORED, SCORED, st.sampled_from([0.6, 0.8, 0.9, 0.95]))
def test_links_without_review_are_right_as_often_as_promised(names, texts, precision):
    scores, right = zip(columns(names), columns(texts), strict=True)
    kinds = ("full_name", "text")
    chosen = choose_auto_thresholds(
        dict(zip(kinds, scores, strict=True)), dict(zip(kinds, right, strict=True)), precision
    )
    kept = np.concatenate([right[i][scores[i] >= chosen[kind]] for i, kind in enumerate(kinds)])
    if len(kept):
        assert np.mean(kept) >= precision
        assert (np.sum(~kept) + 1) / (len(kept) + 2) <= 1 - precision + 1e-9


def test_a_kind_that_is_never_wrong_needs_no_review_and_one_that_mostly_is_always_does():
    scores = {"full_name": np.linspace(0.5, 1, 300), "text": np.linspace(0.5, 1, 300)}
    right = {"full_name": np.ones(300, bool), "text": np.arange(300) % 3 == 0}
    chosen = choose_auto_thresholds(scores, right, 0.99)
    assert chosen == {"full_name": 0.5, "text": 2.0}


def test_too_few_links_to_promise_anything_are_all_reviewed():
    assert choose_auto_thresholds({"text": np.ones(20)}, {"text": np.ones(20, bool)}, 0.99) == {"text": 2.0}


@REPEATABLE
@given(st.lists(st.tuples(st.sampled_from([0.2, 0.4, 0.6, 0.8, 1.0]) | st.floats(0.15, 1), st.booleans()), min_size=1))
@example([(0.9, True), (0.5, True), (0.5, False), (0.5, False)])
def test_no_other_threshold_has_more_links_right_less_wrong(scored):
    scores, right = columns(scored)

    def gain(threshold):
        kept = right[scores >= threshold]
        return np.sum(kept) - 0.9 * np.sum(~kept)

    chosen = choose_link_threshold(scores, right)
    if (best := max(map(gain, np.unique(scores)))) > 0:
        assert gain(chosen) == pytest.approx(best)
    else:
        assert chosen == 1.0


def test_a_threshold_is_never_below_the_least_and_half_without_anything_to_go_by():
    assert choose_link_threshold(np.array([0.01, 0.2]), np.array([True, True])) == 0.15
    assert choose_link_threshold(np.empty(0), np.empty(0, bool)) == 0.5
