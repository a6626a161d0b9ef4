"""Lists of plates: somebody asks for one, somebody else approves it, and it ends by itself."""
