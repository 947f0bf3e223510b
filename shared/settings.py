"""Everything that can be set, read once from environment variables with the prefix ``QINGSHENG_``."""

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_SECRETS = Path("/run/secrets")
"""Where containers find secrets as files: ``qingsheng_secret_key`` for ``QINGSHENG_SECRET_KEY``, and so on."""


def _on_this_machine(broker: str) -> bool:
    """Whether ``host:port`` is a loopback address: what is sent there leaves no machine."""
    host = broker.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Settings(BaseSettings):
    """The deployment's settings. Durations are in seconds.

    A missing ``QINGSHENG_DATABASE_URL`` or ``QINGSHENG_KAFKA_BOOTSTRAP_SERVERS`` is filled in by the
    command line from the embedded stack; services are always given both.
    """

    model_config = SettingsConfigDict(
        env_prefix="QINGSHENG_", frozen=True, extra="ignore", secrets_dir=_SECRETS if _SECRETS.is_dir() else None
    )

    database_url: str
    kafka_bootstrap_servers: str
    kafka_tls: bool = False
    """Encrypted connections to the brokers, whose certificates are checked against ``kafka_ca_file``."""
    kafka_ca_file: Path | None = None
    """PEM file of the authority that signed the brokers' certificates; none: those that this host trusts."""
    kafka_user: str = ""
    """SASL/SCRAM-SHA-512 principal; needs ``kafka_password``, and ``kafka_tls`` unless all brokers are on this machine."""
    kafka_password: SecretStr | None = None
    secret_key: SecretStr = Field(min_length=16)
    """Master secret, at least 16 characters: keys for sealed bytes are derived from it."""
    topic_prefix: str = ""
    """Put before every topic and consumer group, so that several deployments share one cluster."""
    time_zone: str = "Asia/Shanghai"
    story_mode: bool = False
    """The recording time follows the events' own time: for the demo and for tests, never with real sign-in."""
    alive_file: Path | None = None
    """A worker touches it every second while its loop turns: for the health check of a container."""
    metrics_port: int = Field(0, ge=0, le=65535)
    """Where a worker shows its metrics to Prometheus, on ``host``; 0: nowhere. APIs show theirs at ``/<service>/metrics``."""
    host: str = "127.0.0.1"
    port: int = 8600
    database_pool_size: int = 8
    database_timeout: float = 10.0
    """Longest wait for a connection, and for one statement of a command."""
    parking_seconds: float = 900.0
    """How long a report may wait for something that may still be on its way."""
    intake_rate: float = Field(200.0, gt=0)
    """Reports a second that one producer may send one service by HTTP in the long run; ten seconds' worth at once."""
    reports_open: bool = True
    """Whether anybody may read the appraisal's reports, with counts of few persons in them; else only those with a role.
    The open page of charter C10 is open in any case."""
    outbox_patience: float = 120.0
    """Age of the oldest unsent event from which commands answer 503: the broker is away, and this has a bound."""
    public_url: str = ""
    """Where people reach this deployment, such as ``https://qingsheng.example``: for links in e-mails. Its host is a name
    that requests may ask for."""
    public_hosts: str = ""
    """Further names or addresses, separated by commas, that the Host header of a request may tell, with any port. Names of
    loopback and the address listened on need not be among them; every other Host is refused with 421."""
    trusted_proxies: str = ""
    """Addresses and networks, separated by commas, of the proxies in front: what these tell in ``X-Forwarded-For`` and
    ``X-Forwarded-Proto`` is believed, of the addresses the last that is not a proxy's. Empty: nobody is believed, and the
    client is who made the connection."""
    smtp_url: SecretStr | None = None
    """``smtp://user:password@host:587`` (encrypted where the server offers it) or ``smtps://…``; without it no e-mail is
    sent."""
    mail_from: str = "qingsheng@localhost"
    digest_addresses: dict[str, str] = {}
    """Where the daily list of overdue tips goes, by unit or county: ``{"350902": "desk@jiaocheng.example"}``."""
    tip_due_days: int = Field(7, ge=1, le=366)
    """Days after its report by which a tip is to be resolved, where it was given no date of its own."""
    tip_text_days: int = Field(180, ge=1, le=3660)
    """How long a tip's text is kept after it was resolved or voided (charter C5)."""
    oidc_issuer: str = ""
    """The city's OpenID provider; without it people sign in with accounts made here. It is told of the address
    ``<public_url>/roster/directory/return``."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_audience: str = ""
    """What access tokens must be made for. Empty, or the same as ``oidc_client_id``: none are taken as bearer, since the
    provider's ID tokens are made for the client id."""
    oidc_roles_claim: str = "roles"
    """The claim with role names of this deployment, a list or words."""
    oidc_county_claim: str = "county"
    """The claim with a county operator's county code."""
    dead_letter_window: int = 1000
    dead_letter_share: float = 0.5
    """Consumption of a topic pauses when more than this share of its last ``dead_letter_window`` records is invalid."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        ZoneInfo(name)
        return name

    @field_validator("trusted_proxies")
    @classmethod
    def _known_networks(cls, listed: str) -> str:
        """Raises ValueError for what is no address: a name, or ``*``, would believe other people than was meant."""
        return ",".join(str(ip_network(each)) for each in names_in(listed))

    @model_validator(mode="after")
    def _never_a_password_in_plain(self) -> Self:
        if bool(self.kafka_user) != (self.kafka_password is not None):
            raise ValueError("QINGSHENG_KAFKA_USER and QINGSHENG_KAFKA_PASSWORD belong together: set both or neither")
        if self.kafka_ca_file and not self.kafka_tls:
            raise ValueError("QINGSHENG_KAFKA_TLS must be true where an authority is set")
        if self.kafka_user and not self.kafka_tls and not all(map(_on_this_machine, self.brokers)):
            raise ValueError(
                "QINGSHENG_KAFKA_TLS must be true where a user is set and a broker is not at a loopback address"
            )
        return self

    @property
    def brokers(self) -> list[str]:
        """Addresses of the brokers, each ``host:port``."""
        return [address.strip() for address in self.kafka_bootstrap_servers.split(",")]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def names_in(listed: str) -> list[str]:
    """What stands between the commas of a setting, without blanks and empty ones."""
    return [name for each in listed.split(",") if (name := each.strip())]
