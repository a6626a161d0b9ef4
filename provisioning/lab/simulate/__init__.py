"""`hawkline simulate`: a district of boxes against a real aggregator, with faults where wanted, and a verdict.

run (start to verdict) → chaos (what is broken next) → network (a bad one) ; ledger (numbered against stored)
"""
