"""What is measured: three suites of clean tests, written into a temporary folder, and the conftest that takes their time."""

from __future__ import annotations

from pathlib import Path

TRIVIAL = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_trivial(number):
    assert number + 1 > number
"""

ASYNC = """
import asyncio
import pytest

@pytest.mark.asyncio
@pytest.mark.parametrize("number", range({count}))
async def test_async(number):
    assert await asyncio.create_task(asyncio.sleep(0, number)) == number
"""

HANDLES = """
import socket
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_handles(number, tmp_path):
    path = tmp_path / "data"
    with open(path, "w") as file:
        file.write("x")
    with open(path) as file:
        assert file.read() == "x"
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"x")
        assert right.recv(1) == b"x"
"""

CONFTEST = """
import gc, json, os, time
import pytest

VARIANT = os.environ["BENCH_VARIANT"]

START = []

def pytest_runtest_logstart():
    # From the first test on: what is done once for the whole run is counted as start-up.
    if not START:
        START.extend((time.perf_counter(), time.process_time()))

@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session):
    result = yield
    spent = {"wall": time.perf_counter() - START[0], "cpu": time.process_time() - START[1]}
    with open(os.environ["BENCH_RESULT"], "w") as file:
        json.dump(spent, file)
    return result

if VARIANT == "pyleak":
    def pytest_collection_modifyitems(items):
        for item in items:
            item.add_marker(pytest.mark.no_leaks)

if VARIANT == "naive":
    import psutil
    ME = psutil.Process()

    def look():
        gc.collect()
        return ME.num_fds(), ME.num_threads(), len(ME.children(recursive=True)), len(ME.open_files()), len(ME.net_connections())

    @pytest.fixture(autouse=True)
    def naive_leak_check():
        before = look()
        yield
        assert look() == before
"""

SUITES: dict[str, tuple[str, int]] = {"trivial": (TRIVIAL, 2000), "async": (ASYNC, 500), "handles": (HANDLES, 300)}
"""Name -> source and number of tests."""


def write(folder: Path, name: str, count: int) -> Path:
    """Write one suite of `count` tests and return its folder."""
    home = folder / f"{name}-{count}"
    if not home.exists():
        home.mkdir()
        (home / "conftest.py").write_text(CONFTEST)
        (home / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
        (home / f"test_{name}.py").write_text(SUITES[name][0].format(count=count))
    return home
