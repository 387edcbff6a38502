"""Reporters: one format per file; leaks in, text out."""
