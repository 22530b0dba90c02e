"""Warps: how a recording may be changed when it is played, faster or slower, higher or lower.

Editors pitch a loop to a song's key or stretch a bed to a scene; broadcasters speed songs up; turntables and clocks run
off. A warp (speed, pitch) says that frame `offset + speed * t` of the recording sounds at frame t, and that its
frequencies are heard multiplied by pitch.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

MAX_WARPS = 1000


@dataclasses.dataclass(frozen=True)
class WarpConfig:
    """Which warps are looked for. All are in percent but the last; a maximum of 0 looks for none.

    speed: pitch moves along. tempo: pitch is kept. semitones: of which pitch is moved, tempo kept. A step must be so
    small that half of it moves few peaks to another bin or frame; verification finds the rest.
    """

    max_speed: float = 6.0
    speed_step: float = 0.5
    max_tempo: float = 9.0
    tempo_step: float = 3.0
    semitones: tuple[float, ...] = (-2.0, -1.0, 1.0, 2.0)

    def __post_init__(self) -> None:
        for name in ("max_speed", "max_tempo"):
            if not 0 <= getattr(self, name) <= 20:
                raise ValueError(f"{name} must be between 0 and 20, got {getattr(self, name)}")
        for name in ("speed_step", "tempo_step"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not all(0 < abs(each) <= 4 for each in self.semitones):
            raise ValueError(f"semitones must be between -4 and 4, and not 0, got {self.semitones}")
        count = len(list_warps(self))
        if count > MAX_WARPS:
            raise ValueError(f"there must be at most {MAX_WARPS} warps, got {count}")


@dataclasses.dataclass(frozen=True, slots=True)
class Warps:
    """Parallel arrays, float32: factors of speed and of pitch."""

    speeds: NDArray[np.float32]
    pitches: NDArray[np.float32]

    @property
    def lowerings(self) -> NDArray[np.float32]:
        """What brings heard frequencies back to the recording's."""
        return np.float32(1) / self.pitches

    def __len__(self) -> int:
        return len(self.speeds)


UNCHANGED = Warps(np.ones(1, np.float32), np.ones(1, np.float32))


def list_warps(config: WarpConfig) -> Warps:
    """The warps to look for, without the unchanged."""
    speeds = 1 + _steps(config.max_speed, config.speed_step) / 100
    tempos = 1 + _steps(config.max_tempo, config.tempo_step) / 100
    pitches = 2 ** (np.array(config.semitones, np.float64) / 12)
    pairs = [
        *((speed, speed) for speed in speeds),
        *((tempo, 1.0) for tempo in tempos),
        *((1.0, pitch) for pitch in pitches),
    ]
    columns = np.array(pairs, np.float32).reshape(-1, 2).T
    return Warps(columns[0].copy(), columns[1].copy())


def _steps(limit: float, step: float) -> NDArray[np.float64]:
    """Multiples of step, but 0, up to the limit, up and down."""
    up = step * np.arange(1, int(limit / step + 1e-9) + 1)
    return np.concatenate([-up[::-1], up])
