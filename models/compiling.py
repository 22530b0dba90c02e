"""Compiling the loops that numpy has no word for, by numba, when they are first called; kept for the next process."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

_F = TypeVar("_F", bound=Callable[..., object])


def compiled(function: _F) -> _F:
    """The same function of arrays and numbers, as machine code. Threads run it side by side."""
    try:
        fast = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # there is no folder to keep it in
        fast = numba.njit(nogil=True)(function)
    return cast(_F, fast)
