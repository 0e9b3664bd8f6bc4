"""Where a turn of the model ends in its chat template.

Checkpoints do not always list that token among those that end a response: the model then goes on
and plays the user as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

# Stands for what the model says, to see what the template puts after it.
_ANSWER = "\ue000the answer\ue001"


@dataclass(frozen=True)
class TurnEnd:
    """What follows an answer in a conversation.

    Attributes:
        token: The one token that says it; None where no single token does.
        text: What the template writes after an answer; empty where it writes nothing, or where
            there is no template.
    """

    token: int | None
    text: str


def turn_end(tokenizer: PreTrainedTokenizerBase) -> TurnEnd:
    """How the tokenizer's chat template ends a turn of the model."""
    text = _after_answer(tokenizer)
    if not text:
        return TurnEnd(None, "")
    added = {index: token.content for index, token in tokenizer.added_tokens_decoder.items()}
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    first = next((token for token in tokens if str(tokenizer.decode([token])).strip()), None)
    return TurnEnd(first if first in added else None, text)


def _after_answer(tokenizer: PreTrainedTokenizerBase) -> str:
    if not tokenizer.chat_template:
        return ""
    turns = [{"role": "user", "content": "a question"}, {"role": "assistant", "content": _ANSWER}]
    try:
        chat = str(tokenizer.apply_chat_template(turns, tokenize=False))
    except Exception:  # A template may refuse anything; the prompt's own use of it says why.
        return ""
    return chat.rpartition(_ANSWER)[2].strip() if _ANSWER in chat else ""
