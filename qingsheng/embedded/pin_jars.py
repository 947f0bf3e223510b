"""Writes `jars.sha256` for the versions named in `jars.py`: python -m qingsheng.embedded.pin_jars"""

import hashlib

import jgo

from qingsheng.embedded.jars import KAFKA, LOGGING, PINS

HEADING = "# The class path of the embedded Kafka. Written by: python -m qingsheng.embedded.pin_jars\n"


def main() -> None:
    """Resolve Kafka's dependencies, fetch them, write down what they are."""
    artifacts = {artifact.key: artifact for endpoint in (KAFKA, LOGGING) for artifact in jgo.resolve(endpoint)}
    lines: list[str] = []
    for artifact in artifacts.values():
        digest = hashlib.sha256(artifact.resolve().read_bytes()).hexdigest()
        lines.append(f"{digest}  {artifact.groupId}:{artifact.artifactId}:{artifact.version}\n")
    PINS.write_text(HEADING + "".join(sorted(lines, key=lambda line: line.split()[1])))


if __name__ == "__main__":
    main()
