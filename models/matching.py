"""Matches: what verification found in the blocks of one item, settled so that no recording is paid twice at once."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

from models.constellation import Constellation, PeakConfig
from models.explaining import Explanation, explain
from models.index import Index
from models.landmarks import LandmarkConfig, pair_peaks
from models.overlay import view_query
from models.records import MusicMatch, Stretch
from models.retrieval import RetrievalConfig, retrieve
from models.spectrogram import SpectrogramConfig
from models.verification import Heard, VerificationConfig, verify


@dataclasses.dataclass(frozen=True)
class SettleConfig:
    """How stretches become matches.

    min_score: of a play, in nats. On the data that chose it (1.3 hours, 37 tracks), chance reached 16.
    min_duration_s: what must be left of a stretch after better ones took theirs.
    max_gap_s, max_drift: stretches of one recording so close, on offsets that differ by at most this share of the time,
    are one play; so a recording played faster or slower is pieced together.
    alternative_score: of the winner's, from which another recording that fits as well counts as the same.
    """

    min_score: float = 20.0
    min_duration_s: float = 0.4
    max_gap_s: float = 2.0
    max_drift: float = 0.1
    alternative_score: float = 0.5

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) < 0:
                raise ValueError(f"{field.name} must not be negative, got {getattr(self, field.name)}")


@dataclasses.dataclass(frozen=True)
class BlockConfig:
    """How an item is cut to be matched block by block, each with so much of its neighbours on both sides."""

    block_s: float = 600.0
    overlap_s: float = 15.0

    def __post_init__(self) -> None:
        if not 0 < self.overlap_s <= self.block_s / 2:
            raise ValueError(f"overlap_s must be positive and at most half of block_s, got {self.overlap_s}")


@dataclasses.dataclass(frozen=True)
class QueryConfig:
    """How an item is fingerprinted and matched: more densely than references, for speech hides most of the peaks."""

    peaks: PeakConfig = dataclasses.field(default_factory=lambda: PeakConfig(half_frames=3, half_bins=3))
    landmarks: LandmarkConfig = dataclasses.field(default_factory=lambda: LandmarkConfig(fan_out=12))
    retrieval: RetrievalConfig = dataclasses.field(default_factory=RetrievalConfig)
    verification: VerificationConfig = dataclasses.field(default_factory=VerificationConfig)
    settle: SettleConfig = dataclasses.field(default_factory=SettleConfig)
    blocks: BlockConfig = dataclasses.field(default_factory=BlockConfig)


def match_block(
    media_id: str, block: Constellation, index: Index, config: QueryConfig
) -> tuple[list[Stretch], int, int]:
    """The stretches of a block, in frames of the item; with the numbers of candidates and of postings skipped."""
    query = Constellation(block.frames - block.first_frame, block.bins, 0, block.end_frame - block.first_frame)
    candidates, skipped = retrieve(pair_peaks(query, config.landmarks), index, config.retrieval)
    view = view_query(query)
    heard = verify(candidates, view, index, config.verification)
    explanation = explain(heard, view, index, config.verification)
    found = explanation.heard
    stretches = [
        Stretch(
            media_id,
            index.tracks[found.tracks[number]].recording,
            int(found.offset_deltas[number]) - block.first_frame,
            int(found.first_frames[number]) + block.first_frame,
            int(found.last_frames[number]) + block.first_frame,
            float(found.scores[number]),
            _find_alternatives(explanation, number, heard, index, config.settle),
        )
        for number in range(len(found))
    ]
    return stretches, len(candidates), skipped


def settle(stretches: Iterable[Stretch], spectrogram: SpectrogramConfig, config: SettleConfig) -> list[MusicMatch]:
    """The matches of one item, in order of time: no moment counts twice for one recording."""
    pieces: list[Stretch] = []
    for stretch in sorted(_join_blocks(stretches), key=_best_first):
        rivals = [piece for piece in pieces if piece.recording == stretch.recording and _overlap(stretch, piece) > 0]
        left = _what_is_left(stretch, rivals, config.min_duration_s * spectrogram.frame_rate)
        if left is not None:
            pieces.append(left)
    plays = _join_plays(sorted(pieces, key=lambda piece: piece.first_frame), spectrogram.frame_rate, config)
    matches = [_make_match(play, spectrogram) for play in plays]
    return sorted((match for match in matches if match.score >= config.min_score), key=_in_order)


def _find_alternatives(
    explanation: Explanation, number: int, heard: Heard, index: Index, config: SettleConfig
) -> tuple[str, ...]:
    """The track_ids that a kept stretch explains away, but that fit it nearly as well: the same recording."""
    kept = explanation.heard
    first, last = kept.first_frames[number], kept.last_frames[number]
    track_ids = []
    for other in explanation.explained[number]:
        overlap = min(last, heard.last_frames[other]) - max(first, heard.first_frames[other])
        fits = heard.scores[other] >= config.alternative_score * kept.scores[number] and overlap >= (last - first) / 2
        if fits and heard.tracks[other] != kept.tracks[number]:
            track_ids.append(index.tracks[heard.tracks[other]].recording.track_id)
    return tuple(dict.fromkeys(track_ids))


def _in_order(match: MusicMatch) -> tuple[float, float, str]:
    return match.start_s, match.end_s, match.track_id


def _best_first(stretch: Stretch) -> tuple[float, str, int, int]:
    return -stretch.score, stretch.recording.track_id, stretch.first_frame, stretch.offset_delta


def _join_blocks(stretches: Iterable[Stretch]) -> list[Stretch]:
    """What overlapping blocks found of one stretch, joined."""
    joined: list[Stretch] = []
    ordered = sorted(stretches, key=lambda s: (s.recording.track_id, s.offset_delta, s.first_frame))
    for stretch in ordered:
        last = joined[-1] if joined else None
        if (
            last is not None
            and (last.recording, last.offset_delta) == (stretch.recording, stretch.offset_delta)
            and stretch.first_frame <= last.last_frame
        ):
            end, score = max(last.last_frame, stretch.last_frame), max(last.score, stretch.score)
            alternatives = tuple(dict.fromkeys(last.alternatives + stretch.alternatives))
            joined[-1] = dataclasses.replace(last, last_frame=end, score=score, alternatives=alternatives)
        else:
            joined.append(stretch)
    return joined


def _overlap(one: Stretch, other: Stretch) -> int:
    return min(one.last_frame, other.last_frame) - max(one.first_frame, other.first_frame)


def _what_is_left(stretch: Stretch, rivals: Sequence[Stretch], min_frames: float) -> Stretch | None:
    """The longest part of a stretch that no rival covers, with its share of the score.

    None if it is less than half: then the evidence may well lie in the rest, and be explained by the rivals.
    """
    start, end = _longest_gap(stretch, rivals)
    length = max(1, stretch.last_frame - stretch.first_frame)
    if end - start < max(min_frames, length / 2):
        return None
    return dataclasses.replace(stretch, first_frame=start, last_frame=end, score=stretch.score * (end - start) / length)


def _longest_gap(stretch: Stretch, taken: Iterable[Stretch]) -> tuple[int, int]:
    """First and last frame of the longest part of a stretch that none of the others covers."""
    best = (stretch.first_frame, stretch.first_frame)
    start = stretch.first_frame
    for other in [*sorted(taken, key=lambda s: s.first_frame), None]:
        end = stretch.last_frame if other is None else min(other.first_frame, stretch.last_frame)
        best = max(best, (start, end), key=lambda part: part[1] - part[0])
        start = start if other is None else max(start, other.last_frame)
    return best


def _join_plays(pieces: Iterable[Stretch], frame_rate: float, config: SettleConfig) -> list[list[Stretch]]:
    """The pieces, in order of time, in groups that are one play each: of one recording, close, at a steady offset."""
    plays: list[list[Stretch]] = []
    latest: dict[str, list[Stretch]] = {}  # the latest play of each track
    for stretch in pieces:
        play = latest.get(stretch.recording.track_id)
        if play is None or not _continues(play[-1], stretch, frame_rate, config):
            play = latest[stretch.recording.track_id] = []
            plays.append(play)
        play.append(stretch)
    return plays


def _continues(last: Stretch, stretch: Stretch, frame_rate: float, config: SettleConfig) -> bool:
    drift = abs(stretch.offset_delta - last.offset_delta)
    return (
        stretch.first_frame - last.last_frame <= config.max_gap_s * frame_rate
        and drift <= 2 + config.max_drift * (stretch.last_frame - last.first_frame) / 2
    )


def _make_match(play: list[Stretch], spectrogram: SpectrogramConfig) -> MusicMatch:
    first, last = play[0], play[-1]
    length = last.last_frame - first.first_frame
    drift = last.offset_delta - first.offset_delta
    middles = (last.first_frame + last.last_frame - first.first_frame - first.last_frame) / 2
    return MusicMatch(
        media_id=first.media_id,
        track_id=first.recording.track_id,
        start_s=spectrogram.time_s(first.first_frame),
        end_s=spectrogram.time_s(last.last_frame),
        track_start_s=spectrogram.time_s(first.first_frame + first.offset_delta),
        speed=1 + drift / middles if length and middles > 0 else 1.0,
        score=sum(stretch.score for stretch in play),
        alternatives=tuple(dict.fromkeys(itertools.chain.from_iterable(stretch.alternatives for stretch in play))),
        title=first.recording.title,
        artist=first.recording.artist,
        isrc=first.recording.isrc,
        rights_holder=first.recording.rights_holder,
    )
