"""What this box watches: by its own file, or as the centre sent it; tried, kept, or gone back from."""
