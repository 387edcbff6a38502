"""`no-leaks doctor`: what can and cannot be seen on this platform and interpreter, proven by planted leaks."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from .. import customs
from ..kindlist import all_kinds
from . import limits
from .checkup import Checkup, Finding, environment, prove
from .progress import Screen

if TYPE_CHECKING:
    from .demo import Commands


def add_to(commands: Commands) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "doctor",
        help="show what can be seen here, and prove it with planted leaks",
        description="Prints what each kind can and cannot see on this platform and interpreter, and plants a leak of "
        "each to prove it. Exit status 1 if a probe that should work misses its plant.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    parser.set_defaults(run=command)


def command(options: argparse.Namespace) -> int:
    """Examine every kind, print what was found, and return the exit status."""
    customs.load()
    checkup = prove(all_kinds())
    if options.json:
        print(json.dumps(as_json(checkup, environment()), indent=2))
    else:
        show(checkup, environment(), Screen.on(sys.stdout))
    return 0 if checkup.is_good else 1


def show(checkup: Checkup, facts: dict[str, str], screen: Screen) -> None:
    """Print the findings for a reader."""
    for name, value in facts.items():
        screen.line(f"{name:<16} {value}")
    screen.line()
    for finding in checkup.findings:
        limit = limits.of(finding.kind)
        screen.line(f"{screen.paint(f'{finding.kind:<10}', 'bold')} {_verdict(finding, screen)}")
        screen.line(f"{'':<11}sees     {limit.sees}")
        screen.line(f"{'':<11}limits   {limit.blind}")
    screen.line()
    for part, words in checkup.faults.items():
        screen.line(screen.paint(f"fault in {part}: {words}", "red"))
    proven = sum(finding.sees is not None for finding in checkup.findings)
    good = sum(finding.sees is not None and finding.is_good for finding in checkup.findings)
    words = f"{good} of {proven} planted leaks seen, and forgotten once closed."
    screen.line(screen.paint(words, "green" if checkup.is_good else "red"))


def as_json(checkup: Checkup, facts: dict[str, str]) -> dict[str, object]:
    """Return the findings as one document for a program."""
    return {
        "schema": 1,
        "environment": facts,
        "kinds": [
            {
                "kind": finding.kind,
                "available": finding.is_available,
                "sees_it": finding.sees,
                "forgets_it": finding.forgets,
                "detail": finding.words,
                "sees": limits.of(finding.kind).sees,
                "limits": limits.of(finding.kind).blind,
            }
            for finding in checkup.findings
        ],
        "faults": dict(checkup.faults),
        "ok": checkup.is_good,
    }


def _verdict(finding: Finding, screen: Screen) -> str:
    if not finding.is_available:
        return screen.paint(f"unavailable: {finding.words}", "yellow")
    if finding.sees is None:
        return screen.paint(f"available; {finding.words}", "yellow")
    sees = "sees it" if finding.sees else "DOES NOT SEE IT"
    forgets = "forgets it once let go" if finding.forgets else "DOES NOT FORGET IT once let go"
    return f"{screen.tick(finding.is_good)} planted {finding.words}: {sees}, {forgets}"
