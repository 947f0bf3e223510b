"""`qingsheng intake check`: what the front door would say, with nothing running. That it says the same as the doors, code by
code, is held in test_every_code.py."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qingsheng import cli
from qingsheng.intake_check import DOORS, check
from shared.contracts.intake import INTAKE_TYPES
from shared.contracts.requests import MAX_BATCH
from tests.campaign.harness import post_report, repost
from tests.opinion.harness import tip_report
from tests.support.producing import report

EXAMPLES = Path("shared/contracts/examples")


def told(content: Any, **more: Any) -> list[str]:
    """For each event ``passes`` or its code."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return [each.refusal.code if each.refusal else "passes" for each in check(raw, **more)]


def attendance(**change: Any) -> dict[str, Any]:
    data = {"session_id": "0198c0de-0000-7000-8000-000000000001", "volunteer_id": "crm:1", "venue_no": 1, "hours": 3}
    return report("attendance_reported", data | {"held_on": "2014-05-20"} | change)


def share(**change: Any) -> dict[str, Any]:
    return report("repost_reported", repost("crm:1", "wb/1", post_url="https://weibo.example/1")["data"] | change)


@pytest.mark.parametrize("type_name", list(INTAKE_TYPES))
def test_every_example_of_the_contracts_passes(type_name: str) -> None:
    assert told((EXAMPLES / f"{type_name}.json").read_bytes()) == ["passes"]


@pytest.mark.parametrize(
    ("event", "code", "pointer"),
    [
        (tip_report(text="请回电13800138000。"), "personal_data", "/data/text"),
        (tip_report(text="举报张建国在群里造谣。"), "person_targeted", "/data/text"),
        (tip_report(reported_at="1999-12-31T00:00:00Z"), "time_out_of_range", "/data/reported_at"),
        (tip_report(relayed_by="13800138000"), "unknown_volunteer", "/data/relayed_by"),
        (tip_report(handle="@x"), "schema", "/data/handle"),
        (tip_report(text="字" * 30_000), "too_large", None),
        (attendance(hours=25), "schema", "/data/hours"),
        (attendance(held_on="1999-12-31"), "time_out_of_range", "/data/held_on"),
        (attendance(volunteer_id="陈伟"), "unknown_volunteer", "/data/volunteer_id"),
        (share(shared_at="9998-01-01T00:00:00Z"), "time_out_of_range", "/data/shared_at"),
        (share(volunteer_id="a@b.example"), "unknown_volunteer", "/data/volunteer_id"),
        (share(account_id="@weibo"), "unknown_account", "/data/account_id"),
        (share(post_url=None), "schema", "/data"),
        (post_report(published="1999-07-01 08:00"), "time_out_of_range", "/data/published_at"),
        (post_report() | {"time": "9998-01-01T00:00:00Z"}, "time_out_of_range", "/time"),
        (post_report() | {"type": "qingsheng.intake.post_reported.v2"}, "unknown_type", "/type"),
        (post_report() | {"specversion": "0.3"}, "not_cloudevents", "/specversion"),
        ({"data": {}}, "not_cloudevents", "/id"),
    ],
)
def test_what_is_certain_is_refused_as_at_the_door(event: dict[str, Any], code: str, pointer: str | None) -> None:
    [checked] = check(json.dumps(event).encode())
    assert checked.refusal is not None
    assert (checked.refusal.code, checked.refusal.pointer) == (code, pointer)


def test_one_event_a_batch_and_json_lines() -> None:
    good, bad = post_report(), attendance(hours=25)
    assert told(good) == ["passes"]
    assert told([good, bad]) == ["passes", "schema"]
    lines = f"{json.dumps(good)}\n\n{json.dumps(bad)}\nnot json\n".encode()
    assert told(lines) == ["passes", "schema", "not_json"]
    assert told(json.dumps(good, indent=2).encode()) == ["passes"]
    assert told(json.dumps([good, bad], indent=2).encode()) == ["passes", "schema"]
    assert told(b'{"specversion": "1.0",\n "id": }') == ["not_json"]
    assert told(b"\xff\xfe") == ["not_cloudevents"]
    assert told([good] * (MAX_BATCH + 1)) == ["too_large"], "a batch is taken whole or not at all"
    assert told([good, "no event"]) == ["not_cloudevents"]
    assert told([]) == []


def test_an_id_is_used_once() -> None:
    first = post_report(id="p")
    assert told([first, first, post_report("https://weibo.example/2", id="p"), attendance() | {"id": "p"}]) == [
        "passes",
        "passes",
        "id_reused",
        "passes",  # each service remembers for itself
    ]


def test_whose_name_stands_in_the_source() -> None:
    assert told([post_report(), post_report(producer="others")]) == ["passes", "source_not_allowed"]
    assert told(post_report(), producer="others") == ["source_not_allowed"]
    assert told(post_report() | {"source": "https://feeds.example"}) == ["source_not_allowed"]
    assert told(post_report() | {"source": None}) == ["not_cloudevents"]


def test_for_one_service() -> None:
    assert told([post_report(), attendance()], service="campaign") == ["passes", "unknown_type"]
    assert {name for name, door in DOORS.items() if door} == {"training", "opinion", "campaign"}


def run(*arguments: str, **more: Any) -> Any:
    return CliRunner().invoke(cli.app, ["intake", "check", *arguments], **more)


def test_the_command(tmp_path: Path) -> None:
    good, mixed = tmp_path / "good.json", tmp_path / "mixed.json"
    good.write_text(json.dumps(post_report(id="p-1")))
    mixed.write_text(json.dumps([post_report(id="p-1"), tip_report(id="t-1", text="请回电13800138000。")]))
    done = run(str(good), "--lang", "en")
    assert (done.exit_code, done.stdout) == (0, "event 1 p-1: passes\n")
    assert "1 would be taken as far as can be known offline, 0 would be refused" in done.stderr
    done = run(str(mixed), "--lang", "zh")
    assert done.exit_code == 1
    assert "第 2 个事件 t-1: personal_data /data/text 文字中含有个人信息（电话号码）" in done.stdout
    assert "13800138000" not in done.output
    done = run("-", "--json", input=mixed.read_text())
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert (answer["events"], answer["passing"], answer["refused"]) == (2, 1, 1)
    first, second = answer["rows"]
    assert first == {"event": 1, "id": "p-1", "passes": True}
    assert (second["code"], second["pointer"], set(second["message"])) == ("personal_data", "/data/text", {"zh", "en"})
    assert run(str(tmp_path / "missing.json")).exit_code == 2
    assert run(str(good), "--lang", "fr").exit_code == 2
    assert run(str(good), "--service", "appraisal").exit_code == 2
    assert run("-", input="[]").exit_code == 1, "a file without events is a mistake"
    for word in ("unknown_…", "account_not_disclosed", "already_…"):
        assert word in run("--help").stdout


def test_it_needs_no_deployment(tmp_path: Path) -> None:
    """Not even good settings: what is set for a deployment that is away, or wrong, does not matter."""
    file = tmp_path / "event.json"
    file.write_text(json.dumps(share()))
    away = {"QINGSHENG_DATABASE_URL": "postgresql://127.0.0.1:1/none", "QINGSHENG_KAFKA_USER": "without-tls"}
    command = [sys.executable, "-m", "qingsheng", "intake", "check", str(file)]
    done = subprocess.run(command, env={**os.environ, **away}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done
