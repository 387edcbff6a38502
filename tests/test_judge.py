"""Judge: what of the sightings was asked for, what is allowed, and what another finding explains."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from no_leaks import judge, origin
from no_leaks.config import Allowance, Settings
from no_leaks.model import Kind, RawStack, Resource, Sighting, Verdict
from no_leaks.names import KINDS

KIND = st.sampled_from(KINDS)
STACK = origin.capture_here(0)


def sighting(
    kind: Kind = "sockets",
    id: str = "fd 7",
    *,
    type: str = "TCP socket",
    daemon: bool = False,
    stack: RawStack = (),
    covers: tuple[int, ...] = (),
) -> Sighting:
    """Make a finding as a probe would."""
    return Sighting(
        kind,
        Resource(type, id, "127.0.0.1:1 -> 127.0.0.1:2"),
        "a thing was left",
        "close it",
        stack=stack,
        daemon=daemon,
        covers_fds=covers,
    )


@given(KIND, st.frozensets(KIND))
def test_a_kind_is_wanted_if_the_settings_name_it(kind: Kind, kinds: frozenset[Kind]) -> None:
    """No more and no less."""
    assert judge.wanted(sighting(kind), Settings(kinds=kinds)) is (kind in kinds)


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [(None, True), ("worker-1", True), ("worker", False), (re.compile("worker"), True), (re.compile("^x"), False)],
)
@pytest.mark.parametrize(
    ("kind", "type_", "keyword"), [("threads", "thread", "thread_name_filter"), ("tasks", "task", "task_name_filter")]
)
def test_a_name_filter_narrows_its_kind(
    kind: str, type_: str, keyword: str, pattern: str | re.Pattern[str] | None, wanted: bool
) -> None:
    """A text is equality and a pattern is searched, as in pyleak."""
    settings = Settings(**{keyword: pattern})  # type: ignore[arg-type]
    assert judge.wanted(sighting(kind, "worker-1", type=type_), settings) is wanted


def test_a_task_filter_narrows_tasks_only() -> None:
    """A coroutine that was never awaited has no task's name."""
    assert judge.wanted(sighting("tasks", "fetch", type="coroutine"), Settings(task_name_filter="worker-1"))


def test_daemons_are_left_out_where_that_is_asked() -> None:
    """pyleak's `exclude_daemon_threads`."""
    settings = Settings(exclude_daemon_threads=True)
    assert not judge.wanted(sighting("threads", daemon=True), settings)
    assert judge.wanted(sighting("threads"), settings)


def test_without_an_allowance_a_sighting_is_a_leak() -> None:
    """The verdict is the harder one unless somebody gave a reason."""
    assert judge.verdict(sighting(), ()) == (Verdict.LEAK, "")


def test_the_first_allowance_that_covers_gives_the_reason() -> None:
    """Allowances are asked in order."""
    allowances = (Allowance("for threads", ("threads",)), Allowance("first"), Allowance("second", ("sockets",)))
    assert judge.verdict(sighting(), allowances) == (Verdict.ALLOWED, "first")


@given(KIND, st.lists(KIND, max_size=4))
def test_an_allowance_covers_its_kinds_or_all(kind: Kind, kinds: list[Kind]) -> None:
    """No kinds means every kind."""
    assert judge.allows(Allowance("why", tuple(kinds)), sighting(kind)) is (not kinds or kind in kinds)


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("thing was left", True),
        (r"TCP socket fd 7", True),
        (r"-> 127\.0\.0\.1:2", True),
        (r"test_judge\.py:\d+ <module>", True),
        ("nowhere", False),
    ],
)
def test_a_pattern_is_searched_in_description_and_site(text: str, covered: bool) -> None:
    """What it is, where it leads and each frame that made it."""
    allowance = Allowance("why", (), re.compile(text))
    assert judge.allows(allowance, sighting(stack=STACK)) is covered


def test_places_are_searched_as_stacks_are() -> None:
    """A coroutine's origin is places and no raw stack."""
    placed = Sighting("tasks", Resource("coroutine", "fetch"), "s", "f", places=(("/srv/shop.py", 3, "buy"),))
    assert any(line.endswith("shop.py:3 buy") for line in judge.described(placed))


def test_a_loop_explains_its_own_descriptors() -> None:
    """An unclosed loop's selector and pipe are not reported again."""
    loop = sighting("tasks", "loop", type="event loop", covers=(7, 8))
    own, other = sighting("fds", "fd 7"), sighting("sockets", "fd 9")
    assert judge.without_echoes([own, loop, other]) == [loop, other]


@pytest.mark.parametrize("by", ["id", "stack"])
def test_the_unclosed_twin_of_an_open_thing_is_dropped(by: str) -> None:
    """The collector's finding and the table's are one leak."""
    twin = sighting("unclosed", "pid 7" if by == "id" else "", stack=() if by == "id" else STACK)
    seen = sighting("processes", "pid 7", stack=STACK)
    assert judge.without_echoes([twin, seen]) == [seen]


@pytest.mark.parametrize(("stack", "kept"), [((), False), (STACK, True)])
def test_what_was_closed_under_a_number_is_not_what_is_open_under_it(stack: RawStack, kept: bool) -> None:
    """Unless nothing tells the one from the other, or our own collection closed both at once."""
    lost, open_ = sighting("unclosed", "fd 7"), sighting("sockets", "fd 7", stack=stack)
    assert (lost in judge.without_echoes([lost, open_])) is kept
    assert judge.without_echoes([lost, open_._replace(proof="collected")]) == [open_._replace(proof="collected")]


def test_a_loop_that_is_gone_explains_what_is_gone() -> None:
    """What is open now has its number from somebody else, and what was seen being made is told apart."""
    loop = sighting("tasks", "loop", type="event loop", covers=(7,))._replace(proof="collected")
    lost, open_ = sighting("unclosed", "fd 7"), sighting("sockets", "fd 7")
    assert judge.without_echoes([loop, lost]) == [loop]
    assert judge.without_echoes([loop, open_]) == [loop, open_]
    assert judge.without_echoes([loop, lost._replace(stack=STACK)]) == [loop, lost._replace(stack=STACK)]


def test_what_is_open_does_not_get_the_site_of_what_was_closed() -> None:
    """Under the same number."""
    lost, open_ = sighting("unclosed", "fd 7", stack=STACK), sighting("fds", "fd 7")
    assert judge.sited({("losses", (0,)): lost, ("descriptors", (7, 1, 1)): open_})["descriptors", (7, 1, 1)] == open_


def test_unclosed_things_without_an_identity_are_kept_apart() -> None:
    """An empty identity is nobody's twin."""
    twins = [sighting("unclosed", ""), sighting("threads", ""), sighting("unclosed", "fd 7")]
    assert judge.without_echoes(twins) == twins


@given(st.lists(st.builds(sighting, KIND, st.sampled_from(["fd 1", "fd 2", ""]))))
def test_what_is_kept_was_there_in_that_order(sightings: list[Sighting]) -> None:
    """Dropping echoes adds nothing, and asking again drops nothing more."""
    kept = judge.without_echoes(sightings)
    remaining = iter(sightings)
    assert all(any(one is other for other in remaining) for one in kept)
    assert judge.without_echoes(kept) == kept


def test_a_thing_without_a_site_takes_its_unclosed_twins() -> None:
    """A dropped Popen's record goes with its warning, and the child is found by the table alone."""
    child, twin = sighting("processes", "pid 7"), sighting("unclosed", "pid 7", stack=STACK)
    sited = judge.sited({("processes", (7, 1)): child, ("losses", (0,)): twin})
    assert sited["processes", (7, 1)].stack is STACK
    assert sited["losses", (0,)] is twin


def test_a_thing_with_a_site_keeps_it() -> None:
    """The nearer record wins."""
    own = origin.capture_here(0)
    child, twin = sighting("processes", "pid 7", stack=own), sighting("unclosed", "pid 7", stack=STACK)
    assert judge.sited({("processes", (7, 1)): child, ("losses", (0,)): twin})["processes", (7, 1)] is child
