"""What other systems call volunteers and accounts: registered for them by operators, within the caller's transaction."""

from collections.abc import Sequence
from typing import Any

from services.roster import commands, storage
from shared.access import audit, references
from shared.access.references import Name, Reference
from shared.access.roles import Principal
from shared.contracts.references import may_be_reference
from shared.contracts.refusals import Refusal
from shared.postgres import Connection


async def register(
    connection: Connection, who: Principal, producer: str, told: Sequence[Reference]
) -> list[Refusal | None]:
    """Registers references of one producer: for each None, or why not (``personal_data``, ``schema``,
    ``unknown_volunteer``, ``unknown_account``, ``forbidden``, ``erased``, ``invalid_state`` for one that stands for
    something else). One that is registered already is fine. Raises ``schema`` for a producer without a key."""
    if not await references.is_producer(connection, producer):
        reason = {"zh": "没有登记这个系统的密钥", "en": "no system of this name has a key"}
        raise Refusal("schema", pointer="/producer", reason=reason)
    volunteers = await commands.lock_volunteers(connection, {each.volunteer_id for each in told})
    counties = await storage.counties(connection, {volunteer.unit_id for volunteer in volunteers.values()})
    owners = await storage.owners(connection, {each.account_id for each in told if each.account_id})

    def judged(each: Reference) -> Refusal | None:
        if refusal := may_be_reference(each.external_ref, "/external_ref"):
            return refusal
        volunteer = volunteers.get(each.volunteer_id)
        if volunteer is None:
            return Refusal("unknown_volunteer", pointer="/volunteer_id")
        if refusal := commands.served(who, counties[volunteer.unit_id]):
            return refusal
        if volunteer.erased:
            return Refusal("erased", pointer="/volunteer_id")
        if each.account_id and owners.get(each.account_id) != each.volunteer_id:
            return Refusal("unknown_account", pointer="/account_id")
        return None

    answers = [judged(each) for each in told]
    good = [each for each, refusal in zip(told, answers, strict=True) if refusal is None]
    await references.insert(connection, good)
    stands_for = await references.ids_of(connection, [each.name for each in good])
    answers = [
        _taken() if refusal is None and stands_for[each.name] != each.id else refusal
        for each, refusal in zip(told, answers, strict=True)
    ]
    kept = [each for each, refusal in zip(told, answers, strict=True) if refusal is None]
    if kept:
        await _note(connection, who, "reference.registered", producer, kept)
    return answers


async def remove(connection: Connection, who: Principal, name: Name) -> None:
    """From now on the reference stands for nothing. Raises ``not_found``, ``forbidden``."""
    reference = await references.found(connection, name)
    if reference is None:
        raise Refusal("not_found", pointer="/external_ref")
    volunteer = await commands.lock_volunteer(connection, reference.volunteer_id)
    who.must_serve((await storage.counties(connection, {volunteer.unit_id}))[volunteer.unit_id])
    await references.remove(connection, name)
    await _note(connection, who, "reference.removed", reference.producer, [reference])


async def _note(connection: Connection, who: Principal, action: str, producer: str, about: Sequence[Reference]) -> None:
    """Whom another system can name is a permission (charter C11); the references themselves stay out of the log, which
    outlives an erasure."""
    details: dict[str, Any] = {"volunteers": sorted({str(each.volunteer_id) for each in about})}
    await audit.record(connection, who, action, f"producer/{producer}", details)


def _taken() -> Refusal:
    reason = {
        "zh": "这个引用已指另一项，请先移除",
        "en": "the reference stands for something else: remove it first",
    }
    return Refusal("invalid_state", pointer="/external_ref", reason=reason)
