"""References of other systems: how they may call our volunteers and accounts. Pure."""

import re
from typing import Literal
from uuid import UUID

from shared.contracts.refusals import Refusal

Kind = Literal["volunteer", "account"]
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:/-]{0,127}")
_BETWEEN = re.compile(r"[._:/-]")
_OF_A_PERSON = re.compile(
    r"(?<!\d)("
    r"(86|0086)?1[3-9]\d{9}"  # a mobile phone
    r"|0[1-9]\d{8,10}"  # a landline with its area code
    r"|[1-9]\d{5}(19|20)?\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]?"  # an identity card, old or new
    r")(?!\d)"
)


def own_id(reference: str) -> UUID | None:
    """An id of ours; None for another system's reference. Whatever has the form of a UUID is taken for an id of ours."""
    try:
        return UUID(reference)
    except ValueError:
        return None


def may_be_reference(reference: str, pointer: str) -> Refusal | None:
    """Why this can be no other system's reference: ``personal_data`` for what is an address or a number of a person,
    ``schema`` for what is no code, or has the form of our own ids. Never quotes it."""
    if "@" in reference or _OF_A_PERSON.search(_BETWEEN.sub("", reference)):
        told = {
            "zh": "引用像是邮箱、账号名、电话或证件号",
            "en": "the reference looks like an e-mail, a handle, a phone or an identity card number",
        }
        return Refusal("personal_data", pointer=pointer, reason=told)
    if not _CODE.fullmatch(reference):
        told = {
            "zh": "引用须为代码：1 至 128 个字母、数字或 . _ : / -",
            "en": "a reference is a code of 1 to 128 letters, digits or . _ : / -",
        }
        return Refusal("schema", pointer=pointer, reason=told)
    if own_id(reference) is not None:
        told = {
            "zh": "UUID 形式留给本系统的编号，请在前面加字母，如 ext-…",
            "en": "the form of a UUID is that of our own ids: put letters in front, such as ext-…",
        }
        return Refusal("schema", pointer=pointer, reason=told)
    return None
