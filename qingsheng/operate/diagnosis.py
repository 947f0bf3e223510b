"""``qingsheng doctor``: every check, in the order in which one thing rests on another."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from qingsheng.operate.checks import audit, configuration, database, kafka, services
from qingsheng.operate.finding import Finding
from shared.settings import Settings


async def diagnose(settings: Settings, data: Path) -> list[Finding]:
    """All findings. ``data``: the folder whose disk is looked at. What rests on a server that is away is left out: it
    would only say the same again."""
    found = [*configuration.settings(settings), *configuration.disk(data)]
    of_database, of_kafka = await database.database(settings), await kafka.kafka(settings)
    found += of_database + of_kafka
    away = {finding.check for finding in found} & {"postgres-unreachable", "kafka-unreachable"}
    unmigrated = any(finding.check in ("migrations-pending", "role-missing") for finding in of_database)
    if "postgres-unreachable" in away:
        return found
    found += await _tried("services", lambda: services.progress(settings))
    if not unmigrated:
        found += await _tried("audit", lambda: audit.chains(settings, with_topic=not away))
    if not away and not unmigrated:
        found += await _tried("topics", lambda: kafka.topics(settings))
        found += await _tried("offsets", lambda: services.offsets(settings))
    return found


async def _tried(name: str, check: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    """A check that fails is a finding of its own, and hides no other."""
    try:
        return await check()
    except Exception as error:
        what = f"the check of {name} failed: {type(error).__name__}: {error}"
        return [Finding(f"{name}-unchecked", "error", what, "mend what else is found, then qingsheng doctor again")]
