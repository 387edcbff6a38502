"""The compiled half of two steps that every test pays for; None where it was not built, and `reason` says why.

It is built with the package where there is a C compiler (hatch_build.py). All that it does is done in Python, too: six
times as long for a walk up the stack, three times for an audited event.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import ModuleType

OFF = "NO_LEAKS_PURE"
"""The environment variable that switches it off, for whoever suspects it."""


def load(environment: Mapping[str, str] = os.environ) -> tuple[ModuleType | None, str]:
    """Return the compiled module and "", or None and the reason why it is not used."""
    if environment.get(OFF):
        return None, f"switched off by {OFF}"
    try:
        from . import _speedups
    except ImportError as error:
        return None, f"not built when the package was installed ({error})"
    return _speedups, ""
