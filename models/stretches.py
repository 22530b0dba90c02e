"""Stretches: where recordings line up with an item. Not yet matches: several may claim one moment."""

import dataclasses

from models.overlay import Overlay, Placement
from models.records import Recording


@dataclasses.dataclass(frozen=True, slots=True)
class Stretch:
    """Where one recording lines up with an item, in frames of the item."""

    media_id: str
    track: int  # its number in the segment of the index
    recording: Recording
    placement: Placement
    first_frame: int
    last_frame: int
    score: float  # log-likelihood ratio against chance, in nats
    evidence: Overlay  # its reference's peaks laid over the item
    level_db: float = 0.0  # of the recording against the whole mix
    alternatives: tuple[str, ...] = ()  # track_ids that fit as well, and have no evidence of their own
    block: int = 0  # first frame of the block that it was found in

    def moved(self, frames: int) -> "Stretch":
        """The same, in a block that begins so many frames later."""
        return dataclasses.replace(
            self,
            placement=dataclasses.replace(self.placement, offset=self.placement.reference_frame(-frames)),
            first_frame=self.first_frame + frames,
            last_frame=self.last_frame + frames,
            block=self.block + frames,
            evidence=self.evidence.moved(frames),
        )

    @property
    def frames(self) -> int:
        return self.last_frame - self.first_frame

    def overlap(self, other: "Stretch") -> int:
        """How many frames they share; negative if they lie apart."""
        return min(self.last_frame, other.last_frame) - max(self.first_frame, other.first_frame)
