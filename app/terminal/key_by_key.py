"""An app that hands keys on one by one, so that nothing typed is lost, however fast it comes.

Textual 8 gives a key to whatever has the focus when the key is read. What the key before it set off
may still be on its way through the queues of several widgets: letters typed after the key that
opens an entry would go elsewhere. Here a key waits until the one before it has had its effect.

What each piece is worth, in Textual 8.2.8, ours first:

    on_event          of 26 letters after the key that opens an entry, in one burst,
                      26 arrive                                              0
    take_repeats      a key held down a hundred times costs, of processor
                      time in a grid of 600×300, 60 ms                   1,000
    _check_bindings   19 messages a key                                     27
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

# A widget that hangs must not keep the key that ends the program waiting.
_PATIENCE_S = 2.0


class KeyByKeyApp(App[None]):
    """For apps; they call `take_keys` once something has the focus."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[Key | Paste] = deque()
        self._turn: Key | Paste | None = None
        self._takes_keys = False
        self._handing_on: asyncio.Task[None] | None = None

    def take_keys(self) -> None:
        """Hand on what was typed so far, and from now on what is typed."""
        self._takes_keys = True
        self._hand_on()

    def take_repeats(self) -> int:
        """How often the key that has its effect now was typed again by now; those are done with.

        For moves: where a key is held down, one long step shows sooner than many short ones.
        """
        repeats = 0
        while self._typed and _same(self._typed[0], self._turn):
            self._typed.popleft()
            repeats += 1
        return repeats

    async def on_event(self, event: Event) -> None:
        """Let what is typed wait for its turn."""
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
            # Text in a row cannot move the focus.
            if not (self._typed and self._is_text(event) and self._is_text(self._typed[0])):
                await self._settled()

    async def _press(self, event: Key | Paste) -> None:
        self._turn = event
        await super().on_event(event)

    def _is_text(self, event: Key | Paste) -> bool:
        """Whether this is text for an entry that has the focus."""
        if isinstance(event, Paste) or self.focused is None:
            return False
        return self.focused.check_consume_key(event.key, event.character)

    async def _settled(self) -> None:
        """Wait until the app and every widget that sees keys have answered their messages."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await _answered(self)
                # Messages go upwards; moves of the focus go through the app, which comes last.
                for node in (self.focused or self.screen).ancestors_with_self:
                    await _answered(node)
        except TimeoutError:
            pass

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """Run what a key is bound to.

        Textual asks for priority bindings first, and for the others when the key has come up from
        the focus through every widget unused. It only considers bindings of keys that the focus has
        no use for itself, so that way can be spared; and what a key sets off has begun when the app
        has answered it, which is what the next key waits for.
        """
        return await super()._check_bindings(key, priority) or (
            priority and await super()._check_bindings(key)
        )


async def _answered(node: MessagePump) -> None:
    """Wait until a node has answered the messages it has."""
    done = asyncio.Event()
    # `call_later` would wrap it, and Textual inspect anew what it was given.
    if node.post_message(Callback(callback=done.set)):
        await done.wait()


def _same(one: Key | Paste, other: Key | Paste | None) -> bool:
    return isinstance(one, Key) and isinstance(other, Key) and one.key == other.key
