"""Where the brokers are and how they are spoken to."""

from typing import Any

import pytest

from shared.delivery.broker import connection_options, create_broker
from shared.settings import Settings

BASE: dict[str, Any] = {"database_url": "postgresql://x/y", "secret_key": "s" * 16}


@pytest.fixture(autouse=True)
def no_user_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "PASSWORD"):
        monkeypatch.delenv(f"QINGSHENG_KAFKA_{name}", raising=False)


def test_several_brokers_are_several_addresses() -> None:
    settings = Settings(kafka_bootstrap_servers="a:1, b:2,c:3", **BASE)
    assert connection_options(settings)["bootstrap_servers"] == ["a:1", "b:2", "c:3"]
    broker: Any = create_broker(settings, "one")
    assert list(broker.specification.url) == ["a:1", "b:2", "c:3"]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1", "[::1]:1", "127.0.0.1:1, 127.9.9.9:2"])
def test_on_this_machine_a_principal_needs_no_encryption(address: str) -> None:
    options = connection_options(
        Settings(kafka_bootstrap_servers=address, kafka_user="u", kafka_password="p", **BASE)  # type: ignore[arg-type]
    )
    assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_PLAINTEXT", "SCRAM-SHA-512")
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("u", "p")


@pytest.mark.parametrize(
    "address", ["10.0.0.1:1", "kafka:1", "127.0.0.1:1,kafka:1", "localhost.example:1", "1", "[::2]:1"]
)
def test_elsewhere_a_principal_needs_encryption(address: str) -> None:
    with pytest.raises(ValueError, match="QINGSHENG_KAFKA_TLS must be true"):
        Settings(kafka_bootstrap_servers=address, kafka_user="u", kafka_password="p", **BASE)  # type: ignore[arg-type]


def test_a_principal_is_never_spoken_for_in_plain() -> None:
    options = connection_options(
        Settings(kafka_bootstrap_servers="a:1", kafka_tls=True, kafka_user="u", kafka_password="p", **BASE)  # type: ignore[arg-type]
    )
    assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert options["ssl_context"].check_hostname
    encrypted = connection_options(Settings(kafka_bootstrap_servers="a:1", kafka_tls=True, **BASE))
    assert encrypted["security_protocol"] == "SSL"


@pytest.mark.parametrize(
    "told",
    [
        {"kafka_user": "u", "kafka_password": "p"},
        {"kafka_user": "u", "kafka_tls": True},
        {"kafka_password": "p", "kafka_tls": True},
        {"kafka_ca_file": "/ca.pem"},
    ],
)
def test_half_a_security_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="QINGSHENG_KAFKA_"):
        Settings(kafka_bootstrap_servers="a:1", **BASE, **told)
