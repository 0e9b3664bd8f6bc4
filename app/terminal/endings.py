"""The end of the app when it is told to end from outside, whatever it is doing at the time.

An event loop hears of a signal when it comes round to it: not before it runs, and not while a
terminal that takes no more output, a disk or a long piece of work holds it up. So a thread of its
own hears of it first. It asks the app to end as it does by a key, and ends it where it does not.

Textual 8.2.8 answers SIGINT alone, when its loop comes round to it: SIGTERM and SIGHUP end it on
the spot, and the terminal stays raw and on the other screen. Here all three give it back, before
the first paint and while the terminal takes nothing too (tests/faults/test_terminals.py).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

PATIENCE_S = 2.0
"""How long the app has for its own way of ending."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_on_signals(ask: Callable[[int], None], restore: Callable[[], None]) -> None:
    """From now on a signal ends this process; to be called on its main thread.

    Args:
        ask: Asks the app to end, given the signal's number; on another thread.
        restore: Gives the terminal back; on another thread, where the app has not ended in time.
    """
    heard, hears = os.pipe()
    os.set_blocking(hears, False)
    for number in SIGNALS:
        # It only has to be there: what is caught is written into the pipe before Python looks.
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(hears, warn_on_full_buffer=False)
    threading.Thread(target=_end, args=(heard, ask, restore), name="signals", daemon=True).start()


def _end(heard: int, ask: Callable[[int], None], restore: Callable[[], None]) -> None:
    # Signals of other kinds, such as a new size of the terminal, come this way too.
    while not (numbers := [each for each in os.read(heard, 64) if each in SIGNALS]):
        pass
    try:
        ask(numbers[0])
        time.sleep(PATIENCE_S)
        restore()
    finally:
        os._exit(128 + numbers[0])
