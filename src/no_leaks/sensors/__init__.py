"""Sensors: what listens while a scope runs and writes births and losses into the ledger at work."""
