"""What holds for every test of the repository, wherever it stands."""

from __future__ import annotations

from no_leaks.sensors import audit

# pytest takes this line only from the conftest.py at the root; pytester runs pytest inside a test.
pytest_plugins = ["pytester"]

# The interpreter traces no audit hook, and coverage would see none of its lines, unless the hook says that it may.
audit._hook.__cantrace__ = True  # type: ignore[attr-defined]
