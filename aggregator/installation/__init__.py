"""What is done to an installation now and then: check it, back it up, restore it, take it away."""
