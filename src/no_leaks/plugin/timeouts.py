"""pytest-timeout: each repetition of a test has the test's limit to itself, and one that exceeds it ends no run.

Private: `pytest_timeout._get_item_settings` and the fields `timeout`, `method`, `func_only` of what it returns (2.0 to 2.4).
"""

from __future__ import annotations

import signal
import sys
from typing import Any

from .. import faults


def restart(item: Any, *, repeated: bool) -> None:
    """Start an item's timer anew, which would go on counting from the first run; nothing where there is none.

    The method "thread" ends the whole process: for a test that has passed, and hangs when it is repeated, that is too much.
    """
    timeout: Any = sys.modules.get("pytest_timeout")
    hook = item.config.hook
    if timeout is None or not hasattr(hook, "pytest_timeout_set_timer"):
        return
    try:
        settings = timeout._get_item_settings(item)
        if not settings.timeout or settings.timeout < 0 or settings.func_only:
            return
        hook.pytest_timeout_cancel_timer(item=item)
        if repeated and hasattr(signal, "SIGALRM"):
            settings = settings._replace(method="signal")
        hook.pytest_timeout_set_timer(item=item, settings=settings)
    except Exception as error:
        faults.note("pytest-timeout", error)
