"""Contacts for the answer: sealed, each under a key of its own, so that deleting the key erases it (charter C5)."""

import os
from typing import NamedTuple

from shared.security import Sealer


class SealedContact(NamedTuple):
    """``key`` is sealed under the deployment's secret, ``contact`` under that key."""

    key: bytes
    contact: bytes


class Contacts:
    """Seals and opens what somebody left to be answered: a phone number, an e-mail address, whatever it is."""

    def __init__(self, secret: str) -> None:
        self._keys = Sealer(secret, "opinion contact keys")

    def seal(self, contact: str) -> SealedContact:
        key = os.urandom(32)
        return SealedContact(self._keys.seal(key), _sealer(key).seal(contact.encode()))

    def open(self, sealed: SealedContact) -> str:
        """Raises ValueError when it was changed or sealed under another secret."""
        return _sealer(self._keys.open(sealed.key)).open(sealed.contact).decode()


def _sealer(key: bytes) -> Sealer:
    return Sealer(key.hex(), "opinion contact")
