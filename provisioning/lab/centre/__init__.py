"""Measures the whole way on one machine: broker, aggregator, database and load, each a process of its own."""
