"""Numbers that hold no event, and why."""
