"""Charter C4: a tip is about a need, a question or a claim, never about a person. Pure.

Rules of thumb on plain text: they catch what is written openly, and a clever writer gets by. How many they catch, and
how many honest texts they stop, the tests measure on ``tests/opinion/corpus.jsonl``.
"""

import re
import unicodedata

from services.opinion import personal_data
from shared.contracts.refusals import Refusal

_DRESSING = re.compile("[\u200b-\u200f\u2060-\u206f\ufe00-\ufe0f\ufeff\u00ad\u20e3]")
"""Characters without width, and the box around emoji digits: they only hide what stands between them."""


def screen(text: str, pointer: str) -> Refusal | None:
    """``person_targeted`` or ``personal_data`` for a text to be refused, else None. ``pointer``: where the text stands.

    The refusal names the kinds of what was found, never what was found.
    """
    # Its many patterns are compiled with the first text: no process waits for them to start.
    from services.opinion import targeting

    plain = folded(text)
    about = targeting.kinds_in(plain)
    held = personal_data.kinds_in(plain)
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
    """The text as the patterns read it: full-width and other dressed-up characters in their plain form."""
    return _DRESSING.sub("", unicodedata.normalize("NFKC", text))
