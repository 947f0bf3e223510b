"""Tips as the chat groups and message boxes report them, and what is refused there."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from qingsheng.demo.story.reports import Named, Report
from qingsheng.demo.story.tips import BY_OPERATORS, Tip

PRODUCER = "tip-lines"

_REFUSED = (
    ("personal_data", {"text": "请联系我，电话 13800138000（合成数据）"}),
    ("personal_data", {"text": "加我微信 youth_example_2014 详谈（合成数据）"}),
    ("person_targeted", {"text": "请查查微博用户@某某 发的帖子是谁写的（合成数据）"}),
    ("schema", {"author": "somebody"}),
    ("schema", {"channel": "telepathy"}),
    ("unknown_unit", {"unit_id": "359999"}),
)
"""Charter C4: a tip is about a need, a question or a claim, never about a person, and names nobody."""


def reports(tips: Sequence[Tip]) -> list[Report]:
    """The tips that no operator enters, each when it came."""
    told = [_tip(tip) for tip in tips if tip.channel not in BY_OPERATORS]
    refused = [
        replace(report, id=f"refused-{number}", data={**report.data, **fields}, answers=(code,))
        for number, (report, (code, fields)) in enumerate(zip(told[20:], _REFUSED, strict=False), 1)
    ]
    repeats = [replace(report, answers=()) for report in told[10::25]]
    return sorted([*told, *refused, *repeats], key=lambda report: report.time)


def _tip(tip: Tip) -> Report:
    return Report(
        "opinion",
        f"tip-{tip.ref}",
        "tip_reported",
        tip.reported_at + timedelta(minutes=5),
        {
            "channel": tip.channel,
            "kind": tip.kind,
            "topic": tip.topic,
            "unit_id": tip.unit_id,
            "text": tip.text,
            "relayed_by": None if tip.relayed_by is None else Named("volunteer", tip.relayed_by),
            "reported_at": tip.reported_at,
        },
    )
