"""What deserves an alert. Pure: an occurrence and settings in, decisions with named reasons out."""
