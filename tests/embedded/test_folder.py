"""Where the data folder is, and its ports."""

import socket
from pathlib import Path

import pytest

from qingsheng.embedded import default_data_folder
from qingsheng.embedded.folder import Ports


def test_the_default_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert default_data_folder() == tmp_path / ".local" / "share" / "qingsheng"
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert default_data_folder() == tmp_path / ".local" / "share" / "qingsheng"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_data_folder() == tmp_path / "data" / "qingsheng"


def test_ports_stay_the_same_while_they_are_free(tmp_path: Path) -> None:
    first = Ports(tmp_path).choose(["kafka", "kafka_controller"])
    assert len(set(first)) == 2
    assert Ports(tmp_path).choose(["kafka", "kafka_controller"]) == first
    with socket.create_server(("127.0.0.1", first[0])):
        changed = Ports(tmp_path).choose(["kafka", "kafka_controller"])
    assert changed[0] != first[0]
    assert changed[1] == first[1]
