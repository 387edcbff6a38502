"""Secure files: one context under `with` and `async with`; opened, bounded, locked, replaced as a whole, closed once."""

from __future__ import annotations

import gc
import os
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from backends import on_both, run
from support import in_child

from no_leaks import get_resource_metrics, secure_file_context
from no_leaks.errors import DeadlineExceeded, FileTooLarge, ResourceClosed, ResourceError, SettingError, UnsafePath
from no_leaks.resources import AsyncSecureFile, ResourceManager, locks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A path at which nothing is yet."""
    return tmp_path / "data.txt"


@pytest.fixture
def umask() -> Iterator[None]:
    """A umask that takes everything from everybody else."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    """Return a file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def test_plain_code_writes_and_reads(path: Path) -> None:
    """Under `with`."""
    with secure_file_context(path, "w") as file:
        assert file.write("content") == 7
        assert (file.name, file.mode, file.closed) == (str(path), "w", False)

    with secure_file_context(str(path)) as again:
        assert again.read() == "content"
    assert (file.closed, again.closed) == (True, True)


@on_both
def test_async_code_writes_and_reads(path: Path, backend: str) -> None:
    """Under `async with`, the same object."""

    async def main() -> tuple[str, bool]:
        async with secure_file_context(path, "w") as file:
            assert await file.write("content") == 7
            assert (file.name, file.mode, file.closed) == (str(path), "w", False)
        async with secure_file_context(path) as again:
            return await again.read(), file.closed

    assert run(backend, main) == ("content", True)


@on_both
def test_all_methods_of_a_file_are_there(path: Path, backend: str) -> None:
    """Awaited, they do what a file's do."""

    async def main() -> None:
        async with secure_file_context(path, "w+") as file:
            await file.writelines(["one\n", "two\n", "three\n"])
            await file.flush()
            assert await file.tell() == 14
            assert await file.seek(0) == 0
            assert await file.readline() == "one\n"
            assert await file.readlines() == ["two\n", "three\n"]
            assert await file.truncate(4) == 4
            assert os.fstat(file.fileno()).st_size == 4
            assert repr(file) == f"<open secure file {str(path)!r}, mode 'w+'>"
            await file.close()
            await file.aclose()
            assert repr(file).startswith("<closed")

    run(backend, main)


def test_plain_code_has_all_methods(path: Path) -> None:
    """As a file of Python has."""
    with secure_file_context(path, "w+") as file:
        file.writelines(["one\n", "two\n", "three\n"])
        file.flush()
        assert (file.tell(), file.seek(0), file.readline()) == (14, 0, "one\n")
        assert [line for line in file] == ["two\n", "three\n"]  # noqa: C416 - the iteration is the point
        file.seek(4)
        assert file.readlines() == ["two\n", "three\n"]
        assert file.truncate(4) == 4
        assert os.fstat(file.fileno()).st_size == 4


@on_both
def test_lines_are_iterated(path: Path, backend: str) -> None:
    """More of them than one fetch brings."""
    lines = [f"line {number}\n" for number in range(20_000)]
    path.write_text("".join(lines))

    async def main() -> list[str]:
        async with secure_file_context(path) as file:
            return [line async for line in file]

    assert run(backend, main) == lines


@on_both
def test_a_seek_in_an_iteration_forgets_what_was_fetched(path: Path, backend: str) -> None:
    """The next line is the one at the new position."""
    path.write_text("one\ntwo\n")

    async def main() -> list[str]:
        async with secure_file_context(path) as file:
            first = await file.__anext__()
            await file.seek(0)
            return [first, await file.__anext__()]

    assert run(backend, main) == ["one\n", "one\n"]


@on_both
@pytest.mark.parametrize("mode", ["r", "rb", "r+b"])
def test_who_stops_iterating_reads_on_at_the_next_line(path: Path, backend: str, mode: str) -> None:
    """Whatever was fetched ahead: by pieces, lines and as a whole."""
    path.write_text("".join(f"{number}\n" for number in range(1000)))

    async def main() -> list[Any]:
        async with secure_file_context(path, mode) as file:
            got = [await file.__anext__(), await file.readline(), await file.readline(1), await file.readline()]
            got += [await file.read(3), await file.__anext__()]
            rest = await file.read(5000)
            assert rest == whole[len(whole) - len(rest) :]
        async with secure_file_context(path, mode) as file:
            await file.__anext__()
            assert await file.read(len(whole) - 2) == whole[2:]
        async with secure_file_context(path, mode) as file:
            await file.__anext__()
            assert await file.readlines() == whole.splitlines(keepends=True)[1:]
        async with secure_file_context(path, mode) as file:
            await file.__anext__()
            assert await file.read(0) == whole[:0]
            assert await file.read() == whole[2:]
        return got

    whole: Any = path.read_bytes() if "b" in mode else path.read_text()
    expected: list[Any] = ["0\n", "1\n", "2", "\n", "3\n4", "\n"]
    assert run(backend, main) == ([text.encode() for text in expected] if "b" in mode else expected)


@on_both
def test_bytes_are_counted_from_the_line_that_was_given(path: Path, backend: str) -> None:
    """Position, steps from it, and what is written there."""
    path.write_bytes(b"one\ntwo\nthree\nfour\n")

    async def main() -> None:
        async with secure_file_context(path, "r+b") as file:
            await file.__anext__()
            assert await file.tell() == 4
            await file.__anext__()
            assert await file.seek(1, 1) == 9
            assert await file.__anext__() == b"hree\n"
            await file.write(b"FOUR")

    run(backend, main)
    assert path.read_bytes() == b"one\ntwo\nthree\nFOUR\n"


@on_both
def test_a_text_that_is_iterated_has_no_position(path: Path, backend: str) -> None:
    """As Python's own; a write ends what was fetched."""
    path.write_text("one\ntwo\n")

    async def main() -> None:
        async with secure_file_context(path, "r+") as file:
            await file.__anext__()
            await file.write("three\n")
            await file.seek(0)
            assert await file.readlines() == ["one\n", "two\n", "three\n"]
        path.write_text("x\n" * 100_000)
        async with secure_file_context(path) as file:
            await file.__anext__()
            with pytest.raises(OSError, match="telling position disabled"):
                await file.tell()

    run(backend, main)


@on_both
def test_small_writes_and_large_ones_keep_their_order(path: Path, backend: str) -> None:
    """What fits into the buffer goes there, the rest through a thread."""
    parts = ["x" * size for size in (10, 5000, 7, 1000, 900, 900, 20_000, 1)]

    async def main() -> None:
        async with secure_file_context(path, "w") as file:
            for part in parts:
                assert await file.write(part) == len(part)

    run(backend, main)

    assert path.read_text() == "".join(parts)


def test_binary_files_hold_bytes(path: Path) -> None:
    """In every combination of modes."""
    with secure_file_context(path, "xb") as new:
        new.write(b"\0\1")
    with secure_file_context(path, "ab") as more:
        more.write(b"\2")
    with secure_file_context(path, "rb+") as both:
        assert both.read() == b"\0\1\2"


def test_text_is_utf_8_unless_told(path: Path) -> None:
    """Whatever the locale says; newlines and errors as for `open`."""
    with secure_file_context(path, "w") as file:
        file.write("ä\n")
    assert path.read_bytes() == "ä\n".encode()

    with secure_file_context(path, "w", encoding="latin-1", newline="\r\n", errors="replace") as file:
        file.write("ä→\n")
    assert path.read_bytes() == b"\xe4?\r\n"


def test_a_file_that_must_be_new_is(path: Path) -> None:
    """Mode "x" takes none that is there."""
    path.touch()

    with pytest.raises(FileExistsError), secure_file_context(path, "x"):
        pass


def test_a_folder_that_is_missing_below_the_root_is_an_error(tmp_path: Path) -> None:
    """Unless it is to be made."""
    with pytest.raises(FileNotFoundError), secure_file_context("a/data.txt", "w", root=tmp_path):
        pass


@on_both
def test_waiting_for_a_lock_can_be_cancelled(path: Path, backend: str) -> None:
    """And leaves nothing behind."""

    async def main() -> bool:
        async with secure_file_context(path, "w", lock=True):
            with anyio.move_on_after(0.01) as scope:
                async with secure_file_context(path, "a", lock=True):
                    raise AssertionError("it is taken")
        return scope.cancel_called

    assert run(backend, main)


def test_a_file_whose_layers_cannot_be_made_is_closed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of memory between the descriptor and the file."""

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("io.BufferedWriter", fail)

    with pytest.raises(MemoryError), secure_file_context(path, "w", atomic=True):
        pass
    assert os.listdir(path.parent) == []


def test_a_folder_is_no_file(path: Path) -> None:
    """Even where anything goes."""
    with pytest.raises(IsADirectoryError), secure_file_context(path.parent, regular_only=False):
        pass


def test_what_was_longer_is_cut(path: Path) -> None:
    """Mode "w" empties a file."""
    path.write_text("the old content")

    with secure_file_context(path, "w") as file:
        file.write("new")

    assert path.read_text() == "new"


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("options", [{}, {"atomic": True}])
def test_a_new_file_has_exactly_its_permissions(path: Path, options: dict[str, bool]) -> None:
    """0o600 unless told, and what is told whatever the umask is."""
    other = path.with_name("other")
    with secure_file_context(path, "w", **options), secure_file_context(other, "w", permissions=0o644, **options):
        pass

    assert (mode_of(path), mode_of(other)) == (0o600, 0o644)


@pytest.mark.parametrize("options", [{}, {"atomic": True}])
def test_an_old_file_keeps_its_permissions(path: Path, options: dict[str, bool]) -> None:
    """Replaced as a whole, too."""
    path.touch()
    path.chmod(0o640)

    with secure_file_context(path, "w", **options):
        pass

    assert mode_of(path) == 0o640


def test_missing_folders_are_made_on_request(path: Path) -> None:
    """Private as the file is: who may read it may enter."""
    deep = path.parent / "a" / "b" / "data.txt"
    with pytest.raises(FileNotFoundError), secure_file_context(deep, "w"):
        pass

    with secure_file_context(deep, "w", create_parents=True):
        pass

    assert (mode_of(deep.parent), deep.exists()) == (0o700, True)


@pytest.mark.parametrize("below_root", [False, True])
def test_no_folder_that_is_made_is_open_to_others(tmp_path: Path, below_root: bool) -> None:
    """Not only the last; those that were there stay as they are."""
    (tmp_path / "old").mkdir(mode=0o755)
    before = os.umask(0)
    try:
        name = "old/a/b/data.txt"
        with secure_file_context(
            name if below_root else tmp_path / name,
            "w",
            create_parents=True,
            root=tmp_path if below_root else None,
        ):
            pass
    finally:
        os.umask(before)

    assert [mode_of(tmp_path / folder) for folder in ("old", "old/a", "old/a/b")] == [0o755, 0o700, 0o700]


def test_what_stands_in_the_way_of_a_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file; a folder that somebody makes meanwhile is none."""
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError), secure_file_context(tmp_path / "a" / "x", "w", create_parents=True):
        pass

    real = os.mkdir

    def faster(path: str, mode: int = 0o777) -> None:
        real(path, mode)
        real(path, mode)

    monkeypatch.setattr(os, "mkdir", faster)
    with secure_file_context(tmp_path / "b" / "x", "w", create_parents=True):
        pass


def test_an_atomic_file_appears_as_a_whole(path: Path) -> None:
    """Until the block has ended well, the old one is there."""
    path.write_text("old")

    with secure_file_context(path, "w", atomic=True) as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"

    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["data.txt"]


def test_a_new_file_that_cannot_be_made_ready_is_removed(
    path: Path, umask: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be there, empty and with other permissions."""

    def refuse(fd: int, mode: int) -> None:
        assert path.exists()
        raise PermissionError("refused")

    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.raises(PermissionError, match="refused"), secure_file_context(path, "w", permissions=0o644):
        pass

    assert not path.exists()


def test_an_atomic_file_is_durable_before_it_appears(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is synced, then renamed, then the folder is synced: a power cut leaves the old file or the new one."""
    done: list[str] = []

    def noted(name: str) -> Callable[..., object]:
        real: Callable[..., object] = getattr(os, name)

        def call(*args: object, **keywords: object) -> object:
            is_folder = name == "fsync" and stat.S_ISDIR(os.fstat(args[0]).st_mode)  # type: ignore[arg-type]
            done.append(f"{name} of the folder" if is_folder else name)
            if name == "fsync" and not is_folder:
                assert os.fstat(args[0]).st_size == 7  # type: ignore[arg-type]
            return real(*args, **keywords)

        return call

    for name in ("fsync", "rename"):
        monkeypatch.setattr(os, name, noted(name))
    with secure_file_context(path, "w", atomic=True) as file:
        file.write("content")

    assert done == ["fsync", "rename", "fsync of the folder"]


@pytest.mark.parametrize("early", [False, True])
def test_a_failed_block_leaves_the_old_file(path: Path, early: bool) -> None:
    """And no temporary one."""
    path.write_text("old")

    with pytest.raises(ValueError, match="mine"), secure_file_context(path, "w", atomic=True) as file:
        file.write("new")
        if early:
            file.close()
        raise ValueError("mine")

    assert path.read_text() == "old"
    assert os.listdir(path.parent) == ["data.txt"]


def test_an_atomic_file_that_must_be_new_replaces_none(path: Path) -> None:
    """Neither one that is there, nor one that comes meanwhile."""
    with secure_file_context(path, "x", atomic=True) as file:
        file.write("first")
    with pytest.raises(FileExistsError), secure_file_context(path, "x", atomic=True):
        pass
    path.unlink()
    with pytest.raises(FileExistsError), secure_file_context(path, "x", atomic=True):
        path.write_text("faster")

    assert path.read_text() == "faster"
    assert os.listdir(path.parent) == ["data.txt"]


def test_an_atomic_file_that_is_dropped_leaves_no_temporary_one(path: Path) -> None:
    """The collector takes the file; Python itself warns that it was open."""
    manager = ResourceManager()
    context = secure_file_context(path, "w", atomic=True, manager=manager)
    context.__enter__().write("lost")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del context
        gc.collect()

    assert os.listdir(path.parent) == []
    assert manager.metrics().leaked == 1


def test_a_forked_child_neither_writes_nor_renames(path: Path) -> None:
    """What is buffered is the parent's."""
    context = secure_file_context(path, "w", atomic=True)
    plain = secure_file_context(path.with_name("plain"), "w")

    def leave() -> object:
        plain.__exit__(None, None, None)
        context.__exit__(None, None, None)
        return file.closed, os.path.exists(path)

    with context as file, plain as other:
        file.write("once")
        other.write("once")
        assert in_child(leave) == "(True, False)"

    assert (path.read_text(), path.with_name("plain").read_text()) == ("once", "once")


def test_a_second_close_is_harmless(path: Path) -> None:
    """And use after it says what happened."""
    with secure_file_context(path, "w") as file:
        file.close()
        file.close()
        with pytest.raises(ResourceClosed, match=r"file '.*data.txt' has been closed: use it inside"):
            file.write("late")


@on_both
def test_a_read_that_was_too_late_says_so(path: Path, backend: str) -> None:
    """A ValueError, as of a file of Python."""
    path.touch()

    async def main() -> None:
        async with secure_file_context(path) as file:
            pass
        await file.read()

    with pytest.raises(ValueError, match="has been closed"):
        run(backend, main)


def test_a_context_is_used_once(path: Path) -> None:
    """One opening, one block."""
    context = secure_file_context(path, "w")
    with context:
        pass

    with pytest.raises(RuntimeError, match="has been used: make a new one"), context:
        pass


def test_an_error_of_closing_is_raised(path: Path) -> None:
    """What the disk did not take was not written: a real device that is full."""
    with (
        pytest.raises(OSError, match="No space left"),
        secure_file_context("/dev/full", "w", regular_only=False) as file,
    ):
        file.write("content")
    assert file.closed


@on_both
def test_an_error_of_closing_hides_none_of_the_bodys(backend: str) -> None:
    """It is told beside it."""

    async def main() -> None:
        async with secure_file_context("/dev/full", "w", regular_only=False) as file:
            await file.write("content")
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        run(backend, main)
    assert "No space left" in caught.value.__notes__[0]


@on_both
def test_an_async_error_of_closing_is_raised(backend: str) -> None:
    """As it is, from the thread."""

    async def main() -> None:
        async with secure_file_context("/dev/full", "w", regular_only=False) as file:
            await file.write("content")

    with pytest.raises(OSError, match="No space left"):
        run(backend, main)


@on_both
def test_closing_has_a_deadline(path: Path, backend: str) -> None:
    """A thread that hangs is left behind; the caller goes on."""
    go_on = threading.Event()

    class Slow:
        name, closed, options = "slow", False, secure_file_context(path, "w", close_timeout_s=0.01).options

        def end(self, *, commit: bool) -> None:
            go_on.wait()

    async def main() -> None:
        try:
            await AsyncSecureFile(Slow()).aclose()  # type: ignore[type-var]
        finally:
            go_on.set()

    with pytest.raises(DeadlineExceeded, match="closing file 'slow': took longer than 0.01 s"):
        run(backend, main)


@pytest.mark.parametrize("mode", ["r", "rb"])
def test_a_file_that_is_too_large_is_not_read(path: Path, mode: str) -> None:
    """Known when it is opened."""
    path.write_text("x" * 11)

    with (
        pytest.raises(FileTooLarge, match="would hold more than the 10 bytes"),
        secure_file_context(path, mode, max_bytes=10),
    ):
        pass


def test_a_file_of_the_allowed_size_is_read(path: Path) -> None:
    """To the last byte, by every method."""
    path.write_text("x" * 10)

    with secure_file_context(path, max_bytes=10) as file:
        assert file.read() == "x" * 10
    with secure_file_context(path, "rb", max_bytes=10) as raw:
        assert raw.readline() == b"x" * 10


@pytest.mark.parametrize("read", ["read", "readline"])
def test_a_file_that_grows_while_it_is_read_is_cut_off(path: Path, read: str) -> None:
    """However large it became, one byte too much is the end."""
    path.write_text("x" * 5)

    with pytest.raises(FileTooLarge), secure_file_context(path, "rb", max_bytes=10) as file:
        path.write_text("x" * 100_000)
        getattr(file, read)()


@pytest.mark.parametrize("mode", ["w", "wb", "a", "r+"])
def test_a_write_beyond_the_limit_is_refused(path: Path, mode: str) -> None:
    """At once, and nothing of it is written."""
    path.write_text("" if mode == "a" else "x")
    content = b"x" * 6 if "b" in mode else "x" * 6

    with secure_file_context(path, mode, max_bytes=10) as file:
        file.write(content)
        with pytest.raises(FileTooLarge):
            file.write(content)

    assert path.read_text() == "x" * 6


def test_appending_counts_what_is_there(path: Path) -> None:
    """The limit is the file's."""
    path.write_text("x" * 8)

    with pytest.raises(FileTooLarge), secure_file_context(path, "a", max_bytes=10) as file:
        file.write("xxx")


def test_an_atomic_file_that_was_too_large_never_appears(path: Path) -> None:
    """Even if the block went on as if nothing had happened."""
    with pytest.raises(FileTooLarge), secure_file_context(path, "w", atomic=True, max_bytes=10) as file:
        with pytest.raises(FileTooLarge):
            file.write("x" * 11)
        file.write("more")

    assert os.listdir(path.parent) == []


def test_a_file_is_not_stretched_beyond_the_limit(path: Path) -> None:
    """`truncate` can make a file longer."""
    with pytest.raises(FileTooLarge), secure_file_context(path, "w", max_bytes=10) as file:
        assert file.truncate(10) == 10
        assert file.truncate() == 0
        file.truncate(11)


def test_an_exclusive_lock_keeps_others_out(path: Path) -> None:
    """They wait, and give up in time; nothing of theirs is left, and the file is not emptied before it is theirs."""
    with secure_file_context(path, "w", lock=True) as file:
        file.write("mine")
        file.flush()
        with (
            pytest.raises(DeadlineExceeded, match="waiting for the lock"),
            secure_file_context(path, "w", lock=True, lock_timeout_s=0.01),
        ):
            pass
        assert path.read_text() == "mine"

    with secure_file_context(path, "w", lock=True):
        pass


@on_both
@pytest.mark.parametrize("atomic", [False, True])
def test_who_waits_for_a_lock_gets_it(path: Path, backend: str, atomic: bool) -> None:
    """Without blocking the loop."""
    order: list[str] = []

    async def second() -> None:
        async with secure_file_context(path, "w", lock=True, atomic=atomic):
            order.append("second")

    async def main() -> None:
        first = secure_file_context(path, "w", lock=True, atomic=atomic)
        async with anyio.create_task_group() as group, first:
            group.start_soon(second)
            await anyio.sleep(0.01)
            order.append("first")

    run(backend, main)

    assert order == ["first", "second"]


def test_without_the_library_a_lock_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is written."""
    monkeypatch.setitem(__import__("sys").modules, "portalocker", None)

    with (
        pytest.raises(ResourceError, match=r"pip install 'pytest-no-leaks\[locks\]'"),
        secure_file_context(path, "w", lock=True),
    ):
        pass
    assert not path.exists()
    assert locks.FIRST_PAUSE_S < locks.LONGEST_PAUSE_S


@pytest.mark.parametrize(
    ("mode", "options", "message"),
    [
        ("rw", {}, "mode 'rw' is unknown"),
        ("", {}, "mode '' is unknown"),
        ("bt", {}, "mode 'bt' is unknown"),
        ("rbt", {}, "mode 'rbt' is unknown"),
        ("ww", {}, "mode 'ww' is unknown"),
        ("rU", {}, "mode 'rU' is unknown"),
        ("a", {"atomic": True}, "atomic=True writes a file anew"),
        ("rb", {"encoding": "utf-8"}, "a binary file has no encoding"),
        ("w", {"permissions": 0o1777}, "permissions=1023 is not between"),
        ("w", {"permissions": True}, "permissions=True is not between"),
        ("w", {"max_bytes": -1}, "max_bytes=-1 is below 0"),
        ("w", {"newline": "x"}, "newline='x' ends no line"),
    ],
)
def test_what_does_not_fit_together_is_refused(path: Path, mode: str, options: dict[str, object], message: str) -> None:
    """When it is asked for, before anything is opened."""
    with pytest.raises(SettingError, match=message):
        secure_file_context(path, mode, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"encoding": "klingon"}, {"errors": "klingon"}])
def test_an_unknown_encoding_is_refused_before_anything_is_opened(path: Path, options: dict[str, str]) -> None:
    """As Python refuses it: LookupError."""
    with pytest.raises(LookupError):
        secure_file_context(path, "w", **options)  # type: ignore[arg-type]


def test_an_open_file_is_tracked(path: Path) -> None:
    """By the process's manager; after the block it is not."""
    gc.collect()  # the process's manager still has what another test dropped in a circle
    before = get_resource_metrics()

    with secure_file_context(path, "w"):
        assert get_resource_metrics().active_files == before.active_files + 1

    after = get_resource_metrics()
    assert (after.active_files, after.cleaned) == (before.active_files, before.cleaned + 1)


def test_a_manager_closes_a_file_that_was_left_open(path: Path) -> None:
    """An atomic one is thrown away: its block has not ended well."""
    manager = ResourceManager()
    context = secure_file_context(path, "w", atomic=True, manager=manager)
    with manager.scope("files") as scope:
        context.__enter__().write("half")

    assert scope.left[0].name == str(path)
    assert os.listdir(path.parent) == []


def test_a_file_that_cannot_be_tracked_is_closed(path: Path) -> None:
    """Opened, and then refused: nothing stays open."""

    class Refusing(ResourceManager):
        def register(self, *args: object, **keywords: object) -> object:  # type: ignore[override]
            raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"), secure_file_context(path, "w", manager=Refusing()):
        pass


def test_a_device_is_taken_if_asked_for() -> None:
    """And only then."""
    with pytest.raises(UnsafePath, match="is no regular file"), secure_file_context("/dev/null"):
        pass
    with secure_file_context("/dev/null", regular_only=False) as file:
        assert file.read() == ""


def test_a_device_without_end_is_read_to_the_limit() -> None:
    """It has no position: what came through is counted, and not what a buffer asked for."""
    with secure_file_context("/dev/zero", "rb", regular_only=False, max_bytes=100) as file:
        assert file.read(60) + file.read(40) == bytes(100)
        with pytest.raises(FileTooLarge):
            file.read(1)
    with (
        pytest.raises(FileTooLarge),
        secure_file_context("/dev/zero", "rb", regular_only=False, max_bytes=100) as file,
    ):
        file.read()


@pytest.mark.parametrize("read", ["read", "readline"])
def test_a_fifo_is_read_to_the_limit(path: Path, read: str) -> None:
    """It cannot tell its position, nor how much will come."""
    os.mkfifo(path)
    other = os.open(path, os.O_RDWR)
    try:
        with secure_file_context(path, "rb", regular_only=False, max_bytes=10) as file:
            os.write(other, b"12345678\n")
            assert file.readline() == b"12345678\n"
            os.write(other, b"9x")
            with pytest.raises(FileTooLarge):
                getattr(file, read)()
    finally:
        os.close(other)


def test_a_fifo_is_written_to_the_limit(path: Path) -> None:
    """Counted, too."""
    os.mkfifo(path)
    other = os.open(path, os.O_RDWR)
    try:
        with secure_file_context(path, "wb", regular_only=False, max_bytes=10) as file:
            file.write(b"12345678")
            with pytest.raises(FileTooLarge):
                file.write(b"9xx")
        assert os.read(other, 100) == b"12345678"
    finally:
        os.close(other)
