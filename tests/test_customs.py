"""Custom kinds: registered, refused, brought by packages, switched off by name; and what a check sees of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import Watch, another_ledger

from no_leaks import LeakError, customs, faults, ledger, no_leaks, register_kind, unregister_kind
from no_leaks.customs import CustomKind
from no_leaks.errors import SettingError
from no_leaks.ledger import Ledger
from no_leaks.model import Ident, Owner
from no_leaks.probes.custom import CustomProbe
from no_leaks.resources import ResourceManager


class Pool:
    """A database pool of somebody's own."""

    living: list[Pool] = []  # noqa: RUF012 - it is the class's

    def __init__(self, name: str = "postgres://shop:secret@db") -> None:
        self.name = name
        Pool.living.append(self)

    def close(self) -> None:
        """Close it."""
        if self in Pool.living:
            Pool.living.remove(self)


class PoolKind:
    """The pools as a kind."""

    name = "db_pools"

    def living(self) -> list[Pool]:
        """All that are open."""
        return Pool.living

    def describe(self, thing: Pool) -> str:
        """By name."""
        return thing.name

    def close(self, thing: Pool) -> None:
        """Close one."""
        thing.close()


class SitedKind(PoolKind):
    """The same, with the lines that make them."""

    type = Pool


@pytest.fixture(autouse=True)
def forgotten(clean_faults: None) -> Iterator[None]:
    """No test's kinds are the next one's."""
    yield
    for name in customs.names():
        unregister_kind(name)
    Pool.living.clear()


def broken(part: str) -> CustomKind[Pool]:
    """Return the kind with one method that raises."""

    def fail(self: object, thing: object = None) -> object:
        raise ZeroDivisionError(part)

    made: CustomKind[Pool] = type("Broken", (PoolKind,), {part: fail})()
    return made


def test_a_kind_is_registered_as_an_object_or_a_class() -> None:
    """As a decorator it gives back what it got; the same again is no second one."""
    kind = PoolKind()

    assert register_kind(kind) is kind
    assert register_kind(PoolKind) is PoolKind
    assert customs.names() == ("db_pools",)
    assert unregister_kind("db_pools")
    assert not unregister_kind("db_pools")


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"name": None}, "one word"),
        ({"name": "db pools"}, "one word"),
        ({"name": "files"}, "built in"),
        ({"name": "grace"}, "built in"),
        ({"living": None, "close": 1}, "no method living, close"),
    ],
)
def test_what_is_no_kind_is_refused(attributes: dict[str, object], words: str) -> None:
    """With its class, and what is wrong."""
    with pytest.raises(SettingError, match=words) as refused:
        register_kind(type("Odd", (PoolKind,), attributes))
    assert "Odd" in str(refused.value)


def test_a_name_is_taken_once() -> None:
    """Another class under the same name is another kind."""
    register_kind(PoolKind)

    with pytest.raises(SettingError, match="PoolKind has that name already"):
        register_kind(SitedKind)


@pytest.mark.parametrize("names", [("db_pools",), ()], ids=["named", "by default"])
def test_a_block_that_leaves_one_fails(names: tuple[str, ...]) -> None:
    """It is described by its kind, its password masked."""
    register_kind(PoolKind)

    with pytest.raises(LeakError) as raised, no_leaks(*names, grace=0):
        Pool()
    (leak,) = raised.value.leaks
    assert (leak.kind, leak.resource.type) == ("db_pools", "Pool")
    assert leak.resource.id == "postgres://shop:***@db"
    assert leak.summary == "a Pool was created and never closed"


def test_a_block_that_closes_it_is_clean() -> None:
    """And one that another has left before is not this block's."""
    register_kind(PoolKind)
    Pool("older")

    with no_leaks("db_pools"):
        Pool().close()


def test_a_kind_on_request_is_checked_only_by_its_name() -> None:
    """Like those built in."""
    register_kind(type("Asked", (PoolKind,), {"on_request": True}))

    with no_leaks(grace=0):
        Pool()
    with pytest.raises(LeakError), no_leaks("all", grace=0):
        Pool()


def test_with_its_type_the_report_has_the_line() -> None:
    """The constructor is wrapped while somebody checks, and put back."""
    register_kind(SitedKind)
    before = Pool.__init__

    with pytest.raises(LeakError) as raised, no_leaks("db_pools", grace=0):
        Pool()
    assert raised.value.leaks[0].created_at[0].function.endswith("test_with_its_type_the_report_has_the_line")
    assert Pool.__init__ is before


def test_a_class_without_a_constructor_of_its_own_is_left_alone() -> None:
    """There is no line then, and no harm."""
    register_kind(type("Plain", (PoolKind,), {"type": frozenset}))

    with no_leaks("db_pools"):
        assert len(frozenset("ab")) == 2


def test_what_cannot_be_referred_to_weakly_is_seen_without_its_line() -> None:
    """By its address."""

    class Slim:
        __slots__ = ("name",)

        def __init__(self) -> None:
            self.name = "slim"

    living: list[Slim] = []
    register_kind(
        type("SlimKind", (PoolKind,), {"type": Slim, "living": lambda self: living, "close": lambda *_: None})
    )

    with pytest.raises(LeakError) as raised, no_leaks("db_pools", grace=0):
        living.append(Slim())
    assert raised.value.leaks[0].created_at == ()


def test_what_another_scope_made_is_not_this_ones(watch: Callable[..., Watch]) -> None:
    """Who ran the constructor answers for it; what is gone by then is nobody's."""
    register_kind(SitedKind)
    seen = watch("db_pools")
    with another_ledger():
        pool = Pool()
        handle = ResourceManager().register(threading.Event(), kind="events", cleanup=print)
    with ledger.at_work(None):
        Pool("of nobody")
        Pool.living.pop()
    spot = seen.spot()

    assert seen.left() == ()
    pool.close()
    assert seen.session.panel.describe(*spot, seen.ledger) is None
    assert seen.session.panel.release(*spot, seen.ledger) == ""
    handle.unregister()


def test_what_a_manager_holds_is_one_finding() -> None:
    """Under the custom kind, with the line that registered it."""
    register_kind(PoolKind)
    manager = ResourceManager()

    with pytest.raises(LeakError) as raised, no_leaks("managed", "db_pools", grace=0):
        manager.register(Pool(), kind="db_pools")
    assert [leak.kind for leak in raised.value.leaks] == ["db_pools"]
    assert raised.value.leaks[0].created_at
    manager.cleanup()


def test_a_new_one_at_the_address_of_a_closed_one_is_another() -> None:
    """Numbers are given once; those of what is gone are forgotten."""
    register_kind(PoolKind)
    probe = CustomProbe()
    book = Ledger(Owner("function"))
    seen: set[Ident] = set()
    for _ in range(10):
        pool = Pool()
        seen |= probe.take(book)
        pool.close()
        del pool

    assert len(seen) == 10


def test_numbers_of_what_is_gone_are_forgotten() -> None:
    """A probe lives as long as the run."""
    register_kind(PoolKind)
    probe = CustomProbe()
    book = Ledger(Owner("function"))
    for _ in range(1001):
        Pool()
    assert len(probe.take(book)) == 1001
    Pool.living.clear()

    assert probe.take(book) == frozenset()
    assert len(probe._known) == 0


def test_what_nobody_holds_is_closed_by_its_kind(watch: Callable[..., Watch]) -> None:
    """After it has been reported; a kind that cannot is switched off."""
    register_kind(PoolKind)
    seen = watch("db_pools")
    Pool()
    assert seen.thing() is Pool.living[0]
    assert seen.release() == "closed"
    assert Pool.living == []

    unregister_kind("db_pools")
    register_kind(broken("close"))
    Pool()
    assert seen.release() == ""
    assert "close" in faults.noted()["kind db_pools"]


@pytest.mark.parametrize("part", ["living", "describe"])
def test_a_broken_kind_is_named_and_switched_off(part: str, watch: Callable[..., Watch]) -> None:
    """The block goes on, and the fault names the kind; the next session says so again."""
    register_kind(broken(part))
    try:
        with no_leaks("db_pools", grace=0):
            Pool()
    except LeakError:
        assert part != "living"

    assert part in faults.noted()["kind db_pools"]
    assert customs.get("db_pools") is None
    assert "switched off" in watch("db_pools").session.panel.unavailable["db_pools"]
    assert part in faults.noted()["kind db_pools"]


def test_a_block_says_in_the_log_what_did_not_work(no_outer_session: None, caplog: pytest.LogCaptureFixture) -> None:
    """It saw nothing of that kind: without a word it would pass for clean."""
    register_kind(broken("living"))

    with no_leaks("db_pools", grace=0):
        Pool()

    assert "not working: kind db_pools: ZeroDivisionError: living" in caplog.text


def test_a_block_inside_a_session_leaves_that_to_the_session(
    watch: Callable[..., Watch], caplog: pytest.LogCaptureFixture
) -> None:
    """Which names it in its report."""
    watch("files")
    register_kind(broken("living"))

    with no_leaks("db_pools", grace=0):
        Pool()

    assert "not working" not in caplog.text
    assert "kind db_pools" in faults.noted()


def test_a_manager_names_and_closes_by_the_kind() -> None:
    """Without a name and a cleanup of its own; the count is known before the first."""
    register_kind(PoolKind)
    manager = ResourceManager()
    assert manager.metrics().active_db_pools == 0
    pool = Pool()
    handle = manager.register(pool, kind="db_pools")

    assert handle.name == "postgres://shop:***@db"
    handle.close()
    assert Pool.living == []


def test_a_kind_that_cannot_describe_leaves_the_name_to_the_class(caplog: pytest.LogCaptureFixture) -> None:
    """And is switched off, which the log tells once: a program without pytest has no report."""
    register_kind(broken("describe"))
    manager = ResourceManager()
    handle = manager.register(pool := Pool(), kind="db_pools")

    manager.register(another := Pool(), kind="db_pools").close()

    assert another not in Pool.living
    assert handle.name.endswith(".Pool")
    assert "kind db_pools" in faults.noted()
    assert caplog.text.count("kind db_pools does not work and is switched off: ZeroDivisionError('describe')") == 1
    handle.close()
    assert pool not in Pool.living


def test_packages_bring_kinds_by_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be loaded is named; what a program has registered itself is not loaded over it."""
    info = tmp_path / "shop_driver-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-driver\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[no_leaks.kinds]\nshop_pools = shop_driver:Kind\nshop_typo = shop_driver:Missing\ndb_pools = shop_driver:Gone\n"
    )
    (tmp_path / "shop_driver.py").write_text(
        "class Kind:\n    name = 'shop_pools'\n    def living(self): return ()\n"
        "    def describe(self, thing): return 'x'\n    def close(self, thing): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(customs, "_loaded", [])
    register_kind(PoolKind)

    customs.load()
    customs.load()

    assert customs.names() == ("db_pools", "shop_pools", "shop_typo")
    assert "Missing" in faults.noted()["kind shop_typo"]
    assert list(customs.off()) == ["shop_typo"]
    sys.modules.pop("shop_driver")
