"""What is done by the clock, and tried again where it fails: one mechanism for all of it."""
