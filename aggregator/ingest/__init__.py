"""From published batches to committed rows: an idempotent-producer protocol (docs/adr/0003)."""
