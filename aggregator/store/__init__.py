"""PostgreSQL through psycopg; SQL lives in `sql/`."""

from aggregator.store.database import Database, Row
from aggregator.store.queries import load_queries

__all__ = ["Database", "Row", "load_queries"]
