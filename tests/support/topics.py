"""Topics of one test, told apart by their prefix."""

from tests.support.databases import outside_any_loop


def delete_topics(bootstrap_servers: str, prefix: str) -> None:
    """Delete the topics whose names begin with `prefix`, so that a run does not pile them up in the broker."""
    # Here, as a run of pure tests does without them.
    from aiokafka.admin import AIOKafkaAdminClient

    from tests.support.kafka import kafka_at

    async def run() -> None:
        admin = AIOKafkaAdminClient(**kafka_at(bootstrap_servers))
        await admin.start()
        try:
            names = [name for name in await admin.list_topics() if name.startswith(prefix)]
            if names:
                await admin.delete_topics(names)
        finally:
            await admin.close()

    outside_any_loop(run())
