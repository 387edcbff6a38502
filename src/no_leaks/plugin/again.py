"""Again: a wider fixture that left something is set up and torn down once more, to tell a leak from something made once.

Its dependents are gone by then, and what it depends on is still there. Private: `FixtureDef.finish`. pytest 8.0 to 9.2.
"""

from __future__ import annotations

import contextlib
import functools
import io
from typing import Any

import pytest

from ..config import Settings
from ..ledger import Ledger
from ..model import Verdict
from ..scope import Found

FAILED = "not repeated: the fixture failed"
ONCE = "setting the fixture up once more left no more of it"
USED = "not confirmed: it was made while tests used the fixture, and setting that up once more leaves none"


def once_more(fixturedef: Any, request: Any) -> str:
    """Set a fixture up and tear it down; return why that came to nothing, "" where it went as it should."""
    function = fixturedef.func
    if getattr(fixturedef, "unittest", False) and request.instance is None:  # pragma: no cover - pytest 8.0 and 8.1
        fixturedef.func = functools.partial(function, None)  # they bind setUpClass to a case, which is gone by now
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                request.node.ihook.pytest_fixture_setup(fixturedef=fixturedef, request=request)
            finally:
                fixturedef.finish(request)
    except (KeyboardInterrupt, pytest.exit.Exception):
        raise
    except BaseException as error:
        words = str(error).partition("\n")[0]
        return f"not confirmed: set up once more, the fixture failed ({type(error).__name__}: {words})"
    finally:
        fixturedef.func = function
    return ""


def told(found: Found, book: Ledger, from_s: float, to_s: float) -> Found:
    """Say of what did not come again why that is: what was made by use, between set-up and end, could not."""
    if found.verdict is not Verdict.ONCE or found.sighting.once:
        return found
    births = [record.born_s for record in book.records if record.stack and record.stack is found.sighting.stack]
    if any(from_s < born_s < to_s for born_s in births):
        return found._replace(verdict=Verdict.UNCONFIRMED, reason=USED)
    return found._replace(reason=ONCE)


def obstacle(settings: Settings, took_s: float) -> str:
    """Return why a fixture is not set up once more, "" where nothing is in the way."""
    if settings.confirm == "never":
        return "not repeated: confirm is off"
    if settings.confirm == "auto" and took_s > settings.confirm_limit_s:
        return (
            f"not repeated: the fixture's set-up took {took_s:.0f} s, over the limit of {settings.confirm_limit_s:g} s "
            "(no_leaks_confirm_limit)"
        )
    return ""
