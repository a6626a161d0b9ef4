"""Adapters: each reads the sensors of one chip, bus or broker, fails alone and comes back alone."""
