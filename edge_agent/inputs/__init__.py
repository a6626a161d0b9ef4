"""What wires, radios and alarm panels know: each source an adapter of its own."""
