"""Field types that several contracts share."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Id = UUID
"""Opaque id."""
UnitId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z-]{4,20}$")]
County = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
"""GB/T 2260 code, six digits."""
Instant = AwareDatetime
"""RFC 3339 with offset."""
Day = date
Hours = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+", max_length=2000)]
HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[^\s/]+", max_length=2000)]
Team = Literal["city", "county"]


class Names(BaseModel):
    """A name or title in Chinese, and in English where there is one."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    zh: Text
    en: Text | None = None
