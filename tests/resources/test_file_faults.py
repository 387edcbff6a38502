"""Files under fault injection: cancelled at every await, failing at every system call, nothing is left and the old content stays."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from injection import WAYS, Left, cancel_everywhere, fail_everywhere

from no_leaks.resources import ResourceManager, secure_file_context

OLD, NEW = "the old content\n", "the new content, which is longer\n"
WRITES: dict[str, dict[str, object]] = {
    "plain": {},
    "atomic": {"atomic": True},
    "below a root": {"root": True},
    "atomic below a root": {"root": True, "atomic": True, "create_parents": True},
    "locked": {"lock": True},
    "atomic and locked": {"lock": True, "atomic": True},
    "bounded": {"max_bytes": 1000},
}


def options_of(case: str, folder: Path) -> tuple[str, dict[str, object]]:
    """Return the path and the options of a case."""
    options = dict(WRITES[case])
    if options.pop("root", False):
        return "a/b/data.txt", {"root": folder, "create_parents": True, **options}
    return str(folder / "a" / "b" / "data.txt"), {"create_parents": True, **options}


def whole(folder: Path, *, atomic: bool) -> Callable[[], None]:
    """Return a check that an atomic file is the old one or the new one, and begin with the old one again."""
    path = folder / "a" / "b" / "data.txt"

    def check() -> None:
        if atomic:
            assert path.read_text() in (OLD, NEW)
            path.write_text(OLD)

    return check


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", WRITES)
def test_writing_cancelled_at_every_step_leaves_nothing(case: str, way: str, tmp_path: Path) -> None:
    """No descriptor, thread, task or temporary file; nor is anything still tracked."""
    path, options = options_of(case, tmp_path)
    manager = ResourceManager()

    async def main() -> None:
        async with secure_file_context(path, "w", manager=manager, **options) as file:  # type: ignore[call-overload]
            await file.write(NEW)
            await file.flush()
            assert await file.tell() == len(NEW)

    def check() -> None:
        whole(tmp_path, atomic="atomic" in case)()
        assert manager.active() == ()
        assert manager.metrics().leaked == 0

    assert cancel_everywhere(way, main, tmp_path, check) >= 3


@pytest.mark.parametrize("way", WAYS)
def test_reading_cancelled_at_every_step_leaves_nothing(way: str, tmp_path: Path) -> None:
    """By lines, in pieces and as a whole."""
    (tmp_path / "data.txt").write_text("one\ntwo\nthree\n")

    async def main() -> None:
        async with secure_file_context("data.txt", root=tmp_path) as file:
            assert await file.readline() == "one\n"
            assert await file.read(3) == "two"
            assert [line async for line in file] == ["\n", "three\n"]
            await file.seek(0)
            assert len(await file.readlines()) == 3

    assert cancel_everywhere(way, main, tmp_path) >= 3


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "input/output error"), KeyboardInterrupt()], ids=["EIO", "Ctrl-C"]
)
@pytest.mark.parametrize("mode", ["w", "x", "a", "r+"])
@pytest.mark.parametrize("case", WRITES)
def test_every_system_call_may_fail(
    case: str, mode: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever it is, nothing is left, and an atomic file is the old one or the new one."""
    path, options = options_of(case, tmp_path)
    target = tmp_path / "a" / "b" / "data.txt"
    if mode not in ("w", "x"):
        options.pop("atomic", None)
    target.parent.mkdir(parents=True)
    manager = ResourceManager()

    def main() -> None:
        target.unlink(missing_ok=True) if mode == "x" else target.write_text(OLD)
        with secure_file_context(path, mode, manager=manager, **options) as file:  # type: ignore[arg-type]
            file.write(NEW)

    def check() -> None:
        assert manager.active() == ()
        if "atomic" in options:
            assert not target.exists() or target.read_text() in (OLD, NEW)

    assert len(fail_everywhere(main, tmp_path, monkeypatch, error, check)) >= 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("backend", ["plain", "asyncio", "trio"])
def test_a_full_disk_is_told_and_leaves_nothing(backend: str, tmp_path: Path) -> None:
    """What is buffered is written at last by the close, which fails: the descriptor is closed all the same."""
    manager = ResourceManager()

    def plain() -> None:
        with secure_file_context("/dev/full", "w", regular_only=False, manager=manager) as file:
            file.write(NEW)

    async def main() -> None:
        async with secure_file_context("/dev/full", "w", regular_only=False, manager=manager) as file:
            await file.write(NEW)

    def fill() -> None:
        with pytest.raises(OSError, match="No space left"):
            plain() if backend == "plain" else anyio.run(main, backend=backend)

    fill()  # which starts the threads that trio keeps
    left = Left(tmp_path)
    fill()
    left.check("the disk was full")
    assert manager.active() == ()
    assert manager.metrics().leaked == 0
