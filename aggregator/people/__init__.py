"""Who may ask, and what is theirs."""
