"""Devices from which an account has signed in: a cookie says so, and nothing is stored of them here.

Whoever has one may try a password when strangers must wait for the wrong ones they gave; it lets nobody in. The service
believes the cookie for that name alone, by a code that only it can make.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta

from fastapi import Request
from fastapi.responses import Response

from shared.security import derived_key

LASTS = timedelta(days=180)


def known(request: Request, name: str) -> str | None:
    """What distinguishes this device among those of the account; None of a stranger's."""
    nonce, _, code = request.cookies.get(_cookie(name), "").partition(".")
    return f"device {nonce}" if hmac.compare_digest(code.encode(), _code(request, name, nonce).encode()) else None


def remember(request: Request, response: Response, name: str) -> None:
    """Leaves the cookie with a device from which the account has just signed in."""
    nonce = secrets.token_urlsafe(16)
    response.set_cookie(
        _cookie(name),
        f"{nonce}.{_code(request, name, nonce)}",
        max_age=int(LASTS.total_seconds()),
        path="/roster/sign-in",
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
    )


def _cookie(name: str) -> str:
    """One for each account that signs in from here."""
    return f"qingsheng_device_{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _code(request: Request, name: str, nonce: str) -> str:
    secret = request.app.state.settings.secret_key.get_secret_value()
    return hmac.new(derived_key(secret, "known-device"), f"{nonce} {name}".encode(), hashlib.sha256).hexdigest()
