"""Accounts of people: made, given roles, disabled; passwords chosen by a one-time link and checked at sign-in."""

import asyncio
import base64
import re
import secrets
from collections.abc import Collection
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from shared.access import audit
from shared.access.roles import OF_ACCOUNTS, Principal, Role
from shared.access.sessions import hash_of
from shared.contracts.refusals import Refusal
from shared.postgres import Connection

INVITATION_LASTS = timedelta(days=3)
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_hasher = PasswordHasher()  # argon2id with the library's present parameters (RFC 9106, low memory)


def _hash_of_no_password() -> str:
    """In the form of the hasher's own, and as slow to check. Drawn rather than computed, which would take a quarter of a
    second of every process's start."""
    salt, drawn = (
        base64.b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (_hasher.salt_len, _hasher.hash_len)
    )
    cost = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${drawn}"


_UNKNOWN = _hash_of_no_password()
"""Checked where there is no account, so that the time an answer takes tells nobody which names exist."""


async def add(connection: Connection, by: str, name: str, roles: Collection[Role], county: str | None) -> None:
    """A new account, without a password: see ``invite``. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError("an account's name is 2 to 64 of a-z, 0-9 and . _ @ -, beginning with a letter or digit")
    _check(roles, county)
    made = await connection.fetchval(
        """insert into access.account (name, roles, county, made_by) values ($1, $2, $3, $4)
           on conflict do nothing returning true""",
        name,
        sorted(roles),
        county,
        by,
    )
    if not made:
        raise ValueError(f"there is an account {name} already")
    await _record(connection, by, "account.added", name, {"roles": sorted(roles), "county": county})


async def set_roles(connection: Connection, by: str, name: str, roles: Collection[Role], county: str | None) -> None:
    """Takes effect with the next request. Raises ValueError."""
    _check(roles, county)
    await _changed(
        connection, "update access.account set roles = $2, county = $3 where name = $1", name, sorted(roles), county
    )
    await _record(connection, by, "account.roles_set", name, {"roles": sorted(roles), "county": county})


async def disable(connection: Connection, by: str, name: str) -> None:
    """Ends all sessions at once; the name stays taken. Raises ValueError."""
    await _changed(connection, "update access.account set disabled_at = now() where name = $1", name)
    await connection.execute("delete from access.session where name = $1", name)
    await _record(connection, by, "account.disabled", name, {})


async def invite(connection: Connection, by: str, name: str) -> str:
    """The token of a link that lets this person choose a password, once; ends the sessions. Raises ValueError."""
    await _changed(connection, "update access.account set disabled_at = null where name = $1", name)
    await connection.execute("delete from access.session where name = $1", name)
    await connection.execute("delete from access.invitation where name = $1 or expires_at < now()", name)
    token = secrets.token_urlsafe(32)
    await connection.execute(
        "insert into access.invitation (token_hash, name, expires_at) values ($1, $2, now() + $3)",
        hash_of(token),
        name,
        INVITATION_LASTS,
    )
    await _record(connection, by, "account.invited", name, {})
    return token


async def invited(connection: Connection, token: str) -> str | None:
    """Whose living invitation this is."""
    return await connection.fetchval(
        "select name from access.invitation where token_hash = $1 and expires_at > now()", hash_of(token)
    )


async def choose_password(connection: Connection, token: str, password: str) -> str:
    """Uses up an invitation; returns the account's name. Raises Refusal."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Refusal(
            "schema",
            pointer="/password",
            reason={"zh": "长度须为 12 至 256 个字符", "en": f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"},
        )
    name = await connection.fetchval(
        "delete from access.invitation where token_hash = $1 and expires_at > now() returning name", hash_of(token)
    )
    if name is None:
        raise Refusal("not_found", pointer="query:token")
    await connection.execute(
        """insert into access.credential (name, password_hash) values ($1, $2)
           on conflict (name) do update set password_hash = excluded.password_hash""",
        name,
        await asyncio.to_thread(_hasher.hash, password),
    )
    return name


async def sign_in(connection: Connection, name: str, password: str) -> Principal | None:
    """Who this is, None when name and password do not belong together. A name that nobody has costs the same work."""
    row = await connection.fetchrow(
        """select a.roles, a.county, c.password_hash from access.account a join access.credential c using (name)
           where a.name = $1 and a.disabled_at is null""",
        name,
    )
    known = row["password_hash"] if row else _UNKNOWN
    try:
        # Beside what else the process does: it takes a while on purpose.
        await asyncio.to_thread(_hasher.verify, known, password[: LONGEST_PASSWORD + 1])
    except VerificationError:
        return None
    if row is None:
        return None
    if _hasher.check_needs_rehash(known):
        renewed = await asyncio.to_thread(_hasher.hash, password)
        await connection.execute(
            "update access.credential set password_hash = $2 where name = $1 and password_hash = $3",
            name,
            renewed,
            known,
        )
    return Principal(name, frozenset(Role(role) for role in row["roles"]), row["county"])


async def all_accounts(connection: Connection) -> list[dict[str, object]]:
    rows = await connection.fetch(
        """select a.name, a.roles, a.county, a.created_at, a.disabled_at, c.name is not null as has_password
           from access.account a left join access.credential c using (name) order by a.name"""
    )
    return [dict(row) for row in rows]


def _check(roles: Collection[Role], county: str | None) -> None:
    if not roles or not set(roles) <= OF_ACCOUNTS:
        raise ValueError(f"an account's roles are among {', '.join(sorted(OF_ACCOUNTS))}")
    if (Role.COUNTY_OPERATOR in roles) != (county is not None):
        raise ValueError("a county operator has a county, and nobody else")


async def _changed(connection: Connection, query: str, name: str, *args: object) -> None:
    if (await connection.execute(query, name, *args)).endswith(" 0"):
        raise ValueError(f"there is no account {name}")


async def _record(connection: Connection, by: str, action: str, name: str, details: dict[str, object]) -> None:
    """Accounts have an audit log of their own, in their schema."""
    await audit.record(connection, by, action, f"account/{name}", details, log="access.audit")
