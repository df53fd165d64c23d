"""The garbage collector, asked to look less often while a large machine is solved.

What is built for a machine stays until the plan is there: thousands of objects
that are looked through again and again and of which nothing can be freed. On
10,000 BARs that was nearly half of the time before a first plan.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 3_000_000
"""Objects after which the collector looks at the youngest; Python's own 700 suit short-lived ones."""

_lock = threading.Lock()
_depth = 0
_before: tuple[int, int, int] = gc.get_threshold()


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Let the collector look rarely; as before when the last of several calls has ended.

    Nothing changes where it is switched off, or looks more rarely already.
    """
    global _depth, _before
    with _lock:
        if _depth == 0:
            _before = gc.get_threshold()
            if 0 < _before[0] < _OBJECTS:
                gc.set_threshold(_OBJECTS, *_before[1:])
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                if not gc.get_freeze_count():  # all that was made meanwhile counts as old, instead of being looked at
                    gc.freeze()
                    gc.unfreeze()
                gc.set_threshold(*_before)
