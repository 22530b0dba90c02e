"""Folds: whole sources held out, so that a score says what to expect of catalogues that nobody has seen."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from models.augmentation import Mel
from models.examples import Recording

_Spectra = NDArray[np.complex64]  # (frequencies, bands)


def group_by_source(recordings: Sequence[Recording], mixes: Sequence[Recording]) -> dict[str, list[Recording]]:
    """Of each source what is held out together: its recordings, and the mixes made of them (those most like one).

    A mix trains nothing, ever: it would tell what it was made of.
    """
    groups: dict[str, list[Recording]] = {source: [] for source in sorted({each.source for each in recordings})}
    for each in recordings:
        groups[each.source].append(each)
    origins = find_origins(mixes, recordings)
    for each in mixes:
        groups[origins[each.media_id].source].append(each)
    return groups


def find_origins(mixes: Sequence[Recording], recordings: Sequence[Recording]) -> dict[str, Recording]:
    """By media_id of each mix the recording of its class that it was made of, mixed with another.

    The first of its group; without one, the one that correlates best with it at some lag. ValueError if none is of its
    class.
    """
    size = fft.next_fast_len(max((len(each.mel) for each in [*mixes, *recordings]), default=1) * 2, real=True)
    spectra: dict[str, list[_Spectra]] = {}  # of all of a class: to be found once for all mixes
    origins = {}
    for mix in mixes:
        same_class = [each for each in recordings if each.label == mix.label]
        if not same_class:
            raise ValueError(f"expected a recording of {mix.label} that {mix.media_id} was made of, got none")
        same_group = [each for each in same_class if each.group == mix.group]
        if not same_group and mix.label not in spectra:
            spectra[mix.label] = [_find_changes(each.mel, size) for each in same_class]
        origins[mix.media_id] = same_group[0] if same_group else _best(mix, same_class, spectra[mix.label], size)
    return origins


def _best(mix: Recording, recordings: Sequence[Recording], spectra: Sequence[_Spectra], size: int) -> Recording:
    changes = _find_changes(mix.mel, size).conj()
    correlations = [fft.irfft((changes * each).sum(axis=1), size).max() for each in spectra]
    return recordings[int(np.argmax(correlations))]


def _find_changes(mel: Mel, size: int) -> _Spectra:
    """How each band changes from frame to frame, in dB, which is what rain under music leaves of it; as spectra."""
    mel_db = 10 * np.log10(np.maximum(mel, 1e-10 * mel.max() + 1e-20))
    changes = np.diff(mel_db, axis=0)
    spectra: _Spectra = fft.rfft(changes / (np.linalg.norm(changes) + np.float32(1e-9)), size, axis=0)
    return spectra
