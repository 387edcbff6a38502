"""Alone: `no_leaks.growth(fn)`: call something again and again, and return what grows each time; needs no pytest."""

from __future__ import annotations
