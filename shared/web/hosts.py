"""Which hosts a request may ask for. Another site whose name was made to lead to this address (DNS rebinding) is still
another site: its visitors' browsers tell its name."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.contracts.refusals import Refusal
from shared.settings import Settings, names_in
from shared.web.problems import problem

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+?)\.?)(?::[0-9]{1,5})?", re.ASCII)
_PROBES = re.compile(r"/[a-z]+/(healthz|readyz|metrics)")
"""What containers ask of each other by names of their own network: health and counts, in which nobody is named."""


class KnownHosts:
    """Answers 421 ``unknown_host`` to a request whose Host header is missing or names none of the deployment's hosts."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._known = known(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _PROBES.fullmatch(scope["path"]) and not self._knows(scope):
            await problem(Refusal("unknown_host"))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        return host_in(Headers(scope=scope).get("host", "")) in self._known


def known(settings: Settings) -> frozenset[str]:
    """The hosts of the settings: that of ``public_url``, those of ``public_hosts``, the address listened on, and loopback's
    names where loopback is among what is listened on."""
    listed = [urlsplit(settings.public_url).hostname or "", *names_in(settings.public_hosts), settings.host]
    hosts = {each.strip("[]").encode("idna").decode().lower() for each in listed if each}
    return frozenset(hosts | LOOPBACK if _listens_on_loopback(settings.host) else hosts)


def host_in(header: str) -> str | None:
    """The name or address in a Host header, in small letters, without port and brackets; None where it is neither."""
    found = _HOST.fullmatch(header.lower())
    return (found[1] or found[2]) if found else None


def _listens_on_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host in LOOPBACK
    return address.is_loopback or address.is_unspecified
