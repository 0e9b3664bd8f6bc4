"""What a server is sent of a prompt, and the token ids in what it returns (METHODS 1).

Two dialects of vLLM's are understood. Newer versions return ids when asked to
(``return_token_ids``); older ones return log-probabilities in which every token is written as
``token_id:NNN`` (``return_tokens_as_token_ids``). Both are asked for until an answer shows that the
first is known, which spares the server the log-probabilities.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from analysis.problems import Problem, ProblemError
from analysis.saliency.served.request import ServedPrompt, ServerAnswer
from analysis.servers.client import Client, RefusedError, UnreadableError, inner_status
from analysis.servers.endpoint import Endpoint
from analysis.servers.refusals import KEPT, Refusal, answered, common, network, quote
from analysis.servers.server_words import PLACES

_TOKEN = re.compile(r"token_id:(\d+)")
_NO_SUCH_MODEL = re.compile(r"\bmodel\b.*\b(?:not found|not exist|unknown)|unknown model", re.I)
_PATH = "Check the address, which often ends in /v1, and the model's name there."


class Scribe:
    """Asks one server for responses; made for one event loop."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._endpoint = client.endpoint
        self._asks_probabilities = True

    async def write(self, prompt: ServedPrompt, limit: int) -> ServerAnswer:
        """A greedy response to a prompt, of at most so many tokens.

        Raises:
            TryAgainError: It may work later.
            ProblemError: It will not: ``input`` for this prompt, ``model`` for every prompt.
        """
        said = await _reply(self._client, "/completions", self._body(prompt, limit))
        answer = _answer(self._endpoint, said)
        if _choice(said).get("token_ids") is not None:
            self._asks_probabilities = False
        return answer

    def _body(self, prompt: ServedPrompt, limit: int) -> dict[str, object]:
        body: dict[str, object] = {
            "model": self._endpoint.model,
            "prompt": list(prompt.ids),
            "max_tokens": limit,
            "temperature": 0,
            # vLLM takes what is not sent from the checkpoint's settings, which plain greedy
            # responses set aside.
            "repetition_penalty": 1.0,
            "stop_token_ids": list(prompt.ends),
            "return_token_ids": True,
        }
        if self._asks_probabilities:
            body |= {"logprobs": 1, "return_tokens_as_token_ids": True}
        return body


async def models_at(client: Client) -> list[tuple[str, str]]:
    """The models that a server offers: name, and what the name stands for, empty if unsaid.

    Raises TryAgainError and ProblemError as `Scribe.write`.
    """
    said = await _reply(client, "/models", None)
    listed = said.get("data") if isinstance(said, Mapping) else None
    if not isinstance(listed, Sequence):
        raise _not_understood(client.endpoint, said).raised()
    found = [each for each in listed if isinstance(each, Mapping) and each.get("id")]
    return [(str(each["id"]), str(each.get("root") or "")) for each in found]


async def _reply(client: Client, path: str, body: dict[str, object] | None) -> object:
    endpoint = client.endpoint
    try:
        if body is None:
            said = await client.reply(lambda it: it.get(path, cast_to=object))
        else:
            said = await client.reply(lambda it: it.post(path, body=body, cast_to=object))
    except UnreadableError:
        raise _not_understood(endpoint, None).raised() from None
    except RefusedError as error:
        raise _refused(endpoint, error.status, error.said).raised(error.after) from None
    if isinstance(said, Mapping) and (
        said.get("error") or (not said.keys() & {"choices", "data"} and said.keys() & set(PLACES))
    ):
        raise _refused(endpoint, inner_status(said), said).raised()
    return said


def _answer(endpoint: Endpoint, said: object) -> ServerAnswer:
    choice = _choice(said)
    text = choice.get("text")
    if not isinstance(text, str):
        raise _not_understood(endpoint, said).raised()
    reported = choice.get("token_ids")
    ids = _from_probabilities(choice) if reported is None else _ids(reported)
    if ids is None:
        raise ProblemError(_without_ids(endpoint))
    # vLLM has them with the choice; others beside the choices.
    prompt = choice.get("prompt_token_ids")
    if prompt is None and isinstance(said, Mapping):
        prompt = said.get("prompt_token_ids")
    stop = choice.get("stop_reason")
    return ServerAnswer(
        text=text,
        ids=ids,
        # What is no list of ids cannot be the prompt that was sent.
        prompt_ids=None if prompt is None else _ids(prompt) or (),
        finish=str(choice.get("finish_reason") or ""),
        stop=stop if _is_id(stop) else None,
    )


def _choice(said: object) -> Mapping[str, object]:
    choices = said.get("choices") if isinstance(said, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


def _from_probabilities(choice: Mapping[str, object]) -> tuple[int, ...] | None:
    """Ids written as ``token_id:NNN``; None if one is not."""
    found = choice.get("logprobs")
    tokens = found.get("tokens") if isinstance(found, Mapping) else None
    if not isinstance(tokens, list):
        # Nothing is said of nothing.
        return () if choice.get("text") == "" and isinstance(found, Mapping) else None
    matches = [_TOKEN.fullmatch(each) if isinstance(each, str) else None for each in tokens]
    ids = tuple(int(each[1]) for each in matches if each is not None)
    return ids if len(ids) == len(tokens) else None


def _ids(reported: object) -> tuple[int, ...] | None:
    if not isinstance(reported, list) or not all(map(_is_id, reported)):
        return None
    return tuple(reported)


def _is_id(value: object) -> TypeGuard[int]:
    # Within what an encoded result holds; the check against the model names what it knows not.
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 62


def _refused(endpoint: Endpoint, status: int, said: object) -> Refusal:
    """Explain an error: the same for every prompt is ``model``, of this prompt alone ``input``."""
    place, why = endpoint.place, answered(endpoint, status, said)
    if found := common(endpoint, status, said):
        if found.again:
            return found
        told = found.problem
        return Refusal(Problem(kind="model", what=told.what, why=told.why, remedy=told.remedy))
    if status in (404, 405) or (400 <= status < 500 and _NO_SUCH_MODEL.search(why)):
        what = f"{place} has no model {endpoint.model!r}, or no completions under this address."
        return Refusal(Problem(kind="model", what=what, why=why, remedy=_PATH))
    if not status:
        return Refusal(network(f"{place} answers with an error.", why, _PATH), again=True)
    what = f"{place} does not answer this prompt."
    return Refusal(Problem(kind="input", what=what, why=why, remedy=_ON_LENGTH))


_ON_LENGTH = "Where it is too long for the server, start that with a larger --max-model-len."


def _without_ids(endpoint: Endpoint) -> Problem:
    return Problem(
        kind="model",
        what=f"{endpoint.place} returns no token ids.",
        why="A response is explained token by token, and its text alone may be cut into others "
        "than the model wrote.",
        remedy="Use a server that knows return_token_ids or return_tokens_as_token_ids, such as "
        "vLLM; or leave it out: responses are then generated here.",
    )


def _not_understood(endpoint: Endpoint, said: object) -> Refusal:
    begins = f"It begins: {quote(endpoint, said)}" if isinstance(said, str) and said else ""
    what = f"{endpoint.place} did not return a completion."
    return Refusal(network(what, begins, f"{_PATH} {KEPT}"), again=True)
