"""Tips: entered by operators or reported by other systems, then triaged and resolved; the correction."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from qingsheng.demo.story import ZONE
from qingsheng.demo.story.corrections import YOUTH_PALACE
from qingsheng.demo.story.tips import BY_OPERATORS, Tip
from qingsheng.demo.telling import Telling

API = "/opinion/api/v1"


async def entered_by_hand(telling: Telling) -> None:
    """What came by office phone and mail."""
    by_hand = [tip for tip in telling.script.tips if tip.channel in BY_OPERATORS]
    await telling.all(
        "tips by phone and mail",
        [telling.doors.post(f"{API}/tips", _tip(tip), at=tip.reported_at + timedelta(minutes=5)) for tip in by_hand],
    )
    telling.promised["opinion.tip_reported"] += len(by_hand)


async def dealt_with(telling: Telling) -> None:
    """Every tip is triaged, then resolved, as an operator finds it in the list."""
    listed = await telling.doors.pages(f"{API}/tips")
    ids = {datetime.fromisoformat(tip["reported_at"]).astimezone(ZONE): tip["tip_id"] for tip in listed}
    tips = telling.script.tips
    await telling.all("tips triaged and resolved", [_deal_with(telling, tip, ids[tip.reported_at]) for tip in tips])
    telling.promised["opinion.tip_triaged"] += len(tips)
    telling.promised["opinion.tip_resolved"] += len(tips)
    by_unit = Counter(tip.unit_id for tip in tips)
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in Counter(tip.outcome for tip in tips).most_common())
    telling.out.step(
        "all year",
        f"{len(tips)} tips, {min(by_unit.values())} to {max(by_unit.values())} a county, "
        f"{sum(tip.channel in BY_OPERATORS for tip in tips)} entered by hand; all triaged; {outcomes}",
    )
    evening = next(tip for tip in tips if tip.evening)
    assert evening.evening
    telling.out.step(
        f"{evening.evening.held_on:%-d %B}",
        f"a wish by Weibo message became a social evening for young singles: {evening.evening.participants} took part",
    )


async def corrections(telling: Telling) -> None:
    """The media report about the youth palace."""
    case = YOUTH_PALACE
    opened = await telling.doors.post(
        f"{API}/corrections",
        {
            "unit_id": case.unit_id,
            "source_kind": case.source_kind,
            "claim_published_at": case.claim_published_at.isoformat(),
            "opened_at": case.opened_at.isoformat(),
        },
        at=case.opened_at,
    )
    await telling.doors.post(
        f"{API}/corrections/{opened['case_id']}/close",
        {
            "outcome": case.outcome,
            "evidence": list(case.evidence),
            "official_source": case.official_source,
            "media_met": case.media_met,
            "closed_at": case.closed_at.isoformat(),
        },
        at=case.closed_at,
    )
    telling.promised["opinion.correction_opened"] += 1
    telling.promised["opinion.correction_closed"] += 1
    telling.out.step(
        "July",
        f"a media report about the youth palace in Jiaocheng: {case.outcome} with {len(case.evidence)} pieces of "
        "evidence and the official source, the media met",
    )


async def _deal_with(telling: Telling, tip: Tip, tip_id: str) -> None:
    path = f"{API}/tips/{tip_id}"
    triage = {"responsible_unit_id": tip.unit_id, "triaged_at": tip.triaged_at.isoformat()}
    await telling.doors.post(f"{path}/triage", triage, at=tip.triaged_at)
    resolution: dict[str, Any] = {
        "outcome": tip.outcome,
        "answered": tip.answered,
        "resolved_at": tip.resolved_at.isoformat(),
    }
    if tip.evening:
        resolution["action"] = {
            "title": tip.evening.title,
            "held_on": tip.evening.held_on.isoformat(),
            "participants": tip.evening.participants,
        }
    await telling.doors.post(f"{path}/resolve", resolution, at=tip.resolved_at)


def _tip(tip: Tip) -> dict[str, Any]:
    return {
        "channel": tip.channel,
        "kind": tip.kind,
        "topic": tip.topic,
        "unit_id": tip.unit_id,
        "text": tip.text,
        "reported_at": tip.reported_at.isoformat(),
    }
