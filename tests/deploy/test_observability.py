"""Dashboards and alerts ask for metrics that exist."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from tests.deploy.composed import DEPLOY, composed
from tests.deploy.load import loaded
from tests.support.waiting import eventually

DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
OF_PROMETHEUS = {"up", "time", "scrape_duration_seconds"}
_NAME = re.compile(r"\b(qingsheng_[a-z_]+|up|process_[a-z_]+|python_[a-z_]+)\b(?!\s*=)")


def _registered() -> set[str]:
    """Names of all series that the APIs may show."""
    import shared.delivery.measures  # registers them
    import shared.web.metrics  # noqa: F401

    names = set(OF_PROMETHEUS)
    for metric in REGISTRY.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(metric.type, [""])
        names |= {metric.name + suffix for suffix in suffixes}
    return names


def _queries(dashboard: Path) -> list[str]:
    return [target["expr"] for panel in json.loads(dashboard.read_text())["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_names_metrics_that_exist(dashboard: Path) -> None:
    known = _registered()
    for query in _queries(dashboard):
        named = set(_NAME.findall(query))
        assert named, query
        assert named <= known, query


def test_a_name_that_does_not_exist_is_found() -> None:
    assert set(_NAME.findall('sum by (service) (rate(qingsheng_nonsense_total{service="a"}[5m]))')) == {
        "qingsheng_nonsense_total"
    }
    assert "qingsheng_nonsense_total" not in _registered()


def test_dashboards_are_apart_and_where_grafana_looks() -> None:
    assert len(DASHBOARDS) >= 2
    told = [json.loads(dashboard.read_text()) for dashboard in DASHBOARDS]
    assert len({one["uid"] for one in told}) == len(told)
    folder = "/var/lib/grafana/dashboards"
    assert f"path: {folder}" in (DEPLOY / "grafana/provisioning/dashboards/qingsheng.yaml").read_text()
    assert f"./grafana/dashboards:{folder}:ro" in (DEPLOY / "compose.yaml").read_text()
    [source] = {panel["datasource"]["uid"] for one in told for panel in one["panels"]}
    assert f"uid: {source}," in (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text()


@pytest.mark.containers
async def test_prometheus_asks_every_process_and_answers_the_dashboards() -> None:
    import httpx

    with composed("observed") as project:
        await asyncio.to_thread(project.up)
        await asyncio.to_thread(project.compose, "--profile", "observability", "up", "-d", "--wait", "prometheus")
        async with loaded(project) as load, httpx.AsyncClient(timeout=5) as http:
            address = f"http://127.0.0.1:{project.ports['prometheus']}/api/v1/query"

            async def asked(query: str) -> list[Any]:
                return (await http.get(address, params={"query": query})).json()["data"]["result"]

            async def all_asked() -> bool:
                return len(await asked('up{job=~"qingsheng|qingsheng-workers"} == 1')) == 10

            await eventually(all_asked, deadline=90, interval=1)
            for dashboard in DASHBOARDS:
                for query in _queries(dashboard):
                    if 'status=~"5.."' not in query:  # there were none
                        # Rates need two readings.
                        await eventually(lambda query=query: asked(query), deadline=90, interval=1)
            await load.settle()
