"""Metrics: each with a help sentence and a name by convention, labels few and of no person; alerts name what exists."""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from shared.delivery import measures
from shared.settings import Settings
from shared.web import metrics
from tests.delivery.tables import Tables
from tests.support.services import client

ROOT = Path(__file__).parent.parent.parent
ALERTS = (ROOT / "deploy/prometheus/alerts.yml").read_text()
OPERATING = (ROOT / "docs/operating.md").read_text()
UNITS = (
    "_seconds",
    "_records",
    "_rows",
    "_events",
    "_letters",
    "_reports",
    "_topics",
    "_requests",
    "_alive",
    "_problems",
)


def own() -> list[Any]:
    return [metric for metric in REGISTRY.collect() if metric.name.startswith("qingsheng_")]


def test_every_metric_has_a_sentence_and_a_name_by_convention() -> None:
    assert len(own()) > 15
    for metric in own():
        assert metric.documentation.endswith("."), metric.name
        assert len(metric.documentation.split()) >= 4, metric.name
        assert metric.name.endswith(UNITS) or metric.name in (
            "qingsheng_dead_letters_by_reason",
            "qingsheng_tables_read",
        ), metric.name


def test_labels_are_few_and_of_no_person() -> None:
    collectors = {
        c for c in REGISTRY._names_to_collectors.values() if type(c).__module__.startswith("prometheus_client")
    }  # pyright: ignore[reportPrivateUsage]
    named = {
        label for c in collectors if str(getattr(c, "_name", "")).startswith("qingsheng_") for label in c._labelnames
    }  # type: ignore[attr-defined]
    assert named == metrics.LABELS == {"service", "route", "status", "reason"}


async def test_paths_with_ids_are_told_as_their_route_alone(settings: Settings) -> None:
    async with client(settings, ["campaign"]) as http:
        await http.get("/campaign/api/v1/columns/0198f2a0-0000-7000-8000-000000000000")
        await http.get("/campaign/nothing/here/13800000000")
        told = (await http.get("/campaign/metrics")).text
    assert "0198f2a0" not in told
    assert "13800000000" not in told


async def test_what_waits_is_told(settings: Settings, appraisal: Tables) -> None:
    await appraisal.pool.execute(
        """insert into dead_letter (topic, "partition", "offset", headers, sealed, reason, detail)
           values ('t', 0, 0, '[]', false, 'not_json', ''), ('t', 0, 1, '[]', false, 'schema', '');
           insert into consumer_pause (topic, reason) values ('t', 'bad'); insert into behind (events) values (3)"""
    )
    async with client(settings, ["appraisal"]) as http:
        told = (await http.get("/appraisal/metrics")).text
        for line in (
            'qingsheng_dead_letters_by_reason{reason="not_json",service="appraisal"} 1.0',
            'qingsheng_paused_topics{service="appraisal"} 1.0',
            'qingsheng_behind_own_topic_events{service="appraisal"} 3.0',
            'qingsheng_tables_read{service="appraisal"} 1.0',
        ):
            assert line in told
        await appraisal.pool.execute("delete from dead_letter where reason = 'not_json'")
        told = (await http.get("/appraisal/metrics")).text
        assert 'qingsheng_dead_letters_by_reason{reason="not_json",service="appraisal"} 0.0' in told


def test_alerts_name_metrics_that_exist() -> None:
    known = {"up"}
    for metric in own():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(metric.type, [""])
        known |= {metric.name + suffix for suffix in suffixes}
    expressions = re.findall(r"^ +expr: (.+)$", ALERTS, re.MULTILINE)
    named = {name for each in expressions for name in re.findall(r"qingsheng_[a-z_]+", each)}
    assert len(expressions) >= 12
    assert named <= known


@pytest.mark.parametrize("alert", re.findall(r"alert: (\w+)", ALERTS))
def test_every_alert_has_its_line_in_the_runbook(alert: str) -> None:
    assert f"docs/operating.md#{alert.lower()}" in ALERTS
    section = OPERATING.partition(f"### {alert}\n")[2].partition("\n### ")[0]
    assert "qingsheng " in section or "docker compose" in section, f"{alert} names no command"


def test_every_command_is_told() -> None:
    for name in (
        "doctor",
        "lag",
        "dlq",
        "replay",
        "rebuild",
        "verify",
        "backup",
        "restore",
        "topics plan",
        "reconcile",
    ):
        assert f"qingsheng {name}" in OPERATING


def _count(name: str) -> float:
    return REGISTRY.get_sample_value(f"{name}_count", {"service": "here"}) or 0.0


def test_a_batch_is_measured_by_size_time_and_freshness() -> None:
    names = ("qingsheng_batch_records", "qingsheng_batch_seconds", "qingsheng_freshness_seconds")
    before = [_count(name) for name in names]
    measures.of_batch("here", 250, time.perf_counter() - 0.5, datetime.now(UTC) - timedelta(seconds=3))
    measures.of_batch("here", 1, time.perf_counter(), None)
    assert [_count(name) - old for name, old in zip(names, before, strict=True)] == [2, 2, 1]
    assert REGISTRY.get_sample_value("qingsheng_batch_records_bucket", {"service": "here", "le": "100.0"}) == 1
    assert REGISTRY.get_sample_value("qingsheng_freshness_seconds_bucket", {"service": "here", "le": "2.0"}) == 0
    assert REGISTRY.get_sample_value("qingsheng_freshness_seconds_bucket", {"service": "here", "le": "5.0"}) == 1


def test_all_that_an_operator_steers_by_is_measured() -> None:
    names = {metric.name for metric in own()}
    assert {
        "qingsheng_consumer_lag_records",
        "qingsheng_consumer_lag_seconds",
        "qingsheng_batch_records",
        "qingsheng_batch_seconds",
        "qingsheng_outbox_rows",
        "qingsheng_outbox_age_seconds",
        "qingsheng_dead_letters_by_reason",
        "qingsheng_parked_reports",
        "qingsheng_http_request_seconds",
        "qingsheng_freshness_seconds",
    } <= names
