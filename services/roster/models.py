"""Bodies of the roster's requests. Unknown fields are refused (C9): what is not asked for is not wanted."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.fields import County, Day, Instant, Names, Team, UnitId, Url, Words
from shared.contracts.roster import Category, DeclineReason, Platform, UnitKind


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Name = Annotated[Words, StringConstraints(min_length=1, max_length=200)]


class UnitName(_Told):
    zh: _Name
    en: _Name | None = None

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


class Nominate(_Told):
    unit_id: UnitId
    team: Team
    category: Category


class Register(_Told):
    """``consented_on``: when the volunteer agreed to take part, not later than the registration (C1)."""

    registered_on: Day
    consented_on: Day | None = None


class Decline(_Told):
    reason: DeclineReason


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
