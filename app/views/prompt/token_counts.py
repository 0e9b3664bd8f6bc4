"""How many tokens the prompt has in each model, of how many that fit, and where it is split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.message import Message

from analysis.events import EngineStatus
from analysis.models.request import TokenizeRequest
from analysis.models.tokens import Tokens
from analysis.request import ModelChoice
from app.terminal.model_marks import marked
from app.terminal.text import pad, prose, visible
from app.widgets.lines import Line, Lines
from app.workspace import short_names

if TYPE_CHECKING:
    from analysis.session.drive import Answerer
    from app.jobs.watch import Watch

_SHOWN_TOKENS = 200


class TokenCounts(Lines):
    """One line per model. Asks the engine only when it holds the model, and is idle."""

    class Counted(Message):
        """A count arrived."""

    def __init__(self, models: Sequence[ModelChoice], *, ascii_only: bool, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._models = tuple(models)
        self._names = [
            marked(side, prose(name), ascii_only=ascii_only)
            for side, name in enumerate(short_names(models[0].name, models[1].name))
        ]
        self._ascii = ascii_only
        self._asked: list[TokenizeRequest | None] = [None, None]
        self._tokens: list[Tokens | None] = [None, None]
        # How many tokens each model reads at most; None while unknown, 0 for no limit.
        self._windows: list[int | None] = [None, None]
        self._watches: dict[Watch, int] = {}
        self._status = EngineStatus("off")

    def on_mount(self) -> None:
        self._draw()

    def set_prompt(self, text: str, *, chat_template: bool) -> None:
        """Forget the counts of another prompt; `ask` requests new ones."""
        wanted = [
            TokenizeRequest(model, text, chat_template and side == 1) if text.strip() else None
            for side, model in enumerate(self._models)
        ]
        for side, request in enumerate(wanted):
            if request != self._asked[side]:
                self._asked[side], self._tokens[side] = request, None
        self._draw()

    def ask(self, session: Answerer | None, status: EngineStatus) -> None:
        """Learn what the loaded models read, and request missing counts if the engine is idle."""
        self._status = status
        for facts in status.models:
            for side, model in enumerate(self._models):
                if model.name == facts.name:
                    self._windows[side] = facts.context_window
        if session is not None and status.state == "idle":
            self._request(session, status)
        self._draw()

    def _request(self, session: Answerer, status: EngineStatus) -> None:
        # Imports numpy, which the first paint does without.
        from app.jobs.watch import Watch

        loaded = {model.name for model in status.models}
        running = {watch.request for watch in self._watches}
        for side, request in enumerate(self._asked):
            if request is None or self._tokens[side] is not None or request in running:
                continue
            if request.model.name in loaded:
                self._watches[Watch(session, request, self)] = side

    def on_watch_changed(self, message: Watch.Changed) -> None:
        """Take the requested tokens."""
        message.stop()
        watch, news = message.watch, message.watch.take()
        if news.ending is None:
            return
        side = self._watches.pop(watch)
        if watch.request != self._asked[side]:
            return
        if isinstance(news.result, Tokens):
            self._tokens[side] = news.result
            self._draw()
            self.post_message(self.Counted())

    @property
    def too_long(self) -> str:
        """Why the prompt does not fit, with the model where it misses by most; empty if it does."""
        beyond = [
            (len(tokens) + 1 - window, side)
            for side, (tokens, window) in enumerate(zip(self._tokens, self._windows, strict=True))
            # The response needs room for one token.
            if tokens is not None and window and len(tokens) + 1 > window
        ]
        if not beyond:
            return ""
        _, side = max(beyond)
        return f"{self._number(side)} of {self._windows[side]:,} tokens in {self._names[side]}"

    @property
    def fits(self) -> str:
        """How many tokens of how many, of the model with less room; empty while unknown."""
        known = [
            (len(tokens) / window, side)
            for side, (tokens, window) in enumerate(zip(self._tokens, self._windows, strict=True))
            if tokens is not None and window
        ]
        if not known:
            return ""
        _, side = max(known)
        return f"{self._number(side)} of {self._windows[side]:,} tokens"

    @property
    def awaited(self) -> str:
        """When the tokens that are not counted yet will be; empty if there are none."""
        waiting = [self._when(side) for side in (0, 1) if self._tokens[side] is None]
        return waiting[0] if waiting else ""

    def _when(self, side: int) -> str:
        status = self._status
        if status.state in ("off", "starting"):
            return "once the engine is up"
        if self._models[side].name not in {facts.name for facts in status.models}:
            return "once the model is loaded"
        if side in self._watches.values():
            return "in a moment"
        return "once the engine is free"

    def _number(self, side: int) -> str:
        tokens = self._tokens[side]
        return f"{len(tokens or ()):,}"

    def _draw(self) -> None:
        width = max(cell_len(name) for name in self._names)
        self.show(*(self._line(side, width) for side in (0, 1)))

    def _line(self, side: int, width: int) -> Line:
        name = (f"{pad(self._names[side], width)} ", "strong")
        tokens = self._tokens[side]
        if tokens is None:
            return [name, (f" counted {self._when(side)}", "dim")]
        own = [
            visible(text, ascii_only=self._ascii)
            for text, span in zip(tokens.texts, tokens.spans, strict=True)
            if span is not None
        ]
        added = len(tokens) - len(own)
        count = f" {len(own)} tokens" + (f" + {added} special" if added else "")
        bar = "|" if self._ascii else "│"
        return [name, (f"{count}  ", ""), (bar.join(own[:_SHOWN_TOKENS]), "dim")]
