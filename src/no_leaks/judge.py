"""Judge: what of a scope's sightings was wanted by the settings, and what verdict each gets; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from . import origin
from .config import Allowance, Settings
from .model import Leak, Sighting, Spot, Verdict

NameFilter = str | re.Pattern[str] | None


def wanted(sighting: Sighting, settings: Settings) -> bool:
    """Whether the settings ask for this sighting at all: its kind, and pyleak's filters by name."""
    if sighting.asked:
        return True
    if sighting.kind not in settings.kinds:
        return False
    if sighting.kind == "threads":
        if settings.exclude_daemon_threads and sighting.daemon:
            return False
        return _named(sighting.resource.id, settings.thread_name_filter)
    if sighting.kind == "tasks" and sighting.resource.type == "task":
        return _named(sighting.resource.id, settings.task_name_filter)
    return True


def verdict(sighting: Sighting, allowances: Iterable[Allowance]) -> tuple[Verdict, str]:
    """Return the verdict and, where it is allowed, the user's reason."""
    for allowance in allowances:
        if allows(allowance, sighting):
            return Verdict.ALLOWED, allowance.reason
    return (Verdict.ONCE, sighting.once) if sighting.once else (Verdict.LEAK, "")


def fails(leak: Leak, settings: Settings) -> bool:
    """Whether a leak counts against its scope: a one-time leak only under `strict`."""
    return leak.verdict.fails or (settings.strict and leak.verdict is Verdict.ONCE)


def action_of(leak: Leak, settings: Settings) -> str:
    """Return "fail", "warn" or "log" for a leak: pyleak's action for its kind, else the action of all."""
    special = dict(settings.kind_actions).get(leak.kind)
    return {"raise": "fail", "cancel": "fail"}.get(special, special) if special else settings.action


def allows(allowance: Allowance, sighting: Sighting) -> bool:
    """Whether an allowance covers a sighting: by kind, and by a pattern on its description or creation site."""
    if allowance.kinds and sighting.kind not in allowance.kinds:
        return False
    return allowance.match is None or any(map(allowance.match.search, described(sighting)))


def described(sighting: Sighting) -> list[str]:
    """Return the lines that `match=` is searched in: what it is, and each frame that made it."""
    resource = sighting.resource
    frames = (*origin.frames_of(sighting.stack), *origin.frames_at(sighting.places))
    return [
        sighting.summary,
        f"{resource.type} {resource.id} {resource.detail}",
        *(f"{frame.file}:{frame.line} {frame.function}" for frame in frames),
    ]


def sited(sightings: Mapping[Spot, Sighting]) -> dict[Spot, Sighting]:
    """Give a thing without a creation site that of its unclosed twin: a dropped Popen's record went with its warning."""
    known = {seen.resource.id: seen.stack for seen in sightings.values() if seen.kind == "unclosed" and seen.stack}
    return {
        spot: seen._replace(stack=known.get(seen.resource.id, ())) if _lacks_site(seen) and _is_named(seen) else seen
        for spot, seen in sightings.items()
    }


def without_echoes(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Drop what a rule excuses and what another sighting explains: a loop's descriptors, the unclosed twin of a thing seen open."""
    kept: list[Sighting] = []
    all_of_them = list(sightings)
    others = [sighting for sighting in all_of_them if sighting.kind != "unclosed"]
    covering = {(f"fd {fd}", _is_lost(sighting)): sighting for sighting in others for fd in sighting.covers_fds}
    ids = {sighting.resource.id for sighting in others if _is_named(sighting)} - {""}
    # Of two that nobody saw being made, nothing tells one from the other.
    unseen_ids = {sighting.resource.id for sighting in others if _lacks_site(sighting)} - {""}
    loops = any(sighting.kind == "tasks" and sighting.resource.type == "event loop" for sighting in others)
    stacks = {id(sighting.stack) for sighting in others if sighting.stack}
    # What a custom kind sees and a manager holds has the manager's stack: it is one finding.
    told = {id(sighting.stack) for sighting in others if sighting.stack and sighting.kind != "managed"}
    for sighting in all_of_them:
        explained = _is_part_of(covering.get((sighting.resource.id, _is_lost(sighting))), sighting)
        twin = sighting.resource.id in ids or id(sighting.stack) in stacks
        twin = twin or (_lacks_site(sighting) and sighting.resource.id in unseen_ids)
        twin = twin or (loops and sighting.resource.type == "event loop")
        again = sighting.kind == "managed" and id(sighting.stack) in told
        if explained or again or sighting.excuse or (sighting.kind == "unclosed" and twin):
            continue
        kept.append(sighting)
        if sighting.kind == "unclosed" and sighting.stack:
            stacks.add(id(sighting.stack))  # a stream, its transport and its socket each warn of the same loss
    return kept


def _is_part_of(whole: Sighting | None, part: Sighting) -> bool:
    """Whether a descriptor is this loop's, both open or both gone; of what is gone the number alone is no proof."""
    return whole is not None and (not _is_lost(part) or _lacks_site(part) or part.stack is whole.stack)


def _is_lost(sighting: Sighting) -> bool:
    """Whether it is gone: its number may be another's by now, and what is open has it from somebody else."""
    return bool(sighting.proof) or sighting.kind == "unclosed"


def _is_named(sighting: Sighting) -> bool:
    """Whether its identity tells it from what was closed under its number before."""
    return _is_lost(sighting) or not sighting.resource.id.startswith("fd ")


def _lacks_site(sighting: Sighting) -> bool:
    return not sighting.stack and not sighting.places


def _named(name: str, pattern: NameFilter) -> bool:
    if pattern is None:
        return True
    return name == pattern if isinstance(pattern, str) else pattern.search(name) is not None
