"""The one media report that was said to be inaccurate."""

from dataclasses import dataclass
from datetime import datetime

from qingsheng.demo.story import at, day


@dataclass(frozen=True)
class Correction:
    unit_id: str
    claim_published_at: datetime
    opened_at: datetime
    closed_at: datetime
    source_kind: str
    outcome: str
    official_source: str
    evidence: tuple[str, ...]
    media_met: bool


YOUTH_PALACE = Correction(
    unit_id="350902",
    claim_published_at=at(day("07-08"), 7),
    opened_at=at(day("07-08"), 15),
    closed_at=at(day("07-14"), 11),
    source_kind="media",
    outcome="clarified",
    official_source="https://jiaocheng.example/notices/youth-palace",
    evidence=(
        "https://jiaocheng.example/notices/youth-palace/opening-hours",
        "https://jiaocheng.example/notices/youth-palace/accounts",
    ),
    media_met=True,
)
"""About the youth palace in Jiaocheng: seen, reported, answered with facts, the media met face to face."""
