"""Whole numbers in columns, exact whatever their size: machine words where every result fits, Python's own elsewhere.

So that thousands of counties are scored by columns and no figure is rounded before it is shown.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[Any]
"""Of int64, or of objects that are int."""
Which = NDArray[np.bool_]
Number = int | float
"""As it stands in JSON."""
Ratio = tuple[int, int]
"""Numerator and denominator, the latter above 0."""
Ratios = tuple[Whole, Whole]
"""The same of many."""

_WORD = 2**62
_SCALES = (1, 10, 100, 1000, 10000)


def whole(numbers: Sequence[int]) -> Whole:
    try:
        return np.array(numbers, np.int64)
    except OverflowError:
        return np.array(numbers, object)


def times(left: Whole, right: Whole | int) -> Whole:
    """Each with each, or all with one number."""
    a, b = _largest(left), _largest(right)
    return (left if max(a, b, a * b) < _WORD else left.astype(object)) * right


def plus(left: Whole, right: Whole | int) -> Whole:
    """Each with each, or all with one number."""
    a, b = _largest(left), _largest(right)
    return (left if a + b < _WORD else left.astype(object)) + right


def nearest(ratios: Ratios, scale: int) -> Whole:
    """``ratio * scale`` as whole numbers, half to even."""
    over, under = ratios
    over = times(over, scale)
    found = over // under
    twice = times(over - found * under, 2)
    return found + ((twice > under) | ((twice == under) & (found % 2 == 1)))


def shown(ratio: Ratio, digits: int) -> Number:
    """Rounded half to even; whole numbers as int, others as the float nearest to the decimal."""
    over, under = ratio
    return shown_all((whole([over]), whole([under])), digits)[0]


def shown_all(ratios: Ratios, digits: int) -> list[Number]:
    """The same of many."""
    scale = _SCALES[digits]
    return [n / scale if n % scale else n // scale for n in nearest(ratios, scale).tolist()]


def _largest(numbers: Whole | int) -> int:
    """How far from 0 the farthest is."""
    if isinstance(numbers, int):
        return abs(numbers)
    return max(int(numbers.max(initial=0)), -int(numbers.min(initial=0)))
