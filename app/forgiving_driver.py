"""The terminal's driver, made to survive bytes that are no UTF-8 text.

Textual 8 decodes what is typed strictly: one pasted byte of another encoding ends the thread that
reads the keys, and the app with it. Here such a byte becomes U+FFFD, for the user to see.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from functools import partial

from textual.drivers import linux_driver


class ForgivingDriver(linux_driver.LinuxDriver):
    """Reads any bytes."""

    def run_input_thread(self) -> None:
        """Read keys until the app ends, with a decoder that refuses nothing."""
        forgiving = partial(getincrementaldecoder("utf-8"), errors="replace")
        # The decoder is made inside the method, from this name of its module.
        linux_driver.getincrementaldecoder = lambda _: forgiving  # type: ignore[attr-defined]
        super().run_input_thread()
