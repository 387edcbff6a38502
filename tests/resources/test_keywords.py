"""Keywords: an option with a slip in its name is refused by the name that was called, with the one that was meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from no_leaks.errors import SettingError
from no_leaks.resources import (
    ResourcePool,
    secure_connection_context,
    secure_file_context,
    secure_tcp_context,
    secure_tls_context,
    secure_unix_context,
)

CALLS: dict[str, Callable[..., Any]] = {
    "secure_file_context": lambda **slip: secure_file_context("data.txt", **slip),
    "secure_connection_context": lambda **slip: secure_connection_context(object, **slip),
    "secure_tcp_context": lambda **slip: secure_tcp_context("localhost", 1, **slip),
    "secure_tls_context": lambda **slip: secure_tls_context("localhost", 1, **slip),
    "secure_unix_context": lambda **slip: secure_unix_context("/tmp/none", **slip),
    "ResourcePool": lambda **slip: ResourcePool(object, **slip),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_slip_is_named_with_what_was_meant(name: str) -> None:
    """Not by the class that holds the options inside."""
    with pytest.raises(
        SettingError, match=f"^{name}: 'close_timeout' is not an option; did you mean 'close_timeout_s'"
    ):
        CALLS[name](close_timeout=1)


def test_what_a_function_settles_itself_is_no_option() -> None:
    """A TCP connection has its own way to be made."""
    with pytest.raises(SettingError, match="'create' is not an option") as caught:
        CALLS["secure_tcp_context"](create=object)
    assert "create" not in caught.value.valid
