"""Proof: one question, "does it grow each time?", asked of repetition after repetition until it is answered and located."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext

from ..sensors import window
from . import census, readings, trend
from .census import Census, Grown
from .cheap import FIRST, LATER, Cheap
from .seeping import WINDOW, Seeping
from .tracing import Tracer
from .watched import Watched

FAINT = 8
"""Repetitions until it is asked which container grows, where nothing tells but blocks."""
LOCATING = 2
"""Repetitions between two censuses: what grows by one each time is told from what grew once."""
WATCHING = 2
"""Repetitions in which what was located has to go on growing, the first of them line by line."""
MOST_WATCHED = 150
"""So often a container is watched at most."""
MOST_NAMED = 20
"""Containers that are watched; those that grew most come first."""

COUNTING, LOCATE, WATCH, SEEP, DONE = "counting", "locating", "watching", "seeping", "done"


class Proof:
    """Asks for repetitions as long as something has grown on each; `least` of them have to. Let go with `end`.

    `thorough` also compares what each container holds where nothing else has grown: a list of small numbers grows in
    place. `affords` says before each repetition whether there is time for one more, by the processor's time it took; `spares`
    whether there is time for what takes longer, by the clock on the wall.
    """

    def __init__(
        self,
        *,
        least: int = trend.LEAST,
        thorough: bool = False,
        affords: Callable[[float], bool] = lambda took_s: True,
        spares: Callable[[float], bool] = lambda took_s: True,
        clock: Callable[[], float] = time.monotonic,
        work: Callable[[], float] = time.process_time,
    ) -> None:
        self.trend = trend.Trend()
        self.stage = COUNTING
        self.is_unanswered = False
        """Whether there was no time for an answer, or a repetition went wrong."""
        self.located: list[Watched] = []
        self._least = least
        self._thorough = thorough
        self._affords = affords
        self._spares = spares
        self._clock = clock
        self._work = work
        self._worked_s = work()
        self._cheap = Cheap(clock, work)
        self._seeping: Seeping | None = None
        self._started_s = clock()
        self._census: Census = {}
        self._left = 0
        self._whole = False
        self._is_asked = False
        self._is_last = False
        """Whether what is watched is what the objects said that holds them."""

    @property
    def grows(self) -> bool:
        """Whether the answer is yes."""
        return (
            self.stage == DONE and not self.is_unanswered and (bool(self.located) or self._goes_on or bool(self.seeps))
        )

    @property
    def seeps(self) -> tuple[int, ...]:
        """Bytes of native memory that each of many repetitions has taken, if that is all that grows."""
        return self._seeping.rounds if self._seeping is not None and self._seeping.is_proven else ()

    @property
    def _goes_on(self) -> bool:
        """Whether it has grown so far; once containers were located that stopped, only objects are asked for."""
        return self.trend.objects_grow if self._is_last else self.trend.grows

    @property
    def is_over(self) -> bool:
        """Whether it was asked to the end."""
        return self.stage == DONE

    @property
    def took_s(self) -> float:
        """How long it has been under way."""
        return self._clock() - self._started_s

    def wants_more(self) -> bool:
        """Whether another repetition is needed, and there is time for it."""
        if self.stage != DONE and not self._affords(self._work() - self._worked_s):
            self.give_up()
        return self.stage != DONE

    @contextmanager
    def one_more(self) -> Generator[None]:
        """Run one repetition inside; what it adds is counted when it ends."""
        tracer = Tracer([one.container for one in self.located]) if self._is_to_be_traced() else None
        with tracer.at_work() if tracer is not None else nullcontext():
            yield
        self._learn(tracer)

    def begin(self) -> None:
        """Count once before the first repetition, so that what counting itself takes is there already."""
        window.turn()
        if not self._thorough:
            self._count()

    def look(self) -> None:
        """Count what there is at the end of a repetition; where that is must be the same each time."""
        if self.stage == COUNTING:
            self._count()
        elif self.stage == LOCATE:
            self._locate()
        elif self._seeping is not None:
            self._seep(self._seeping)
        else:
            self._watch()

    def give_up(self) -> None:
        """Ask no further: it could not be repeated."""
        self.stage, self.is_unanswered = DONE, True

    def end(self) -> None:
        """Let go of every container."""
        self.located.clear()
        self._census = {}

    def _is_to_be_traced(self) -> bool:
        return self.stage == WATCH and bool(self.located) and not self.located[0].rounds

    def _learn(self, tracer: Tracer | None) -> None:
        if tracer is not None:
            for place, found in tracer.places.items():
                self.located[place].places = found

    def _count(self) -> None:
        if self._thorough and not self._census and not self._is_last:
            self._census = census.take()
            window.turn()  # it has looked at all, young and old
            return
        self._read()
        rounds = self.trend.rounds
        if rounds > 0 and not self._goes_on and (self._is_last or not self._thorough):
            self.stage = DONE
        elif rounds >= self._least and self.trend.is_faint and not self._thorough and not self._is_last:
            self._count_faint(rounds)
        elif self._is_last:
            self.stage = DONE if rounds >= self._least else COUNTING
        elif rounds >= self._least and not (self.trend.shrinks and rounds < trend.MOST):
            self._begin_to_locate(rounds)

    def _read(self) -> None:
        known = self.trend.since
        reading = readings.take(whole=self._whole)
        # The program has asked for a collection in between: what was young is old, and all has to be counted.
        self._whole = self._whole or (known is not None and reading.since != known)
        self.trend.add(readings.take(whole=True) if self._whole and reading.since != readings.WHOLE else reading)

    def _count_faint(self, rounds: int) -> None:
        """Go on for a while where there is time to spare; else it is not known to be growth."""
        if not self._spares(self.took_s + census.cost_s()):
            self.stage, self.trend = DONE, trend.Trend()
        elif rounds >= FAINT:
            self._begin_to_locate(rounds)

    def _begin_to_locate(self, rounds: int) -> None:
        """Ask the objects that grew who holds them; where that names no container, count all that there are."""
        if self._thorough:
            self._find(rounds)
            return
        held = census.holding(self.trend.types) if self.trend.objects_grow and not self._whole else []
        if held:
            self._is_asked = True
            self._begin_to_watch([Grown(one, length, length) for one in held if (length := census.length_of(one))])
        else:
            self._begin_to_count_all()

    def _begin_to_count_all(self) -> None:
        """Take a census where there is time to spare; else the objects have to speak for themselves."""
        if self._spares(census.cost_s()):
            self.stage, self._left, self._census = LOCATE, LOCATING, census.take()
        else:
            self._begin_to_watch([])

    def _locate(self) -> None:
        self._left -= 1
        if not self._left:
            self._find(LOCATING)

    def _find(self, times: int) -> None:
        found, self._census = self._grown(times), {}
        self._begin_to_watch(found)

    def _begin_to_watch(self, found: list[Grown]) -> None:
        self.located = [Watched(one.container, one.before, one.after) for one in found]
        if not self.located and self.trend.objects_grow and self.trend.since != readings.WHOLE:
            self._count_anew()  # of a cache that is full, a young object takes an old one's place: all have to be counted
        elif self._thorough and not (self.located or self.trend.objects_grow or self.trend.heap_grows):
            self.stage, self._seeping = SEEP, Seeping()
            self._cheap.begin()
        else:
            self.stage, self._left = (WATCH, WATCHING) if self.located or self.trend.grows else (DONE, 0)

    def _seep(self, seeping: Seeping) -> None:
        """Nothing else grows, and it may be a little native memory: go on while that is cheap."""
        seeping.look()
        if seeping.is_answered or not self._cheap.is_so(FIRST if seeping.calls < WINDOW else LATER):
            self.stage = DONE

    def _grown(self, times: int) -> list[Grown]:
        own = {id(self._census), id(self.located), id(self.trend.types)}
        return [one for one in census.grown(self._census, times) if id(one.container) not in own][:MOST_NAMED]

    def _watch(self) -> None:
        for one in self.located:
            one.look()
        if WATCHING - self._left <= 0:
            self._cheap.begin()
        had = bool(self.located)
        self.located = [one for one in self.located if one.rounds[-1] > 0]
        self._left -= 1
        if had and not self.located and self._is_asked:
            self._is_asked = False
            self._begin_to_count_all()
        elif had and not self.located:
            self._count_anew()
        elif self._left <= 0 and not self._is_cheap():
            self.stage = DONE

    def _count_anew(self) -> None:
        """What was located grows no more: that was all, or else objects that no container holds go on growing."""
        self.stage, self.trend, self._whole, self._is_last = COUNTING, trend.Trend(), True, True

    def _is_cheap(self) -> bool:
        return self._cheap.is_so() and WATCHING - self._left < MOST_WATCHED
