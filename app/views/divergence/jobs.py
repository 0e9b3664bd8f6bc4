"""The one response, and what is asked about a place of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.divergence.request import DivergenceRequest, Side
from analysis.divergence.result import Divergence
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
