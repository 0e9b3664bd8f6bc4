"""Several responses asked for at a time, on a thread of its own beside the study's."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from dataclasses import dataclass
from types import TracebackType

from analysis.problems import Problem, ProblemError
from analysis.saliency.served.completions import Scribe
from analysis.saliency.served.request import ServedPrompt, ServerAnswer
from analysis.saliency.served.server import ResponseServer
from analysis.servers.pace import StoppedError, Turns


@dataclass(frozen=True)
class Reply:
    """What became of a prompt: a server's answer, or why there is none."""

    name: str
    answer: ServerAnswer | None = None
    problem: Problem | None = None


class Correspondence:
    """Sends prompts and hands out replies as they come; leaving the block gives up the others."""

    def __init__(self, server: ResponseServer) -> None:
        self._replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self._under_way = 0
        # Only these are cancelled: what the client runs beneath them ends with them.
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._client = server.client()
        self._scribe = Scribe(self._client)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server", daemon=True)
        self._turns = Turns(server.pace)

    def __enter__(self) -> Correspondence:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections; a server drops what it is writing for one that is closed."""
        asyncio.run_coroutine_threadsafe(self._give_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def under_way(self) -> int:
        """Prompts that were sent and whose replies were not taken yet."""
        return self._under_way

    def send(self, name: str, prompt: ServedPrompt, limit: int) -> None:
        """Ask for a response of at most so many tokens, under a name, and return at once."""
        self._under_way += 1
        asyncio.run_coroutine_threadsafe(self._ask(name, prompt, limit), self._loop)

    def reply(self, timeout: float) -> Reply | None:
        """The next reply, or None if there is none within so many seconds."""
        try:
            found = self._replies.get(timeout=timeout)
        except queue.Empty:
            return None
        self._under_way -= 1
        return found

    async def _ask(self, name: str, prompt: ServedPrompt, limit: int) -> None:
        self._tasks.add(task := asyncio.current_task())
        try:
            answer = await self._turns.persist(lambda: self._scribe.write(prompt, limit))
        except ProblemError as error:
            self._replies.put(Reply(name, problem=error.problem))
        except (StoppedError, asyncio.CancelledError):
            return
        except Exception as error:
            self._replies.put(Reply(name, problem=_unexpected(error)))
        else:
            self._replies.put(Reply(name, answer))
        finally:
            self._tasks.discard(task)

    async def _give_up(self) -> None:
        self._turns.stop()
        under_way = [each for each in self._tasks if each is not None]
        for each in under_way:
            each.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self._client.aclose()


def _unexpected(error: Exception) -> Problem:
    return Problem(
        kind="internal",
        what="A server's answer met an error that was not expected.",
        why=f"{type(error).__name__}: {error}",
        remedy="Please report it.",
    )
