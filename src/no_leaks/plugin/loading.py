"""Loading: how our own modules are imported while pytest runs, in as little time as can be."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def as_they_are() -> Generator[None]:
    """Import our modules as they are compiled, and collect no garbage meanwhile, of which an import makes none.

    pytest would rewrite their asserts, which more than doubles the time; a collection walks all that pytest has loaded.

    Private: the class name of pytest's import hook (8.0 to 9.2); where it has another, the import only takes longer.
    """
    hooks = [finder for finder in sys.meta_path if type(finder).__name__ == "AssertionRewritingHook"]
    collects = gc.isenabled()
    gc.disable()
    for hook in hooks:
        sys.meta_path.remove(hook)
    try:
        yield
    finally:
        sys.meta_path[:0] = hooks
        if collects:
            gc.enable()
