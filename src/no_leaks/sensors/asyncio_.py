"""The asyncio sensor's front door: patches what is loaded, and what is imported later at the next opportunity."""

from __future__ import annotations

import sys

from .. import faults
from ..config import Settings
from . import asyncio_births, asyncio_runners, asyncio_tasks, patience, trio_, uvloops

set_grace = patience.set_grace
spin_loops = patience.spin_loops

_LAST = ("asyncio.unix_events", "asyncio.windows_events")
"""asyncio imports these last: when their import begins, all that is patched here is loaded."""
_NEIGHBOURS = (
    "uvloop",
    "trio._core",
    "anyio._backends._asyncio",
    "backports.asyncio.runner.runner",
    "unittest.async_case",
)

_active = False
_patched: dict[str, object] = {}
"""What is patched, by name: a module that is imported anew (pytester forgets what a run imported) is another one."""
_unseen: list[str] = []


def install() -> None:
    """Begin to listen: patch asyncio and its neighbours if they are loaded; the others as `on_import` tells."""
    global _active
    _active = True
    asyncio_births.at_each_loop(_at_birth)
    _patch(asyncio_loaded=_is_loaded("asyncio"))


def remove() -> None:
    """Put everything back."""
    global _active
    _active = False
    _patched.clear()
    _unseen.clear()
    for part in (asyncio_tasks, asyncio_births, asyncio_runners, trio_):
        part.remove()


def tune(settings: Settings) -> None:
    """Give what a runner is about to throw away the grace of the scope that begins."""
    patience.set_grace(settings.grace_s)


def on_import(name: object) -> None:
    """Take note that an import begins; called from the audit hook, before the module is loaded."""
    if _active:
        _patch(asyncio_loaded=name in _LAST or "asyncio" in _patched)
        # importlib.import_module, by which anyio gets its backend, raises no event for the module itself.
        asyncio_tasks.at_next_birth(_at_birth)


def reason() -> str:
    """Return what cannot be seen of the asyncio that is loaded, and why; "" if all can."""
    return "; ".join(_unseen)


def _is_loaded(name: str) -> bool:
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)


def _patch(*, asyncio_loaded: bool) -> None:
    try:
        if asyncio_loaded and "asyncio" not in _patched:
            _patched["asyncio"] = True
            _unseen.extend(why for why in (asyncio_tasks.install(), _base_loops(), asyncio_runners.install()) if why)
        for name in _NEIGHBOURS:
            module = sys.modules.get(name)
            if module is not None and _patched.get(name) is not module and _is_loaded(name):
                _patched[name] = module
                _neighbour(name)
    except Exception as error:
        faults.note("asyncio sensor", error)


def _base_loops() -> str:
    why = asyncio_births.install(sys.modules["asyncio.base_events"].BaseEventLoop)
    return f"not seen on this asyncio's loops: {why}" if why else ""


def _neighbour(name: str) -> None:
    if name == "trio._core":
        why = trio_.install()
        if why:
            _unseen.append(why)
        return
    if name == "uvloop":
        uvloops.look_again()
        asyncio_births.install(sys.modules["uvloop"].Loop)  # its timers are not seen: the documentation says so
    if "asyncio" in _patched:
        asyncio_runners.install()


def _at_birth(task: object = None) -> None:
    """Patch a neighbour that was imported since, which anyio 3 does without a word: no loop of its has been shut down yet."""
    _patch(asyncio_loaded=True)
