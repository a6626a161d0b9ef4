"""A page on loopback to draw lines and zones on one frame, try them, and save the scene file."""
