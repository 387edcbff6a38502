"""What holds for every test of the repository, wherever it stands."""

from __future__ import annotations

# pytest takes this line only from the conftest.py at the root; pytester runs pytest inside a test.
pytest_plugins = ["pytester"]
