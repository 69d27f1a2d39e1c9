"""Ctrl-C and the stop button as a flag that is looked at between two steps of training."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupts:
    """True once Ctrl-C was pressed.

    patient   while it is True, no interrupt cuts in: a second one is raised at the block's end
    """

    def __init__(self):
        self.count, self.patient, self.kept_back = 0, False, False

    def __bool__(self) -> bool:
        return self.count > 0

    def _note(self, signum, frame) -> None:
        """Count a signal; from the second one on, interrupt."""
        self.count += 1
        if self.count > 1 and self.patient:
            self.kept_back = True
        elif self.count > 1:
            raise KeyboardInterrupt


@contextmanager
def interrupt_as_flag() -> Iterator[Interrupts]:
    """Note the first Ctrl-C in what is yielded, so that no step is cut in half.

    A second one interrupts at once. Outside the main thread signals cannot be caught: left alone.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    before = signal.signal(signal.SIGINT, interrupts._note)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts.kept_back:
        raise KeyboardInterrupt
