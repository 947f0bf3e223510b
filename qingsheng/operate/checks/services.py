"""The services at work: workers alive, reading on, sending on; nothing that waits for an operator."""

from collections import defaultdict
from typing import Any

import asyncpg

from qingsheng.operate.finding import Finding
from qingsheng.operate.standing import Standing, standings
from qingsheng.registry import SERVICES
from shared.postgres import connect
from shared.settings import Settings
from shared.web.app import STALE

SLOW_SECONDS = 300.0
"""A record that waits longer is worth a look, though the worker may be on its way."""


async def progress(settings: Settings) -> list[Finding]:
    """What each service's own tables tell."""
    found: list[Finding] = []
    for service in SERVICES:
        connection: Any = await connect(settings, search_path=service)
        try:
            found += await _of(connection, service, settings)
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
            continue  # told by the migrations
        finally:
            connection.terminate()
    return found


async def _of(connection: Any, service: str, settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    row = await connection.fetchrow(
        """select (select count(*) from worker_state where at > now() - make_interval(secs => $1)) as workers,
                  (select count(*) from outbox) as outbox,
                  (select coalesce(extract(epoch from now() - min(created_at)), 0)::float from outbox) as age,
                  (select count(*) from dead_letter) as dead,
                  (select string_agg(distinct reason, ', ') from dead_letter) as reasons""",
        STALE,
    )
    if not row["workers"]:
        mend = f"docker compose up -d {service}-worker (or: qingsheng run {service}-worker); its log tells why it ended"
        found.append(Finding("worker-missing", "error", f"{service}: no worker has given a sign for {STALE} s", mend))
    if row["age"] > settings.outbox_patience:
        what = f"{service}: {row['outbox']} events wait to be sent, the oldest for {row['age']:.0f} s: commands are refused"
        mend = f"docker compose restart {service}-worker; then its log, and docker compose logs kafka"
        found.append(Finding("outbox-old", "error", what, mend))
    if row["dead"]:
        what = f"{service}: {row['dead']} records could not be applied: {row['reasons']}"
        mend = f"qingsheng dlq list {service}; then qingsheng dlq replay or discard"
        found.append(Finding("dead-letters", "warning", what, mend))
    if lost := await connection.fetchval("select events from behind"):
        what = f"{service}: its database lacks {lost} events that it has published: commands are refused"
        mend = f"put the newer database back; else qingsheng reconcile {service} --list FILE, then with --accept"
        found.append(Finding("behind-own-topic", "error", what, mend))
    for paused in await connection.fetch("select topic, since, reason from consumer_pause order by topic"):
        what = (
            f"{service}: {paused['topic']} has been paused since {paused['since']:%Y-%m-%d %H:%M}: {paused['reason']}"
        )
        mend = f"qingsheng dlq list {service}; mend the producer; then qingsheng dlq resume {service} {paused['topic']}"
        found.append(Finding("topic-paused", "error", what, mend))
    told = await connection.fetch(
        """select distinct unnest(problems) as problem from worker_state
           where at > now() - make_interval(secs => $1) order by 1""",
        STALE,
    )
    known = ("paused, too many invalid records", "lies beyond the topic's end", "relay: this database lacks")
    for (problem,) in told:
        if not any(words in problem for words in known):
            mend = f"docker compose logs {service}-worker; then docker compose restart {service}-worker"
            found.append(Finding("worker-problem", "error", f"{service}: {problem}", mend))
    return found


async def offsets(settings: Settings) -> list[Finding]:
    """Stored offsets against the log."""
    found: list[Finding] = []
    slow: dict[tuple[str, str], list[Standing]] = defaultdict(list)
    for each in await standings(settings):
        stored = each.stored or 0
        where = f"{each.service}: {each.topic}, partition {each.partition}"
        mend = (
            f"docker compose stop {each.service}-worker; qingsheng replay {each.service} --topic {each.topic} "
            f"--partition {each.partition} --from beginning; docker compose start {each.service}-worker"
        )
        if stored > each.end:
            what = f"{where}: stored offset {stored} lies beyond the log's end {each.end}: the topic was made anew, or this "
            what += "database belongs to another cluster"
            again = f"qingsheng restore DIR of the right backup; or {mend}"
            found.append(Finding("offset-beyond-end", "error", what, again))
        elif each.stored is not None and 0 < stored < each.beginning:
            what = f"{where}: stored offset {stored} lies before the log's beginning {each.beginning}: records were lost unread"
            again = f"qingsheng restore DIR of a backup that holds them; or accept the loss: {mend}"
            found.append(Finding("offset-before-beginning", "error", what, again))
        elif not each.paused and each.behind and (each.seconds_behind or 0) > SLOW_SECONDS:
            slow[each.service, each.topic].append(each)
    for (service, topic), late in sorted(slow.items()):
        longest = max(each.seconds_behind or 0 for each in late)
        what = f"{service}: {sum(each.behind for each in late)} records of {topic} wait, the oldest for {longest:.0f} s"
        mend = (
            f"qingsheng lag {service}; docker compose up -d --scale {service}-worker=3 where it reads on but too slowly"
        )
        found.append(Finding("consumer-slow", "warning", what, mend))
    return found
