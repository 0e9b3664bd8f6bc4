"""A session that answers with the real analyses in the test's own process, and keeps answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analysis.engine.pool import ModelPool
from analysis.events import Event, Failed, Finished
from analysis.models.places import place_of
from analysis.problems import ProblemError
from analysis.request import Request, named
from tests.support.studies import KeepingJob, answered


class SessionHere:
    """Answers before `submit` returns; answers are kept by the keys that they have on disk.

    Args:
        models: The models, which several sessions may share.
        store: The answers kept, which several sessions may share; None keeps nothing.
        known: Answers that need not be computed again, though the session does not keep them, of
            requests of `sparing`'s kinds.
        sparing: Kinds of requests that are always answered the same and take long.

    Attributes:
        computed: The requests that were not answered from the store, in order.
    """

    def __init__(
        self,
        models: ModelPool,
        store: dict[str, Any] | None,
        known: dict[str, Any] | None = None,
        sparing: tuple[type[Request[Any]], ...] = (),
    ) -> None:
        self._models, self._store = models, store
        self._known, self._sparing = {} if known is None else known, sparing
        self.computed: list[Request[Any]] = []

    def submit(
        self,
        request: Request[Any],
        listener: Callable[[Event], None],
        *,
        background: bool = False,
    ) -> KeepingJob:
        """Answer, and keep the answer if the request says so."""
        stored = self.cached(request)
        if stored is not None:
            listener(Finished(stored, from_cache=True))
            return KeepingJob()
        self.computed.append(request)
        try:
            result = self._computed(request)
        except ProblemError as error:
            listener(Failed(error.problem))
        else:
            if request.stored:
                self.keep(request, result)
            listener(Finished(result))
        return KeepingJob()

    def _computed(self, request: Request[Any]) -> Any:
        def made() -> Any:
            return answered(named(request.function)(request, self._models))

        if not isinstance(request, self._sparing):
            return made()
        key = _key(request)
        if key not in self._known:
            self._known[key] = made()
        return self._known[key]

    def cached(self, request: Request[Any]) -> Any | None:
        """The answer that is kept."""
        return None if self._store is None else self._store.get(_key(request))

    def holds(self, request: Request[Any]) -> bool:
        """Whether an answer is kept."""
        return self.cached(request) is not None

    def keep(self, request: Request[Any], answer: Any) -> None:
        """Keep an answer, if any are."""
        if self._store is not None:
            self._store[_key(request)] = answer


def _key(request: Request[Any]) -> str:
    places = [place_of(model) for model in request.models()]
    return request.key([place.mark for place in places if place is not None])
