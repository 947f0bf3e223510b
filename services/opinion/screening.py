"""Charter C4: a tip is about a need, a question or a claim, never about a person. Pure.

Rules of thumb on plain text: they catch what is written openly, and a clever writer gets by. How many they catch, and
how many honest texts they stop, the tests measure on ``tests/opinion/corpus.jsonl``.
"""

import re
import unicodedata
from collections.abc import Generator

from services.opinion import personal_data
from shared.contracts import reasons
from shared.contracts.refusals import Refusal
from shared.slices import TooLong, at_once, in_slices

WITHIN = 1.0
"""Seconds of the processor's time that a text may take. The worst known takes a twentieth of it."""
_DRESSING = re.compile("[\u200b-\u200f\u2060-\u206f\ufe00-\ufe0f\ufeff\u00ad\u20e3]")
"""Characters without width, and the box around emoji digits: they only hide what stands between them."""


_GAP = re.compile(r"\s{9,}")
"""White space without end, which several parts of a pattern could share among them in every way."""


def screen(text: str, pointer: str) -> Refusal | None:
    """What ``steps`` finds, at once: for a process in which nothing else waits."""
    return at_once(steps(text, pointer))


async def screened(text: str, pointer: str) -> Refusal | None:
    """What ``steps`` finds, while the process goes on; ``schema`` where it takes longer than any text should."""
    try:
        return await in_slices(steps(text, pointer), WITHIN)
    except TooLong:
        return Refusal("schema", pointer=pointer, reason=reasons.UNREADABLE)


def steps(text: str, pointer: str) -> Generator[None, None, Refusal | None]:
    """``person_targeted`` or ``personal_data`` for a text to be refused, else None. ``pointer``: where the text stands.
    Yields between its steps, none of which takes long.

    The refusal names the kinds of what was found, never what was found.
    """
    # Its many patterns are compiled with the first text: no process waits for them to start.
    from services.opinion import targeting

    plain = folded(text)
    about = yield from targeting.kinds_in(plain)
    held = yield from personal_data.kinds_in(plain)
    if not about and not held:
        return None
    found = [*about, *held]
    reason = {"zh": "、".join(kind.zh for kind in found), "en": ", ".join(kind.en for kind in found)}
    return Refusal("person_targeted" if about else "personal_data", pointer=pointer, reason=reason)


def screen_link(url: str, pointer: str) -> Refusal | None:
    """``personal_data`` for a link to a person's page; other public pages are fine."""
    if not personal_data.is_profile(folded(url)):
        return None
    kind = personal_data.PROFILE
    return Refusal("personal_data", pointer=pointer, reason={"zh": kind.zh, "en": kind.en})


def folded(text: str) -> str:
    """The text as the patterns read it: full-width and other dressed-up characters in their plain form, gaps short."""
    plain = _DRESSING.sub("", unicodedata.normalize("NFKC", text))
    return _GAP.sub(lambda gap: "\n" if "\n" in gap[0] else " " * 8, plain)
