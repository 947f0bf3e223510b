"""One event, whole, as a page: the end of the way down from a score, and the way back."""

import json
import re
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.appraisal import event_api
from services.appraisal.schemes import DEFAULT
from shared.access.guard import ReportReader
from shared.access.roles import Role
from shared.web.pages import SIGN_IN, render
from shared.web.pages import asked as query

router = APIRouter(include_in_schema=False)
READERS = (Role.COUNTY_OPERATOR, Role.CITY_OPERATOR, Role.COMMITTEE, Role.AUDITOR)
_PERIOD = re.compile(r"[0-9]{4}(-(H[12]|Q[1-4]|[01][0-9]))?")
_COUNTY = re.compile(r"[0-9]{6}")


@router.api_route("/events/{event_id}", methods=["GET", "HEAD"])
async def event_page(
    request: Request, who: ReportReader, event_id: UUID, period: str = "", county: str = "", indicator: str = ""
) -> Response:
    """The event for those who read the appraisal by office; everybody else is told to sign in. The rest of the address
    says which figure the visitor came from."""
    found: dict[str, Any] | None = None
    if who.is_any(READERS):
        found = await event_api.event(request, who, event_id)
    there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return render(
        request,
        "event.html",
        tab="overview",
        id=str(event_id),
        found=found,
        at=_local(request, found["event"]["time"]) if found else "",
        text=json.dumps(found["event"], ensure_ascii=False, indent=2) if found else "",
        plain=sorted(_plain(found["event"]["data"])) if found else [],
        sign_in=SIGN_IN + query(next=there),
        back=_back(request, period, county, indicator),
        indicator=indicator if _known(indicator) else "",
    )


def _local(request: Request, told: str) -> str:
    return datetime.fromisoformat(told).astimezone(request.app.state.settings.zone).strftime("%Y-%m-%d %H:%M:%S")


def _known(indicator: str) -> bool:
    return any(each.indicator == indicator for each in DEFAULT.indicators) or indicator == "needs_acted"


def _back(request: Request, period: str, county: str, indicator: str) -> str:
    """The indicator's page, where the address names one."""
    if not (_PERIOD.fullmatch(period) and _COUNTY.fullmatch(county) and _known(indicator)):
        return ""
    told = {name: request.query_params.get(name) for name in ("as_of", "lang")}
    return f"/appraisal/reports/{period}/counties/{county}/indicators/{indicator}{query(**told)}"


def _plain(data: Any) -> list[tuple[str, str]]:
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in data.items()
    ]
