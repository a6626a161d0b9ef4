"""What sensors and outputs are wired to, as a box's file has it."""
