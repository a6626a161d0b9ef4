"""From pictures to events: motion, tracks, lines, zones, plates. No input, no output, no clock."""
