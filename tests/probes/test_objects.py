"""The object behind a descriptor: the one that a user would call the owner, closed only where that is safe."""

from __future__ import annotations

import io
import os
import socket
import tempfile
from multiprocessing.connection import Pipe
from pathlib import Path

from no_leaks.probes import objects


def test_the_owner_of_a_file_is_its_outermost_layer(tmp_path: Path) -> None:
    """Text, buffer and raw file share the number; the user knows the text."""
    with open(tmp_path / "x", "w") as file:
        assert objects.of_descriptor(file.fileno()) is file
        assert len(objects.all_of_descriptor(file.fileno())) == 3


def test_the_owner_of_a_socket_is_the_socket() -> None:
    """A file made from it has no number of its own; the socket stays the owner."""
    with socket.socket() as sock:
        assert objects.of_descriptor(sock.fileno()) is sock


def test_the_owner_of_a_connection_is_found_by_its_class_name() -> None:
    """`multiprocessing` is not imported for this: its name is enough."""
    left, right = Pipe()
    with left, right:
        assert objects.of_descriptor(left.fileno()) is left


def test_a_number_that_nobody_owns_is_left_alone() -> None:
    """A bare descriptor may be closed by whoever opened it."""
    fd = os.open(os.devnull, os.O_RDONLY)
    assert objects.of_descriptor(fd) is None
    assert objects.close(fd, "files") == ""
    os.close(fd)


def test_a_file_that_refuses_to_close_is_left(tmp_path: Path) -> None:
    """A close that raises does not break the report, and nothing is claimed."""

    class Stubborn(io.FileIO):
        firm = True

        def close(self) -> None:
            if self.firm:
                raise RuntimeError("not today")
            super().close()

    file = Stubborn(tmp_path / "x", "w")
    assert objects.close(file.fileno(), "files") == ""
    file.firm = False
    file.close()


def test_an_object_whose_fileno_raises_owns_nothing(tmp_path: Path) -> None:
    """A closed or broken file cannot say its number: it is passed over."""

    class Broken(io.FileIO):
        def fileno(self) -> int:
            raise RuntimeError("no number")

    with Broken(tmp_path / "x", "w"):
        assert all(type(thing) is not Broken for thing in objects.all_of_descriptor(3))


def test_a_spooled_file_is_not_made_to_write_itself_to_disk() -> None:
    """Asking it for its number would roll it over: the search must leave the user's objects as they are."""
    with tempfile.SpooledTemporaryFile(max_size=100) as file:
        file.write(b"x")
        objects.all_of_descriptor(999999)
        assert file._rolled is False  # type: ignore[attr-defined]  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]


def test_a_proxys_class_is_not_asked() -> None:
    """An object whose `__class__` runs code is not touched by the search."""
    touched: list[str] = []

    class Proxy:
        @property  # type: ignore[misc]
        def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]
            touched.append("asked")
            return socket.socket

    proxy = Proxy()
    objects.all_of_descriptor(999999)
    assert touched == []
    del proxy
