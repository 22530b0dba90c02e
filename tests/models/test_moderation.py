"""Oracles: verdicts worked out by hand, the same policy counted moment by moment, and that more is never milder."""

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.loading import ConfigError, load_config
from models.moderation import (
    ACTIONS,
    ModerationConfig,
    Rule,
    Unless,
    check_policy,
    highest_threshold,
    moderate,
    tags_of,
)
from models.records import Evidence, MediaTag, Moderation, ShotTag, TimeRange

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=300)
TAGS = ("bikini", "beach", "knife", "flashing")
SCORES = st.integers(0, 10).map(lambda tenths: tenths / 10)
THRESHOLDS = st.integers(1, 10).map(lambda tenths: tenths / 10)
SHOTS = 5  # of two seconds each
GROUPS = {"swimwear": ("bikini", "trunks"), "shore": ("beach", "lakeside")}


def shot_tag(tag, score, shot=0, seconds=2.0, source="model"):
    return ShotTag("item", shot, shot * seconds, (shot + 1) * seconds, tag, score, source)


def media_tag(tag, score, *ranges, source="model"):
    parts = tuple(TimeRange(*each) for each in ranges)
    return MediaTag("item", tag, score, sum(each.end_s - each.start_s for each in parts), source, parts)


def policy(*rules, **knobs):
    return ModerationConfig(GROUPS, rules, **knobs)


def rule(tag="knife", threshold=0.5, action="review", **knobs):
    return Rule(knobs.pop("name", tag or "rule"), threshold, action, tag, **knobs)


def judge(config, *tags, thumbnails=()):
    shots = [tag for tag in tags if isinstance(tag, ShotTag)]
    return moderate("item", shots, [tag for tag in tags if isinstance(tag, MediaTag)], dict(thumbnails), config)


def verdict(config, *tags):
    return judge(config, *tags).verdict


# A rule by itself


def test_without_rules_or_tags_the_default_speaks():
    assert judge(policy()) == judge(policy(rule())) == Moderation("item", "allow", None, ())
    assert judge(policy(default="review"), shot_tag("knife", 1.0)) == Moderation("item", "review", None, ())


@pytest.mark.parametrize(("score", "expected"), [(0.49, "allow"), (0.5, "review"), (0.51, "review")])
def test_a_score_equal_to_the_threshold_fires(score, expected):
    assert verdict(policy(rule()), shot_tag("knife", score)) == expected
    at_large = policy(rule(level="media"))
    assert verdict(at_large, media_tag("knife", score, (0, 2))) == expected


def test_the_evidence_is_the_strongest_shots_with_their_thumbnails():
    scores = [0.6, 0.9, 0.7, 0.4, 0.9]
    found = judge(
        policy(rule(), max_evidence=3),
        *[shot_tag("knife", score, shot) for shot, score in enumerate(scores)],
        thumbnails={1: "one.jpg", 2: None, 4: "four.jpg"},
    )
    evidence = [("one.jpg", 0.9, 2.0, 4.0), ("four.jpg", 0.9, 8.0, 10.0), (None, 0.7, 4.0, 6.0)]
    assert found == Moderation(
        "item",
        "review",
        "knife",
        tuple(Evidence("knife", "review", "knife", score, 0.5, *times, uri) for uri, score, *times in evidence),
    )


def test_a_group_fires_by_any_of_its_tags_and_shows_the_surest_of_a_shot():
    config = policy(rule(None, group="swimwear", name="swimwear"))
    assert verdict(config, shot_tag("beach", 1.0)) == "allow"
    found = judge(config, shot_tag("bikini", 0.6), shot_tag("trunks", 0.8), shot_tag("trunks", 0.5, 1))
    assert [(each.tag, each.score, each.start_s) for each in found.evidence] == [("trunks", 0.8, 0), ("trunks", 0.5, 2)]


@pytest.mark.parametrize("rules", [[rule("knife", min_duration_s=0.3)], [rule("knife", min_duration_s=0.3001)]])
def test_the_time_over_the_threshold_is_counted_once_and_to_the_microsecond(rules):
    times = [(0.0, 0.1), (0.7, 0.9), (0.75, 0.9)]  # 0.1 + 0.2, which is more than 0.3 in floating point
    tags = [ShotTag("item", shot, *span, "knife", 0.5, "model") for shot, span in enumerate(times)]
    weak = shot_tag("knife", 0.4, 5)
    assert verdict(policy(*rules), *tags, weak) == ("review" if rules[0].min_duration_s == 0.3 else "allow")


def test_an_image_lasts_long_enough_and_a_moment_of_a_video_does_not():
    config = policy(rule(min_duration_s=60.0))
    still = ShotTag("item", 0, 0.0, 0.0, "knife", 0.9, "model")
    assert verdict(config, still) == "review"
    assert verdict(config, still, shot_tag("beach", 0.1, 1)) == "allow"


def test_a_model_speaks_of_shots_or_of_the_item_as_the_rule_asks():
    of_item, of_shot = media_tag("knife", 0.9, (2, 4)), shot_tag("knife", 0.9)
    at_shots, at_large = policy(rule()), policy(rule(level="media"))
    assert [verdict(at_shots, of_item), verdict(at_shots, of_shot)] == ["allow", "review"]
    assert [verdict(at_large, of_item), verdict(at_large, of_shot)] == ["review", "allow"]
    assert verdict(at_large, media_tag("knife", 0.9)) == "review"  # no shot is sure, but the item is


def test_flashing_is_caught_where_it_is_computed():
    config = policy(Rule("photosensitive", 0.5, "block", tag="flashing"))
    flashing = media_tag("flashing", 0.8, (3.5, 5), (7, 7.5), source="computed")
    shots = [shot_tag("beach", 0.1, shot) for shot in range(4)]
    found = judge(config, flashing, *shots, thumbnails={0: "0.jpg", 1: "1.jpg", 2: "2.jpg", 3: "3.jpg"})
    assert (found.verdict, found.rule) == ("block", "photosensitive")
    parts = [(each.start_s, each.end_s, each.thumbnail) for each in found.evidence]
    assert parts == [(3.5, 5, "2.jpg"), (7, 7.5, "3.jpg")]  # shot 1 shows half a second of it, shot 2 a whole one
    assert verdict(config, dataclasses.replace(flashing, score=0.4)) == "allow"
    assert verdict(policy(rule("flashing", min_duration_s=2.0)), flashing) == "review"
    assert verdict(policy(rule("flashing", min_duration_s=2.1)), flashing) == "allow"


def test_a_thumbnail_of_a_stretch_shows_its_tag_best():
    stretch = media_tag("knife", 0.9, (0, 6))
    shots = [shot_tag("knife", 0.6, 0), shot_tag("knife", 0.9, 1), shot_tag("beach", 0.95, 2)]
    thumbnails = {shot: f"{shot}.jpg" for shot in range(9)}
    config = policy(rule(level="media"))
    assert judge(config, stretch, *shots, thumbnails=thumbnails).evidence[0].thumbnail == "1.jpg"
    assert judge(config, stretch, thumbnails=thumbnails).evidence[0].thumbnail is None  # nobody says where shots are
    assert judge(config, stretch, thumbnails={0: "only.jpg"}).evidence[0].thumbnail == "only.jpg"


# Exceptions


UNLESS = Unless(0.5, group="shore")


def test_an_exception_lifts_the_rule_in_its_shot_and_in_no_other():
    config = policy(rule("bikini", unless=(UNLESS,), min_duration_s=2.0))
    assert verdict(config, shot_tag("bikini", 0.9), shot_tag("beach", 0.4)) == "review"
    assert verdict(config, shot_tag("bikini", 0.9), shot_tag("lakeside", 0.5)) == "allow"
    found = judge(config, shot_tag("bikini", 0.9), shot_tag("beach", 0.5), shot_tag("bikini", 0.6, 1))
    assert [(each.start_s, each.score) for each in found.evidence] == [(2.0, 0.6)]


def test_an_exception_of_the_item_lifts_the_rule_altogether():
    config = policy(rule("bikini", unless=(Unless(0.5, "beach", level="media"),)))
    assert verdict(config, shot_tag("bikini", 0.9), media_tag("beach", 0.5, (8, 10))) == "allow"
    assert verdict(config, shot_tag("bikini", 0.9), shot_tag("beach", 0.9)) == "review"
    assert verdict(config, shot_tag("bikini", 0.9), media_tag("beach", 0.4, (0, 2))) == "review"


def test_an_exception_takes_no_more_of_a_stretch_than_it_lasts():
    config = policy(rule("flashing", unless=(Unless(0.5, "beach"),), min_duration_s=3.0))
    flashing = media_tag("flashing", 0.8, (1, 6), source="computed")
    found = judge(config, flashing, shot_tag("beach", 0.9, 1))  # from 2 to 4 s
    assert [(each.start_s, each.end_s) for each in found.evidence] == [(1, 2), (4, 6)]
    assert verdict(config, flashing, shot_tag("beach", 0.9, 1), shot_tag("beach", 0.9, 0)) == "allow"


def test_an_exception_speaks_of_images_too():
    still = [ShotTag("item", 0, 0.0, 0.0, tag, 0.9, "model") for tag in ("bikini", "beach")]
    config = policy(rule("bikini", unless=(UNLESS,), min_duration_s=1.0))
    assert [verdict(config, *still), verdict(config, still[0])] == ["allow", "review"]


# Rules together


@pytest.mark.parametrize(
    ("actions", "expected", "deciding"),
    [
        (("allow", "review", "block"), "block", 2),
        (("block", "review"), "block", 0),
        (("review", "review"), "review", 0),
        (("review", "block", "block"), "block", 1),
        (("review", "allow"), "review", 0),
    ],
)
def test_the_severest_action_decides_and_of_equals_the_first(actions, expected, deciding):
    rules = [rule(action=action, name=str(number)) for number, action in enumerate(actions)]
    tags = [shot_tag("knife", 0.9), shot_tag("bikini", 0.9, 1)]
    if actions[0] == "allow":  # which would exempt the shot from what follows
        rules[0] = dataclasses.replace(rules[0], tag="bikini")
    found = judge(policy(*rules), *tags)
    assert (found.verdict, found.rule) == (expected, str(deciding))
    in_order = sorted(range(len(rules)), key=lambda number: -ACTIONS.index(actions[number]))
    assert [each.rule for each in found.evidence] == [str(number) for number in in_order]


def test_an_allow_rule_exempts_its_time_from_the_rules_after_it():
    news, knife = rule("newsreader", action="allow"), rule("knife", action="block")
    both = [shot_tag("newsreader", 0.9), shot_tag("knife", 0.9)]
    assert judge(policy(news, knife), *both).rule == "newsreader"
    assert judge(policy(knife, news), *both).rule == "knife"
    assert judge(policy(news, knife), *both, shot_tag("knife", 0.5, 1)).evidence[0].start_s == 2.0
    after = policy(dataclasses.replace(news, unless=(Unless(0.5, "beach"),)), knife)
    assert verdict(after, *both, shot_tag("beach", 0.5)) == "block"  # the exemption is lifted


def test_an_allow_rule_of_the_item_exempts_it_from_the_rules_after_it_and_from_the_default():
    news = rule("newsreader", action="allow", level="media")
    tags = [media_tag("newsreader", 0.9, (0, 2)), shot_tag("knife", 0.9, 3)]
    assert judge(policy(news, rule("knife", action="block"), default="block"), *tags).rule == "newsreader"
    earlier = judge(policy(rule("knife"), news, default="block"), *tags)
    assert (earlier.verdict, earlier.rule) == ("review", "knife")


def test_a_default_counts_like_a_rule_that_always_fires():
    config = policy(rule("knife"), rule("beach", action="allow"), default="block")
    found = judge(config, shot_tag("knife", 0.9), shot_tag("beach", 0.9, 1))
    assert (found.verdict, found.rule, len(found.evidence)) == ("block", None, 2)


# Any policy


@st.composite
def policies(draw, milder=True):
    def subject():
        return draw(st.sampled_from([{"tag": tag} for tag in TAGS] + [{"group": "swimwear"}, {"group": "shore"}]))

    def exceptions():
        levels = st.sampled_from(("shot", "media"))
        return tuple(Unless(draw(THRESHOLDS), level=draw(levels), **subject()) for _ in range(draw(st.integers(0, 2))))

    rules = [
        Rule(
            str(number),
            draw(THRESHOLDS),
            draw(st.sampled_from(ACTIONS if milder else ACTIONS[1:])),
            **subject(),
            level=draw(st.sampled_from(("shot", "media"))),
            min_duration_s=draw(st.sampled_from([0.0, 2.0, 3.0, 6.0])),
            unless=exceptions() if milder else (),
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    return policy(*rules, default=draw(st.sampled_from(ACTIONS)), max_evidence=draw(st.integers(1, 4)))


@st.composite
def seen(draw):
    shots = [shot_tag(tag, draw(SCORES), shot) for tag in TAGS[:3] for shot in draw(st.sets(st.integers(0, SHOTS - 1)))]
    items = [media_tag(tag, draw(SCORES), *draw(spans())) for tag in draw(st.sets(st.sampled_from(TAGS[:3])))]
    flashes = [media_tag("flashing", draw(SCORES), *draw(spans()), source="computed")] if draw(st.booleans()) else []
    return shots, items + flashes


def spans():
    """Stretches of whole seconds, in order and apart."""
    return st.sampled_from([[], [(1, 4)], [(0, 2), (3, 7)], [(5, 6)], [(0, 10)]])


def by_moments(config, shots, items):
    """The verdict, by looking at each second of ten: of whole seconds the whole truth."""

    def shown(subject, moment):
        rows = [
            (each.tag, each.score) for each in shots if each.start_s <= moment < each.end_s and subject.level == "shot"
        ]
        rows += [
            (each.tag, each.score)
            for each in items
            if subject.level == "media" or each.source == "computed"
            if any(part.start_s <= moment < part.end_s for part in each.ranges)
        ]
        return any(tag in config.tags_of(subject) and score >= subject.threshold for tag, score in rows)

    def of_item(subject):
        return any(tag.tag in config.tags_of(subject) and tag.score >= subject.threshold for tag in items)

    moments = [second + 0.5 for second in range(10)]
    exempt, found = set(), [config.default]
    for each in config.rules:
        if any(exception.level == "media" and of_item(exception) for exception in each.unless):
            continue
        excepted = {moment for moment in moments for other in each.unless if shown(other, moment)}
        left = {moment for moment in moments if shown(each, moment)} - exempt - excepted
        if not left or len(left) < each.min_duration_s:
            continue
        if each.action == "allow" and each.level == "media":
            found.remove(config.default)
            break
        exempt |= left if each.action == "allow" else set()
        found.append(each.action)
    return max(found, key=ACTIONS.index, default="allow")


@REPEATABLE
@given(policies(), seen(), st.randoms(use_true_random=False))
def test_a_verdict_is_what_the_moments_say_in_any_order(config, tags, random):
    shots, items = tags
    items = [each for each in items if each.ranges]
    found = moderate("item", shots, items, {}, config)
    assert found.verdict == by_moments(config, shots, items)
    shuffled = random.sample(shots, len(shots)), random.sample(items, len(items))
    assert moderate("item", *shuffled, {}, config) == found


@REPEATABLE
@given(policies(milder=False), seen(), st.data())
def test_a_higher_score_never_makes_a_verdict_milder_but_by_an_exception(config, tags, data):
    def raised(rows):
        return [dataclasses.replace(row, score=max(row.score, data.draw(SCORES))) for row in rows]

    before, after = moderate("item", *tags, {}, config), moderate("item", *map(raised, tags), {}, config)
    assert ACTIONS.index(after.verdict) >= ACTIONS.index(before.verdict)


@REPEATABLE
@given(policies(), seen())
def test_evidence_is_of_rules_that_fire_and_names_the_deciding_one_first(config, tags):
    found = moderate("item", *tags, {}, config)
    rules = {each.name: each for each in config.rules}
    for each in found.evidence:
        assert each.score >= each.threshold == rules[each.rule].threshold
        assert each.tag in config.tags_of(rules[each.rule])
    assert found.rule == (found.evidence[0].rule if found.rule else None)
    names = [each.rule for each in found.evidence]
    assert max((names.count(name) for name in names), default=0) <= config.max_evidence


@REPEATABLE
@given(policies(), seen())
def test_the_highest_threshold_is_the_one_above_which_a_rule_no_longer_fires(config, tags):
    for each in config.rules:
        found = highest_threshold(each, *tags, config)
        fires = [
            tenths / 10
            for tenths in range(1, 11)
            if moderate("item", *tags, {}, policy(dataclasses.replace(each, threshold=tenths / 10))).evidence
        ]
        assert found == max(fires, default=0.0)


# What fits


def test_a_policy_is_written_in_yaml(tmp_path):
    (tmp_path / "policy.yaml").write_text("""
groups: {swimwear: [bikini, trunks], shore: [beach, lakeside]}
rules:
- {name: photosensitive, tag: flashing, threshold: 0.5, action: block}
- {name: swimwear, group: swimwear, threshold: 0.6, action: review, unless: [{group: shore, threshold: 0.5}]}
- {name: news, tag: newsreader, threshold: 0.8, action: allow, level: media, min_duration_s: 2}
default: review
""")
    expected = policy(
        Rule("photosensitive", 0.5, "block", "flashing"),
        Rule("swimwear", 0.6, "review", group="swimwear", unless=(UNLESS,)),
        Rule("news", 0.8, "allow", "newsreader", level="media", min_duration_s=2.0),
        default="review",
    )
    assert load_config(ModerationConfig, str(tmp_path / "policy.yaml")) == expected
    assert tags_of(expected) == {"flashing", "bikini", "trunks", "beach", "lakeside", "newsreader"}
    with pytest.raises(ConfigError, match=r"rules\[0\].treshold: no such key; did you mean threshold\?"):
        load_config(ModerationConfig, None, ["rules=[{name: a, tag: b, treshold: 1, action: block}]"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (policy(rule("knive")), "rule 'knive': no tag 'knive'; did you mean 'knife'?"),
        (policy(rule("swimwear")), "rule 'swimwear': expected a tag, got the group 'swimwear'"),
        (
            policy(rule("knife", unless=(Unless(0.5, "beech"),))),
            "rule 'knife', unless: no tag 'beech'; did you mean 'beach'?",
        ),
        (
            ModerationConfig({"arms": ("knife", "flashin")}),
            "group 'arms': no tag 'flashin'; did you mean 'flashing'?",
        ),
        (ModerationConfig({"arms": ("arms",)}), "group 'arms': expected a tag, got the group 'arms'"),
    ],
)
def test_a_policy_that_names_an_unknown_tag_is_an_error(config, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_policy(config, [*TAGS, "trunks", "lakeside"])


def test_a_policy_of_known_tags_is_none():
    check_policy(policy(rule(), rule("flashing", unless=(UNLESS,))), iter([*TAGS, "trunks", "lakeside"]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rule(threshold=0.0), "threshold must be above 0 and at most 1, got 0.0"),
        (lambda: Unless(1.1, "beach"), "threshold must be above 0 and at most 1, got 1.1"),
        (lambda: rule(threshold=float("nan")), "threshold must be above 0 and at most 1, got nan"),
        (lambda: rule(None), "expected a tag or a group, got neither"),
        (lambda: rule(group="shore"), "expected a tag or a group, got both"),
        (lambda: rule(name=""), "name must not be empty"),
        (lambda: rule(action="bloc"), "no action 'bloc'; did you mean 'block'?"),
        (lambda: rule(level="item"), "no level 'item'; there are shot, media"),
        (lambda: rule(min_duration_s=-1.0), "min_duration_s must be 0 or more, got -1.0"),
        (lambda: rule(min_duration_s=float("inf")), "min_duration_s must be 0 or more, got inf"),
        (lambda: policy(default="alow"), "no default 'alow'; did you mean 'allow'?"),
        (lambda: policy(max_evidence=0), "max_evidence must be positive, got 0"),
        (lambda: ModerationConfig({"arms": ()}), "group 'arms': expected tags, got none"),
        (lambda: policy(rule(), rule()), "rule 'knife': expected a name of its own, got the same again"),
        (
            lambda: policy(rule(None, group="shores", name="a")),
            "rule 'a': no group 'shores'; did you mean 'shore'?",
        ),
        (
            lambda: policy(rule(unless=(Unless(0.5, group="sore"),))),
            "rule 'knife', unless: no group 'sore'; did you mean 'shore'?",
        ),
        (
            lambda: ModerationConfig({}, (rule(None, group="arms", name="a"),)),
            "rule 'a': no group 'arms'; there are none",
        ),
    ],
)
def test_a_policy_that_cannot_be_is_an_error(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
