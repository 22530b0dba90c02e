"""Compiling the loops that numpy has no word for, by numba, when they are first called; kept for the next process."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

_F = TypeVar("_F", bound=Callable[..., object])


def compiled(function: _F) -> _F:
    """The same function of arrays and numbers, as machine code."""
    return cast(_F, numba.njit(cache=True)(function))
