"""Topics of one test, told apart by their prefix."""

from tests.support.databases import outside_any_loop


def delete_topics(bootstrap_servers: str, prefix: str) -> None:
    """Delete the topics whose names begin with `prefix`, so that a run does not pile them up in the broker."""
    from aiokafka.admin import AIOKafkaAdminClient  # here, as a run of pure tests does without it

    async def run() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
        await admin.start()
        try:
            names = [name for name in await admin.list_topics() if name.startswith(prefix)]
            if names:
                await admin.delete_topics(names)
        finally:
            await admin.close()

    outside_any_loop(run())
