"""The story's data: pure, made with a fixed seed, all of it synthetic.

The totals are those of a public work report of September 2014. Where that gives totals only, the detail by county and
by person is invented here, and labelled synthetic wherever a field can carry a label. No real person is named.
"""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
SEED = 2014
SYNTHETIC = "合成数据"
"""Label of invented detail, in titles and names."""


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A moment of the story, in local time."""
    return datetime.combine(day, time(hour, minute, second), ZONE)


def day(text: str) -> date:
    """``05-27`` is 27 May 2014."""
    return date.fromisoformat(f"2014-{text}")
