"""The same work done with other tools: shares from Kafka into PostgreSQL, evidence kept, each counted exactly once.

Every peer is one small program of its own, told where things are by the environment (see ``bench.peers.running``), and writes
the tables of ``tables.sql``, whose keys and indexes are those of the appraisal. Each keeps its guarantee the way its library
has it: offsets are committed to Kafka after PostgreSQL has committed, and what is read again is dropped by its id.
"""
