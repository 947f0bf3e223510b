"""Who a volunteer is: normalised, sealed under a key of the person's own, and found again by keyed hashes. No I/O."""

import hmac
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import phonenumbers

from shared.contracts.fields import plain_text
from shared.contracts.refusals import Refusal
from shared.security import PersonalSealer, derived_key

REGION = "CN"
"""Of phone numbers that are told without their country's code."""
FIELDS = ("name", "phone", "email", "handles")
LONGEST = 200
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")


@dataclass(frozen=True)
class Contact:
    """``phone`` in E.164, ``email`` casefolded, ``handles`` by platform; None or empty where nothing was told."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    handles: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def fields(self) -> list[str]:
        """The names of the fields that tell something: for audit lines, which hold no personal data."""
        return [name for name in FIELDS if getattr(self, name)]

    def with_more(self, other: "Contact") -> "Contact":
        """What ``other`` tells takes the place of what stood here; what it leaves out stays."""
        return Contact(
            other.name or self.name,
            other.phone or self.phone,
            other.email or self.email,
            {**self.handles, **other.handles},
        )


class Sealed(NamedTuple):
    """As it is stored: the person's own key, wrapped, and what is sealed under it."""

    wrapped_key: bytes
    sealed: bytes


class Vault:
    """Seals, opens and hashes contacts under keys derived from the deployment's secret."""

    def __init__(self, secret: str) -> None:
        self._sealer = PersonalSealer(secret)
        self._hashing = derived_key(secret, "personal-hash")

    def seal(self, volunteer_id: UUID, contact: Contact, wrapped_key: bytes | None = None) -> Sealed:
        """Under the person's key; a new one where there is none yet."""
        key = wrapped_key or self._sealer.new_key(volunteer_id.bytes)
        plain = json.dumps(asdict(contact), ensure_ascii=False).encode()
        return Sealed(key, self._sealer.seal(key, volunteer_id.bytes, plain))

    def open(self, volunteer_id: UUID, sealed: Sealed) -> Contact:
        """Raises ValueError when it was changed, is another person's, or sealed under another secret."""
        return Contact(**json.loads(self._sealer.open(sealed.wrapped_key, volunteer_id.bytes, sealed.sealed)))

    def hashes(self, contact: Contact) -> dict[str, bytes]:
        """By kind, of what a person is known again by. Nobody without the secret can try out numbers."""
        told = {"phone": contact.phone, "email": contact.email}
        return {
            kind: hmac.digest(self._hashing, f"{kind}:{text}".encode(), "sha256") for kind, text in told.items() if text
        }


def normalised(told: Mapping[str, Any], at: str = "") -> Contact:
    """From texts by field, as people write them. Raises ``schema``, the pointer below ``at``; it quotes nothing."""
    return Contact(
        name=_text(told.get("name"), f"{at}/name"),
        phone=_phone(told.get("phone"), f"{at}/phone"),
        email=_email(told.get("email"), f"{at}/email"),
        handles={
            platform: text
            for platform, handle in (told.get("handles") or {}).items()
            if (text := _text(handle, f"{at}/handles/{platform}"))
        },
    )


def _text(told: str | None, pointer: str) -> str | None:
    try:
        text = plain_text((told or "").strip())
    except ValueError:
        raise _wrong(pointer, "含有不可用的字符", "holds characters that cannot be stored") from None
    if len(text) > LONGEST or any(unicodedata.category(letter) == "Cc" for letter in text):
        raise _wrong(pointer, f"须为一行，至多 {LONGEST} 字", f"must be one line of at most {LONGEST} characters")
    return text or None


def _phone(told: str | None, pointer: str) -> str | None:
    text = _text(told, pointer)
    if text is None:
        return None
    try:
        number = phonenumbers.parse(unicodedata.normalize("NFKC", text), REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise _wrong(
            pointer,
            "须为电话号码，如 138 0013 8000 或 0593-2822222，境外号码以 + 开头",
            "must be a phone number, such as 138 0013 8000; from abroad with + and the country's code",
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(told: str | None, pointer: str) -> str | None:
    text = _text(told, pointer)
    if text is None:
        return None
    if not _EMAIL.fullmatch(text):
        raise _wrong(pointer, "须为电子邮箱地址", "must be an e-mail address")
    return unicodedata.normalize("NFC", text.casefold())


def _wrong(pointer: str, zh: str, en: str) -> Refusal:
    return Refusal("schema", pointer=pointer, reason={"zh": zh, "en": en})
