"""An app that delivers keys one at a time, so that fast typing is never lost.

Textual 8 sends a key to whatever has the focus when the key is read, while effects of the previous
key may still be queued in several widgets: letters typed right after the key that opens an entry
would go elsewhere. Here a key waits until the previous one has taken effect.

Measured against Textual 8.2.8, ours first:

    on_event          letters that arrive, of 26 in one burst after the
                      key that opens an entry                             26      0
    take_repeats      processor time, in ms, of a key held down a
                      hundred times in a grid of 600×300                  60  1,000
    _check_bindings   messages per key                                    19     27
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from textual.app import App
from textual.events import Callback, Key, Paste

if TYPE_CHECKING:
    from textual.events import Event
    from textual.message_pump import MessagePump

# A widget that hangs must not hold up the key that quits.
_PATIENCE_S = 2.0


class KeyByKeyApp(App[None]):
    """Base class for apps, which call `take_keys` once something has the focus."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[Key | Paste] = deque()
        self._turn: Key | Paste | None = None
        self._takes_keys = False
        self._handing_on: asyncio.Task[None] | None = None

    def take_keys(self) -> None:
        """Deliver what was typed so far, and from now on everything typed."""
        self._takes_keys = True
        self._hand_on()

    def take_repeats(self) -> int:
        """How many repeats of the current key are waiting; removes them.

        For moves: while a key is held down, one long step shows sooner than many short ones.
        """
        repeats = 0
        while self._typed and _same(self._typed[0], self._turn):
            self._typed.popleft()
            repeats += 1
        return repeats

    async def on_event(self, event: Event) -> None:
        """Queue keys and pastes."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            self._typed.append(event)
            self._hand_on()
        else:
            await super().on_event(event)

    def _hand_on(self) -> None:
        if self._takes_keys and (self._handing_on is None or self._handing_on.done()):
            self._handing_on = asyncio.create_task(self._hand_on_all())

    async def _hand_on_all(self) -> None:
        while self._typed:
            event = self._typed.popleft()
            self.call_later(self._press, event)
            # Consecutive text cannot move the focus.
            if not (self._typed and self._is_text(event) and self._is_text(self._typed[0])):
                await self._settled()

    def about_to_press(self, key: Key) -> None:
        """Called before a key goes to whatever has the focus, which may still change."""

    def text_follows(self) -> bool:
        """Whether text waits behind an enter: that is a paste which is not marked as one."""
        now, following = self._turn, self._typed[0] if self._typed else None
        is_enter = isinstance(now, Key) and now.key == "enter"
        return is_enter and isinstance(following, Key) and following.is_printable

    async def _press(self, event: Key | Paste) -> None:
        self._turn = event
        if isinstance(event, Key):
            self.about_to_press(event)
        await super().on_event(event)

    def _is_text(self, event: Key | Paste) -> bool:
        """Whether this is text for the focused entry."""
        if isinstance(event, Paste) or self.focused is None:
            return False
        return self.focused.check_consume_key(event.key, event.character)

    async def _settled(self) -> None:
        """Wait until the app and every widget that sees keys have processed their messages."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await _answered(self)
                # Messages travel upwards; focus moves go through the app, which comes last.
                for node in (self.focused or self.screen).ancestors_with_self:
                    await _answered(node)
        except TimeoutError:
            pass

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """Run what a key is bound to.

        Textual checks priority bindings first, and the others once the key has bubbled up unused
        from the focus through every widget. It only considers keys that the focused widget does not
        consume, so that trip can be skipped; and the key's effect has begun when the app has
        processed it, which is what the next key waits for.
        """
        return await super()._check_bindings(key, priority) or (
            priority and await super()._check_bindings(key)
        )


async def _answered(node: MessagePump) -> None:
    """Wait until a node has processed its queued messages."""
    done = asyncio.Event()
    # `call_later` would wrap the callback, and Textual would inspect it again each time.
    if node.post_message(Callback(callback=done.set)):
        await done.wait()


def _same(one: Key | Paste, other: Key | Paste | None) -> bool:
    return isinstance(one, Key) and isinstance(other, Key) and one.key == other.key
