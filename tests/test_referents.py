"""Referents: what the collector's own question says, but for modules, which one CPython answers by breaking itself."""

from __future__ import annotations

import gc
import subprocess
import sys
from types import ModuleType

import pytest

from no_leaks import referents

AGAIN_AND_AGAIN = """
import asyncio, _asyncio, resource
from no_leaks import referents
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
async def wait():
    await asyncio.gather(*(asyncio.sleep(0.001) for _ in range(5)))
for _ in range(3):
    asyncio.run(wait())
    print(referents.of(_asyncio) == [vars(_asyncio)])
"""


def test_they_are_those_that_the_collector_knows() -> None:
    """In its order."""
    things: list[object] = [[1, "x"], {"a": 2.5}, (3,)]
    assert referents.of(*things) == gc.get_referents(*things)


def test_a_module_is_asked_for_its_dictionary_alone() -> None:
    """A subclass of the type, too; what stands beside it is answered for as well."""

    class Own(ModuleType):
        pass

    module = Own("made")
    assert referents.of([1], module, sys) == [1, vars(module), vars(sys)]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of memory can be set there")
def test_asyncio_can_be_asked_again_and_again() -> None:
    """In 3.12.1 the second of the collector's own questions takes all memory."""
    done = subprocess.run([sys.executable, "-c", AGAIN_AND_AGAIN], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("True\n" * 3, 0), done.stderr


def test_what_the_collector_does_not_list_is_looked_into() -> None:
    """A dictionary or tuple of nothing but strings and buffers, one in another; and who holds a buffer is found so."""
    buffer = bytearray(9)
    module = ModuleType("plain")
    vars(module)["pair"] = pair = ("name", buffer)
    gc.collect()  # it takes such a tuple off its list
    assert any(one is buffer for held in referents.levels([module]) for one in held)
    (holder,) = referents.unlisted_holders([buffer], [module])
    assert holder is pair
