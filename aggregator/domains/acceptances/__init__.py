"""Acceptance (验收): every line, lane and sensor of a site was tried, by whom, when; what is still open."""
