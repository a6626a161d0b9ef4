"""What the centre wants of this box: taken, obeyed, and answered for."""
