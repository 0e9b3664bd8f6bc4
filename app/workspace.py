"""What the app opens: a pair of models with a session, or a library of stored cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from analysis.models.tokens import Span
from analysis.request import ModelChoice, Pair
from analysis.saliency.request import AttributionRequest
from analysis.session.drive import Answerer
from analysis.words.choice import Words, WordVectors

if TYPE_CHECKING:
    from analysis.events import EngineStatus
    from analysis.saliency.cases.library import CaseLibrary


class SessionLike(Answerer, Protocol):
    """What the app needs of `analysis.session.session.Session`."""

    def close(self) -> None:
        """End the engine and all pending requests at once."""


class Example(NamedTuple):
    """A prompt to start from.

    Attributes:
        title: One short line for the list.
        prompt: The prompt, exactly.
        instruction_spans: Its instructions as character spans; empty to let the app guess.
        kind: What answer it asks for, in a word.
    """

    title: str
    prompt: str
    instruction_spans: tuple[Span, ...] = ()
    kind: str = ""


@dataclass(frozen=True)
class PairWorkspace:
    """A base and a tuned model.

    Attributes:
        connect: Opens the session; called once, after the first paint. Its arguments are a callback
            for changes of the engine's state (called on any thread) and one for warnings, such as
            an unusable cache.
        base: The base model.
        tuned: The instruction-tuned model.
        words: The vocabulary of the analyses of weights.
        vectors: Their word vectors.
        examples: Prompts to start from.
        cache_dir: Where results are kept, if the user named it.
        series: The models of a training run by their steps, the last of which is `tuned`; what
            the user called them is `series_name`.
    """

    connect: Callable[[Callable[[EngineStatus], None], Callable[[str], None]], SessionLike]
    base: ModelChoice
    tuned: ModelChoice
    words: Words
    vectors: WordVectors
    examples: tuple[Example, ...] = ()
    cache_dir: str = ""
    series: tuple[tuple[int | str, ModelChoice], ...] = ()
    series_name: str = ""

    @property
    def pair(self) -> Pair:
        """Base and tuned model."""
        return self.base, self.tuned

    def requests(
        self, prompt: str, *, chat_template: bool
    ) -> tuple[AttributionRequest, AttributionRequest]:
        """The requests to both models; the chat template applies to the tuned model only."""
        return (
            AttributionRequest(self.base, prompt),
            AttributionRequest(self.tuned, prompt, chat_template),
        )


@dataclass(frozen=True)
class LibraryWorkspace:
    """Stored cases, without model, session or engine."""

    library: CaseLibrary


Workspace = PairWorkspace | LibraryWorkspace


def short_names(base: str, tuned: str) -> tuple[str, str]:
    """Names without folders or owner, if the two still differ."""
    short = tuple(name.rstrip("/").rpartition("/")[2] for name in (base, tuned))
    return (short[0], short[1]) if short[0] != short[1] else (base, tuned)
