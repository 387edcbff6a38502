"""Attacks on files: paths that lead out, links that appear meanwhile, devices, FIFOs, hostile names, huge lines."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from no_leaks.errors import FileTooLarge, SettingError, UnsafePath
from no_leaks.resources import opening, places, secure_file_context


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a file and a folder; beside it a secret."""
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "file").write_text("public")
    (root / "folder" / "inner").write_text("inner")
    (tmp_path / "secret").write_text("secret")
    return root


def read(path: str | Path, root: Path, **options: object) -> str:
    """Read a file below a root."""
    with secure_file_context(path, "r", root=root, **options) as file:  # type: ignore[arg-type]
        return file.read()


@pytest.mark.parametrize("path", ["file", "./file", "folder/inner", "folder//inner", "folder/./inner"])
def test_what_lies_below_the_root_is_read(path: str, root: Path) -> None:
    """However it is spelt."""
    assert read(path, root) in ("public", "inner")


def test_an_absolute_path_below_the_root_is_read(root: Path, tmp_path: Path) -> None:
    """Also where the root is named by a link."""
    link = tmp_path / "link"
    link.symlink_to(root)

    assert read(root / "file", root) == "public"
    assert read(link / "file", link) == "public"
    assert read(root / "file", link) == "public"


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "folder/../../secret",
        "folder/../file",
        "..",
        ".",
        "",
        "/",
        "/etc/passwd",
        "//etc/passwd",
        "../root2/x",
    ],
)
@pytest.mark.parametrize("follow", [False, True])
def test_what_leads_out_is_refused(path: str, follow: bool, root: Path) -> None:
    """As is every `..`: it need not mean what it seems to."""
    with pytest.raises(UnsafePath):
        read(path, root, follow_symlinks=follow)


@pytest.mark.parametrize(
    "target", ["../secret", "/etc/passwd", "folder/../../secret", "inside", "..", "folder/..", "folder/../.."]
)
def test_a_link_that_leads_out_is_refused(target: str, root: Path, tmp_path: Path) -> None:
    """Whether links are followed or not; the last is a link to a link."""
    (root / "inside").symlink_to("../secret")
    (root / "link").symlink_to(target)

    for follow in (False, True):
        with pytest.raises((UnsafePath, IsADirectoryError)):
            read("link", root, follow_symlinks=follow)
        with pytest.raises((UnsafePath, FileNotFoundError, NotADirectoryError)):
            read("link/secret", root, follow_symlinks=follow)


def test_a_link_inside_is_followed_only_if_asked_for(root: Path) -> None:
    """Relative, absolute, up and down again, to a folder, to another link."""
    (root / "one").symlink_to("folder/inner")
    (root / "two").symlink_to(root / "folder" / "inner")
    (root / "folder" / "three").symlink_to("../folder/./inner")
    (root / "four").symlink_to("folder")
    (root / "five").symlink_to("one")
    (root / "folder" / "six").symlink_to(root / "file")

    for path in ("one", "two", "folder/three", "four/inner", "five"):
        with pytest.raises(UnsafePath, match="symbolic link"):
            read(path, root)
        assert read(path, root, follow_symlinks=True) == "inner"
    assert read("folder/six", root, follow_symlinks=True) == "public"


def test_links_in_a_circle_end(root: Path) -> None:
    """As in the kernel, after 40."""
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")

    with pytest.raises(UnsafePath, match="symbolic link"):
        read("a", root, follow_symlinks=True)


@pytest.mark.parametrize("mode", ["w", "a", "x"])
@pytest.mark.parametrize("atomic", [False, True])
def test_nothing_is_written_through_a_link(mode: str, atomic: bool, root: Path, tmp_path: Path) -> None:
    """Nor made at its end."""
    if atomic and mode == "a":
        pytest.skip("appending is not atomic")
    (root / "link").symlink_to("../secret")
    (root / "dangling").symlink_to("../new")

    for name in ("link", "dangling"):
        for options in ({"root": root}, {"root": root, "follow_symlinks": True}, {}):
            with (
                pytest.raises((UnsafePath, FileExistsError)),
                secure_file_context(name if options else root / name, mode, atomic=atomic, **options) as file,  # type: ignore[call-overload]
            ):
                file.write("overwritten")

    assert (tmp_path / "secret").read_text() == "secret"
    assert not (tmp_path / "new").exists()


def test_without_a_root_a_link_is_followed_only_if_asked_for(root: Path) -> None:
    """Written through, or replaced at its end."""
    link = root / "link"
    link.symlink_to("file")
    with pytest.raises(UnsafePath, match="is a symbolic link"), secure_file_context(link):
        pass

    with secure_file_context(link, "w", follow_symlinks=True) as file:
        file.write("through")
    assert (root / "file").read_text() == "through"
    with secure_file_context(link, "w", follow_symlinks=True, atomic=True) as file:
        file.write("replaced")
    assert (root / "file").read_text() == "replaced"
    assert link.is_symlink()


def test_a_link_that_leads_nowhere_is_not_tried_for_ever(root: Path) -> None:
    """It is there for one call and not for the other."""
    (root / "link").symlink_to("nothing/nowhere")

    with (
        pytest.raises(UnsafePath, match="leads nowhere"),
        secure_file_context(root / "link", "w", follow_symlinks=True),
    ):
        pass


def swap_after(name: str, swap: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an attacker put a link in a path's place as soon as a system call has looked at something."""
    real = getattr(os, name)

    def call(*args: object, **keywords: object) -> object:
        try:
            return real(*args, **keywords)
        finally:
            monkeypatch.setattr(os, name, real)
            shutil.rmtree(swap) if swap.is_dir() else swap.unlink()
            swap.symlink_to(target)

    monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("call", ["stat", "readlink"])
@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize(("path", "swapped"), [("file", "file"), ("folder/inner", "folder")])
def test_a_link_that_appears_meanwhile_leads_nowhere(
    call: str, follow: bool, path: str, swapped: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is taken on an open descriptor: what was looked at is what is opened, or nothing is."""
    (tmp_path / "inner").write_text("secret")
    target = ".." if swapped == "folder" else "../secret"
    swap_after(call, root / swapped, target, monkeypatch)

    try:
        assert read(path, root, follow_symlinks=follow) in ("inner", "public")
    except (UnsafePath, FileNotFoundError, NotADirectoryError):
        pass


def test_a_fifo_that_appears_meanwhile_neither_blocks_nor_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is opened without waiting, seen on the descriptor, and let go."""
    real = os.stat

    def call(*args: object, **keywords: object) -> os.stat_result:
        answer = real(*args, **keywords)  # type: ignore[arg-type]
        (root / "file").unlink()
        os.mkfifo(root / "file")
        monkeypatch.setattr(os, "stat", real)
        return answer

    monkeypatch.setattr(os, "stat", call)

    with pytest.raises(UnsafePath, match="is no regular file"):
        read("file", root)


@pytest.fixture
def special(root: Path) -> list[Path]:
    """What is no regular file: a FIFO, a folder, devices."""
    os.mkfifo(root / "fifo")
    return [root / "fifo", root / "folder", Path("/dev/null"), Path("/dev/zero"), Path("/dev/tty")]


@pytest.mark.parametrize("mode", ["r", "w", "a", "r+"])
@pytest.mark.parametrize("atomic", [False, True])
def test_what_is_no_regular_file_is_refused(special: list[Path], mode: str, atomic: bool) -> None:
    """Neither opened nor replaced, and nobody waits."""
    for path in special:
        if not (atomic and mode != "w"):
            with pytest.raises(UnsafePath, match="is no regular file"), secure_file_context(path, mode, atomic=atomic):  # type: ignore[call-overload]
                pass


@pytest.mark.parametrize("name", ["-rf", " ", "a\nb", "ü", "\udcff", "…" * 80, "'\"`$(x)", "%s{}", "con"])
def test_hostile_names_are_names(name: str, root: Path) -> None:
    """As bytes, too."""
    with secure_file_context(name, "w", root=root, atomic=True) as file:
        file.write("x")

    with secure_file_context(os.fsencode(name), root=os.fsencode(root)) as again:
        assert again.read() == "x"


def test_a_null_character_is_refused() -> None:
    """The system would end the name there."""
    with pytest.raises(SettingError, match="null character"):
        secure_file_context("a\0b")


def test_a_name_that_is_too_long_is_the_systems_error(root: Path) -> None:
    """And leaves nothing."""
    with pytest.raises(OSError, match="too long"), secure_file_context("x" * 300, "w", root=root):
        pass


def test_a_huge_line_is_cut_off(root: Path) -> None:
    """A sparse file of 4 GB that grew after it was opened: no more than allowed comes into memory."""
    with pytest.raises(FileTooLarge), secure_file_context("file", "rb", root=root, max_bytes=1 << 20) as file:
        os.truncate(root / "file", 1 << 32)
        next(file)


def test_a_file_that_comes_and_goes_is_not_tried_for_ever(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attacker who is always faster gets an error, not a loop."""
    tries: list[int] = []
    real = os.open

    def call(path: str, flags: int, *args: object, **keywords: object) -> int:
        if path == "new":
            tries.append(flags)
            raise FileExistsError if flags & os.O_EXCL else FileNotFoundError
        return real(path, flags, *args, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", call)

    with pytest.raises(UnsafePath, match="came and went"), secure_file_context("new", "w", root=root):
        pass
    assert len(tries) == 2 * opening.TRIES


def test_a_file_that_somebody_else_has_moved_is_not_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An opening that fails removes what it made, and only that."""
    real = os.fchmod

    def call(fd: int, mode: int) -> None:
        (root / "new").rename(root / "moved")
        (root / "new").write_text("another's")
        raise OSError("broken")

    monkeypatch.setattr(os, "fchmod", call)
    with pytest.raises(OSError, match="broken"), secure_file_context("new", "w", root=root, permissions=0o666):
        pass
    monkeypatch.setattr(os, "fchmod", real)

    assert (root / "new").read_text() == "another's"


def test_a_folder_that_somebody_makes_at_the_same_time_is_taken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`create_parents` is content with a folder that is there."""
    real = os.mkdir

    def call(*args: object, **keywords: object) -> None:
        real(*args, **keywords)  # type: ignore[arg-type]
        raise FileExistsError

    monkeypatch.setattr(os, "mkdir", call)

    with secure_file_context("made/data.txt", "w", root=root, create_parents=True):
        pass
    assert (root / "made" / "data.txt").exists()
    assert places.MOST_LINKS == 40


def test_a_temporary_file_that_somebody_has_tidied_up_is_no_error(root: Path) -> None:
    """It is gone, as it should be."""
    with pytest.raises(ValueError, match="mine"), secure_file_context(root / "file", "w", atomic=True):
        next(root.glob(".no-leaks-*")).unlink()
        raise ValueError("mine")


def test_a_file_that_somebody_has_removed_is_not_missed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An opening that fails finds nothing to remove."""

    def call(fd: int, mode: int) -> None:
        (root / "new").unlink()
        raise OSError("broken")

    monkeypatch.setattr(os, "fchmod", call)

    with pytest.raises(OSError, match="broken"), secure_file_context("new", "w", root=root, permissions=0o666):
        pass


def test_no_free_temporary_name_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a loop."""
    monkeypatch.setattr("secrets.token_hex", lambda size: "taken")
    (root / ".no-leaks-taken.tmp").touch()

    with pytest.raises(FileExistsError, match="no free name"), secure_file_context(root / "file", "w", atomic=True):
        pass
