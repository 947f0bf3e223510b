"""A process that owns a stack: python -m tests.embedded.owner FOLDER. Prints the process ids as JSON, then waits."""

import json
import sys
import threading
from pathlib import Path

from qingsheng.embedded import running_stack

if __name__ == "__main__":
    with running_stack(Path(sys.argv[1])) as stack:
        print(json.dumps(dict(stack.pids)), flush=True)
        threading.Event().wait()
