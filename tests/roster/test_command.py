"""``qingsheng import``: the same rows as over HTTP, told on the terminal."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qingsheng import cli
from tests.roster.harness import PLAIN, ROW, Roster, workbook


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, roster: Roster) -> Roster:
    monkeypatch.setattr(cli, "settings_here", lambda: roster.settings)
    return roster


async def run(*words: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, cli.app, ["import", *words])


async def test_a_ledger_is_taken_from_a_file(deployed: Roster, tmp_path: Path) -> None:
    file, copy = tmp_path / "ledger.xlsx", tmp_path / "copy.xlsx"
    names = [name for name in ROW if name != "unit_id"]
    file.write_bytes(workbook(ROW, PLAIN | {"consented_on": None}, headings=names))
    tried = await run(str(file), "--unit", "350902", "--dry-run", "--copy", str(copy))
    assert tried.exit_code == 1
    assert "row 3, consented_on: Without the volunteer's consent" in tried.output.replace("\n", " ")
    assert "1 registered, 0 before, 1 refused" in tried.output
    assert (await deployed.get("/volunteers"))["items"] == []
    # The copy can be sent: what is refused stays so, the rest is taken.
    taken = await run(str(copy), "--unit", "350902", "--json")
    assert json.loads(taken.stdout)["registered"] == 1
    [account] = (await deployed.get("/disclosures"))["items"]
    assert account["verified_by"] == "qingsheng import"
    assert len(await deployed.events()) == 2 + 3


async def test_what_cannot_be_read_is_wrong_use(deployed: Roster, tmp_path: Path) -> None:
    file = tmp_path / "list.xlsx"
    assert (await run(str(file))).exit_code == 2
    file.write_bytes(workbook(PLAIN | {"party": "x"}, headings=[*PLAIN, "party"]))
    told = await run(str(file))
    assert told.exit_code == 2
    assert "party" in told.output
