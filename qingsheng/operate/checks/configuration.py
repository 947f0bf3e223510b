"""Settings that are valid, and yet not fit for real use."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from qingsheng.operate.finding import Finding
from shared.settings import Settings

HERE = ("127.0.0.1", "localhost", "::1", "")
LEAST_FREE = 0.10
"""Share of a disk that should be free: Kafka and PostgreSQL both stop when none is."""


def settings(given: Settings) -> list[Finding]:
    """What the settings say, without asking anybody."""
    found: list[Finding] = []
    if given.story_mode and given.oidc_issuer:
        found.append(
            Finding(
                "story-mode",
                "error",
                "events are recorded at the time they tell, which is for demos alone, and people sign in for real",
                "unset QINGSHENG_STORY_MODE, then restart every process",
            )
        )
    brokers = [broker.rsplit(":", 1)[0] for broker in given.kafka_bootstrap_servers.split(",")]
    if not given.kafka_tls and any("." in broker and broker not in HERE for broker in brokers):
        found.append(
            Finding(
                "kafka-in-plain",
                "warning",
                f"records go to {given.kafka_bootstrap_servers} unencrypted",
                "set QINGSHENG_KAFKA_TLS=true, QINGSHENG_KAFKA_CA_FILE, QINGSHENG_KAFKA_USER and _PASSWORD",
            )
        )
    if (
        given.public_url
        and urlsplit(given.public_url).scheme == "http"
        and urlsplit(given.public_url).hostname not in HERE
    ):
        found.append(
            Finding(
                "pages-in-plain",
                "warning",
                f"people reach {given.public_url} without TLS: passwords travel in plain",
                "set QINGSHENG_PUBLIC_URL to an https address, and use deploy/compose.secure.yaml",
            )
        )
    return found


def disk(folder: Path, least_free: float = LEAST_FREE) -> list[Finding]:
    """The disk of ``folder``, which holds the servers' data on this host."""
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    if usage.free >= usage.total * least_free:
        return []
    return [
        Finding(
            "disk",
            "error",
            f"{usage.free / 2**30:.1f} GiB of {usage.total / 2**30:.1f} GiB are free at {folder}",
            "make room or a larger disk (docker system df shows what may go); never delete files of Kafka or PostgreSQL",
        )
    ]
