"""JSON: the contract, key by key, and files that are whole."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from no_leaks import __version__
from no_leaks.model import Evidence, Frame, Leak, Owner, Resource, Verdict
from no_leaks.reporters import json_

LEAK = Leak(
    fingerprint="nl-7f3a1c09be42",
    kind="sockets",
    verdict=Verdict.LEAK,
    confidence="definite",
    test="tests/test_a.py::test_x",
    owner=Owner("function", test="tests/test_a.py::test_x"),
    summary="a TCP socket was opened and never closed",
    resource=Resource("socket", "fd 11", "127.0.0.1:50214 -> 127.0.0.1:8081"),
    created_at=(Frame("src/shop/http.py", 31, "Client._connect", True),),
    now_at=(Frame("src/shop/http.py", 40, "Client.run", True),),
    held_by=("module shop.registry", "_CLIENTS"),
    evidence=Evidence(6, 0.06349, (1, 1)),
    hint="close it",
    age_s=0.41999,
)


def document(*leaks: Leak, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"tests": 412, "checked": 412, "canary": {"sockets": True}, "overhead_s": 0.0379, **more}
    loaded: dict[str, Any] = json.loads(json_.encoded(json_.document(leaks, **given)))
    return loaded


def test_the_document_has_the_keys_of_the_contract() -> None:
    """Tools read these names; `faults` is ours."""
    assert document() == {
        "schema": 1,
        "tool": {"name": "pytest-no-leaks", "version": __version__},
        "tests": 412,
        "checked": 412,
        "canary": {"sockets": True},
        "overhead": {"seconds": 0.038, "per_test_us": 92.0},
        "leaks": [],
        "summary": {"leak": 0, "once": 0, "unconfirmed": 0, "allowed": 0, "known": 0},
        "faults": {},
        "unconfirmed_growth": [],
    }


def test_a_leak_has_the_keys_of_the_contract_first() -> None:
    """The contract's keys in its order, then ours."""
    (leak,) = document(LEAK)["leaks"]
    assert list(leak.items()) == [
        ("fingerprint", "nl-7f3a1c09be42"),
        ("kind", "sockets"),
        ("verdict", "leak"),
        ("confidence", "definite"),
        ("test", "tests/test_a.py::test_x"),
        ("owner", {"scope": "function", "fixture": None}),
        ("summary", "a TCP socket was opened and never closed"),
        ("resource", {"type": "socket", "id": "fd 11", "detail": "127.0.0.1:50214 -> 127.0.0.1:8081"}),
        ("created_at", [{"file": "src/shop/http.py", "line": 31, "function": "Client._connect", "in_app": True}]),
        ("held_by", ["module shop.registry", "_CLIENTS"]),
        ("evidence", {"attempts": 6, "waited_s": 0.063, "rounds": [1, 1]}),
        ("hint", "close it"),
        ("occurrences", 1),
        ("also_in", []),
        ("done", ""),
        ("now_at", [{"file": "src/shop/http.py", "line": 40, "function": "Client.run", "in_app": True}]),
        ("waits_for", ""),
        ("proof", ""),
        ("reason", ""),
        ("age_s", 0.42),
    ]


def test_verdicts_are_counted() -> None:
    """The summary tells a gate all that it needs."""
    leaks = [LEAK._replace(verdict=verdict) for verdict in (Verdict.LEAK, Verdict.LEAK, Verdict.KNOWN)]
    assert document(*leaks)["summary"] == {"leak": 2, "once": 0, "unconfirmed": 0, "allowed": 0, "known": 1}


def test_a_leak_knows_its_like_in_other_tests() -> None:
    """Every entry carries the total and the other tests."""
    leaks = [LEAK._replace(test=f"t.py::test_{name}") for name in "baac"] + [LEAK._replace(test=None)]
    found = [(leak["test"], leak["occurrences"], leak["also_in"]) for leak in document(*leaks)["leaks"]]
    assert found[0] == (None, 5, ["t.py::test_a", "t.py::test_b", "t.py::test_c"])
    assert found[1] == found[2] == ("t.py::test_a", 5, ["t.py::test_b", "t.py::test_c"])


def test_the_order_of_finding_leaves_no_trace() -> None:
    """Two runs that find the same give the same bytes."""
    leaks = [
        LEAK._replace(test=test, kind=kind, resource=Resource("socket", f"fd {fd}"))
        for test in ("t.py::a", "t.py::b", None)
        for kind in ("files", "sockets")
        for fd in (3, 4)
    ]
    mixed = random.Random(1).sample(leaks, len(leaks))
    one = json_.document(leaks, tests=3, checked=3, canary={"a": True, "b": True}, overhead_s=0)
    other = json_.document(mixed, tests=3, checked=3, canary={"b": True, "a": True}, overhead_s=0)
    assert json_.encoded(one) == json_.encoded(other)


def test_faults_are_reported() -> None:
    """What did not work is part of the result."""
    assert document(faults={"b": "OSError", "a": "KeyError"})["faults"] == {"a": "KeyError", "b": "OSError"}


def test_nothing_checked_costs_nothing() -> None:
    """No division by zero tests."""
    assert document(checked=0)["overhead"]["per_test_us"] == 0.0


def test_odd_names_are_kept(tmp_path: Path) -> None:
    """A file name that is no valid text cannot break the document."""
    assert document(LEAK._replace(age_s=None, hint="\udcff·"))["leaks"][0]["hint"] == "\udcff·"


def test_a_written_file_holds_the_document(tmp_path: Path) -> None:
    """And nothing is left beside it."""
    path = tmp_path / "leaks.json"
    path.write_text("old")
    json_.write(path, json_.document([LEAK], tests=1, checked=1, canary={}, overhead_s=0))
    assert json.loads(path.read_text())["leaks"][0]["kind"] == "sockets"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_replaced_stays(tmp_path: Path) -> None:
    """The target may be a folder; nothing half-written is left beside it."""
    (tmp_path / "leaks.json").mkdir()
    with pytest.raises(OSError):
        json_.write(tmp_path / "leaks.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["leaks.json"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    """The edge says it; a reporter only raises."""
    with pytest.raises(FileNotFoundError):
        json_.write(tmp_path / "none" / "leaks.json", {})
