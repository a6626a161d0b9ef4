"""A PostgreSQL and a broker of our own, for trials and small sites: nothing to install, nothing to configure."""
