"""People, programs, and what is theirs: accounts, roles, keys, sessions."""
