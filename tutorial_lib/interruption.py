"""Ctrl-C and the stop button as a flag that is looked at between two steps of training."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager


@contextmanager
def interrupt_as_flag():
    """Turn the first Ctrl-C into an entry of the yielded list, so that no step is cut in half.

    A second one interrupts at once. Outside the main thread signals cannot be caught: left alone.
    """
    flag: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def note(signum, frame):
        if flag:
            raise KeyboardInterrupt
        flag.append(signum)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)
