"""One camera: where its pictures come from, the process that watches it, and who keeps that running."""
