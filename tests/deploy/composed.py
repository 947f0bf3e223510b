"""The deployment's own compose files on a Docker engine: projects of their own, removed afterwards."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
PORTS = ("http", "https", "kafka", "kafka-2", "kafka-3", "prometheus")


class Composed:
    """One compose project. ``ports``: of this host, by the name of the variable that compose.yaml reads."""

    def __init__(self, name: str, words: Sequence[str], ports: Mapping[str, int]) -> None:
        self.ports = dict(ports)
        self.words = list(words)
        self._environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": f"qingsheng-test-{name}",
            "COMPOSE_FILE": ":".join(["compose.yaml", *(f"compose.{word}.yaml" for word in words)]),
            "QINGSHENG_SUBNET": f"10.87.{ports['http'] % 256}.0/24",
            "QINGSHENG_HTTP": f"127.0.0.1:{ports['http']}",
            "QINGSHENG_HTTPS": f"127.0.0.1:{ports['https']}",
            "PROMETHEUS_PORT": f"127.0.0.1:{ports['prometheus']}",
            "PROMETHEUS_VERSION": os.environ.get("PROMETHEUS_VERSION", "v2.53.3"),
            "KAFKA_PORT": f"127.0.0.1:{ports['kafka']}",
            "KAFKA_PUBLIC_ADDRESS": f"127.0.0.1:{ports['kafka']}",
            **{f"KAFKA_PORT_{n}": f"127.0.0.1:{ports[f'kafka-{n}']}" for n in (2, 3)},
            **{f"KAFKA_PUBLIC_ADDRESS_{n}": f"127.0.0.1:{ports[f'kafka-{n}']}" for n in (2, 3)},
        }

    def up(self, *services: str) -> None:
        """The whole deployment, or the named services with what they need. The image is built where it is missing."""
        built = subprocess.run(["docker", "image", "inspect", "qingsheng:local"], capture_output=True, check=False)
        build = {} if built.returncode else {"QINGSHENG_BUILD": "no"}
        command = [str(DEPLOY / "up"), *self.words, *(["--", *services] if services else [])]
        self._run(command, build)

    def compose(self, *arguments: str, given: str = "", check: bool = True) -> str:
        """Output of a docker compose command. Raises AssertionError with its words when it fails."""
        return self._run(["docker", "compose", *arguments], {}, given=given, check=check)

    def psql(self, query: str, *options: str) -> list[list[str]]:
        """Rows of a query asked by the database's owner."""
        asked = self.compose("exec", "-T", "postgres", "psql", "-U", "qingsheng", "-d", "qingsheng", "-At", "-c", query)
        return [line.split("|") for line in asked.splitlines()]

    def _run(self, command: list[str], more: Mapping[str, str], given: str = "", check: bool = True) -> str:
        done = subprocess.run(
            command,
            cwd=DEPLOY,
            env={**self._environment, **more},
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stderr[-3000:]}{done.stdout[-3000:]}"
        return done.stdout if check else done.stdout + done.stderr


@contextmanager
def composed(name: str, words: Sequence[str] = ()) -> Iterator[Composed]:
    with ExitStack() as held:
        free = {what: held.enter_context(socket.socket()) for what in PORTS}
        for one in free.values():
            one.bind(("127.0.0.1", 0))
        ports = {what: one.getsockname()[1] for what, one in free.items()}
    project = Composed(name, words, ports)
    project.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")
    try:
        yield project
    finally:
        project.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "20")
