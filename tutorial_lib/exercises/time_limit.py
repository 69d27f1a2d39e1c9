"""An end to endless loops: code under `with TimeLimit(seconds):` is stopped when the time is up.

The seconds are the processor's, so that a right answer passes on a busy machine too. What waits and
computes nothing ends by the clock, PATIENCE times as late.

In the main thread of a Unix system by an alarm signal, which also wakes a sleeping function. In any
other thread, and on Windows, a second thread waits and has Python raise the exception here; that
one takes effect at the next Python instruction only, so it cannot interrupt a call into compiled
code. Whatever alarm was set before is set again afterwards.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable

REPEAT_SECONDS = 0.2  # once more, for code that catches everything
LEAST_PAUSE = 1e-3  # seconds between two looks
PATIENCE = 6.0  # seconds by the clock for each second of computing


class TimeLimitReached(BaseException):
    """Not an Exception: `except Exception` in the code under the limit must not swallow it."""


class Stopwatch:
    """Seconds of computing since it was made, or those by the clock through `patience` if more."""

    def __init__(
        self, computed: Callable[[], float] = time.thread_time, *, patience: float = PATIENCE
    ):
        self.computed, self.patience = computed, patience
        self.computed_before, self.began = computed(), time.monotonic()

    def seconds(self) -> float:
        by_the_clock = (time.monotonic() - self.began) / self.patience
        return max(self.computed() - self.computed_before, by_the_clock)


def TimeLimit(seconds: float):  # noqa: N802  (reads as the class it returns)
    """The kind of limit that works here, as a context manager."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and hasattr(signal, "setitimer"):
        return AlarmLimit(seconds)
    return WatchdogLimit(seconds)


class AlarmLimit:
    """SIGALRM, for the main thread. With a patience of 1 the clock alone counts."""

    def __init__(self, seconds: float, *, patience: float = PATIENCE):
        self.seconds, self.patience = max(seconds, LEAST_PAUSE), patience
        self.armed = False

    def __enter__(self):
        self.watch = Stopwatch(patience=self.patience)
        self.handler_before = signal.signal(signal.SIGALRM, self._ring)
        self.armed = True
        self.timer_before = signal.setitimer(signal.ITIMER_REAL, self.seconds, REPEAT_SECONDS)
        return self

    def __exit__(self, *error):
        return _to_the_end(self._disarm)

    def _disarm(self) -> None:
        self.armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.handler_before)
        remaining, interval = self.timer_before
        if remaining:
            waited = time.monotonic() - self.watch.began
            signal.setitimer(signal.ITIMER_REAL, max(remaining - waited, LEAST_PAUSE), interval)

    def _ring(self, number, frame):
        if not self.armed:
            return
        left = self.seconds - self.watch.seconds()
        if left <= 0:
            raise TimeLimitReached
        signal.setitimer(signal.ITIMER_REAL, max(left, LEAST_PAUSE), REPEAT_SECONDS)


class WatchdogLimit:
    """A thread that waits, for every other thread."""

    def __init__(self, seconds: float):
        self.seconds = max(seconds, LEAST_PAUSE)
        self.over = threading.Event()
        self.lock = threading.Lock()

    def __enter__(self):
        self.watched = threading.get_ident()
        self.watch = Stopwatch(time.process_time)  # no thread can read the time of another
        self.watchdog = threading.Thread(target=self._wait, daemon=True)
        self.watchdog.start()
        return self

    def __exit__(self, *error):
        return _to_the_end(self._call_off)

    def _call_off(self) -> None:
        with self.lock:
            self.over.set()
            _raise_in(self.watched, None)  # an exception on its way is called back

    def _wait(self):
        pause = self.seconds
        while not self.over.wait(pause):
            with self.lock:
                left = self.seconds - self.watch.seconds()
                if not self.over.is_set() and left <= 0:
                    _raise_in(self.watched, TimeLimitReached)
            pause = REPEAT_SECONDS if left <= 0 else max(left, LEAST_PAUSE)


def _to_the_end(finish: Callable[[], None]) -> bool:
    """Finish, even if the time runs out at this very moment. False: other errors go their way."""
    while True:
        try:
            finish()
            return False
        except TimeLimitReached:
            continue


def _raise_in(thread_id: int, exception: type[BaseException] | None) -> None:
    target = None if exception is None else ctypes.py_object(exception)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), target)
