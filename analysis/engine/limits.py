"""What a model takes: which token ids it knows, and how many tokens it reads at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from transformers import PreTrainedConfig

from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What configurations call the longest sequence.
_WINDOWS = (
    "max_position_embeddings",
    "n_positions",
    "max_target_positions",  # decoders of speech models
    "max_seq_len",  # MPT, DBRX
    "max_sequence_length",
    "context_length",  # RWKV
    "seq_length",  # ChatGLM
)
# Attention weighs distance, whatever it is: what such a configuration calls a length is no limit.
_ENDLESS = {"bloom", "xlnet"}
# Families whose positions count from behind the padding token's id: so many rows of the table of
# positions are never a token's, that id aside.
_UNUSED_ROWS = {
    "camembert": 1,
    "data2vec-text": 1,
    "prophetnet": 2,
    "roberta": 1,
    "roberta-prelayernorm": 1,
    "xlm-roberta": 1,
    "xlm-roberta-xl": 1,
    "xmod": 1,
}


def context_window(config: PreTrainedConfig) -> int:
    """The longest sequence in tokens; 0 where there is no limit.

    Where positions are learned, no longer one can be read; where they are computed, it is what the
    model was trained for.
    """
    text = config.get_text_config()
    if text.model_type in _ENDLESS:
        return 0
    for name in _WINDOWS:
        window = getattr(text, name, None)
        if isinstance(window, int) and window > 0:
            unused = _UNUSED_ROWS.get(text.model_type, 0)
            return max(window - unused - (text.pad_token_id or 0), 1) if unused else window
    return 0


def number_of(config: PreTrainedConfig, name: str) -> int:
    """A number of a configuration, the largest where layers have one each; 0 for none."""
    alike = not getattr(config, "is_heterogeneous", False)
    found = [getattr(each, name, None) for each in ([config] if alike else config.per_layer_config)]
    flat = [each for one in found for each in (one if isinstance(one, (list, tuple)) else [one])]
    return max((int(each) for each in flat if isinstance(each, (int, float))), default=0)


def vocabulary_size(model: PreTrainedModel) -> int:
    """V: rows of the input embeddings; the tokenizer may have fewer tokens, and must not have more.

    Not the configuration's ``vocab_size``, which says what the table was once.
    """
    embeddings: Any = model.get_input_embeddings()
    return len(next(embeddings.parameters()))


def refuse_unknown_ids(
    ids: Sequence[int | None], vocabulary: int, spelled: Callable[[int], bytes] | None = None
) -> None:
    """Refuse token ids that the model has no embedding for.

    Args:
        ids: Token ids; some tokenizers give None for what they do not know.
        vocabulary: Rows of the embeddings.
        spelled: The bytes of a token, to name it by.

    Raises:
        ProblemError: ``input``, naming the first.
    """
    for token in ids:
        if token is not None and 0 <= token < vocabulary:
            continue
        text = spelled(token).decode(errors="replace") if spelled and token is not None else ""
        named = f"The token {text!r}" if text else "It"
        raise problem(
            "input",
            "A token id lies outside the model's vocabulary.",
            f"{named} has the id {token}; the model's embeddings have {vocabulary:,} rows.",
            "Use the tokenizer that belongs to the model, or resize its embeddings to the "
            "tokenizer.",
        )


def refuse_too_long(window: int, prompt: int, response: int | None, name: str) -> None:
    """Refuse more tokens than fit into a context window.

    The last token of a response is predicted and never read; a response that is still to be
    written needs room for one token.

    Args:
        window: As `context_window` has it; 0 for no limit.
        prompt: Tokens of the prompt.
        response: Tokens of the response; None where the model is to write one.
        name: The model's name.

    Raises:
        ProblemError: ``input``.
    """
    read = prompt + (1 if response is None else max(response - 1, 0))
    if not window or read <= window:
        return
    whole = f"The prompt has {prompt:,} tokens"
    if response is not None:
        whole += f", the response {response:,}"
    raise problem(
        "input",
        "The prompt is too long for the model."
        if response is None
        else "Prompt and response are too long for the model.",
        f"{whole}; {name} reads at most {window:,}, its response included.",
        "Shorten the text, or choose a model with a longer context window.",
    )
