"""The private link on which whoever told a tip reads what became of it: a random token, kept as its hash alone."""

import hashlib
import secrets


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """SHA-256: enough for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


def path_of(token: str) -> str:
    return f"/opinion/status/{token}"
