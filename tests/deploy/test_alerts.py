"""Every alert fires once and is quiet once: Prometheus' own rule tests, run by promtool where there is one."""

import re
import shutil
import subprocess

import pytest

from tests.deploy.composed import DEPLOY

ROOT = DEPLOY.parent
CASES = ROOT / "tests" / "deploy" / "alerts.test.yml"
IMAGE = "prom/prometheus"


def _promtool() -> list[str]:
    """On the path, or in an image of Prometheus that a Docker engine here already has; none: the test is skipped."""
    if shutil.which("promtool"):
        return ["promtool"]
    if shutil.which("docker"):
        asked = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", IMAGE]
        images = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=20).stdout.split()
        if images:
            inside = ["--network=none", "--volume", f"{ROOT}:/src:ro", "--workdir", "/src", "--entrypoint", "promtool"]
            return ["docker", "run", "--rm", *inside, images[0]]
    pytest.skip("no promtool: neither on the path nor in an image of Prometheus that is present")


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    alerts = re.findall(r"alert: (\w+)", (DEPLOY / "prometheus" / "alerts.yml").read_text())
    cases = CASES.read_text()
    quiet = re.findall(r"alertname: (\w+), eval_time: \w+, exp_alerts: \[\]", cases)
    fires = re.findall(r"- alertname: (\w+)\n.*\n +exp_alerts:\n +- exp_labels", cases)
    assert sorted(quiet) == sorted(fires) == sorted(alerts)


def test_alerts_fire_when_they_should_and_only_then() -> None:
    command = [*_promtool(), "test", "rules", str(CASES.relative_to(ROOT))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout + done.stderr
