"""Questions to a running aggregator from the command line, through its HTTP API."""
