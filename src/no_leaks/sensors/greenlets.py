"""Greenlets of gevent: they go on only when its hub runs, which a settling scope has to allow for; nothing listens here.

Private: `gevent._hub_local.get_hub_if_exists` (gevent 1.5 to 26): the public `get_hub` would make a hub, and so open its
descriptors in the test at work. Where a release has it no more, greenlets go on only while something waits by gevent.
"""

from __future__ import annotations

import sys
from typing import Any

TURN_S = 1e-6
"""Not 0: its hub then comes back before it has looked at what else is due, such as a descriptor to be closed."""


def spin() -> None:
    """Let the greenlets of this thread that are ready take a step."""
    hub = getattr(sys.modules.get("gevent._hub_local"), "get_hub_if_exists", lambda: None)()
    gevent: Any = sys.modules["gevent"]
    if hub is not None and gevent.getcurrent() is not hub:
        gevent.sleep(TURN_S)
