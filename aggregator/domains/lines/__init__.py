"""Lines and zones: what an armed one saw, what crossed, and which are armed."""
