"""Personal data given out, within the caller's transaction: to the person, or as a list for a reason; always audited."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from services.roster import commands, contacts, queries, rules
from services.roster.personal import Contact, Vault
from services.roster.rules import Volunteer
from shared.access import audit, references
from shared.access.roles import Principal
from shared.postgres import Connection

HEADINGS = {
    "volunteer_id": "编号 Id",
    "row_ref": "序号 Reference",
    "team": "队伍 Team",
    "name": "姓名 Name",
    "phone": "手机号 Phone",
    "email": "邮箱 E-mail",
    "weibo": "微博 Weibo",
    "wechat": "微信 WeChat",
    "other": "其他 Other",
}
"""Of a contact list, by column."""


async def served(connection: Connection, who: Principal, volunteer_id: UUID) -> Volunteer:
    """The volunteer, locked. Raises ``not_found``, ``forbidden``."""
    volunteer = await commands.lock_volunteer(connection, volunteer_id)
    who.must_serve((await queries.unit(connection, volunteer.unit_id))["county"])
    return volunteer


async def everything(connection: Connection, who: Principal, vault: Vault, year: int, volunteer_id: UUID) -> Any:
    """What the roster holds on a person. Raises ``not_found``, ``forbidden``."""
    await served(connection, who, volunteer_id)
    await audit.record(connection, who, "volunteer.exported", f"volunteer/{volunteer_id}")
    found = await contacts.opened(connection, vault, [volunteer_id])
    return {
        "volunteer": await queries.volunteer(connection, volunteer_id, year),
        "contact": asdict(found.get(volunteer_id, Contact())),
        "ledger_rows": await queries.ledger_refs(connection, volunteer_id),
        "known_elsewhere_as": await references.of_volunteer(connection, volunteer_id),
        "looked_at": await queries.looks(connection, volunteer_id),
    }


async def contact_list(
    connection: Connection, who: Principal, vault: Vault, unit_id: str, team: str | None, reason: str
) -> list[dict[str, Any]]:
    """The contacts of a unit's registered, by HEADINGS. Raises ``not_found``, ``forbidden``, ``personal_data``."""
    who.must_serve((await queries.unit(connection, unit_id))["county"])
    refusal = rules.may_state_reason(reason)
    if refusal is not None:
        raise refusal
    members = await queries.members(connection, unit_id, team)
    found = await contacts.opened(connection, vault, [each["volunteer_id"] for each in members])
    told = {"team": team, "reason": reason.strip(), "volunteers": [str(each) for each in found]}
    await audit.record(connection, who, "contacts.exported", f"unit/{unit_id}", told)
    rows = [(each, found.get(each["volunteer_id"], Contact())) for each in members]
    return [{**each, **asdict(contact), **contact.handles} for each, contact in rows]
