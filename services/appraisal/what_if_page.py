"""What if the weights were others: sliders, the table redrawn with its moves, and the way to a draft of it."""

import json
from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.appraisal import comparing, reports, scheme_form, scheme_storage
from services.appraisal.period_switch import period_name, period_switch
from services.appraisal.report_view import looked, named
from services.appraisal.schemes import InvalidScheme, Scheme
from shared.access.guard import ReportReader
from shared.access.roles import Role
from shared.settings import Settings
from shared.web.pages import render, words_of
from shared.web.reads import snapshot

router = APIRouter(include_in_schema=False)
_CENT = Decimal("0.01")
_MOST = Decimal(100)


@router.api_route("/reports/{period}/what-if", methods=["GET", "HEAD"])
async def what_if(request: Request, who: ReportReader, period: str, as_of: str = "") -> Response:
    """``w-<indicator>``: 0 to 100 each, in any sum; they are brought to a sum of 100. Nothing is kept."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    asked, now, today, places = looked(request, period, as_of)
    found: Mapping[str, Any] | None = None
    draft: Scheme | None = None
    problems: list[str] = []
    async with snapshot(request, long=True) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        own = asked.scheme.to_data()
        told = {each["indicator"]: _weight(request, each) for each in own["indicators"]}
        weights = to_a_hundred(told)
        try:
            draft = Scheme.from_json(json.dumps(_with(own, weights)).encode())
            found = await comparing.what_if(
                connection, asked, draft, prefix=settings.topic_prefix, now=now, zone=settings.zone
            )
        except InvalidScheme as invalid:
            problems = [
                each.message[words.language] + (f" ({each.rule})" if each.rule else "") for each in invalid.problems
            ]
        latest = await scheme_storage.latest_version(connection, asked.scheme.scheme_id)
    editing = who.is_any((Role.COMMITTEE,))
    form: dict[str, str] = {}
    if draft and editing:
        version = str(max(latest or 0, asked.scheme.version) + 1)
        form = scheme_form.values(draft.to_data()) | {"version": version, "period": period}
    return render(
        request,
        "what_if.html",
        tab="what_if",
        asked=asked,
        places=places,
        name=period_name(asked.period, words),
        scheme=own,
        told={name: f"{weight.normalize():f}" for name, weight in told.items()},
        weights=weights,
        found=found,
        problems=problems,
        form=form,
        named=lambda row: named(row, words),
        switch=period_switch(asked.period, lambda code: places.page(code, "/what-if"), words, today),
    )


def _weight(request: Request, each: Mapping[str, Any]) -> Decimal:
    """As told in the address, else the scheme's own; what is no number from 0 to 100 counts as its own."""
    own = Decimal(str(each["weight"]))
    try:
        told = Decimal(request.query_params.get(f"w-{each['indicator']}", ""))
    except InvalidOperation:
        return own
    return told.quantize(_CENT) if told.is_finite() and 0 <= told <= _MOST else own


def to_a_hundred(told: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """In proportion, to two decimals, the remainder on the greatest; all as told where they are 100 or nothing."""
    total = sum(told.values(), Decimal(0))
    if total in (_MOST, Decimal(0)):
        return dict(told)
    found = {name: (each * _MOST / total).quantize(_CENT, ROUND_DOWN) for name, each in told.items()}
    greatest = max(found, key=lambda name: found[name])
    found[greatest] += _MOST - sum(found.values(), Decimal(0))
    return found


def _with(own: Mapping[str, Any], weights: Mapping[str, Decimal]) -> dict[str, Any]:
    """The scheme with these weights; an indicator without weight is not in it."""
    rows = [
        {**each, "weight": float(weights[each["indicator"]])}
        for each in own["indicators"]
        if weights[each["indicator"]]
    ]
    return {**own, "indicators": rows}
