"""Boxes without cameras: many of them in one process, each with the real publisher and the real protocol.

behaviour (pure: what a box sees, and what happens to it, when) → box (one box) → fleet (many on one thread)
memory: an outbox for boxes whose card does not matter; ledger: what was numbered, for others to check
"""
