"""Every audit log against its chain and its seals, those on the topic included."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka.errors import KafkaError

from shared.access.sealing import LOGS, Checked, Fault, Progress, Seal, check, published_seals
from shared.postgres import connect
from shared.settings import Settings

HEAD_ON_TOPIC = "roster"
"""The log whose seals are published."""
MEND = (
    "Was an older backup put back? Then this shows what it lacks: lines written between are lost unless the newer database "
    "is kept; note day and reason of the restore for the auditor. Else keep the database as it is and a copy of it, compare "
    "with the last backup (qingsheng backup), and tell the auditor: somebody wrote to it past the services. If every seal "
    "is said to be made anew, QINGSHENG_SECRET_KEY may be another one than the log was sealed with."
)


@dataclass(frozen=True)
class Verified:
    """``logs``: by schema, in the order of ``LOGS``. ``topic``: the seals read from Kafka, None where it gave no answer."""

    logs: dict[str, Checked]
    topic: list[Seal] | None

    @property
    def whole(self) -> bool:
        return not any(each.faults for each in self.logs.values())


async def verify(
    settings: Settings,
    progress: Callable[[str], Progress] = lambda _name: lambda _read, _all: None,
    *,
    since: datetime | None = None,
    with_topic: bool = True,
) -> Verified:
    """Looks at all lines of all logs. ``progress``: gives for the name of a log, or ``topic``, what is called with the lines
    read. ``since``: only seals that were published from then on. Raises an outage of the database; without Kafka the
    seals of the database alone are held against it."""
    topic: list[Seal] | None = None
    if with_topic:
        try:
            topic = await published_seals(settings, since, progress("topic"))
        except (KafkaError, OSError, TimeoutError):
            topic = None
    logs: dict[str, Checked] = {}
    connection = await connect(settings)
    try:
        for schema in LOGS:
            published = topic if topic and schema == HEAD_ON_TOPIC else ()
            logs[schema] = await check(connection, settings, schema, published, datetime.now(UTC), progress(schema))
    finally:
        connection.terminate()
    return Verified(logs, topic)


def sentence(schema: str, fault: Fault) -> str:
    """A fault of a log in a sentence."""
    log, line, to, on = f"{schema}.audit", fault.line, fault.to, fault.sealed_on
    lines = f"line {line}" if line == to else f"lines {line} to {to}"
    match fault.kind:
        case "changed":
            return f"{log}: line {line} was changed, or the one before it"
        case "missing":
            return f"{log}: {lines} were removed"
        case "cut":
            return f"{log}: the end was cut off: {lines} are gone, which were there when it was sealed on {on}"
        case "made_anew":
            return f"{log}: the chain was made anew: line {to} is not the one that was sealed on {on}; look from line {line}"
        case "seal_lost":
            return f"{log}: the seal of {on} ({to} lines) is on the topic, and not in the database"
        case "unsealed":
            return f"{log}: has not been sealed since {on}" if on else f"{log}: has never been sealed"
