"""Posts that people stand at: who is on, and what each hands over to the next."""
