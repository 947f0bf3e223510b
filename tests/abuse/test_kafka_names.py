"""Another system is never given the name of one of the deployment's own principals in Kafka, and with it its rights."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "kafka" / "principals"


@pytest.mark.parametrize("name", ["qingsheng", "qingsheng-operator", "qingsheng-roster", "kafka", "Feeds", "a"])
def test_no_producer_is_made_with_a_name_of_the_deployments_own(name: str, tmp_path: Path) -> None:
    # Kafka's tools are not here: whoever got as far as to call them would end with another code.
    told = subprocess.run(
        ["bash", str(SCRIPT), "producer", name, "campaign"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (told.returncode, told.stdout) == (2, "")
    assert "name" in told.stderr
