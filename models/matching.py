"""Matches: what verification found in the blocks of one item, settled so that no moment is paid twice."""

import dataclasses
import itertools
from collections.abc import Iterable

from models.constellation import Constellation, PeakConfig
from models.index import Index
from models.landmarks import LandmarkConfig, pair_peaks
from models.records import MusicMatch, Stretch
from models.retrieval import RetrievalConfig, retrieve
from models.spectrogram import SpectrogramConfig
from models.verification import VerificationConfig, verify

_Interval = tuple[int, int]  # frames [start, end)


@dataclasses.dataclass(frozen=True)
class SettleConfig:
    """How stretches become matches.

    min_duration_s: what is left of a stretch after better ones took theirs, to count as a match. max_gap_s, max_drift:
    stretches of one track so close, on offsets that differ by at most this share of the time, are one play.
    alternative_score: of the winner's, from which another track that fits as well counts as the same recording.
    """

    min_duration_s: float = 0.5
    max_gap_s: float = 2.0
    max_drift: float = 0.1
    alternative_score: float = 0.5


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
    heard = verify(candidates, query, index, config.verification)
    stretches = [
        Stretch(
            media_id,
            index.tracks[heard.tracks[i]].recording,
            int(heard.offset_deltas[i]) - block.first_frame,
            int(heard.first_frames[i]) + block.first_frame,
            int(heard.last_frames[i]) + block.first_frame,
            float(heard.scores[i]),
        )
        for i in range(len(heard))
    ]
    return stretches, len(candidates), skipped


def settle(stretches: Iterable[Stretch], spectrogram: SpectrogramConfig, config: SettleConfig) -> list[MusicMatch]:
    """The matches of one item, in order of time: at each moment the recording with the best evidence, and no other."""
    frame_rate = spectrogram.frame_rate
    kept: list[tuple[Stretch, list[str]]] = []
    for stretch in sorted(_join_blocks(stretches), key=_best_first):
        rivals = [(other, names) for other, names in kept if _overlap(stretch, other) > 0]
        left = _longest_left(stretch, [other for other, _ in rivals])
        if left[1] - left[0] >= max(config.min_duration_s * frame_rate, (stretch.last_frame - stretch.first_frame) / 2):
            share = (left[1] - left[0]) / max(1, stretch.last_frame - stretch.first_frame)
            trimmed = dataclasses.replace(stretch, first_frame=left[0], last_frame=left[1], score=stretch.score * share)
            kept.append((trimmed, []))
            continue
        for other, names in rivals:
            if _same_recording(stretch, other, config) and stretch.recording.track_id not in names:
                names.append(stretch.recording.track_id)
    plays = _join_plays(sorted(kept, key=lambda item: item[0].first_frame), frame_rate, config)
    return [_make_match(play, spectrogram) for play in plays]


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
            joined[-1] = dataclasses.replace(last, last_frame=end, score=score)
        else:
            joined.append(stretch)
    return joined


def _overlap(one: Stretch, other: Stretch) -> int:
    return min(one.last_frame, other.last_frame) - max(one.first_frame, other.first_frame)


def _longest_left(stretch: Stretch, taken: Iterable[Stretch]) -> _Interval:
    """The longest part of a stretch that none of the others covers."""
    best = (stretch.first_frame, stretch.first_frame)
    start = stretch.first_frame
    for other in [*sorted(taken, key=lambda s: s.first_frame), None]:
        end = stretch.last_frame if other is None else min(other.first_frame, stretch.last_frame)
        best = max(best, (start, end), key=lambda part: part[1] - part[0])
        start = start if other is None else max(start, other.last_frame)
    return best


def _same_recording(stretch: Stretch, other: Stretch, config: SettleConfig) -> bool:
    """Whether a losing stretch fits a winner of another id nearly as well."""
    return (
        stretch.recording.track_id != other.recording.track_id
        and _overlap(stretch, other) >= 0.5 * (other.last_frame - other.first_frame)
        and stretch.score >= config.alternative_score * other.score
    )


def _join_plays(
    pieces: list[tuple[Stretch, list[str]]], frame_rate: float, config: SettleConfig
) -> list[list[tuple[Stretch, list[str]]]]:
    """The pieces, in order of time, in groups that are one play each: of one track, close, at a steady offset."""
    plays: list[list[tuple[Stretch, list[str]]]] = []
    for piece in pieces:
        last = plays[-1][-1][0] if plays else None
        stretch = piece[0]
        if (
            last is not None
            and last.recording.track_id == stretch.recording.track_id
            and stretch.first_frame - last.last_frame <= config.max_gap_s * frame_rate
            and abs(stretch.offset_delta - last.offset_delta)
            <= 4 + config.max_drift * (stretch.last_frame - last.first_frame)
        ):
            plays[-1].append(piece)
        else:
            plays.append([piece])
    return plays


def _make_match(play: list[tuple[Stretch, list[str]]], spectrogram: SpectrogramConfig) -> MusicMatch:
    first, last = play[0][0], play[-1][0]
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
        score=sum(stretch.score for stretch, _ in play),
        alternatives=tuple(dict.fromkeys(itertools.chain.from_iterable(names for _, names in play))),
        title=first.recording.title,
        artist=first.recording.artist,
        isrc=first.recording.isrc,
        rights_holder=first.recording.rights_holder,
    )
