"""The servers of a test run: started when the first test asks for them, shared by all of pytest-xdist's workers."""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Protocol, TypeVar

from qingsheng.embedded import running_stack
from tests.support.databases import create_template, drop_database, execute

DATABASE_URL = "QINGSHENG_DATABASE_URL"
KAFKA = "QINGSHENG_KAFKA_BOOTSTRAP_SERVERS"
KAFKA_USER = "QINGSHENG_KAFKA_USER"
KAFKA_PASSWORD = "QINGSHENG_KAFKA_PASSWORD"
CONTAINERS = "QINGSHENG_TEST_CONTAINERS"
"""Set: the servers run in containers rather than embedded."""
ADDRESS = "QINGSHENG_TEST_SERVERS"
"""Where the workers ask the controller; set in the workers' environment by the controller."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Servers:
    """Addresses of running servers. `database_url` is of a user who may create databases and roles."""

    database_url: str
    kafka_bootstrap_servers: str
    kafka_user: str = ""
    kafka_password: str = field(default="", repr=False)

    def sign_in(self) -> None:
        """Lets this process and its children reach Kafka: settings that name no user take this one."""
        if self.kafka_user:
            os.environ[KAFKA_USER], os.environ[KAFKA_PASSWORD] = self.kafka_user, self.kafka_password


class Run(Protocol):
    """What a test run can ask for."""

    def servers(self) -> Servers:
        """The servers, started if they were not."""
        ...

    def template(self) -> str:
        """The name of the migrated database, made if it was not."""
        ...

    def close(self) -> None:
        """Stop what was started."""
        ...


class OwnRun:
    """The run that owns the servers: outside ones from the environment, containers where these are asked for, else an embedded
    stack in a new folder."""

    def __init__(self) -> None:
        self._asking = threading.RLock()
        self._leaving = ExitStack()
        self._answers: dict[str, object] = {}

    def servers(self) -> Servers:
        return self._once("servers", self._start)

    def template(self) -> str:
        return self._once("template", self._create_template)

    def close(self) -> None:
        self._leaving.close()

    def _once(self, name: str, make: Callable[[], Value]) -> Value:
        # A failure is kept too: the next test must not wait for the same start to fail again.
        with self._asking:
            if name not in self._answers:
                try:
                    self._answers[name] = make()
                except Exception as error:
                    self._answers[name] = error
            answer = self._answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]

    def _start(self) -> Servers:
        outside_database, outside_kafka = os.environ.get(DATABASE_URL), os.environ.get(KAFKA)
        if outside_database and outside_kafka:
            return Servers(outside_database, outside_kafka)
        if os.environ.get(CONTAINERS):
            from tests.support.containers import kafka, postgres

            return Servers(self._leaving.enter_context(postgres()), self._leaving.enter_context(kafka()))
        folder = Path(tempfile.mkdtemp(prefix="qingsheng-test-"))
        self._leaving.callback(shutil.rmtree, folder, ignore_errors=True)
        started = self._leaving.enter_context(
            running_stack(folder, postgres=not outside_database, kafka=not outside_kafka)
        )
        database_url = outside_database or started.database_url
        kafka_bootstrap_servers = outside_kafka or started.kafka_bootstrap_servers
        assert database_url
        assert kafka_bootstrap_servers
        if started.database_url:
            _set_up_for_tests(database_url)
        servers = Servers(database_url, kafka_bootstrap_servers, started.kafka_user, started.kafka_password)
        servers.sign_in()
        return servers

    def _create_template(self) -> str:
        database_url = self.servers().database_url
        name = create_template(database_url)
        if os.environ.get(DATABASE_URL):
            self._leaving.callback(drop_database, database_url, name)
        return name


def _set_up_for_tests(database_url: str) -> None:
    """Waits for no disk: tests that stop servers in the midst start their own. Counts nothing of tables: one that was empty in
    an earlier test would be planned for as empty, and a statement that joins thousands of rows take minutes."""
    for setting in ("fsync", "full_page_writes", "autovacuum"):
        execute(database_url, f"alter system set {setting} = off")
    execute(database_url, "select pg_reload_conf()")


class SharedRun(OwnRun):
    """An own run that also answers pytest-xdist's workers."""

    def __init__(self) -> None:
        super().__init__()
        key = os.urandom(16)
        listener = Listener(backlog=16, authkey=key)
        os.environ[ADDRESS] = f"{key.hex()} {listener.address}"
        self._leaving.callback(listener.close)
        self._leaving.callback(os.environ.pop, ADDRESS)
        threading.Thread(target=self._answer, args=(listener,), name="test servers", daemon=True).start()

    def _answer(self, listener: Listener) -> None:
        while True:
            try:
                worker = listener.accept()
            except OSError:  # closed
                return
            # A worker that went away while it waited needs no answer.
            with worker, suppress(OSError, EOFError):
                worker.send(self._answer_to(worker.recv()))

    def _answer_to(self, question: str) -> object:
        try:
            return self.servers() if question == "servers" else self.template()
        except Exception as error:
            return RuntimeError(str(error))


class WorkersRun:
    """The run as one of pytest-xdist's workers sees it: it asks the controller."""

    def __init__(self) -> None:
        self._answers: dict[str, object] = {}

    def servers(self) -> Servers:
        servers: Servers = self._ask("servers")  # type: ignore[assignment]
        servers.sign_in()
        return servers

    def template(self) -> str:
        return self._ask("template")  # type: ignore[return-value]

    def close(self) -> None:
        pass

    def _ask(self, question: str) -> object:
        if question not in self._answers:
            key, address = os.environ[ADDRESS].split(" ", 1)
            with Client(address, authkey=bytes.fromhex(key)) as controller:
                controller.send(question)
                self._answers[question] = controller.recv()
        answer = self._answers[question]
        if isinstance(answer, Exception):
            raise answer
        return answer
