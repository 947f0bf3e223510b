"""The audit logs: no line changed or removed, no tail cut, no chain made anew, and each sealed daily."""

from datetime import UTC, datetime

from qingsheng.operate.auditing import MEND, sentence, verify
from qingsheng.operate.finding import Finding
from shared.access.sealing import RECENT
from shared.settings import Settings


async def chains(settings: Settings, *, with_topic: bool) -> list[Finding]:
    """All lines of all logs, against their seals and those that were published in the last 40 days."""
    found = await verify(settings, since=datetime.now(UTC) - RECENT, with_topic=with_topic)
    findings: list[Finding] = []
    for schema, checked in found.logs.items():
        for fault in checked.faults:
            if fault.kind == "unsealed":
                worker = "roster" if schema == "access" else schema
                mend = f"docker compose up -d {worker}-worker, which seals the log at its start and once a day"
                findings.append(Finding("audit-unsealed", "warning", sentence(schema, fault), mend))
            else:
                name = f"audit-{fault.kind.replace('_', '-')}"
                mend = f"qingsheng audit verify, then: {MEND}"
                findings.append(Finding(name, "error", sentence(schema, fault), mend))
    return findings
