"""Alerts: raised from the inbox, acknowledged, cleared. Every change goes to the feed in its own transaction."""
