"""For those who run a centre: health, readiness, metrics, dead letters."""
