"""Every example that was ever given, as it was given: an old one stays valid as long as its version is read.

`python -m tests.contracts.told` keeps the present ones that are not kept yet; what is kept is never changed or removed.
"""

import hashlib
from pathlib import Path

from tests.contracts.examples import EXAMPLES, FOLDER

KEPT = Path(__file__).parent / "kept_examples"


def kept_name(name: str, content: bytes) -> str:
    return f"{name}.{hashlib.sha256(content).hexdigest()[:12]}.json"


def present() -> dict[str, bytes]:
    """The present examples by the names under which they are kept."""
    contents = {name: (FOLDER / f"{name}.json").read_bytes() for name in EXAMPLES}
    return {kept_name(name, content): content for name, content in contents.items()}


if __name__ == "__main__":
    KEPT.mkdir(exist_ok=True)
    for file_name, content in present().items():
        if not (KEPT / file_name).exists():
            (KEPT / file_name).write_bytes(content)
            print(file_name)
