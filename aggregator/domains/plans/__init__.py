"""Plans of sites: what planners have applied, version by version."""
