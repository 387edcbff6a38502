"""Whether the resources of a process are well: a status with its reasons, from the metrics and the limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .handle import Handle
from .limits import TOTAL, Limit
from .manager import ResourceManager
from .process import get_resource_manager

OK, DEGRADED, FAILING = "ok", "degraded", "failing"
NEAR = 0.9
"""From so much of a limit on it is near."""


@dataclass(frozen=True, slots=True)
class Health:
    """`status` is "ok", "degraded" (somebody should look) or "failing" (nothing more can be opened); with the reasons."""

    status: str
    reasons: tuple[str, ...] = ()

    @property
    def is_serving(self) -> bool:
        """Whether the process can still do its work: what `/healthz` answers."""
        return self.status != FAILING


def check_health(manager: ResourceManager | None = None, *, max_age_s: float | None = None) -> Health:
    """Return the health of a manager, by default the process's. `max_age_s`: an older resource is a reason."""
    asked = manager or get_resource_manager()
    found = list(_findings(asked, max_age_s))
    worst = FAILING if any(status == FAILING for status, _ in found) else DEGRADED if found else OK
    return Health(worst, tuple(reason for _, reason in found))


def _findings(manager: ResourceManager, max_age_s: float | None) -> Iterator[tuple[str, str]]:
    metrics = manager.metrics()
    if metrics.leaked:
        yield DEGRADED, f"leaked: {metrics.leaked}, the last: {manager.leaks[-1]}"
    if metrics.cleanup_errors:
        yield DEGRADED, f"cleanups that failed: {metrics.cleanup_errors}"
    oldest = _oldest(manager, TOTAL)
    if max_age_s is not None and oldest is not None and oldest.age_s > max_age_s:
        yield DEGRADED, f"open for more than {max_age_s:g} s: {oldest.described()}"
    limits = manager.limits
    if limits is not None:
        for kind, limit in [*limits.kinds.items(), (TOTAL, limits.total)]:
            yield from _used(manager, kind, limit)


def _used(manager: ResourceManager, kind: str, limit: Limit) -> Iterator[tuple[str, str]]:
    count, size_bytes = manager.book.taken(None if kind == TOTAL else kind)
    for used, most, what in ((count, limit.count, "open"), (size_bytes, limit.bytes, "bytes")):
        if most is not None and used >= NEAR * most and used:
            yield FAILING if used >= most else DEGRADED, f"{kind}: {used} of {most} {what}"
    oldest = None if limit.age_s is None else _oldest(manager, kind)
    if limit.age_s is not None and oldest is not None and oldest.age_s >= NEAR * limit.age_s:
        status = FAILING if oldest.age_s > limit.age_s else DEGRADED
        yield status, f"{kind}: no more while one is older than {limit.age_s:g} s: {oldest.described()}"


def _oldest(manager: ResourceManager, kind: str) -> Handle | None:
    return next(iter(manager.active(None if kind == TOTAL else kind)), None)
