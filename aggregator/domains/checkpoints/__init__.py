"""Checkpoints: which vehicles passed which lane. Of one that hit no list nothing is known that could find it again."""
