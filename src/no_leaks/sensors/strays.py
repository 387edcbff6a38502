"""What came to light and nobody can be charged with; a leaf, so that asking whether there is any loads nothing."""

from __future__ import annotations

from collections import deque

from ..model import Sighting

kept: deque[Sighting] = deque(maxlen=100)
"""Found by an automatic collection and without a record: whose they are cannot be said, so no test is blamed."""
