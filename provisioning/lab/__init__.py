"""The laboratory: demo, simulation and benches. It may use every part; no part uses it."""
