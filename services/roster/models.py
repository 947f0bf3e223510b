"""Bodies of the roster's requests. Unknown fields are refused (C9): what is not asked for is not wanted."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.roster import personal
from shared.contracts.fields import County, Day, Id, Instant, Names, Team, Title, UnitId, Url
from shared.contracts.references import Kind
from shared.contracts.roster import Category, DeclineReason, Platform, UnitKind


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UnitName(_Told):
    zh: Title
    en: Title | None = None

    def names(self) -> Names:
        return Names(zh=self.zh, en=self.en)


class RedefineUnit(_Told):
    name: UnitName
    kind: UnitKind
    county: County
    parent_id: UnitId | None = None


class DefineUnit(RedefineUnit):
    unit_id: UnitId


class SetQuota(_Told):
    quota: Annotated[int, Field(ge=0, le=10_000_000, strict=True)]


_Line = Annotated[str, StringConstraints(max_length=personal.LONGEST)]


class Handles(_Told):
    """Where somebody can be reached, by platform."""

    weibo: _Line | None = None
    wechat: _Line | None = None
    other: _Line | None = None


class PersonalContact(_Told):
    """What is needed to reach a volunteer, and nothing else (C9). Phones are kept in E.164, e-mails casefolded."""

    name: _Line | None = None
    phone: _Line | None = None
    email: _Line | None = None
    handles: Handles = Handles()

    def read(self, at: str = "") -> personal.Contact:
        """Raises Refusal, its pointer below ``at``."""
        return personal.normalised(self.model_dump(), at)


class Nominate(_Told):
    unit_id: UnitId
    team: Team
    category: Category
    contact: PersonalContact | None = None


class Confirmation(_Told):
    volunteer_id: Id
    registered_on: Day
    consented_on: Day | None = None


class Confirm(_Told):
    confirmations: Annotated[list[Confirmation], Field(min_length=1, max_length=1000)]

    def rows(self) -> Iterator[tuple[UUID, date, date | None]]:
        for each in self.confirmations:
            yield each.volunteer_id, each.registered_on, each.consented_on


class Register(_Told):
    """``consented_on``: when the volunteer agreed to take part, not later than the registration (C1)."""

    registered_on: Day
    consented_on: Day | None = None


class Decline(_Told):
    reason: DeclineReason


class Declination(_Told):
    volunteer_id: Id
    reason: DeclineReason


class DeclineMany(_Told):
    declinations: Annotated[list[Declination], Field(min_length=1, max_length=1000)]


class Transfer(_Told):
    to_unit_id: UnitId
    effective_on: Day


class Leave(_Told):
    """No reason is asked for (C1). ``left_on``: today where it is not told."""

    left_on: Day | None = None


class Disclose(_Told):
    """``disclosure_url``: where the disclosure can be seen. It is stored, never fetched."""

    platform: Platform
    disclosed_at: Instant
    verified_at: Instant | None = None
    disclosure_url: Url


class Withdraw(_Told):
    withdrawn_at: Instant | None = None


class ContactList(_Told):
    """``reason``: what the list is taken out for; it is kept in the audit log."""

    unit_id: UnitId
    team: Team | None = None
    reason: Title


_Producer = Annotated[str, StringConstraints(max_length=40)]
_ExternalRef = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class ExternalRef(_Told):
    """What another system calls a volunteer or, with ``account_id``, that account of the volunteer's."""

    external_ref: _ExternalRef = Field(repr=False)
    volunteer_id: Id
    account_id: Id | None = None


class RegisterReferences(_Told):
    producer: _Producer
    external_refs: Annotated[list[ExternalRef], Field(min_length=1, max_length=1000)]


class RemoveReference(_Told):
    producer: _Producer
    kind: Kind
    external_ref: _ExternalRef
