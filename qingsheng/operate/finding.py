"""A finding of the doctor: what is wrong, and the command that mends it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """``check``: a short name that stays the same; ``mend``: a command, or what to do where none can."""

    check: str
    severity: Severity
    what: str
    mend: str
