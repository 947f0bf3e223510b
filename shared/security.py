"""Sealing bytes at rest (AES-256-GCM) and hashing API keys; every key is derived from the master secret."""

import hashlib
import hmac
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


def derived_key(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose, of which no other purpose's can be told."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())


class Sealer:
    """Seals bytes for one purpose; what was sealed for another purpose does not open."""

    def __init__(self, secret: str, purpose: str) -> None:
        self._cipher = AESGCM(derived_key(secret, purpose))

    def seal(self, plain: bytes) -> bytes:
        return _sealed(self._cipher, plain)

    def open(self, sealed: bytes) -> bytes:
        """Raises ValueError when the bytes were changed or sealed with another secret."""
        return _opened(self._cipher, sealed)


class PersonalSealer:
    """Seals what is personal under a key of the person's own, which is kept wrapped under a key derived from the secret.

    Whoever destroys the wrapped key destroys what was sealed under it, wherever copies of that are. ``person`` (such as
    the id's bytes) is bound in: neither key nor sealed bytes open under another person's name.
    """

    def __init__(self, secret: str) -> None:
        self._master = AESGCM(derived_key(secret, "personal"))

    def new_key(self, person: bytes) -> bytes:
        """A new 256-bit key, wrapped (AES-256-GCM): what is stored beside the sealed bytes."""
        return _sealed(self._master, AESGCM.generate_key(256), person)

    def seal(self, wrapped: bytes, person: bytes, plain: bytes) -> bytes:
        """Raises ValueError when the wrapped key does not open."""
        return _sealed(self._own(wrapped, person), plain, person)

    def open(self, wrapped: bytes, person: bytes, sealed: bytes) -> bytes:
        """Raises ValueError when key or bytes were changed, or are another person's."""
        return _opened(self._own(wrapped, person), sealed, person)

    def _own(self, wrapped: bytes, person: bytes) -> AESGCM:
        return AESGCM(_opened(self._master, wrapped, person))


def _sealed(cipher: AESGCM, plain: bytes, bound: bytes | None = None) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, plain, bound)


def _opened(cipher: AESGCM, sealed: bytes, bound: bytes | None = None) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
    except (InvalidTag, ValueError):
        raise ValueError("sealed bytes do not open: changed, or sealed under another QINGSHENG_SECRET_KEY") from None


def keyed_hash(secret: str, purpose: str, text: str) -> bytes:
    """HMAC-SHA-256: the same text gives the same hash, and nobody without the secret can try out texts."""
    return hmac.digest(derived_key(secret, purpose), text.encode(), "sha256")


def new_api_key() -> str:
    """A key of 256 random bits, shown once."""
    return "qs_" + secrets.token_urlsafe(32)


def api_key_hash(key: str) -> bytes:
    """SHA-256: enough for 256 random bits, where a slow hash would only slow the door down."""
    return hashlib.sha256(key.encode()).digest()


def same_hash(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)
