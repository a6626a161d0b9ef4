"""What each box shall watch, as files that it tries and keeps or goes back from."""
