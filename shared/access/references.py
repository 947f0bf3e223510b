"""Other systems' references as they are stored, in the schema that all services read. The roster alone writes them."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from shared.contracts.references import Kind
from shared.postgres import Connection


class Reference(NamedTuple):
    """What a producer calls a volunteer, or, with ``account_id``, an account of one."""

    producer: str
    external_ref: str
    volunteer_id: UUID
    account_id: UUID | None = None

    @property
    def kind(self) -> Kind:
        return "account" if self.account_id else "volunteer"

    @property
    def name(self) -> "Name":
        return self.producer, self.kind, self.external_ref

    @property
    def id(self) -> UUID:
        """What it stands for."""
        return self.account_id or self.volunteer_id


Name = tuple[str, Kind, str]
"""(producer, kind, external_ref): one name stands for one thing."""


async def is_producer(connection: Connection, producer: str) -> bool:
    """Whether such a system has a living key."""
    return await connection.fetchval(
        "select exists (select from access.producer_key where producer = $1 and revoked_at is null)", producer
    )


async def ids_of(connection: Connection, names: Sequence[Name]) -> dict[Name, UUID]:
    """What the references stand for; those that are not registered are left out."""
    if not names:
        return {}
    rows = await connection.fetch(
        """select producer, kind, external_ref, coalesce(account_id, volunteer_id) as id from access.external_ref
           where (producer, kind, external_ref) in (select * from unnest($1::text[], $2::text[], $3::text[]))""",
        *(list(column) for column in zip(*names, strict=True)),
    )
    return {(row["producer"], row["kind"], row["external_ref"]): row["id"] for row in rows}


async def insert(connection: Connection, references: Sequence[Reference]) -> None:
    """Registers those whose names are free, in one order for all who do."""
    rows = sorted(references, key=lambda reference: reference.name)
    await connection.execute(
        """insert into access.external_ref (producer, kind, external_ref, volunteer_id, account_id)
           select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::uuid[])
           on conflict (producer, kind, external_ref) do nothing""",
        [reference.producer for reference in rows],
        [reference.kind for reference in rows],
        [reference.external_ref for reference in rows],
        [reference.volunteer_id for reference in rows],
        [reference.account_id for reference in rows],
    )


async def found(connection: Connection, name: Name) -> Reference | None:
    row = await connection.fetchrow(
        """select producer, external_ref, volunteer_id, account_id from access.external_ref
           where (producer, kind, external_ref) = ($1, $2, $3)""",
        *name,
    )
    return None if row is None else Reference(*row)


async def remove(connection: Connection, name: Name) -> None:
    await connection.execute(
        "delete from access.external_ref where (producer, kind, external_ref) = ($1, $2, $3)", *name
    )


async def forget(connection: Connection, volunteer_id: UUID) -> None:
    """Removes whatever other systems call this person and the person's accounts (charter C1)."""
    await connection.execute("delete from access.external_ref where volunteer_id = $1", volunteer_id)


async def of_volunteer(connection: Connection, volunteer_id: UUID) -> list[dict[str, Any]]:
    rows = await connection.fetch(
        """select producer, kind, external_ref, account_id from access.external_ref where volunteer_id = $1
           order by producer, kind, external_ref""",
        volunteer_id,
    )
    return [dict(row) for row in rows]
