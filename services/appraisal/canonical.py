"""The form of JSON that digests are made of (RFC 8785), of reports of any size."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import rfc8785
from numpy.typing import NDArray

_encode = msgspec.json.Encoder(order="deterministic").encode
"""Sorts mappings by their names, and leaves the fields of a structure as they stand."""


def canonical(told: Mapping[str, Any]) -> bytes:
    """``told``: text, finite numbers (whole ones below 2^53) and null, in lists and in mappings by names of ASCII letters, or
    in structures whose fields stand in the order of their names.

    The library of the RFC takes some microseconds a value, which of thousands of counties is most of a second; msgspec
    writes the same but for floats that are whole or have an exponent, and where it may have met one the library decides.
    """
    found = _encode(told)
    text = np.frombuffer(found, np.uint8)
    parts = (text[start : start + _PART + 2] for start in range(0, len(text), _PART))
    return rfc8785.dumps(msgspec.to_builtins(told)) if any(map(_has_odd_number, parts)) else found


_PART = 2**16
"""Bytes looked at together, with the two that follow: what the steps between hold fits a processor's cache."""


def _has_odd_number(text: NDArray[np.uint8]) -> bool:
    """Whether ``.0`` ends a number, or an ``e`` stands in one, as far as bytes tell: within a text it may look so."""
    before, here, after = text[:-2], text[1:-1], text[2:]
    whole = (
        (before == ord(".")) & (here == ord("0")) & ((after == ord(",")) | (after == ord("}")) | (after == ord("]")))
    )
    exponent = (here == ord("e")) & _is_digit(before) & ((after == ord("-")) | _is_digit(after))
    return bool((whole | exponent).any())


def _is_digit(text: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return text - np.uint8(ord("0")) < 10  # below "0" it wraps to a large number
