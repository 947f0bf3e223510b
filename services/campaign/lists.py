"""Lists of shares that operators keep in a spreadsheet. No I/O."""

from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from services.campaign.rules import Share
from shared import tables
from shared.contracts.fields import Url
from shared.contracts.refusals import Refusal
from shared.tables import Column, Line

MAX_ROWS = 5_000
SHARED = (
    Column("volunteer_id", "志愿者编号", required=True),
    Column("account_id", "账号编号", required=True),
    Column("post_url", "推文链接"),
    Column("post_id", "推文编号"),
    Column("shared_at", "分享时间", required=True),
    Column("link", "分享链接"),
)
_URL = TypeAdapter[str](Url)


def shared(line: Line, zone: ZoneInfo) -> Share | Refusal:
    """The share that a row tells; its post by link or id."""
    if isinstance(line.told, Refusal):
        return line.told
    told = line.told
    try:
        if ("post_id" in told) == ("post_url" in told):
            raise tables.wrong("post_url", "推文链接和推文编号须填其一", "give the post's link or its id, one of them")
        return Share(
            tables.identity(told, "volunteer_id"),
            tables.identity(told, "account_id"),
            tables.moment(told, "shared_at", zone),
            post_id=tables.identity(told, "post_id") if "post_id" in told else None,
            post_url=_url(told, "post_url") if "post_url" in told else None,
            link=_url(told, "link") if "link" in told else None,
        )
    except Refusal as refusal:
        return refusal


def _url(told: dict[str, Any], name: str) -> str:
    try:
        return _URL.validate_python(tables.text(told, name))
    except ValidationError:
        raise tables.wrong(name, "须为公开网址", "must be a public address, https://…") from None
