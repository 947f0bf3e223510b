"""Kafka's jars: fetched by jgo, each checked against the SHA-256 pinned in `jars.sha256` at every start.

To move to another version of Kafka, set `KAFKA_VERSION` (and `LOGGING`, to match the log4j version Kafka brings) and
run `python -m qingsheng.embedded.pin_jars`, which writes `jars.sha256` anew.
"""

import hashlib
import os
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from qingsheng.embedded.errors import OUTSIDE_SERVERS, Abandoned, EmbeddedUnavailable, JarRefused
from qingsheng.embedded.waiting import Progress

KAFKA_VERSION = "4.3.0"
KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
"""The binding without which Kafka logs nothing; Kafka's own dependencies bring only log4j itself."""

PINS = Path(__file__).with_name("jars.sha256")
ATTEMPTS = 3
PARALLEL = 6


@dataclass(frozen=True)
class Jar:
    """One pinned jar: its Maven coordinates and the SHA-256 of its bytes, in hex."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def pinned_jars(pins: Path = PINS) -> list[Jar]:
    """The jars of the class path, from lines `<sha256>  <group>:<artifact>:<version>`."""
    jars: list[Jar] = []
    for line in pins.read_text().splitlines():
        if not line.startswith("#"):
            sha256, coordinates = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def class_path(jars: Iterable[Jar], folder: Path, progress: Progress, abandoned: threading.Event) -> str:
    """The class path of the jars in `folder`; missing ones are fetched, all are checked.

    Raises JarRefused, naming the jar, when one has other bytes than pinned or cannot be fetched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jars = list(jars)
    missing = [jar for jar in jars if not (folder / jar.file_name).exists()]
    if missing:
        _fetch_all(missing, folder, progress, abandoned)
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(lambda jar: _check(jar, folder / jar.file_name), jars))
    return os.pathsep.join(str(folder / jar.file_name) for jar in jars)


def _check(jar: Jar, file: Path) -> None:
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != jar.sha256:
        raise JarRefused(
            f"The jar {jar.file_name} is not the one Qingsheng was tested with: its SHA-256 is {found}, pinned is "
            f"{jar.sha256}. Delete {file} to have it fetched again; should that not help, do not use it."
        )


def _fetch_all(jars: list[Jar], folder: Path, progress: Progress, abandoned: threading.Event) -> None:
    progress(f"fetching Kafka {KAFKA_VERSION}: {len(jars)} jars, once")

    def fetch(jar: Jar) -> None:
        if abandoned.is_set():
            raise Abandoned("Fetching Kafka was given up.")
        _fetch(jar, folder)

    with ThreadPoolExecutor(PARALLEL) as pool:
        for done, _ in enumerate(pool.map(fetch, jars), start=1):
            if done % 10 == 0:
                progress(f"fetching Kafka {KAFKA_VERSION}: {done} of {len(jars)} jars")


def _fetch(jar: Jar, folder: Path) -> None:
    # Fetched aside, checked, then moved: another process never sees half a jar, and an interrupted fetch leaves none.
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as aside:
        fetched = _resolve(jar, Path(aside))
        _check(jar, fetched)
        fetched.replace(folder / jar.file_name)


def _resolve(jar: Jar, folder: Path) -> Path:
    try:
        from jgo.maven import MavenContext
        from requests import RequestException
    except ImportError as error:
        raise EmbeddedUnavailable("The package jgo, which fetches Kafka, is not installed.") from error

    # The coordinates are pinned, so nothing is left to resolve; `jgo.build` would also go looking for a JDK.
    context = MavenContext(repo_cache=folder, local_repos=[])
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    problem: Exception | None = None
    for _ in range(ATTEMPTS):
        try:
            return artifact.resolve()
        except (RequestException, RuntimeError, OSError) as error:
            problem = error
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)
    raise JarRefused(
        f"The jar {jar.file_name} could not be fetched: {problem}. Try again with a network, or put it into "
        f"{folder.parent} yourself. {OUTSIDE_SERVERS}"
    )
