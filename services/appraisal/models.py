"""Bodies of the API's requests."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.appraisal.schemes import IndicatorName
from shared.access.guard import allowed
from shared.access.roles import Principal, Role
from shared.contracts.fields import TEXT, TITLE, Id, bounded

Committee = Annotated[Principal, allowed(Role.COMMITTEE)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3), *bounded(TITLE)]
Remark = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3), *bounded(TEXT)]
"""Up to 2,000 characters."""


class _Told(BaseModel):
    """Unknown fields are refused: what is not asked for is not wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Close(_Told):
    """``force`` passes open objections by, and needs a reason."""

    force: bool = False
    reason: Reason | None = None


class Reopen(_Told):
    reason: Reason


class Confirm(_Told):
    """``figures``: the digest of the figures that were looked at; refused where they have changed since."""

    figures: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class Objection(_Told):
    """To an indicator or to one event; never with names of people."""

    indicator: IndicatorName | None = None
    event_id: Id | None = None
    text: Remark

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.indicator is None) == (self.event_id is None):
            raise PydanticCustomError("one_of", "name an indicator or an event_id, one of the two")
        return self


class Resolve(_Told):
    outcome: Literal["upheld", "rejected"]
    answer: Remark


class Adopt(_Told):
    """``version``: the latest one where it is left out."""

    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class Plan(_Told):
    """What an indicator's value is planned to be."""

    value: Annotated[Decimal, Field(ge=0, lt=1_000_000_000, allow_inf_nan=False, max_digits=15)]
