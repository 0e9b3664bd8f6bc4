"""Ending the app on a signal, whatever it is doing.

An event loop handles a signal only between callbacks: not before it runs, and not while a terminal
that accepts no output, a disk or long work blocks it. So a separate thread receives the signal. It
asks the app to end as the quit key does, and ends the process if that takes too long.

Textual 8.2.8 handles only SIGINT, from its loop; SIGTERM and SIGHUP kill it on the spot and leave
the terminal raw, on the alternate screen. Here all three restore it, even before the first paint
and while the terminal accepts no output (tests/faults/test_terminals.py).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

PATIENCE_S = 2.0
"""How long the app has to end by itself."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_on_signals(
    ask: Callable[[int], None], restore: Callable[[], None], wake: Callable[[], None]
) -> None:
    """Make signals end this process from now on; call on the main thread.

    Args:
        ask: Asks the app to end, given the signal's number; called on another thread.
        restore: Restores the terminal, if the app has not ended in time; called on another thread.
        wake: Has the event loop run once, on a signal that ends nothing; called on another thread.
            The system may give a signal to any thread, and an event loop that waits would call its
            handler only when something else happened.
    """
    heard, hears = os.pipe()
    os.set_blocking(hears, False)
    for number in SIGNALS:
        # A handler has to exist: the signal is written to the pipe before Python calls it.
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(hears, warn_on_full_buffer=False)
    threading.Thread(
        target=_end, args=(heard, ask, restore, wake), name="signals", daemon=True
    ).start()


def _end(
    heard: int, ask: Callable[[int], None], restore: Callable[[], None], wake: Callable[[], None]
) -> None:
    # Other signals, such as a resize of the terminal or its return, also arrive here.
    while not (numbers := [each for each in os.read(heard, 64) if each in SIGNALS]):
        wake()
    try:
        ask(numbers[0])
        time.sleep(PATIENCE_S)
        # A terminal that is gone or accepts nothing may hold this up for ever.
        restoring = threading.Thread(target=restore, name="restore", daemon=True)
        restoring.start()
        restoring.join(PATIENCE_S)
    finally:
        os._exit(128 + numbers[0])
