"""The daily e-mail about overdue tips, one a responsible unit. It counts and links; no text, no personal data."""

import asyncio
import logging
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any
from urllib.parse import unquote, urlsplit

from services.opinion import queries, storage
from services.opinion.queries import Calendar
from shared.clock import Clock
from shared.postgres import Connection
from shared.settings import Settings
from shared.web.i18n import Catalogue, catalogue

log = logging.getLogger(__name__)

FROM_HOUR = 8
"""Of the local day."""
TIMEOUT = 10.0
"""Seconds that the mail server is waited for; the transaction stays open meanwhile."""
LISTED = 50
"""Tips that one e-mail names; the rest is counted."""


class Digest:
    """The job: once a day and unit, where a mail server and an address are set."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def send(self, connection: Connection) -> int:
        """Returns how many e-mails were sent. Those that fail are tried again the next hour."""
        calendar = Calendar(self._settings.zone, self._settings.tip_due_days, self._clock.now())
        if self._settings.smtp_url is None or calendar.now.astimezone(calendar.zone).hour < FROM_HOUR:
            return 0
        overdue = await queries.overdue_by_unit(connection, calendar)
        addresses = {unit: address for unit, tips in overdue.items() if (address := self._address(unit, tips))}
        due = await storage.claim_digests(connection, calendar.today, list(addresses))
        if not due:
            return 0
        names = {row["unit_id"]: row["name"] for row in await queries.units(connection)}
        messages = {
            unit: _message(self._settings, addresses[unit], names.get(unit, {"zh": unit}), overdue[unit], calendar)
            for unit in due
        }
        sent = await asyncio.to_thread(_deliver, self._settings.smtp_url.get_secret_value(), messages)
        await storage.release_digests(connection, calendar.today, [unit for unit in due if unit not in sent])
        return len(sent)

    def _address(self, unit: str, tips: Sequence[Any]) -> str | None:
        told = self._settings.digest_addresses
        return told.get(unit) or told.get(tips[0]["county"])


def _message(
    settings: Settings, address: str, name: dict[str, str], tips: Sequence[dict[str, Any]], calendar: Calendar
) -> EmailMessage:
    message = EmailMessage()
    both = [catalogue(language) for language in ("zh", "en")]
    message["Subject"] = " / ".join(words("opinion.digest.subject", count=len(tips)) for words in both)
    message["From"] = settings.mail_from
    message["To"] = address
    message["Date"] = formatdate(calendar.now.timestamp())
    message["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n\n".join(_body(words, settings.public_url, name, tips, calendar) for words in both))
    return message


def _body(
    words: Catalogue, address: str, name: dict[str, str], tips: Sequence[dict[str, Any]], calendar: Calendar
) -> str:
    unit = name.get(words.language) or name["zh"]
    lines = [words("opinion.digest.opening", unit=unit, count=len(tips)), ""]
    for tip in tips[:LISTED]:
        days = (calendar.today - tip["due_on"]).days
        topic = words(f"opinion.topic.{tip['topic']}")
        lines.append(words("opinion.digest.line", topic=topic, due_on=tip["due_on"], days=days))
        lines.append(f"  {address}/opinion/desk/tips/{tip['tip_id']}")
    if len(tips) > LISTED:
        lines.append(words("opinion.digest.more", count=len(tips) - LISTED))
    return "\n".join(lines)


def _deliver(url: str, messages: dict[str, EmailMessage]) -> list[str]:
    """Sends over one connection; the units whose e-mail the server took. What fails is logged without addresses."""
    sent: list[str] = []
    try:
        server = _connect(url)
    except (OSError, smtplib.SMTPException) as error:
        log.warning("opinion: the mail server cannot be reached: %s", type(error).__name__)
        return sent
    try:
        for unit, message in messages.items():
            try:
                server.send_message(message)
                sent.append(unit)
            except smtplib.SMTPServerDisconnected:
                log.warning("opinion: the mail server closed the connection")
                break
            except (OSError, smtplib.SMTPException) as error:
                log.warning("opinion: no list of overdue tips for unit %s: %s", unit, type(error).__name__)
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
    return sent


def _connect(url: str) -> smtplib.SMTP:
    """Encrypted with ``smtps``, and with ``smtp`` where the server offers it; a password never goes unencrypted."""
    parts = urlsplit(url)
    host, secure, encrypted = parts.hostname or "localhost", ssl.create_default_context(), parts.scheme == "smtps"
    if encrypted:
        server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT, context=secure)
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=TIMEOUT)
        server.ehlo()
    if not encrypted and server.has_extn("starttls"):
        server.starttls(context=secure)
        encrypted = True
    if parts.username:
        if not encrypted:
            server.close()
            raise smtplib.SMTPNotSupportedError("the server offers no encryption for a password")
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server
