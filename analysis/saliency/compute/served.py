"""Checks a server's response: are its ids the model's own, and was the prompt the one sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from analysis.engine.generation import Ending, answer_turn, response_ends
from analysis.engine.limits import refuse_too_long, vocabulary_size
from analysis.engine.loading import LoadedModel
from analysis.engine.pool import ModelPool
from analysis.events import Steps
from analysis.problems import ProblemError, problem
from analysis.saliency.served.request import (
    ServedPrompt,
    ServedPromptRequest,
    ServedResponse,
    ServedResponseRequest,
    ServerAnswer,
)

_SHOWN = 60
_SAME_MODEL = (
    "Serve the same model with its own tokenizer, or leave the server out: responses are then "
    "generated here."
)


def served_prompt(request: ServedPromptRequest, models: ModelPool) -> Steps[ServedPrompt]:
    """The prompt's ids, the ids that end a response, and the room for one.

    Raises ProblemError ``input`` for an unusable prompt, as `attribute` does.
    """
    loaded = yield from models.get(request.model)
    prompt = loaded.tokenize(request.prompt, chat_template=request.chat_template)
    window = loaded.facts.context_window
    refuse_too_long(window, len(prompt), None, loaded.facts.name)
    return ServedPrompt(
        ids=prompt.ids,
        ends=tuple(sorted(_ends(request, loaded))),
        room=window - len(prompt) if window else None,
    )


def served_response(request: ServedResponseRequest, models: ModelPool) -> Steps[ServedResponse]:
    """The response, cut behind its end as one that is generated here.

    Raises:
        ProblemError: ``model`` when the server was given another prompt, or its ids are not those
            of this model; ``input`` when its text is not the one that the ids spell, or it says
            that the response did not end.
    """
    answer = request.answer
    if answer is None:
        raise problem("internal", "Nothing was asked of the server.", remedy="Please report it.")
    loaded = yield from models.get(request.model)
    prompt = loaded.tokenize(request.prompt, chat_template=request.chat_template)
    _refuse_other_prompt(request, answer, prompt.ids)
    _refuse_foreign_ids(request, loaded, answer.ids)
    kept, ended = _cut(request, loaded, answer)
    _refuse_other_text(request, loaded, answer, kept)
    _, text = loaded.response_tokens(kept)
    return ServedResponse(kept, text, ended)


def _ends(request: ServedPromptRequest | ServedResponseRequest, loaded: LoadedModel) -> set[int]:
    turn = answer_turn(loaded, chat_template=request.chat_template)
    return set(response_ends(loaded, turn))


def _refuse_other_prompt(
    request: ServedResponseRequest, answer: ServerAnswer, sent: Sequence[int]
) -> None:
    found = answer.prompt_ids
    if found is None or tuple(found) == tuple(sent):
        return
    place = next(
        (at for at, (one, other) in enumerate(zip(sent, found, strict=False)) if one != other),
        min(len(sent), len(found)),
    )
    raise problem(
        "model",
        f"{request.place} answered another prompt than the one that it was sent.",
        f"{len(sent):,} token ids were sent and it was given {len(found):,}; the first difference "
        f"is at token {place:,}.",
        "Use a server that takes a prompt as token ids and adds none of its own.",
    )


def _refuse_foreign_ids(
    request: ServedResponseRequest, loaded: LoadedModel, ids: Iterable[int]
) -> None:
    rows = vocabulary_size(loaded.model)
    for token in ids:
        if not 0 <= token < rows:
            why = f"Its token {token:,} lies outside the vocabulary of {rows:,}."
        elif not _is_written(loaded, token):
            why = f"The tokenizer of {request.model.name} has no token {token:,}."
        else:
            continue
        raise problem(
            "model",
            f"{request.server_model!r} at {request.place} does not write in the tokens of "
            f"{request.model.name}.",
            why,
            _SAME_MODEL,
        )


def _is_written(loaded: LoadedModel, token: int) -> bool:
    """Whether the tokenizer has a token of this id; embeddings may have more rows than that."""
    try:
        return loaded.tokenizer.convert_ids_to_tokens(token) is not None
    except (IndexError, KeyError, ValueError):
        return False


def _cut(
    request: ServedResponseRequest, loaded: LoadedModel, answer: ServerAnswer
) -> tuple[tuple[int, ...], Ending]:
    """The response's ids without an end token, and how it ended."""
    ids, ends = answer.ids, _ends(request, loaded)
    within = ids[: request.max_new_tokens]
    end = next((at for at, token in enumerate(within) if token in ends), None)
    if end is not None:
        return ids[:end], "end"
    if len(ids) >= request.max_new_tokens:
        return within, "length"
    if answer.finish == "length":
        return ids, "length"
    if answer.finish != "stop":
        raise _unended(request, answer)
    # It ended where this model alone would not: the token that ended it is no part of the response.
    last = ids[-1] if ids else None
    if last is not None and last in (answer.stop, loaded.tokenizer.eos_token_id):
        return ids[:-1], "end"
    return ids, "end"


def _unended(request: ServedResponseRequest, answer: ServerAnswer) -> ProblemError:
    return problem(
        "input",
        f"{request.place} did not finish the response.",
        f"It gives the reason {answer.finish!r}." if answer.finish else "It gives no reason.",
        "Run the study again: what was answered is kept.",
    )


def _refuse_other_text(
    request: ServedResponseRequest,
    loaded: LoadedModel,
    answer: ServerAnswer,
    kept: tuple[int, ...],
) -> None:
    """Refuse ids that spell another text than the server's.

    Servers differ in the special tokens, the spaces and the broken characters that they show, so
    none of these is compared.
    """
    said = _letters(answer.text)
    if any(_letters(text) == said for text in _spellings(loaded, (answer.ids, kept))):
        return
    here = loaded.response_tokens(kept)[1]
    raise problem(
        "input",
        f"The text that {request.place} sent is not the one that its token ids spell.",
        f"It sent {_beginning(answer.text)}; in {request.model.name} the ids spell "
        f"{_beginning(here)}.",
        _SAME_MODEL,
    )


def _spellings(loaded: LoadedModel, ids: Iterable[Sequence[int]]) -> Iterator[str]:
    """The texts that a server may make of some ids, or of these without their end token."""
    for each in ids:
        yield loaded.response_tokens(each)[1]
        for skips in (True, False):
            yield str(loaded.tokenizer.decode(list(each), skip_special_tokens=skips))


def _letters(text: str) -> str:
    return "".join(text.replace("\ufffd", "").split())


def _beginning(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
