"""Checks of what a pair reads and writes: tokenizers, the chat template, the end of a turn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from transformers import PreTrainedTokenizerBase

from analysis.doctor.compute.patient import Patient
from analysis.doctor.findings import Finding
from analysis.engine.generation import TurnEnd, ending_tokens, turn_end
from analysis.engine.limits import vocabulary_size
from analysis.engine.tokenizing import tokenize, tokenizer_digest
from analysis.problems import ProblemError

# Ordinary text, in which the tokenizers of a pair should agree.
_PROBE = (
    "Translate the following sentence into French: The weather in Zürich won't be nice on "
    "25 December 2024!\n\nList three primes (e.g. 2, 3, 5):\n\tdef f(x): return x**2 # 東京 🙂"
)
# Markers of turns that are meant to be one token, like <|im_start|>, <|turn> and <start_of_turn>.
# Other angle brackets may be plain text of a system prompt.
_MARKER = re.compile(
    r"<\|[^<>|\s]{1,40}\|>|<\|\w{1,40}>|<\w{1,40}\|>|<｜[^<>\s]{1,40}｜>"
    r"|</?s>|<bos>|<eos>|<(?:start|end)_of_\w{1,30}>"
)
_TURNS = ({"role": "user", "content": "\ue000"}, {"role": "assistant", "content": "\ue001"})
_MOST_NAMED = 6


def check_tokenizers(base: Patient, tuned: Patient) -> Iterator[Finding]:
    """Whether both cut text alike, and give the same ids."""
    first, second = base.tokenizer, tuned.tokenizer
    ours, theirs = first.get_vocab(), second.get_vocab()
    cuts = [_starts(each) for each in (first, second)]
    shared = ours.keys() & theirs.keys()
    moved = sorted(token for token in shared if ours[token] != theirs[token])
    if cuts[0] != cuts[1]:
        same = len(cuts[0] & cuts[1])
        yield Finding(
            "tokenizer",
            "warning",
            "pair",
            "The two models cut text into different tokens.",
            f"In a text for trial, {len(cuts[0])} tokens of {base.name} and {len(cuts[1])} of "
            f"{tuned.name} begin at {same} common places. Rows of two maps are matched by where "
            "tokens begin in your text; the others stand alone, and a word in more pieces shares "
            "its importance among them.",
            "Compare sentences and instructions (their scores), not single tokens.",
        )
    elif moved:
        yield Finding(
            "tokenizer",
            "warning",
            "pair",
            f"The two models give {len(moved):,} tokens different ids.",
            f"{_listed(moved)} among them. Text is cut alike, so rows of two maps match; what "
            "compares embeddings by their ids would compare different tokens.",
            "Check that the tuned model has the tokenizer it was trained with.",
        )
    else:
        added = sorted(theirs.keys() - ours.keys(), key=theirs.__getitem__)
        gone = sorted(ours.keys() - theirs.keys(), key=ours.__getitem__)
        alike = tokenizer_digest(first) == tokenizer_digest(second)
        what = "Both models cut text into the same tokens" + (
            " with the same ids." if alike else " in a text for trial, with the same ids."
        )
        differences = [
            f"Only {name} has {len(names):,}: {_listed(names)}."
            for name, names in ((tuned.name, added), (base.name, gone))
            if names
        ]
        yield Finding("tokenizer", "ok", "pair", " ".join([what, *differences]))
    yield from _check_sizes(base, tuned)


def _check_sizes(base: Patient, tuned: Patient) -> Iterator[Finding]:
    """Whether there is an embedding for every token."""
    for patient in (base, tuned):
        if patient.outline is None:
            continue
        rows = vocabulary_size(patient.outline)
        beyond = sorted(
            token for token, index in patient.tokenizer.get_vocab().items() if index >= rows
        )
        if beyond and patient.adapter is None:
            yield Finding(
                "vocabulary",
                "warning",
                patient.subject,
                f"{len(beyond):,} tokens of {patient.name} have no embedding.",
                f"Its embeddings have {rows:,} rows; {_listed(beyond)} lie behind them. A prompt "
                "with one of these is refused.",
                "Use the tokenizer that belongs to the weights.",
            )
    if base.outline is not None and tuned.outline is not None and tuned.adapter is None:
        sizes = [vocabulary_size(each.outline) for each in (base, tuned) if each.outline]
        if sizes[0] != sizes[1]:
            yield Finding(
                "vocabulary",
                "ok",
                "pair",
                f"The embeddings have {sizes[0]:,} rows before tuning and {sizes[1]:,} after.",
                "Rows that only one of them has are left out where both are compared.",
            )


def check_template(tuned: Patient) -> Iterator[Finding]:
    """Whether the tuned model has a chat template that works, and its markers are tokens."""
    tokenizer = tuned.tokenizer
    if not tokenizer.chat_template:
        yield Finding(
            "template",
            "warning",
            "tuned",
            f"{tuned.name} has no chat template.",
            "It sees prompts as they are typed, as the base model does. A model tuned on a "
            "template may answer worse, or run on, without it.",
            "If it was tuned on one, put its chat_template.jinja into the folder.",
        )
        return
    try:
        tokenize(tokenizer, "How are you?", chat_template=True)
    except ProblemError as error:
        yield Finding(
            "template",
            "warning",
            "tuned",
            f"The chat template of {tuned.name} cannot be used. {error.problem.what}",
            error.problem.why,
            "Mend chat_template.jinja, or work without the template.",
        )
        return
    markers = markers_of(tokenizer)
    split = [(each, _pieces(tokenizer, each)) for each in markers]
    split = [(each, pieces) for each, pieces in split if pieces > 1]
    if split:
        named = ", ".join(f"{each} ({pieces} tokens)" for each, pieces in split[:_MOST_NAMED])
        yield Finding(
            "template",
            "warning",
            "tuned",
            f"The chat template of {tuned.name} writes markers that are no tokens of their own.",
            f"It cuts {named} like ordinary text. Some models are trained so; otherwise the "
            "tokenizer has lost its added tokens, and the model never saw these pieces.",
            "Compare with the tokenizer_config.json that the tuned model was published with.",
        )
    else:
        single = f", and each of its markers ({_listed(markers)}) is one token" if markers else ""
        yield Finding(
            "template", "ok", "tuned", f"{tuned.name} has a chat template that works{single}."
        )


def check_turn_end(tuned: Patient) -> Iterator[Finding]:
    """Whether it is known how the tuned model ends its turn."""
    tokenizer = tuned.tokenizer
    ends = _endings(tuned)
    turn = turn_end(tokenizer) if tokenizer.chat_template else TurnEnd(None, "")
    if not ends and turn.token is None:
        yield Finding(
            "turn end",
            "warning",
            "tuned",
            f"Nothing says how {tuned.name} ends a response.",
            "There is no eos_token_id, and no token ends a turn of the chat template. Every "
            "response runs to its longest length, past the answer.",
            "Set eos_token_id in generation_config.json, or give a response with --response.",
        )
        return
    named = _listed([str(tokenizer.decode([each])) for each in sorted(ends)])
    if turn.token is not None and turn.token not in ends:
        yield Finding(
            "turn end",
            "ok",
            "tuned",
            f"A turn ends with {tokenizer.decode([turn.token])}, a response with {named}."
            if ends
            else f"A turn ends with {tokenizer.decode([turn.token])}.",
            "Where the chat template is used, both end a response here.",
        )
    else:
        yield Finding("turn end", "ok", "tuned", f"A response ends with {named}.")


def _endings(tuned: Patient) -> frozenset[int]:
    if tuned.outline is not None:
        return ending_tokens(tuned.outline, tuned.tokenizer)
    end = tuned.tokenizer.eos_token_id
    return frozenset() if end is None else frozenset([end] if isinstance(end, int) else end)


def markers_of(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The markers that the chat template writes around a question and an answer, in order."""
    try:
        chat = str(tokenizer.apply_chat_template(list(_TURNS), tokenize=False))
        chat += str(
            tokenizer.apply_chat_template([_TURNS[0]], tokenize=False, add_generation_prompt=True)
        )
    except Exception:  # A template may raise anything; `tokenize` says what.
        return []
    return list(dict.fromkeys(_MARKER.findall(chat)))


def _pieces(tokenizer: PreTrainedTokenizerBase, text: str) -> int:
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def _starts(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Where tokens of the probe begin, the white space that one brings along not counting."""
    spans = [span for span in tokenize(tokenizer, _PROBE).spans if span is not None]
    texts = (_PROBE[start:end] for start, end in spans)
    return frozenset(
        end - len(text.lstrip()) if text.strip() else start
        for (start, end), text in zip(spans, texts, strict=True)
    )


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = len(found) - _MOST_NAMED
    return ", ".join(found[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
