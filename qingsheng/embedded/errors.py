"""What can go wrong with the embedded servers. Every message says what to do about it."""

OUTSIDE_SERVERS = (
    "To use servers of your own, set QINGSHENG_DATABASE_URL and QINGSHENG_KAFKA_BOOTSTRAP_SERVERS to their addresses."
)


class EmbeddedError(RuntimeError):
    """The embedded servers cannot be used. The message is meant for the person at the terminal."""


class EmbeddedUnavailable(EmbeddedError):
    """This machine cannot run the embedded servers: a wheel is missing or the platform lacks something they need."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} {OUTSIDE_SERVERS}")


class DataFolderInUse(EmbeddedError):
    """Another process is using the data folder."""


class JarRefused(EmbeddedError):
    """A jar of Kafka is missing or is not the one that was pinned."""


class ServerFailed(EmbeddedError):
    """A server ended, or did not get ready in time; the message ends with the last lines of its log."""


class Abandoned(EmbeddedError):
    """The start was given up because its caller went away or the other server failed."""
