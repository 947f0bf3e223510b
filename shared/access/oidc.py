"""Sign-in by OpenID Connect: people come from the city's own directory, with roles and county in their claims.

The one place that calls another system over HTTP (charter C3): the directory that the deployment names, nothing else.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request
from fastapi.responses import Response
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from shared.access import audit
from shared.access.roles import OF_ACCOUNTS, Principal, Role
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.settings import Settings

log = logging.getLogger(__name__)

ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519"]
KEYS_KEPT = 300.0
"""Seconds before the directory's keys are asked for anew: one that it dropped is believed no longer than that."""
KEYS_FLOOR = 10.0
"""Seconds between two such requests, however many tokens name keys that are not known."""


class Directory:
    """The city's OpenID provider, as the settings name it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        secret = settings.oidc_client_secret
        self._client: Any = OAuth().register(
            "directory",
            client_id=settings.oidc_client_id,
            client_secret=secret.get_secret_value() if secret else None,
            server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid profile", "code_challenge_method": "S256"},
        )
        self._keys: KeySet | None = None
        self._asked = -math.inf
        self._asking = asyncio.Lock()

    async def send_there(self, request: Request, back: str) -> Response:
        """To the directory, which sends the browser ``back``."""
        with _away():
            return await self._client.authorize_redirect(request, back)

    async def returned(self, request: Request) -> tuple[str, Principal]:
        """The subject and who it is, of a browser that comes back. Raises ``unauthorized``, ``forbidden``."""
        try:
            with _away():
                told = await self._client.authorize_access_token(request)
        except (OAuthError, JoseError):
            raise Refusal("unauthorized") from None
        claims: Mapping[str, Any] = told.get("userinfo") or {}
        who = self._principal(claims)
        if who is None or not claims.get("sub"):
            raise Refusal("forbidden")
        return str(claims["sub"]), who

    async def subject(self, token: str) -> str | None:
        """The subject at this issuer whose access token this is; None for one that is forged, too old, or for somebody else.
        Without an audience of their own no tokens are taken: an ID token is made for the client id, and opens nothing."""
        audience = self._settings.oidc_audience
        if not audience or audience == self._settings.oidc_client_id:
            return None
        registry = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": self._settings.oidc_issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        for at_most in (KEYS_KEPT, KEYS_FLOOR):
            try:
                decoded = jwt.decode(token, await self._key_set(at_most), algorithms=ALGORITHMS)
                registry.validate(decoded.claims)
                return str(decoded.claims["sub"])
            except (InvalidKeyIdError, ValueError):  # no such key: the directory may have a new one
                continue
            except JoseError:
                return None
        return None

    async def _key_set(self, at_most: float) -> KeySet:
        """The issuer's keys, asked for at most so many seconds ago. A request that fails leaves none: ``unavailable``, and the
        issuer is left alone for ``KEYS_FLOOR`` seconds all the same."""
        async with self._asking:
            age = time.monotonic() - self._asked
            if age > (at_most if self._keys else KEYS_FLOOR):
                self._asked, self._keys = time.monotonic(), None
                with _away():
                    self._keys = KeySet.import_key_set(await self._client.fetch_jwk_set(force=True))
            if self._keys is None:
                raise Refusal("unavailable")
            return self._keys

    def _principal(self, claims: Mapping[str, Any]) -> Principal | None:
        """None for somebody without a role here. A county operator without a county is none."""
        told: Any = claims.get(self._settings.oidc_roles_claim) or []
        words: list[Any] = told.split() if isinstance(told, str) else list(told)
        names = {str(word) for word in words}
        roles = frozenset(role for role in OF_ACCOUNTS if role.value in names)
        county = str(claims.get(self._settings.oidc_county_claim) or "") or None
        if county is None:
            roles -= {Role.COUNTY_OPERATOR}
        if not roles:
            return None
        name = str(claims.get("preferred_username") or claims.get("sub") or "")
        return Principal(name, roles, county if Role.COUNTY_OPERATOR in roles else None)


@contextmanager
def _away() -> Generator[None]:
    """The directory does not answer: ``unavailable``, and it says so rather than failing inside."""
    try:
        yield
    except httpx2.HTTPError as error:
        log.warning("the directory does not answer: %s", error)
        raise Refusal("unavailable") from error


async def remember(connection: Connection, issuer: str, subject: str, who: Principal) -> str:
    """The name of the account of a person from the directory, its roles as told this time. Raises ``forbidden`` for one
    that was disabled here. Never an account made here: a name that is taken gets a suffix."""
    row = await connection.fetchrow(
        """update access.account set oidc_issuer = $2 where name = (
               select name from access.account where oidc_subject = $1 and (oidc_issuer = $2 or oidc_issuer is null)
               order by oidc_issuer nulls last limit 1)
           returning name, roles, county, disabled_at""",
        subject,
        issuer,
    )
    roles = sorted(who.roles)
    if row is not None:
        if row["disabled_at"] is not None:
            raise Refusal("forbidden")
        if (row["roles"], row["county"]) != (roles, who.county):
            await connection.execute(
                "update access.account set roles = $2, county = $3 where name = $1", row["name"], roles, who.county
            )
            await _record(connection, "account.roles_set", row["name"], roles, who.county)
        return row["name"]
    suffix = hashlib.sha256(f"{issuer} {subject}".encode()).hexdigest()[:8]
    plain = "".join(c for c in who.name.lower() if c.isascii() and (c.isalnum() or c in "._@-")).lstrip("._@-")[:50]
    for name in (plain, f"{plain or 'person'}.{suffix}"):
        if len(name) > 1 and await connection.fetchval(
            """insert into access.account (name, roles, county, made_by, oidc_subject, oidc_issuer)
               values ($1, $2, $3, 'directory', $4, $5) on conflict (name) do nothing returning true""",
            name,
            roles,
            who.county,
            subject,
            issuer,
        ):
            await _record(connection, "account.added", name, roles, who.county)
            return name
    raise Refusal("forbidden")


async def _record(connection: Connection, action: str, name: str, roles: list[Role], county: str | None) -> None:
    details = {"roles": roles, "county": county}
    await audit.record(connection, "directory", action, f"account/{name}", details, log="access.audit")
