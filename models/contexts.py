"""Contexts: how a candidate compares with the other candidates of the same audiobook and of the same mention."""

import numpy as np
from numpy.typing import NDArray

from models.comparisons import FEATURES

_Floats = NDArray[np.float32]
_OF_MENTION = ("name_score", "same_words", "works")
_OF_AUDIOBOOK = ("words_cosine", "genre_cosine", "title_cover_best", "title_set_ratio")
_COLUMNS = {name: FEATURES.index(name) for name in _OF_MENTION + _OF_AUDIOBOOK}

CONTEXT_FEATURES = (
    *(f"{name}_{what}" for name in _OF_MENTION + _OF_AUDIOBOOK for what in ("behind", "rivals")),
    "mention_candidates",
)
SCORE_FEATURES = (
    "score", "rank", "margin", "total", "share", "mention_rank", "mention_margin", "mention_total", "mention_share",
)  # fmt: skip


def compare_candidates(features: _Floats, mentions: NDArray[np.integer]) -> _Floats:
    """CONTEXT_FEATURES of one audiobook's candidates: how far behind the best, and how many as good.

    features: (candidates, at least FEATURES). mentions: (candidates,) the contributor each is named by, -1 by none.
    """
    out = np.zeros((len(features), len(CONTEXT_FEATURES)), np.float32)
    for mention in np.unique(mentions):
        rows = np.flatnonzero(mentions == mention)
        for column, name in enumerate(_OF_MENTION):
            out[rows, 2 * column : 2 * column + 2] = _stand(features[rows, _COLUMNS[name]])
        out[rows, -1] = len(rows)
    for column, name in enumerate(_OF_AUDIOBOOK, len(_OF_MENTION)):
        out[:, 2 * column : 2 * column + 2] = _stand(features[:, _COLUMNS[name]])
    return out


def compare_scores(scores: _Floats, mentions: NDArray[np.integer]) -> _Floats:
    """SCORE_FEATURES of one audiobook's candidates."""
    out = np.zeros((len(scores), len(SCORE_FEATURES)), np.float32)
    out[:, 0] = scores
    out[:, 1:5] = _rank(scores)
    for mention in np.unique(mentions):
        rows = np.flatnonzero(mentions == mention)
        out[rows, 5:] = _rank(scores[rows])
    return out


def _stand(values: _Floats) -> _Floats:
    """(n, 2): each value less the greatest, and the logarithm of how many are about as great or greater."""
    greater = len(values) - np.searchsorted(np.sort(values), values - 0.03)
    return np.stack([values - values.max(), np.log1p(greater)], axis=1).astype(np.float32)


def _rank(scores: _Floats) -> _Floats:
    """(n, 4): rank, up to 10; score less the best other's; sum of all; share of the sum."""
    order = np.argsort(-scores, kind="stable")
    ranks = np.empty(len(scores), np.int64)
    ranks[order] = np.arange(len(scores))
    best, second = scores[order[0]], scores[order[1]] if len(scores) > 1 else 0.0
    total = scores.sum()
    margin = scores - np.where(ranks == 0, second, best)
    columns = [np.minimum(ranks, 10), margin, np.full(len(scores), total), scores / (total + 1e-6)]
    return np.stack(columns, axis=1).astype(np.float32)
