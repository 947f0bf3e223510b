"""Bytewax, whose engine is Rust: its Kafka source, a sink to PostgreSQL, and recovery, from which it reads on after a crash."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import psycopg
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from bench.peers.told import BATCH, DATABASE_URL, FOLDER, KAFKA, KAFKA_LOGIN, STATEMENT, TOPIC, WAIT, columns

Told = tuple[dict[str, Any], int, int]


def decode(message: KafkaSourceMessage) -> Told:
    assert message.value is not None
    return json.loads(message.value), message.partition or 0, message.offset or 0


class _Partition(StatelessSinkPartition[Told]):
    def __init__(self) -> None:
        self._connection = psycopg.connect(DATABASE_URL)

    def write_batch(self, items: list[Told]) -> None:
        with self._connection.transaction():
            self._connection.execute(STATEMENT, columns(items))

    def close(self) -> None:
        self._connection.close()


class PostgresSink(DynamicSink[Told]):
    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        return _Partition()


if __name__ == "__main__":
    flow = Dataflow("shares")
    messages = op.input("in", flow, KafkaSource([KAFKA], [TOPIC], batch_size=BATCH, add_config=KAFKA_LOGIN))
    op.output("out", op.map("decode", messages, decode), PostgresSink())
    recovery = Path(FOLDER, "recovery")
    os.makedirs(recovery, exist_ok=True)
    init_db_dir(recovery, 1)
    cli_main(
        flow,
        epoch_interval=timedelta(seconds=WAIT),
        recovery_config=RecoveryConfig(str(recovery)),
    )
