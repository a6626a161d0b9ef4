"""The aggregator: ingest → store → rules → alerting → feed, notify and API."""
