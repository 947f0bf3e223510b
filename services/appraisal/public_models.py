"""What the open page's twin answers (charter C10), for the OpenAPI document."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from services.appraisal.publishing import Reason

Withheld = Annotated[
    dict[str, Reason],
    Field(
        description="The members beside this one that are withheld (null), each with the reason: `fewer_than_5` for a count "
        "of fewer than five persons, `derivable` for what would let such a count be computed."
    ),
]
Number = int | float | None


class PublicFigure(BaseModel):
    indicator: str
    numerator: Number
    denominator: Number
    value: Number
    target: int | float
    attainment: Number
    weight: int | float
    points: Number
    note: str | None
    withheld: Withheld


class PublicCounty(BaseModel):
    county: str
    name: dict[str, str]
    score: Number
    rank: int | None
    note: str | None
    indicators: list[PublicFigure]
    withheld: Withheld


class PublicSum(BaseModel):
    """Over all bodies."""

    indicator: str
    numerator: Number
    denominator: Number
    value: Number
    withheld: Withheld


class PublicFreshness(BaseModel):
    recorded_until: datetime | None
    caught_up_at: datetime | None


class PublicReport(BaseModel):
    """``method``: the whole scheme. ``digest``: of a closed report's record; null before, when it could be guessed at.
    ``fewer_than``: below how many persons a count is withheld."""

    period: str
    start: date
    end: date
    status: Literal["not_begun", "running", "closed"]
    revision: int | None
    closed_at: datetime | None
    scheme: str
    scheme_version: int
    method: dict[str, Any]
    provisional: bool
    freshness: PublicFreshness
    fewer_than: int
    counties: list[PublicCounty]
    city: list[PublicSum]
    digest: str | None
