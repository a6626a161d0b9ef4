"""The agent on the box: sources → motion → track → tripwire → pipeline → outbox → publisher."""
