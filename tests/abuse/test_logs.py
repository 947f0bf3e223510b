"""Secrets in addresses are in no log: tokens of private links and invitations, whatever goes wrong with a request."""

import asyncio
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from qingsheng.deployment import running
from shared.access.links import new_token
from shared.web.headers import SECURITY
from tests.abuse.test_headers import path_of
from tests.access.routes import routes
from tests.support.services import client, settings_for
from tests.support.waiting import eventually

pytestmark = pytest.mark.fault(24, "tokens of private links in logs")

HTML = {"Accept": "text/html"}
NGINX = Path(__file__).parents[2] / "deploy" / "nginx"
PRIVATE = [route for route in routes() if "{token}" in route.path]
FAILING = """
import asyncio, contextlib, sys
import asyncpg
from shared import telemetry
from tests.support.services import client, settings_for

class Failing:
    def __init__(self, error):
        self.error = error
    def acquire(self, **_):
        raise self.error
    def terminate(self):
        pass

async def ask():
    async with client(settings_for("postgresql://127.0.0.1:1/none", database_timeout=1.0)) as http:
        for error in (OSError(), asyncpg.PostgresError(), ValueError()):
            for mount in http._transport.app.routes[1:]:
                mount.app.state.pool = Failing(error)
            for each in sys.argv[1:]:
                method, _, path = each.partition(" ")
                told = {"data": {"token": path.rpartition("=")[2]}} if method == "POST" else {}
                answer = await http.request(method, path, headers={"Accept": "text/html"}, **told)
                assert answer.status_code in (500, 503), (each, answer.status_code)

telemetry.set_up_logging()
asyncio.run(ask())
"""


async def test_no_line_of_a_service_holds_the_token_of_an_address() -> None:
    """By walking the routes with a token in their path, and the invitation: the database away, refusing, and a fault."""
    token = new_token()
    asked = [f"{route.method} {path_of(route.path.replace('{token}', token))}" for route in PRIVATE]
    asked.append(f"GET /roster/invitation?token={token}")
    assert len(asked) > 5
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", FAILING, *asked], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for route in PRIVATE:
        assert f"{route.method} {route.path}" in done.stderr, "each failure is logged with its route"
    assert token not in done.stderr
    assert token not in done.stdout


async def test_no_page_hands_its_secret_on_as_the_page_before(database_url: str) -> None:
    """What it loads and where its links lead is told the site alone; other pages tell their address to this site alone."""
    token = new_token()
    async with client(settings_for(database_url)) as http:
        asked = [path_of(route.path.replace("{token}", token)) for route in PRIVATE if route.method == "GET"]
        asked += [
            f"{path_of(path)}?{name}={token}"
            for path in ("/roster/invitation", "/campaign/volunteers/{volunteer_id}", "/opinion/desk/tips/{tip_id}")
            for name in ("token", "link")
        ]
        for path in asked:
            answer = await http.get(path, headers=HTML)
            assert answer.headers["referrer-policy"] in ("no-referrer", "strict-origin"), path
        answer = await http.get("/opinion/tell", headers=HTML)
        assert answer.headers["referrer-policy"] == SECURITY["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("name", ["default.conf", "secure.conf"])
def test_nginx_logs_addresses_without_their_secrets(name: str) -> None:
    told = (NGINX / name).read_text()
    [private] = re.findall(r"map \$uri \$logged \{\n\s+\"~(.*)\" \"/\$private/-\";\n\s+default \$uri;\n\}", told)
    pattern = re.compile(private.replace("(?<", "(?P<"))
    for route in PRIVATE:
        path = path_of(route.path.replace("{token}", "secret"))
        found = pattern.match(path)
        assert found, f"{path} would be logged whole"
        assert "secret" not in found["private"]
    assert not pattern.match("/appraisal/reports/2014")
    [form] = re.findall(r"log_format without_secrets ([^;]*);", told)
    assert not re.findall(r"\$(?:request\b|request_uri|uri|args|query_string|http_\w+|arg_\w+|cookie_\w+)", form)
    servers = told.split("\nserver {")[1:]
    assert len(servers) == told.count("listen ")
    assert "add_header Referrer-Policy same-origin" not in told, "a private page's own policy goes before"
    for server in servers:
        # Messages about single requests hold the whole address; those of the start go to the main log.
        assert "\n    error_log /var/log/nginx/error.log emerg;" in server
        assert "\n    access_log /var/log/nginx/access.log without_secrets;" in server
        assert server.count("error_log") == 1
        assert server.count("access_log") == 1 + server.count("access_log off")


async def test_a_log_of_children_is_its_owners_alone(tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    log.write_text("of an older run\n")
    log.chmod(0o644)
    for present in (True, False):
        if not present:
            log.unlink()
        before = os.umask(0o022)
        try:
            with running(settings_for("postgresql://127.0.0.1:1/none"), ["roster-api"], tmp_path, log):

                async def there() -> bool:
                    return log.exists()

                await eventually(there, 30)
                assert stat.S_IMODE(log.stat().st_mode) == 0o600
        finally:
            os.umask(before)
