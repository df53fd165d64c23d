"""When a search ends, and how many threads it has: shared by everything that searches for one request."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Crew:
    """The threads of one request, divided among the searches that run at a moment.

    Attributes
    ----------
    workers
        Solver threads in all.
    stop
        Set when the user asks to stop.
    searches
        Those that run, or wait for a thread.
    """

    workers: int
    stop: threading.Event = field(default_factory=threading.Event)
    searches: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock)

    def one_less(self) -> None:
        """A search has ended, and its thread is free for those that still run."""
        with self.lock:
            self.searches -= 1


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop, and how to search.

    Parameters
    ----------
    deadline
        On the monotonic clock, in seconds.
    """

    deadline: float
    crew: Crew
    seed: int = 0

    def share(self, part: float) -> Limits:
        """Limits for one of several tasks: this part of the time left."""
        return Limits(time.monotonic() + part * self.left, self.crew, self.seed)

    def moment(self, seconds: float) -> Limits:
        """Limits for a task that has no more than so many seconds."""
        return Limits(min(self.deadline, time.monotonic() + seconds), self.crew, self.seed)

    def interrupt(self) -> None:
        """Let everything end that works on the same request."""
        self.crew.stop.set()

    @property
    def interrupted(self) -> bool:
        """Whether the user asked to stop."""
        return self.crew.stop.is_set()

    @property
    def left(self) -> float:
        """Seconds of wall time left."""
        return 0.0 if self.interrupted else max(0.0, self.deadline - time.monotonic())

    @property
    def workers(self) -> int:
        """Solver threads for one search at this moment."""
        return max(1, self.crew.workers // max(1, min(self.crew.workers, self.crew.searches)))
