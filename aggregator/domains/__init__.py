"""Who says what: a file a domain, each with its declaration `DOMAIN`."""
