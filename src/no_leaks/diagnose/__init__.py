"""Diagnose: a judged sighting becomes a leak with origin, holder, hint and fingerprint."""
