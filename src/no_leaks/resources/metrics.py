"""A manager's numbers at one moment, as a value: what dashboards, health checks and tests read."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import kinds
from .book import Counts


@dataclass(frozen=True, slots=True)
class ResourceMetrics:
    """A consistent snapshot. `active_<kind>` (`active_files`, `active_connections`, `active_tasks`) is the count of one kind."""

    active: dict[str, int] = field(default_factory=dict[str, int])
    """Open resources by kind; kinds of which nothing is open are left out."""
    total_active: int = 0
    created: int = 0
    cleaned: int = 0
    leaked: int = 0
    """Collected by the garbage collector without being closed."""
    cleanup_errors: int = 0
    peak: int = 0
    """The most that were open at once."""
    oldest_age_s: float = 0.0
    """The age of the oldest open resource."""
    memory_usage_bytes: int = 0
    """The process's resident memory now."""
    memory_growth_bytes: int = 0
    """What was added since the manager was made; negative where memory was given back."""
    kinds: tuple[str, ...] = ()
    """Every kind that was ever registered: exporters show a zero where nothing is open any more."""

    def __getattr__(self, name: str) -> int:
        kind = name.removeprefix("active_")
        if kind == name or (kind not in self.active and not kinds.is_known(kind)):
            raise AttributeError(f"no kind {kind!r} has been registered: {', '.join(sorted(kinds.known()))} are known")
        return self.active.get(kind, 0)


def of(counts: Counts, memory_bytes: int, start_bytes: int) -> ResourceMetrics:
    """Make a snapshot of a book's counts and the memory in use."""
    active = {kind: count for kind, count in sorted(counts.active.items()) if count}
    return ResourceMetrics(
        active=active,
        total_active=sum(active.values()),
        created=counts.created,
        cleaned=counts.cleaned,
        leaked=counts.leaked,
        cleanup_errors=counts.cleanup_errors,
        peak=counts.peak,
        oldest_age_s=counts.oldest_age_s,
        memory_usage_bytes=memory_bytes,
        memory_growth_bytes=memory_bytes - start_bytes,
        kinds=tuple(sorted(counts.active)),
    )
