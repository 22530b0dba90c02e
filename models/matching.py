"""Matches: what verification found in the blocks of one item, settled so that no recording is paid twice at once."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from models.constellation import Constellation, PeakConfig
from models.explaining import explain
from models.index import Index
from models.landmarks import LandmarkConfig
from models.levels import measure_level_db
from models.overlay import QueryView, lay_over, view_query
from models.records import MusicMatch
from models.retrieval import RetrievalConfig, retrieve
from models.spectrogram import SpectrogramConfig
from models.stretches import Stretch
from models.thinning import thin
from models.verification import Heard, VerificationConfig, verify
from models.warps import WarpConfig, list_warps

_NEAR_FRAMES = 3  # so far apart may be what says the same: of two blocks, each with a warp fitted on its own


@dataclasses.dataclass(frozen=True)
class SettleConfig:
    """How stretches become matches.

    min_score: of a play, in nats. On real music (1.3 hours, 37 tracks) chance stayed below 10.
    min_warped_score: of a play at another speed or pitch: among so many warps chance finds more, 21 on synthetic music.
    min_duration_s: what must be left of a stretch after better ones took theirs.
    max_gap_s, max_drift: stretches of one recording so close, on offsets that differ by at most this share of the time,
    are one play; so a recording played faster or slower is pieced together.
    min_featured_db: of a recording's level against the whole mix, from which it is featured, not background. At -3 dB
    it is as loud as all the rest.
    """

    min_score: float = 20.0
    min_warped_score: float = 26.0
    min_duration_s: float = 0.4
    max_gap_s: float = 2.0
    max_drift: float = 0.1
    min_featured_db: float = -2.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if field.name != "min_featured_db" and getattr(self, field.name) < 0:
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
    warps: WarpConfig = dataclasses.field(default_factory=WarpConfig)
    landmarks: LandmarkConfig = dataclasses.field(default_factory=lambda: LandmarkConfig(fan_out=12))
    retrieval: RetrievalConfig = dataclasses.field(default_factory=RetrievalConfig)
    verification: VerificationConfig = dataclasses.field(default_factory=VerificationConfig)
    settle: SettleConfig = dataclasses.field(default_factory=SettleConfig)
    blocks: BlockConfig = dataclasses.field(default_factory=BlockConfig)


def match_block(
    media_id: str, block: Constellation, index: Index, config: QueryConfig
) -> tuple[list[Stretch], int, int]:
    """The stretches of a block in one segment of the index, with their evidence, the best first; in frames of the item.

    Also the numbers of candidates and of postings skipped.
    """
    query = block.moved(-block.first_frame)
    warps = list_warps(config.warps)
    candidates, skipped = retrieve(query, warps, index, config.landmarks, config.retrieval)
    view = view_query(query)
    heard = verify(candidates, view, index, config.verification)
    stretches = [_describe(media_id, each, view, index) for each in heard]
    halves = index.config.peaks.half_frames, index.config.peaks.half_bins
    loudest = thin(query, *halves)
    explained = explain(stretches, config.verification)
    measured = (_with_level(stretch, query, loudest, index) for stretch in explained)
    return [stretch.moved(block.first_frame) for stretch in measured], len(candidates), skipped


def settle(stretches: Iterable[Stretch], spectrogram: SpectrogramConfig, config: QueryConfig) -> list[MusicMatch]:
    """The matches of one item, of all its blocks and all segments, in order of time.

    No moment counts twice for one recording.
    """
    by_block: dict[int, list[Stretch]] = {}
    for stretch in stretches:
        by_block.setdefault(stretch.block, []).append(stretch)
    explained = itertools.chain.from_iterable(explain(each, config.verification) for each in by_block.values())
    return join(explained, spectrogram, config.settle)


def join(stretches: Iterable[Stretch], spectrogram: SpectrogramConfig, config: SettleConfig) -> list[MusicMatch]:
    """The matches that stretches with evidence of their own make up."""
    pieces: list[Stretch] = []
    for stretch in sorted(_join_blocks(stretches), key=_best_first):
        rivals = [piece for piece in pieces if piece.recording == stretch.recording and stretch.overlap(piece) > 0]
        left = _what_is_left(stretch, rivals, config.min_duration_s * spectrogram.frame_rate)
        if left is not None:
            pieces.append(left)
    plays = _join_plays(sorted(pieces, key=lambda piece: piece.first_frame), spectrogram.frame_rate, config)
    matches = [_make_match(play, spectrogram, config) for play in plays]
    return sorted((match for match in matches if match.score >= _enough(match, config)), key=_in_order)


def _describe(media_id: str, heard: Heard, view: QueryView, index: Index) -> Stretch:
    bounds = heard.first_frame, heard.last_frame
    evidence = lay_over(index.constellation(heard.track), heard.placement, view, bounds[0], bounds[1] + 1)
    recording = index.tracks[heard.track].recording
    return Stretch(media_id, heard.track, recording, heard.placement, *bounds, heard.score, evidence)


def _with_level(stretch: Stretch, query: Constellation, loudest: Constellation, index: Index) -> Stretch:
    level_db = measure_level_db(stretch.evidence, index.constellation(stretch.track), query, loudest)
    return dataclasses.replace(stretch, level_db=level_db)


def _enough(match: MusicMatch, config: SettleConfig) -> float:
    return config.min_score if match.speed == match.pitch == 1 else config.min_warped_score


def _in_order(match: MusicMatch) -> tuple[float, float, str]:
    return match.start_s, match.end_s, match.track_id


def _best_first(stretch: Stretch) -> tuple[float, str, int, float]:
    return -stretch.score, stretch.recording.track_id, stretch.first_frame, stretch.placement.offset


def _join_blocks(stretches: Iterable[Stretch]) -> list[Stretch]:
    """What overlapping blocks found of one stretch, joined."""
    joined: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda each: (each.recording.track_id, each.first_frame, -each.score)):
        same = next((number for number, other in enumerate(joined) if _is_same(other, stretch)), None)
        if same is None:
            joined.append(stretch)
        else:
            joined[same] = _join_two(joined[same], stretch)
    return joined


def _is_same(earlier: Stretch, later: Stretch) -> bool:
    """Whether they are what two blocks found of one stretch."""
    if earlier.recording != later.recording or later.first_frame > earlier.last_frame:
        return False
    near = 0 if not (earlier.placement.is_warped or later.placement.is_warped) else _NEAR_FRAMES
    return earlier.block != later.block and all(
        abs(earlier.placement.reference_frame(frame) - later.placement.reference_frame(frame)) <= near
        for frame in (later.first_frame, min(earlier.last_frame, later.last_frame))
    )


def _join_two(earlier: Stretch, later: Stretch) -> Stretch:
    better = max(earlier, later, key=lambda each: each.score)
    return dataclasses.replace(
        better,
        first_frame=earlier.first_frame,
        last_frame=max(earlier.last_frame, later.last_frame),
        alternatives=tuple(dict.fromkeys(earlier.alternatives + later.alternatives)),
        block=later.block,
    )


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
    frame = stretch.first_frame
    drift = abs(stretch.placement.reference_frame(frame) - last.placement.reference_frame(frame))
    return (
        stretch.first_frame - last.last_frame <= config.max_gap_s * frame_rate
        and drift <= 2 + config.max_drift * (stretch.last_frame - last.first_frame) / 2
    )


def _make_match(play: list[Stretch], spectrogram: SpectrogramConfig, config: SettleConfig) -> MusicMatch:
    first, last = play[0], play[-1]
    best = max(play, key=lambda stretch: stretch.score)
    begins = first.placement.reference_frame(first.first_frame)
    # From middle to middle: each of the pieces may have another speed than the whole, and is right in its middle.
    middles = [(stretch.first_frame + stretch.last_frame) / 2 for stretch in (first, last)]
    travelled = last.placement.reference_frame(middles[1]) - first.placement.reference_frame(middles[0])
    length = middles[1] - middles[0]
    is_drifting = abs(travelled - best.placement.speed * length) > _NEAR_FRAMES
    frames = [max(1, stretch.frames) for stretch in play]
    powers = [10 ** (stretch.level_db / 10) for stretch in play]
    level_db = float(10 * np.log10(np.average(powers, weights=frames)))
    return MusicMatch(
        media_id=first.media_id,
        track_id=first.recording.track_id,
        start_s=spectrogram.time_s(first.first_frame),
        end_s=spectrogram.time_s(last.last_frame),
        track_start_s=spectrogram.time_s(begins),
        speed=travelled / length if is_drifting else best.placement.speed,
        pitch=best.placement.pitch,
        score=sum(stretch.score for stretch in play),
        level_db=level_db,
        usage="featured" if level_db >= config.min_featured_db else "background",
        alternatives=tuple(dict.fromkeys(itertools.chain.from_iterable(stretch.alternatives for stretch in play))),
        title=first.recording.title,
        artist=first.recording.artist,
        isrc=first.recording.isrc,
        rights_holder=first.recording.rights_holder,
    )
