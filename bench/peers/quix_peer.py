"""Quix Streams: a batching sink that PostgreSQL has committed before the checkpoint is."""

import os

import psycopg
from quixstreams import Application
from quixstreams.kafka import ConnectionConfig
from quixstreams.sinks.base import BatchingSink, SinkBatch

from bench.peers.told import BATCH, DATABASE_URL, FOLDER, KAFKA, KAFKA_LOGIN, STATEMENT, TOPIC, WAIT, columns


class PostgresSink(BatchingSink):
    def setup(self) -> None:
        self._connection = psycopg.connect(DATABASE_URL)

    def write(self, batch: SinkBatch) -> None:
        told = [(item.value, batch.partition, item.offset) for item in batch]
        with self._connection.transaction():
            self._connection.execute(STATEMENT, columns(told))


if __name__ == "__main__":
    application = Application(
        broker_address=ConnectionConfig.from_librdkafka_dict({"bootstrap.servers": KAFKA, **KAFKA_LOGIN}),
        consumer_group="quix",
        auto_offset_reset="earliest",
        commit_interval=WAIT,
        commit_every=BATCH,
        auto_create_topics=False,
        state_dir=os.path.join(FOLDER, "state"),
        loglevel="WARNING",
    )
    application.dataframe(application.topic(TOPIC, value_deserializer="json")).sink(PostgresSink())
    application.run()
