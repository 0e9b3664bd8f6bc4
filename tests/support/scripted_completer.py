"""A completer that answers from a function, without any server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from analysis.concepts.annotation.annotation import Subject
from analysis.concepts.annotation.completer import Completion, Message

Answer = str | Completion | Exception


def by_step(description: str, scenarios: str, level: str) -> Callable[[tuple[Message, ...]], str]:
    """The same three answers to every subject."""

    def answer(messages: tuple[Message, ...]) -> str:
        role = messages[0].content
        if "hidden directions" in role:
            return description
        return scenarios if "kinds of work" in role else level

    return answer


class ScriptedCompleter:
    """Answers what a function says, after whatever it is told to raise first.

    Attributes:
        asked: All conversations with their temperature and seed, repeated ones too.
        times: When they came, on the event loop's clock.
        most_at_once: How many were under way at the same time.
        hold: While set, nothing is answered.
        closed: It was closed.
    """

    model = "scripted"

    def __init__(
        self,
        answer: Callable[[tuple[Message, ...]], Answer],
        faults: Iterable[Exception] = (),
    ) -> None:
        self._answer = answer
        self._faults = list(faults)
        self._under_way = 0
        self.asked: list[tuple[tuple[Message, ...], float, int]] = []
        self.times: list[float] = []
        self.most_at_once = 0
        self.hold = False
        self.closed = False

    async def complete(
        self,
        messages: tuple[Message, ...],
        *,
        temperature: float,
        top_p: float,
        seed: int,
        max_tokens: int,
    ) -> Completion:
        self.asked.append((messages, temperature, seed))
        self.times.append(asyncio.get_running_loop().time())
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            await asyncio.sleep(0)
            while self.hold:
                await asyncio.sleep(0.01)
        finally:
            self._under_way -= 1
        if self._faults:
            raise self._faults.pop(0)
        answer = self._answer(messages)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            return Completion(answer, input_tokens=100, output_tokens=5)
        return answer

    async def aclose(self) -> None:
        self.closed = True


class AnswersInMemory:
    """Answers of one test."""

    def __init__(self) -> None:
        self.kept: dict[str, Completion] = {}

    def get(self, key: str) -> Completion | None:
        return self.kept.get(key)

    def put(self, key: str, answer: Completion) -> None:
        assert key not in self.kept, "answered twice"
        self.kept[key] = answer

    def writing(self) -> AbstractContextManager[None]:
        return nullcontext()


def subjects(count: int, *, model: str = "base", layers: int = 1) -> list[Subject]:
    """Components with words of their own."""
    return [
        Subject(model, layer, component, (f"{model}{layer}", f"word{component}", "und"))
        for layer in range(layers)
        for component in range(count)
    ]
