"""``qingsheng-alive SERVICE``: whether this container's API answers; for health checks, so with little to import."""

import os
import sys
import urllib.request


def main() -> None:
    port = os.environ.get("QINGSHENG_PORT", "8600")
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/{sys.argv[1]}/healthz", timeout=4).close()
    except OSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
