"""pytest-xdist: each worker sends what it found with its reports and at its end; the controller makes one report of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # what is loaded here is loaded in every controller, whether anything is checked or not
    from ..session import Session
    from .run import Run

NAME = "no_leaks_controller"
_KEY = "no_leaks_run"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker, whose findings the controller reports."""
    return hasattr(config, "workeroutput")


def hand_in(config: Any, found: Run) -> None:
    """Leave what this worker found where pytest-xdist takes it to the controller."""
    from . import run

    config.workeroutput[_KEY] = run.pack(found)


class Mail:
    """In a worker: each test's last report takes along what is new, since a worker that crashes hands in nothing."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sent: tuple[int, int, int] = (0, 0, 0)
        self._leaks = 0
        self._begun = False

    def send(self, reports: Sequence[pytest.TestReport], tests: int) -> None:
        """Put what was found since the last time into the last of these reports."""
        session = self._session
        now = (tests, session.checked, session.spent_ns)
        counts = (new - old for new, old in zip(now, self._sent, strict=True))
        letter: dict[str, object] = dict(zip(("tests", "checked", "spent_ns"), counts, strict=True))
        self._sent = now
        if len(session.leaks) > self._leaks:
            from . import run

            letter["leaks"] = [run.pack_leak(leak) for leak in session.leaks[self._leaks :]]
        self._leaks = len(session.leaks)
        if not self._begun:
            self._begun, letter["canary"] = True, dict(session.canary)
        vars(reports[-1])[_KEY] = letter


def listen(config: pytest.Config) -> None:
    """In the controller: be there before the first worker starts."""
    if not config.pluginmanager.has_plugin(NAME):
        config.pluginmanager.register(Controller(config), NAME)


def take(node: Any) -> None:
    """In the controller: keep what a worker has handed in."""
    output: dict[str, Any] = getattr(node, "workeroutput", None) or {}
    if _KEY in output:
        controller: Controller = node.config.pluginmanager.get_plugin(NAME)
        controller.take(_name(node), output[_KEY])


class Controller:
    """Registered where pytest-xdist starts workers; says and writes nothing unless one of them has checked something."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.letters: dict[str, list[dict[str, Any]]] = {}
        """What each worker sent; in the end, what it handed in: it holds all that it had sent."""
        self.found: Run | None = None

    def take(self, worker: str, packed: dict[str, Any]) -> None:
        """Keep all that a worker found."""
        self.letters[worker] = [packed]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what came with a report; nobody else is to see it."""
        letter = vars(report).pop(_KEY, None)
        if letter is not None:
            self.letters.setdefault(_name(getattr(report, "node", None)), []).append(letter)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the reports."""
        if self.letters:
            from . import run, summary

            root = str(self.config.rootpath)
            letters = (letter for worker in sorted(self.letters) for letter in self.letters[worker])
            self.found = summary.close(self.config, run.merge(root, (run.unpack(letter) for letter in letters)))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what all workers found."""
        if self.found is not None:
            from . import summary

            summary.write(terminalreporter, self.found)


def _name(node: Any) -> str:
    return str(getattr(getattr(node, "gateway", None), "id", ""))
