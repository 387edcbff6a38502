"""Kinds that installed packages and the run's own plugins and conftest files add: collected before settings are read."""

from __future__ import annotations

import functools
from typing import Any, cast

import pytest

from .. import customs
from ..customs import Custom

_ASKED = pytest.StashKey[set[int]]()


def load(config: pytest.Config) -> None:
    """Register what entry points bring, and what answers the hook and has not been asked yet: a conftest may come later."""
    customs.load()
    asked = config.stash.setdefault(_ASKED, set())
    for answer in config.hook.pytest_no_leaks_kinds.get_hookimpls():
        if id(answer.plugin) not in asked:
            asked.add(id(answer.plugin))
            try:
                _register(config, answer.function(*({"config": config}[name] for name in answer.argnames)))
            except Exception as error:
                customs.switch_off(f"of {answer.plugin_name}", error)


def _register(config: pytest.Config, found: Any) -> None:
    kinds = cast("list[Custom]", found if isinstance(found, (list, tuple)) else [found] if found is not None else [])
    for kind in kinds:
        customs.register_kind(kind)
        config.add_cleanup(functools.partial(_forget, kind))


def _forget(kind: Custom) -> None:
    customs.unregister_kind(kind.name)
