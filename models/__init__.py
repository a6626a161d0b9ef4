"""Models of Hawkline's own: registry, files, cards, and how plates are read with them."""
