"""Oracle: what two people can and cannot both be."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.attribution import (
    EVIDENCE,
    AttributionConfig,
    Candidate,
    attribute,
    describe_links,
    name_evidence,
)
from models.audiobooks import Audiobook, Author, Contributor
from models.certainty import LINK_SIGNS, Logistic
from models.comparisons import FEATURES, compare
from models.mentions import parse_mentions
from models.profiles import count_rarity, profile_audiobook, profile_author

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=60)
CONFIG = AttributionConfig(0.5, Logistic(0.0, (1.0, 0.0, 0.0, 0.0)), 0.899)  # as certain as the score is high
NARRATORS = parse_mentions([Contributor("Nora Oake", "narrator")])
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
def test_a_link_is_made_from_the_threshold_and_without_review_where_it_is_certain(score, decision):
    found = decide(candidate("a1", "anne grey", score))
    assert found.decision == decision
    assert [link.author_id for link in found.links] == ["a1"] * (decision != "new_author")
    assert found.best == score


@pytest.mark.parametrize("sign", LINK_SIGNS[1:])
def test_other_candidates_can_send_a_link_to_review(sign):
    weights = tuple(-float(each == sign) for each in LINK_SIGNS)
    wary = AttributionConfig(0.7, Logistic(4.0, weights), 0.98)
    alone = candidate("a1", "anne grey", 0.95)
    rival = candidate("a2", "anne grey" if sign == "runner_up" else "fritz vale", 0.69)
    assert decide(alone, config=wary).decision == "linked"
    assert decide(alone, rival, config=wary).decision == "review"


def test_the_runner_up_is_whom_the_same_mention_would_have_named():
    others = [candidate("a2", "anne grey", 0.4), candidate("a3", "fritz vale", 0.45), candidate("a4", "anne grey", 0.3)]
    (link,) = decide(candidate("a1", "anne grey", 0.95), *others).links
    assert (link.author_id, link.runner_up, link.margin) == ("a1", "a2", pytest.approx(0.55))


@pytest.mark.parametrize(
    ("mentions", "score", "decision"),
    [
        ((), 0.09, "unknown"),
        ((), 0.1, "review"),
        ((), 0.49, "review"),
        ((), 0.95, "linked"),
        (NARRATORS, 0.1, "review"),
        (MENTIONS, 0.49, "new_author"),
    ],
)
def test_an_audiobook_that_names_nobody_gets_its_likeliest_author_for_review(mentions, score, decision):
    candidates = [Candidate("a1", -1, "text", score), Candidate("a2", -1, "text", score / 2)]
    found = attribute("m", mentions, candidates, CONFIG)
    assert found.decision == decision
    assert [link.author_id for link in found.links] == ["a1"] * (decision in ("review", "linked"))


def test_a_suggestion_is_for_review_however_certain():
    certain = dataclasses.replace(CONFIG, certainty=Logistic(50.0, (0.0,) * 4))
    assert attribute("m", (), [Candidate("a1", -1, "text", 0.2)], certain).decision == "review"
    assert attribute("m", (), [Candidate("a1", -1, "text", 0.6)], certain).decision == "linked"


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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"certainty": Logistic(0.0, (1.0,))}, "certainty must have weights of score, runner_up, rival, others, got 1"),
        ({"suggest": 0.6}, "suggest must not be above link, got 0.6 and 0.5"),
    ],
)
def test_thresholds_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **changes)
