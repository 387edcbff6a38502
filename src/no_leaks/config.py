"""What to check and how patiently: one frozen value per test, merged from layers of which the nearest wins."""

# Annotations are evaluated here, see model.py.

import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from . import customs
from .env import HERE
from .errors import FilterWarning, SettingError
from .kindlist import NO_CHANGE, KindChange, all_kinds, default_kinds, known_names, parse_kinds, read_change
from .model import Kind
from .names import ACTIONS, CONFIRM, DEFAULT
from .values import choice, did_you_mean, filter_remark, flag, name_filter, pattern, seconds, times

FORMATS = ("json",)
LATER_FORMATS = ("html", "sarif", "github", "prometheus")
"""Named in the design, written by a later version."""
KIND_ACTIONS = ("raise", "warn", "log", "cancel")
"""pyleak's words for what to do about a leak of one kind."""

ANY_NAME: Final = re.compile("")
"""The filter of a layer that says None: it lifts a filter of the layer below."""

_T = TypeVar("_T")


class Allowance(NamedTuple):
    """Leaks declared with a reason; empty `kinds` means every kind, `match` is searched in description and creation site."""

    reason: str
    kinds: tuple[Kind, ...] = ()
    match: re.Pattern[str] | None = None


class Settings(NamedTuple):
    """The merged settings of one test; units end a name."""

    enabled: bool = False
    kinds: frozenset[Kind] = frozenset(DEFAULT)
    grace_s: float = 0.5
    confirm: str = "auto"
    confirm_limit_s: float = 30.0
    budget: float = 10.0
    """Percent of the run's time that repeating tests for their memory may bring us to."""
    rounds: int = 4
    """How many repetitions have to grow, for memory to be a leak."""
    prove_growth: bool = False
    """Whether a test is repeated for its memory whether it is suspected or not (a marker of its own asks for that)."""
    action: str = "fail"
    strict: bool = False
    allowances: tuple[Allowance, ...] = ()
    kind_actions: tuple[tuple[Kind, str], ...] = ()
    """pyleak's `task_action` and its like: kind -> "raise", "warn", "log" or "cancel"."""
    task_name_filter: str | re.Pattern[str] | None = None
    thread_name_filter: str | re.Pattern[str] | None = None
    exclude_daemon_threads: bool = False
    blocking_threshold_s: float = 0.2
    blocking_check_interval_s: float = 0.01
    off: bool = False
    """Nothing is checked, whatever markers say (`--no-leaks-off`)."""


class Layer(NamedTuple):
    """What one place says (ini, command line, a marker, a call); None means that it says nothing."""

    enabled: bool | None = None
    kinds: KindChange = NO_CHANGE
    grace_s: float | None = None
    confirm: str | None = None
    confirm_limit_s: float | None = None
    budget: float | None = None
    rounds: int | None = None
    prove_growth: bool | None = None
    action: str | None = None
    strict: bool | None = None
    allowances: tuple[Allowance, ...] = ()
    kind_actions: tuple[tuple[Kind, str], ...] = ()
    task_name_filter: str | re.Pattern[str] | None = None
    thread_name_filter: str | re.Pattern[str] | None = None
    exclude_daemon_threads: bool | None = None
    blocking_threshold_s: float | None = None
    blocking_check_interval_s: float | None = None
    off: bool | None = None
    remarks: tuple[str, ...] = ()
    """Filters that equal no name; whoever reads the layer warns of them (`FilterWarning`)."""


def defaults() -> Settings:
    """Return the settings that hold where nobody says anything; a kind of the user's own may be among the default ones."""
    return Settings(kinds=default_kinds())


def merge(base: Settings, layer: Layer) -> Settings:
    """Lay a nearer layer over the settings below it."""
    off = _nearer(layer.off, base.off)
    return Settings(
        enabled=_nearer(layer.enabled, base.enabled) and not off,
        kinds=layer.kinds.on(base.kinds),
        grace_s=_nearer(layer.grace_s, base.grace_s),
        confirm=_nearer(layer.confirm, base.confirm),
        confirm_limit_s=_nearer(layer.confirm_limit_s, base.confirm_limit_s),
        budget=_nearer(layer.budget, base.budget),
        rounds=_nearer(layer.rounds, base.rounds),
        prove_growth=_nearer(layer.prove_growth, base.prove_growth),
        action=_nearer(layer.action, base.action),
        strict=_nearer(layer.strict, base.strict),
        allowances=tuple(dict.fromkeys((*base.allowances, *layer.allowances))),
        kind_actions=tuple(sorted({**dict(base.kind_actions), **dict(layer.kind_actions)}.items())),
        task_name_filter=_filter(layer.task_name_filter, base.task_name_filter),
        thread_name_filter=_filter(layer.thread_name_filter, base.thread_name_filter),
        exclude_daemon_threads=_nearer(layer.exclude_daemon_threads, base.exclude_daemon_threads),
        blocking_threshold_s=_nearer(layer.blocking_threshold_s, base.blocking_threshold_s),
        blocking_check_interval_s=_nearer(layer.blocking_check_interval_s, base.blocking_check_interval_s),
        off=off,
    )


def checking_layer(args: Sequence[object], keywords: Mapping[str, object], place: str = "") -> Layer:
    """Read `no_leaks(*args, **keywords)`, as a marker or a call; `place` (a node id) goes before each error."""
    prefix = f"{place}: no_leaks" if place else "no_leaks"
    switch = [arg for arg in args if isinstance(arg, bool)]
    if switch and (len(args) > 1 or "enabled" in keywords):
        raise SettingError(prefix, "True or False stands alone: no_leaks(False) switches checking off")
    names = [arg for arg in args if not isinstance(arg, bool)]
    layer = Layer(enabled=switch[0] if switch else True, kinds=read_change(names, prefix) if names else NO_CHANGE)
    for name, value in keywords.items():
        layer = _keyword(layer, name, value, f"{prefix}({name}=...)")
    if layer.kinds.is_void:
        raise SettingError(prefix, "leaves no kind to check; no_leaks(False) switches checking off")
    return layer


def allowing_layer(args: Sequence[object], keywords: Mapping[str, object], place: str = "") -> Layer:
    """Read `allow_leaks(*kinds, match=None, reason="...")` of a marker."""
    prefix = f"{place}: allow_leaks" if place else "allow_leaks"
    reason = keywords.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        named = "".join(f"{arg!r}, " for arg in args)
        raise SettingError(prefix, f'needs a reason; write allow_leaks({named}reason="why this is meant")')
    for name in keywords:
        _known_keyword(name, ("match", "reason"), prefix)
    kinds = parse_kinds(list(args), inherited=frozenset(all_kinds()), where=prefix) if args else frozenset[Kind]()
    match = keywords.get("match")
    searched = None if match is None else pattern(match, f"{prefix}(match=...)")
    ordered = tuple(kind for kind in all_kinds() if kind in kinds)
    return Layer(allowances=(Allowance(reason.strip(), ordered, searched),))


def library_settings(*kinds: object, **keywords: object) -> Settings:
    """Return the settings of `with no_leaks(*kinds, **keywords)`: the marker's words, over the defaults."""
    customs.load()
    layer = checking_layer(kinds, keywords)
    for remark in layer.remarks:
        warnings.warn(FilterWarning(remark), stacklevel=_user_level())
    return merge(defaults(), layer)


def _keyword(layer: Layer, name: str, value: object, where: str) -> Layer:
    valid = known_names()
    if name in valid:
        return layer._replace(kinds=layer.kinds.then(name, add=flag(value, where)))
    _known_keyword(name, (*KEYWORDS, *valid), where.partition("(")[0])
    return KEYWORDS[name](layer, value, where)


def _known_keyword(name: str, valid: Sequence[str], where: str) -> None:
    if name not in valid:
        raise SettingError(where, f"{name!r} is not a keyword{did_you_mean(name, valid)}", valid)


def _kind_action(kind: Kind) -> Callable[[Layer, object, str], Layer]:
    def read(to: Layer, value: object, where: str) -> Layer:
        return to._replace(kind_actions=(*to.kind_actions, (kind, choice(value, where, KIND_ACTIONS))))

    return read


def _task_filter(to: Layer, value: object, where: str) -> Layer:
    wanted = ANY_NAME if value is None else name_filter(value, where)
    return to._replace(task_name_filter=wanted, remarks=_with_remark(to, value, where))


def _thread_filter(to: Layer, value: object, where: str) -> Layer:
    wanted = ANY_NAME if value is None else name_filter(value, where)
    return to._replace(thread_name_filter=wanted, remarks=_with_remark(to, value, where))


def _with_remark(to: Layer, value: object, where: str) -> tuple[str, ...]:
    remark = filter_remark(value, where)
    return (*to.remarks, remark) if remark else to.remarks


def _always_on(to: Layer, value: object, where: str) -> Layer:
    """Accept pyleak's `enable_task_creation_tracking`: creation sites are kept whatever it says."""
    flag(value, where)
    return to


KEYWORDS: dict[str, Callable[[Layer, object, str], Layer]] = {
    "enabled": lambda to, value, where: to._replace(enabled=flag(value, where)),
    "grace": lambda to, value, where: to._replace(grace_s=seconds(value, where)),
    "confirm": lambda to, value, where: to._replace(confirm=_confirm(value, where)),
    "confirm_limit": lambda to, value, where: to._replace(confirm_limit_s=seconds(value, where)),
    "rounds": lambda to, value, where: to._replace(rounds=times(value, where)),
    "action": lambda to, value, where: to._replace(action=choice(value, where, ACTIONS)),
    "strict": lambda to, value, where: to._replace(strict=flag(value, where)),
    "task_name_filter": _task_filter,
    "thread_name_filter": _thread_filter,
    "exclude_daemon_threads": lambda to, value, where: to._replace(exclude_daemon_threads=flag(value, where)),
    "task_action": _kind_action("tasks"),
    "thread_action": _kind_action("threads"),
    "blocking_action": _kind_action("blocking"),
    "blocking_threshold": lambda to, value, where: to._replace(
        blocking_threshold_s=seconds(value, where, above_zero=True)
    ),
    "blocking_check_interval": lambda to, value, where: to._replace(
        blocking_check_interval_s=seconds(value, where, above_zero=True)
    ),
    "enable_task_creation_tracking": _always_on,
}
"""Keywords of marker and library beside the kinds and groups; the ONE list of them."""


def _confirm(value: object, where: str) -> str:
    """Read False as "never", and True as what holds without it."""
    return ("auto" if value else "never") if isinstance(value, bool) else choice(value, where, CONFIRM)


def _nearer(near: _T | None, far: _T) -> _T:
    return far if near is None else near


def _filter(near: str | re.Pattern[str] | None, far: str | re.Pattern[str] | None) -> str | re.Pattern[str] | None:
    return None if near is ANY_NAME else _nearer(near, far)


def _user_level() -> int:
    """Return the stack level, seen from the caller, of the first frame outside this package."""
    level = 1
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # warnings offers no other way before 3.12
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
        level += 1
    return level
