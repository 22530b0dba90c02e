"""Training examples: log-mel windows drawn from recordings, mixed and augmented as catalogues really differ."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.augmentation import AugmentConfig, Mel, cut, finish, mask, mix, raise_floor

SYNTHESISED = "synthesised"  # the source of sounds of our own
MIN_POWER = 1e-12  # of a band, in a window of unit mean power: far below what the network sees


@dataclasses.dataclass(frozen=True, slots=True)
class Recording:
    """A labelled recording; those of one source share a studio, an encoder, or whoever collected them."""

    media_id: str
    label: str
    source: str
    group: str  # of excerpts from one piece
    mel: Mel  # (frames, bands), power
    levels_db: NDArray[np.float32]  # RMS of each whole second against full scale


@dataclasses.dataclass(frozen=True)
class Mixture:
    """How often windows of a class play over another's, which ones, and how loud those are against them, in dB.

    What is heard stays of the first class: music under rain is music, speech over music is speech.
    """

    label: str
    share: float
    under: dict[str, float]  # class: weight
    levels_db: tuple[float, float]

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be between 0 and 1, got {self.share}")
        if not self.under or min(self.under.values()) <= 0:
            raise ValueError(f"under must name classes with positive weights, got {self.under}")


@dataclasses.dataclass(frozen=True)
class DrawConfig:
    """weights: how often each class is drawn. mixtures: see Mixture. synthesised: how often, of a class that has both,
    a sound of our own is drawn instead of a recording.
    """

    weights: dict[str, float]
    mixtures: tuple[Mixture, ...]
    synthesised: float = 0.35
    augment: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)


class Examples:
    """Draws batches, seeded. Of a class, a source is drawn by the root of its size, then one of its recordings; but
    sounds of our own by their configured share.
    """

    def __init__(
        self, recordings: Sequence[Recording], classes: Sequence[str], frames: int, config: DrawConfig, seed: int
    ) -> None:
        self._classes, self._frames, self._config = tuple(classes), frames, config
        self._rng = np.random.default_rng(seed)
        self._by_source: dict[str, list[list[Recording]]] = {name: [] for name in classes}
        sources: dict[tuple[str, str], list[Recording]] = {(each.label, each.source): [] for each in recordings}
        for each in recordings:
            sources[each.label, each.source].append(each)
        for (label, _), found in sorted(sources.items()):
            self._by_source[label].append(found)
        self._shares = {name: _shares(found, config.synthesised) for name, found in self._by_source.items()}

    def batch(self, size: int) -> tuple[Mel, NDArray[np.int64]]:
        """Log-mel windows in dB (size, frames, bands), and the number of each one's class."""
        labels = self._rng.choice(len(self._classes), size, p=self._weights())
        windows = np.stack([self._window(self._classes[label]) for label in labels])
        return windows, labels

    def _weights(self) -> NDArray[np.float64]:
        known = [self._config.weights[name] if self._by_source[name] else 0.0 for name in self._classes]
        weights: NDArray[np.float64] = np.array(known) / sum(known)
        return weights

    def _window(self, label: str) -> Mel:
        rng, augment = self._rng, self._config.augment
        mel = self._draw(label)
        for mixture in self._config.mixtures:
            if mixture.label == label and rng.random() < mixture.share:
                mel = mix(mel, self._draw(self._under(mixture)), rng.uniform(*mixture.levels_db))
        mel_db = to_log_mel(finish(rng, mel, augment))
        return mask(rng, raise_floor(rng, mel_db, augment), augment)

    def _under(self, mixture: Mixture) -> str:
        names = [name for name in mixture.under if self._by_source[name]]
        weights = np.array([mixture.under[name] for name in names])
        return str(self._rng.choice(names, p=weights / weights.sum()))

    def _draw(self, label: str) -> Mel:
        sources = self._by_source[label]
        source = sources[self._rng.choice(len(sources), p=self._shares[label])]
        recording = source[self._rng.integers(len(source))]
        return cut(self._rng, recording.mel, self._frames, self._config.augment)


def _shares(sources: Sequence[Sequence[Recording]], synthesised: float) -> NDArray[np.float64]:
    """How often each source of a class is drawn."""
    own = np.array([source[0].source == SYNTHESISED for source in sources], dtype=bool)
    shares: NDArray[np.float64] = np.sqrt([len(source) for source in sources])
    if own.any() and not own.all():
        shares[~own] *= (1 - synthesised) / shares[~own].sum()
        shares[own] = synthesised
    shares /= shares.sum()
    return shares


def to_log_mel(mel: Mel) -> Mel:
    """In dB."""
    mel_db: Mel = 10 * np.log10(np.maximum(mel, np.float32(MIN_POWER)))
    return mel_db
