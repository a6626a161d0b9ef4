"""Models of Hawkline's own: registry, files and cards. Empty until the plate reader."""
