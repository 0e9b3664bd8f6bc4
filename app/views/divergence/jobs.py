"""The one response, and what is asked about a place of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.contributions.request import ContributionsRequest
from analysis.contributions.result import Contributions
from analysis.divergence.request import DivergenceRequest, Side
from analysis.divergence.result import Divergence
from analysis.patching.request import Part, PatchingRequest
from analysis.patching.result import Patching
from analysis.request import Ask
from app.jobs.pair_jobs import PairJobs
from app.state import Prompt

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from analysis.session.drive import Answerer
    from app.workspace import PairWorkspace


def asked_of(
    workspace: PairWorkspace, session: Answerer, prompt: Prompt, writer: Side
) -> DivergenceRequest:
    """Both models on one's own response; a stored one is not generated again. Reads the disk."""
    base, tuned = workspace.pair
    request = DivergenceRequest(
        base, tuned, prompt.text, chat_template=prompt.chat_template, writer=writer
    )
    own = workspace.requests(prompt.text, chat_template=prompt.chat_template)
    stored = session.cached(own[0] if writer == "base" else own[1])
    if stored is None or stored.ended not in ("end", "length"):
        return request
    return DivergenceRequest(
        base,
        tuned,
        prompt.text,
        chat_template=prompt.chat_template,
        writer=writer,
        response_ids=stored.response_tokens.ids,
        ended=stored.ended == "end",
    )


class DivergenceJobs(PairJobs):
    """The divergence as the whole, costly where the response is still to be written."""

    UNLIKE = ""

    def __init__(
        self,
        workspace: PairWorkspace,
        session: Answerer,
        listener: MessagePump,
        request: DivergenceRequest,
    ) -> None:
        self.request = request
        super().__init__(workspace, session, listener, Ask("the response", (request,)))

    def planned(self) -> list[Ask[Divergence]]:
        return [Ask("the response", (self.request,))]

    @property
    def found(self) -> Divergence | None:
        """What both models say; None until it is known."""
        results = self.whole.results.get(0)
        return results[0] if results else None

    @property
    def alike(self) -> bool:
        return self.found is not None

    def words(self) -> str:
        return self.whole.ended() or "Both models read the response."

    def _choice(self, place: int) -> tuple[tuple[int, ...], int, int]:
        """The response before a place, and what base and tuned prefer there."""
        found = self.found
        assert found is not None
        before = found.response_tokens.ids[:place]
        return before, found.choice(0, place)[0], found.choice(1, place)[0]

    def open_parts(self, place: int) -> None:
        """Take apart, in both models, the logit of what tuned prefers less that of base's choice.

        Where both prefer the same, that token's logit.
        """
        before, base, tuned = self._choice(place)
        rival = None if base == tuned else base
        asked = self.request
        pair = ((asked.base, False), (asked.tuned, asked.chat_template))
        requests = tuple(
            # The view of a neuron finds its components itself, of one layer.
            ContributionsRequest(model, asked.prompt, template, before, tuned, rival, components=0)
            for model, template in pair
        )
        self._open(Ask("what adds to the choice", requests))

    def open_layers(self, place: int, part: Part) -> None:
        """Put either model's states at a place into the other."""
        before, base, tuned = self._choice(place)
        asked = self.request
        request = PatchingRequest(
            asked.base,
            asked.tuned,
            asked.prompt,
            asked.chat_template,
            before,
            (base, tuned),
            part,
        )
        self._open(Ask("which layers carry the choice", (request,)))

    @property
    def parts_found(self) -> tuple[Contributions, Contributions] | None:
        """What was opened by `open_parts`; None until it is known."""
        results = None if self.opened is None else self.opened.results.get(0)
        if not results or not isinstance(results[0], Contributions):
            return None
        base, tuned = results
        return base, tuned

    @property
    def layers_found(self) -> Patching | None:
        """What was opened by `open_layers`; None until it is known."""
        results = None if self.opened is None else self.opened.results.get(0)
        return results[0] if results and isinstance(results[0], Patching) else None
