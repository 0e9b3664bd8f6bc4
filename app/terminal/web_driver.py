"""What passes between the app and a browser, by way of the server that started it.

Textual 8's driver for this hears of the end only in the event loop: an app that is stuck goes on
without anyone to see it, and so does one whose server was killed, which takes an end of its input
for nothing. And an app that the server tells to quit skips what its quit key does, so that nothing
of its state is saved. Here all three are signals to the process, as they are in a terminal
(`endings`).

With Textual 8.2.8's own driver, killing the server leaves app and engine behind
(tests/faults/test_serving.py).
"""

from __future__ import annotations

import os
import signal

from textual.drivers.web_driver import WebDriver

from app.terminal.endings import SIGNALS


class ServedDriver(WebDriver):
    """Ends as a terminal's app does: when told to, and when nobody is there any more."""

    def start_application_mode(self) -> None:
        """Start drawing; signals stay where `endings` put them."""
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
        wakeup = signal.set_wakeup_fd(-1)
        super().start_application_mode()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)

    def run_input_thread(self) -> None:
        """Read keys until the app or its server ends."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            os.kill(os.getpid(), signal.SIGHUP)

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Process what the server says."""
        if packet_type == "quit":
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            super().on_meta(packet_type, payload)
