"""The audit: who changed or looked at what, when, why and from where."""
