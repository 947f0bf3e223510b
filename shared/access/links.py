"""Private links: whoever has one may see what it leads to. The token in it is random and kept as its hash alone."""

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, fit for an address."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> bytes:
    """SHA-256: enough for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
