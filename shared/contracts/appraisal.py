"""Events of the appraisal: schemes, periods, commendations."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts.envelope import EventData
from shared.contracts.fields import Count, County, Day, Digest, Id, UnitId, Words, Year

SchemeId = Annotated[Words, StringConstraints(min_length=1, max_length=128)]
PeriodCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-H[12]|-Q[1-4]|-(0[1-9]|1[0-2]))?$")]


class CountyScore(BaseModel):
    """A county's place in a closed period; null where it has no case or no rank."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    county: County
    score: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None
    rank: Count | None


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
    previous_digest: Digest | None
    scores: list[CountyScore]


class PeriodReopened(EventData):
    TYPE = "qingsheng.appraisal.period_reopened.v1"
    KEY = "period"
    SUBJECT = ("period", "period")

    period: PeriodCode
    revision: Count
    reason: Words


class CommendationAwarded(EventData):
    TYPE = "qingsheng.appraisal.commendation_awarded.v1"
    KEY = "volunteer_id"
    SUBJECT = ("volunteer", "volunteer_id")

    volunteer_id: Id
    year: Year
    unit_id: UnitId
    opted_in_on: Day
