"""Sessions: a random token in a cookie, its hash in the database, so that ending one takes effect at once."""

import hashlib
import secrets
from datetime import timedelta

from shared.access.roles import Principal, Role
from shared.postgres import Connection

COOKIE = "qingsheng_session"
LASTS = timedelta(hours=12)
PREFIX = "qss_"


def new_token() -> str:
    """256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def begin(connection: Connection, name: str) -> str:
    """A new session of an account; returns its token. Sessions that have ended are removed on the way."""
    token = new_token()
    await connection.execute("delete from access.session where name = $1 and expires_at < now()", name)
    await connection.execute(
        "insert into access.session (token_hash, name, expires_at) values ($1, $2, now() + $3)",
        hash_of(token),
        name,
        LASTS,
    )
    return token


async def end(connection: Connection, token: str) -> None:
    await connection.execute("delete from access.session where token_hash = $1", hash_of(token))


async def whose(connection: Connection, token: str) -> Principal | None:
    """Who a living session belongs to; None when it has ended, or its account was disabled."""
    row = await connection.fetchrow(
        """select a.name, a.roles, a.county from access.session s join access.account a using (name)
           where s.token_hash = $1 and s.expires_at > now() and a.disabled_at is null""",
        hash_of(token),
    )
    if row is None:
        return None
    return Principal(row["name"], frozenset(Role(role) for role in row["roles"]), row["county"])


async def of_subject(connection: Connection, issuer: str, subject: str) -> Principal | None:
    """The account of a person of the directory, its roles as at the last sign-in; None without one, or when it was
    disabled."""
    row = await connection.fetchrow(
        """select name, roles, county from access.account
           where oidc_subject = $1 and oidc_issuer = $2 and disabled_at is null""",
        subject,
        issuer,
    )
    return Principal(row["name"], frozenset(Role(role) for role in row["roles"]), row["county"]) if row else None
