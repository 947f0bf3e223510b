"""Data folders for the tests of the embedded servers."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qingsheng.embedded import running_stack


@pytest.fixture
def new_folder() -> Iterator[Path]:
    """A data folder that was never used. Not pytest's `tmp_path`, whose name is long."""
    folder = Path(tempfile.mkdtemp(prefix="qingsheng-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def used_folder() -> Iterator[Path]:
    """A data folder in which both servers have run before."""
    folder = Path(tempfile.mkdtemp(prefix="qingsheng-test-"))
    with running_stack(folder):
        pass
    yield folder
    shutil.rmtree(folder)
