"""What is kept for how long: domains declare it (`Retained`), one guard watches over what is deleted."""
