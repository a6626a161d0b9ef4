"""What operators' pages hear: an ordered log in the database, fanned out over SSE."""
