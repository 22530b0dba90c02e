"""What a reviewer has decided, put in the place of what was found. Of decisions about one row the last one counts."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from models.decisions import Decision
from models.policies import REVIEW, PolicyConfig, find_rate, follow_label
from models.records import AuthorLink, AuthorLinks, Moderation, MusicMatch, Recording, TrackLabel

REVIEWER = "reviewer"  # the rule, or the evidence, of what a person has decided
_SAME_SHARE = 0.5  # of the shorter of two stretches: so much in common, and they are the same play


def list_decisions(decisions: Iterable[Decision], table: str) -> dict[str, tuple[Decision, ...]]:
    """Those about a table by media_id, the last one first."""
    found: dict[str, list[Decision]] = {}
    for decision in sorted(decisions, key=lambda each: each.decided_at, reverse=True):
        if decision.table == table:
            found.setdefault(decision.key["media_id"], []).append(decision)
    return {media_id: tuple(each) for media_id, each in found.items()}


def override_match(
    match: MusicMatch, decisions: Sequence[Decision], recordings: Mapping[str, Recording]
) -> MusicMatch | None:
    """The match as the decision about the same play of the same recording has it; None: rejected.

    recordings: by track_id, those that corrections name and the index has.
    """
    decision = next((each for each in decisions if _is_same_play(match, each)), None)
    if decision is None or decision.decision == "accept":
        return match
    if decision.decision == "reject":
        return None
    corrected = dict(decision.correction)
    if "track_id" in corrected:
        recording = recordings.get(corrected["track_id"], Recording(corrected["track_id"]))
        others = tuple(each for each in match.alternatives if each != recording.track_id)
        corrected |= {**dataclasses.asdict(recording), "alternatives": others}
    return dataclasses.replace(match, **corrected)


def override_label(label: TrackLabel, decision: Decision, policy: PolicyConfig) -> TrackLabel:
    """The label as the decision has it; a rejected one is for review, an accepted one as it was.

    Where only the class is corrected, the policy says what follows.
    """
    if decision.decision == "accept":
        return label
    corrected = dict(decision.correction)
    if "decision" not in corrected:
        corrected["decision"] = follow_label(corrected["label"], policy) if "label" in corrected else REVIEW
    rate = find_rate(corrected["decision"], label.duration_s, policy)
    return dataclasses.replace(label, **corrected, rate=rate, rule=f"{REVIEWER}: {decision.decision}")


def override_verdict(moderation: Moderation, decision: Decision) -> Moderation:
    """The verdict as the decision has it; a rejected one is for review, an accepted one as it was."""
    if decision.decision == "accept":
        return moderation
    verdict = decision.correction.get("verdict", "review")
    return dataclasses.replace(moderation, verdict=verdict, rule=REVIEWER)


def override_links(links: AuthorLinks, decision: Decision, names: Mapping[str, str]) -> AuthorLinks:
    """The links as the decision has them: accepted ones are linked, rejected ones are gone.

    names: of authors by author_id, those that corrections name and the knowledge base has.
    """
    if decision.decision == "accept":
        return dataclasses.replace(links, decision="linked") if links.links else links
    if decision.decision == "reject":
        return dataclasses.replace(links, decision="unknown", links=())
    author_id = decision.correction["author_id"]
    link = AuthorLink(
        author_id, names.get(author_id, author_id), None, REVIEWER, 1.0, None, None, 1.0, ("a reviewer says so",)
    )
    return dataclasses.replace(links, decision="linked", links=(link,))


def _is_same_play(match: MusicMatch, decision: Decision) -> bool:
    key = decision.key
    together_s = min(match.end_s, key["end_s"]) - max(match.start_s, key["start_s"])
    shorter_s = min(match.end_s - match.start_s, key["end_s"] - key["start_s"])
    return bool(match.track_id == key["track_id"] and together_s >= _SAME_SHARE * shorter_s)
