"""Ctrl-C, the stop button and SIGTERM as a flag that is looked at between two steps of training.

SIGTERM is what `kill`, a shutting-down machine and SLURM send before they end a process.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupts:
    """Which signal asked the run to end.

    signal    signal.SIGINT or signal.SIGTERM, the last that came; 0 as long as none did
    patient   while it is True, no Ctrl-C cuts in: a second one is raised at the block's end
    """

    def __init__(self):
        self.signal, self.patient, self.kept_back = 0, False, False
        self._presses = 0

    def _note(self, signum, frame) -> None:
        """Keep a signal; the second Ctrl-C interrupts. SIGTERM may come twice, from two senders."""
        self.signal = int(signum)
        self._presses += signum == signal.SIGINT
        if signum == signal.SIGINT and self._presses > 1:
            if not self.patient:
                raise KeyboardInterrupt
            self.kept_back = True


@contextmanager
def interrupt_as_flag() -> Iterator[Interrupts]:
    """Note the first Ctrl-C, and every SIGTERM, in what is yielded: no step is cut in half.

    A second Ctrl-C interrupts at once. Outside the main thread no signal can be caught.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, interrupts._note) for kind in kinds]
    try:
        yield interrupts
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            # None: it was not set from Python, and cannot be put back.
            signal.signal(kind, signal.SIG_DFL if handler is None else handler)
    if interrupts.kept_back:
        raise KeyboardInterrupt
