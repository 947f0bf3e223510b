"""Events of the appraisal: schemes, periods, commendations."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.envelope import EventData
from shared.contracts.fields import County, Day, Id, Text, UnitId

Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Year = Annotated[int, Field(strict=True, ge=2000, le=2100)]
SchemeId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
PeriodCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-H[12]|-Q[1-4]|-(0[1-9]|1[0-2]))?$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class CountyScore(BaseModel):
    """A county's place in a closed period; null where it has no case or no rank."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    county: County
    score: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    rank: Count | None = None


class SchemeAdopted(EventData):
    TYPE = "qingsheng.appraisal.scheme_adopted.v1"
    KEY = "scheme_id"
    SUBJECT = ("scheme", "scheme_id")

    scheme_id: SchemeId
    version: Count
    digest: Digest
    valid_from: Day


class PeriodClosed(EventData):
    TYPE = "qingsheng.appraisal.period_closed.v1"
    KEY = "period"
    SUBJECT = ("period", "period")

    period: PeriodCode
    revision: Count
    scheme_id: SchemeId
    digest: Digest
    previous_digest: Digest | None = None
    scores: list[CountyScore]


class PeriodReopened(EventData):
    TYPE = "qingsheng.appraisal.period_reopened.v1"
    KEY = "period"
    SUBJECT = ("period", "period")

    period: PeriodCode
    revision: Count
    reason: Text


class CommendationAwarded(EventData):
    TYPE = "qingsheng.appraisal.commendation_awarded.v1"
    KEY = "volunteer_id"
    SUBJECT = ("volunteer", "volunteer_id")

    volunteer_id: Id
    year: Year
    unit_id: UnitId
    opted_in_on: Day
