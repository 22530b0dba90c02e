"""Levels: how loud a recording plays against the whole mix."""

import numpy as np

from models.constellation import Constellation, crop
from models.overlay import BINS, EXACT, Overlay

LOWEST_DB = -60.0


def measure_level_db(overlay: Overlay, reference: Constellation, query: Constellation, loudest: Constellation) -> float:
    """The power of a recording against the mix's, both by their peaks, in dB: from LOWEST_DB, if they share none, to 0.

    How much quieter or louder the reference plays is the median over the peaks that both have in the very cell: there
    the music is what is loudest. query: in the overlay's frames. loudest: those of its peaks with no louder one as near
    as the reference's are apart.
    """
    exact = overlay.outcomes == EXACT
    if not exact.any():
        return LOWEST_DB
    cells = query.frames.astype(np.int64) * BINS + query.bins
    heard = query.levels[np.searchsorted(cells, overlay.cells[exact])].astype(np.float64)
    gain_db = np.median(heard - reference.levels[overlay.peaks[exact]]) / 2
    around = crop(loudest, int(overlay.frames[0]), int(overlay.frames[-1]) + 1)
    music = float(reference.powers[overlay.peaks].sum(dtype=np.float64)) * 10 ** (gain_db / 10)
    mix = float(around.powers.sum(dtype=np.float64))
    return float(max(LOWEST_DB, 10 * np.log10(music / max(music, mix))))
