"""Keywords: an option that is not known is refused by the name that the user called, with the nearest one that is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import SettingError
from ..values import did_you_mean


def refuse_unknown(where: str, options: type[Any], given: Iterable[str], *own: str) -> None:
    """Raise `SettingError` for a name that is no field of a dataclass of options, or one that `where` fills itself (`own`)."""
    known: dict[str, Any] = options.__dataclass_fields__
    for name in given:
        if name not in known or name in own:
            valid = [one for one in known if one not in own]
            raise SettingError(where, f"{name!r} is not an option{did_you_mean(name, valid)}", valid)
