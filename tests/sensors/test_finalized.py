"""What a finalizer that warns is about: the socket, file or child that its object holds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from support import Watch, here, site_of

from no_leaks.sensors import finalized
from no_leaks.sensors.finalized import Holding

Make = Callable[..., Watch]

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


class Client:
    """A library's object that warns of what its user forgot, and closes it."""

    def __init__(self, thing: Any) -> None:
        self.inside = {"connection": [thing]}

    def __del__(self) -> None:
        warnings.warn("Unclosed client", ResourceWarning, source=self, stacklevel=2)
        (thing,) = self.inside["connection"]
        thing.close()


def test_a_library_objects_socket_tells_where_it_was_opened(watch: Make) -> None:
    """The warning's words name nothing; what the dying object holds does."""
    watching = watch("unclosed")
    client, line = Client(socket.socket()), here()
    del client
    (loss,) = watching.ledger.losses
    assert site_of(loss, __file__) == line
    assert loss.resource.id.startswith("fd ")


def test_a_library_objects_file_is_known_by_its_number(watch: Make) -> None:
    """Files take no record of their object; the descriptor leads to the path."""
    watching = watch("unclosed")
    client, line = Client(open(os.devnull)), here()
    del client
    (loss,) = watching.ledger.losses
    assert site_of(loss, __file__) == line


def test_an_object_that_holds_nothing_has_no_birth(watch: Make) -> None:
    """It is charged to the scope in which it fell, without a site."""

    class Empty:
        def __del__(self) -> None:
            warnings.warn("Unclosed nothing", ResourceWarning, stacklevel=1)

    watching = watch("unclosed")
    Empty()
    (loss,) = watching.ledger.losses
    assert (loss.resource.id, loss.stack) == ("", ())


def test_a_child_is_known_by_its_object(watch: Make) -> None:
    """A transport holds its Popen."""
    watching = watch("unclosed")

    class Transport:
        def __init__(self) -> None:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(["/bin/true"])

        def __del__(self) -> None:
            found.append(finalized.holding_of(sys._getframe(), watching.ledger))

    found: list[Holding] = []
    transport = Transport()
    transport.process.wait()
    del transport
    (holding,) = found
    assert holding.birth is not None
    assert holding.birth.record.event == "subprocess.Popen"
    assert holding.fd is None


def test_far_from_a_finalizer_nothing_is_searched(watch: Make) -> None:
    """A warning that no `__del__` gave speaks of nothing that could be found."""
    watching = watch("unclosed")
    assert finalized.holding_of(None, watching.ledger) == (None, None)
    assert finalized.holding_of(sys._getframe(), watching.ledger) == (None, None)


def test_a_dying_object_without_a_self_is_passed_over(watch: Make) -> None:
    """Some call it otherwise."""
    watching = watch("unclosed")

    class Odd:
        def __del__(this) -> None:
            found.append(finalized.holding_of(sys._getframe(), watching.ledger))

    found: list[Holding] = []
    Odd()
    assert found == [(None, None)]
