"""Who looks: one process with the model for all cameras of the box, under one budget; or at once, for videos."""
