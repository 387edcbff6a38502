"""Markers to settings: no_leaks and allow_leaks of test, class and module are folded over the base, at collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import cast

import pytest

from ..config import Layer, Settings, allowing_layer, checking_layer, merge
from ..errors import FilterWarning, SettingError

MOST = 20
"""So many wrong markers are listed."""

_REFUSAL = "no_leaks_refusal"
_READERS = {"no_leaks": checking_layer, "allow_leaks": allowing_layer}


class _Readings:
    """What was read in one session: each mark once (a module's mark is the same object for all its tests)."""

    def __init__(self) -> None:
        # By the mark's id; the mark is kept, so that its id is not given again.
        self.layers: dict[int, tuple[pytest.Mark, Layer | SettingError]] = {}
        self.settings: dict[tuple[Settings, tuple[int, ...]], Settings] = {}
        self.remarks: list[tuple[pytest.Item, str]] = []

    def layer(self, item: pytest.Item, place: str, mark: pytest.Mark) -> Layer | SettingError:
        known = self.layers.get(id(mark))
        if known is None:
            layer = _read(place or item.nodeid, mark)
            if isinstance(layer, Layer):
                self.remarks += [(item, remark) for remark in layer.remarks]
            known = self.layers[id(mark)] = (mark, layer)
        return known[1]


_READINGS = pytest.StashKey[_Readings]()


def settings_of(item: pytest.Item, base: Settings) -> Settings:
    """Return the settings of one item; a wrong marker raises SettingError with the node id where it stands."""
    marks = list(_nearest_first(item))
    if not marks:
        return base
    readings = item.session.stash.setdefault(_READINGS, _Readings())
    layers = [readings.layer(item, place, mark) for place, mark in marks]
    key = (base, tuple(id(mark) for _, mark in marks))
    known = readings.settings.get(key)
    if known is None:
        known = base
        for layer in reversed(layers):
            if isinstance(layer, SettingError):
                raise layer
            known = merge(known, layer)
        if "memory" in known.kinds and any(mark.name == "no_leaks" and place == item.nodeid for place, mark in marks):
            known = known._replace(prove_growth=True)
        readings.settings[key] = known
    return known


def resolve(items: Sequence[pytest.Item], base: Settings) -> dict[pytest.Item, Settings]:
    """Return the settings of each item that is checked; all wrong markers are named in one `pytest.UsageError`.

    Under `--no-leaks-off` markers are not even read: the switch works whatever they say.
    """
    if base.off or not items:
        return {}
    checked: dict[pytest.Item, Settings] = {}
    for item in items:
        try:
            settings = settings_of(item, base)
        except SettingError:
            continue  # kept in the readings, and named below with all the others
        if settings.enabled and settings.kinds:
            checked[item] = settings
    _refuse(items[0].config, items[0].session.stash.get(_READINGS, _Readings()))
    return checked


def pass_on_refusal(node: object) -> None:
    """Raise in the controller of pytest-xdist what a worker refused, from the hook `pytest_testnodedown`.

    The worker's own error is lost there, and the controller would stop with an internal error instead.
    """
    output: dict[str, object] = getattr(node, "workeroutput", None) or {}
    if _REFUSAL in output:
        raise pytest.UsageError(str(output[_REFUSAL]))


def _read(place: str, mark: pytest.Mark) -> Layer | SettingError:
    try:
        return _READERS[mark.name](mark.args, mark.kwargs, place)
    except SettingError as error:
        return error


def _nearest_first(item: pytest.Item) -> Iterator[tuple[str, pytest.Mark]]:
    """Yield (node id, mark) of our marks, the nearest first; pytest lists a base class before the class that extends it."""
    found = [pair for pair in item.iter_markers_with_node() if pair[1].name in _READERS]
    for node, group in groupby(found, key=lambda pair: pair[0]):
        marks = [mark for _, mark in group]
        if len(marks) > 1 and isinstance(node, pytest.Class):
            cls: type = node.obj
            marks.sort(key=lambda mark: _distance(cls, mark))
        yield from ((node.nodeid, mark) for mark in marks)


def _distance(cls: type, mark: pytest.Mark) -> int:
    """Return how many steps up the class hierarchy a mark was set; 0 also for marks that a plugin added."""
    for steps, base in enumerate(cls.__mro__):
        own: object = base.__dict__.get("pytestmark", ())
        decorators = cast("Sequence[object]", own) if isinstance(own, (list, tuple)) else (own,)
        for decorator in decorators:
            if getattr(decorator, "mark", decorator) is mark:
                return steps
    return 0


def _refuse(config: pytest.Config, readings: _Readings) -> None:
    """Warn of filters that equal no name, and raise for all that is wrong."""
    wrong = [str(layer) for _, layer in readings.layers.values() if isinstance(layer, SettingError)]
    for item, remark in readings.remarks:
        try:
            item.warn(FilterWarning(remark))
        except FilterWarning as error:  # the user's filters make warnings errors
            wrong.append(str(error))
    readings.remarks.clear()
    more = [f"... and {len(wrong) - MOST} more"] if len(wrong) > MOST else []
    refuse(config, "\n".join([*wrong[:MOST], *more]))


def refuse(config: pytest.Config, text: str) -> None:
    """Raise a usage error that says this, if anything; in a worker of pytest-xdist leave it for the controller, too."""
    if text:
        output: dict[str, object] = getattr(config, "workeroutput", {})
        output[_REFUSAL] = text
        raise pytest.UsageError(text)
