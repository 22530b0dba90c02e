"""Policies: what follows for a track from what is heard in it, how long it is, and what else its album holds."""

import dataclasses
from collections.abc import Sequence

from models.labelling import SILENCE
from models.records import TrackLabel, TrackSummary
from models.specs import describe_unknown

MUSIC = "music"
SPEECH = "speech"
FUNCTIONAL = "functional"
REVIEW = "review"

_FUNCTIONAL_CLASSES = ("noise", "nature", "machine", "tonal", "other", SILENCE)


@dataclasses.dataclass(frozen=True)
class PolicyConfig:
    """Which tracks are functional content, and what they earn.

    functional: the classes that are: one of them must have the highest score. Scores are means over the windows that
    are not silent.
    functional_below_music: a track is functional only with a music score below this. None: what the model's spec says,
    which is calibrated, on music that trained nothing, so that at most 1 % of music is (models/tracks/CARD.md).
    functional_below_speech: and only with a speech score below this.
    music_from, speech_from: the scores from which a track is music, or speech. What is none of these is for review.
    min_duration_s: functional tracks shorter than this earn nothing.
    min_album_share: a functional track is for review if less than this share of its album's other tracks is functional
    by itself: rain before the first song is part of the music.
    """

    functional: tuple[str, ...] = _FUNCTIONAL_CLASSES
    functional_below_music: float | None = None
    functional_below_speech: float = 0.3
    music_from: float = 0.5
    speech_from: float = 0.5
    min_duration_s: float = 120.0
    min_album_share: float = 0.25

    def __post_init__(self) -> None:
        for name in ("functional_below_speech", "music_from", "speech_from", "min_album_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        _check_below("functional_below_speech", self.functional_below_speech, "speech_from", self.speech_from)
        if self.functional_below_music is not None:
            _check_below("functional_below_music", self.functional_below_music, "music_from", self.music_from)
        if not self.min_duration_s >= 0:
            raise ValueError(f"min_duration_s must not be negative, got {self.min_duration_s}")
        for name in (MUSIC, SPEECH):
            if name in self.functional:
                raise ValueError(f"functional must not hold {name}")


def fit_policy(policy: PolicyConfig, classes: Sequence[str], calibrated: float | None) -> PolicyConfig:
    """The policy for a model of these classes, its functional_below_music the calibrated one unless it has its own.

    ValueError if they do not fit each other. Classes of ours that the model does not know are nothing wrong.
    """
    if MUSIC not in classes:
        raise ValueError(f"expected {MUSIC} among the model's classes, got {', '.join(classes)}")
    for name in policy.functional:
        if name not in (*classes, *_FUNCTIONAL_CLASSES):
            raise ValueError(f"policy.functional: {describe_unknown('class', name, [*classes, SILENCE])}")
    if policy.functional_below_music is not None:
        return policy
    if calibrated is None:
        raise ValueError("policy.functional_below_music: required, for the model's spec has no calibrated one")
    return dataclasses.replace(policy, functional_below_music=min(calibrated, policy.music_from))


def decide_album(summaries: Sequence[TrackSummary], policy: PolicyConfig) -> list[TrackLabel]:
    """The rows of an album's tracks, in their order; a track without album is one of its own."""
    functional = [judge(summary, policy)[0] == FUNCTIONAL for summary in summaries]
    others = len(summaries) - 1
    return [
        decide(summary, policy, (sum(functional) - is_functional) / others if others else None)
        for summary, is_functional in zip(summaries, functional, strict=True)
    ]


def decide(summary: TrackSummary, policy: PolicyConfig, album_functional_share: float | None = None) -> TrackLabel:
    """The track's row. album_functional_share: of the other tracks of its album; None: it has none."""
    decision, rule = judge(summary, policy)
    if (
        decision == FUNCTIONAL
        and album_functional_share is not None
        and album_functional_share < policy.min_album_share
    ):
        decision = REVIEW
        rule += f"; but {album_functional_share:.0%} of the album's other tracks are functional, expected "
        rule += f"{policy.min_album_share:.0%} or more"
    item = summary.item
    return TrackLabel(
        media_id=item.media_id,
        label=summary.label,
        decision=decision,
        rate=find_rate(decision, summary.duration_s, policy),
        rule=rule,
        music_score=summary.score(MUSIC),
        shares=summary.shares,
        duration_s=summary.duration_s,
        silent_s=summary.silent_s,
        album_functional_share=album_functional_share,
        title=item.title,
        artist=item.artist,
        album=item.album,
        isrc=item.isrc,
        rights_holder=item.rights_holder,
    )


def judge(summary: TrackSummary, policy: PolicyConfig) -> tuple[str, str]:
    """What the track is by itself (music, speech, functional or review), and the rule that says so.

    The policy is one of fit_policy's.
    """
    below_music, below_speech = policy.functional_below_music, policy.functional_below_speech
    assert below_music is not None  # fit_policy saw to it
    music, speech = summary.score(MUSIC), summary.score(SPEECH)
    if music >= policy.music_from:
        return MUSIC, f"music {music:.3f}, from {policy.music_from}"
    if speech >= policy.speech_from:
        return SPEECH, f"speech {speech:.3f}, from {policy.speech_from}"
    heard = f"{summary.label}; music {music:.3f}, speech {speech:.3f}"
    if summary.label in policy.functional and music < below_music and speech < below_speech:
        return FUNCTIONAL, f"{heard}, below {below_music} and {below_speech}"
    return REVIEW, f"{heard}: neither clearly functional nor music or speech"


def follow_label(label: str, policy: PolicyConfig) -> str:
    """The decision about a track that is sure to be of a class."""
    if label in (MUSIC, SPEECH):
        return label
    return FUNCTIONAL if label in policy.functional else REVIEW


def find_rate(decision: str, duration_s: float, policy: PolicyConfig) -> str | None:
    """What a track of that decision earns; None: not known, for it is for review."""
    if decision == FUNCTIONAL:
        return "reduced" if duration_s >= policy.min_duration_s else "none"
    return None if decision == REVIEW else "full"


def _check_below(name: str, value: float, limit_name: str, limit: float) -> None:
    if not 0 <= value <= limit:
        raise ValueError(f"{name} must be between 0 and {limit_name} ({limit}), got {value}")
