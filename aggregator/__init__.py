"""The centre: ingest takes numbers, domains know what they mean, alerting rings, the API and the console show it."""
