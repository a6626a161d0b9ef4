"""What deserves an alert. Pure: signals and settings in, decisions with named reasons out."""
