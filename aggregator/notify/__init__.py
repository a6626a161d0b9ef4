"""Alerts to other systems: signed webhooks, tried again until they are taken."""
