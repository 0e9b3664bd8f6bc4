"""A model's limits: the token ids it knows, and how many tokens it can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from transformers import PreTrainedConfig

from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Names of the longest sequence in configurations.
_WINDOWS = (
    "max_position_embeddings",
    "n_positions",
    "max_target_positions",  # decoders of speech models
    "max_seq_len",  # MPT, DBRX
    "max_sequence_length",
    "context_length",  # RWKV
    "seq_length",  # ChatGLM
)
# Attention weighs any distance here: the length in such a configuration is no limit.
_ENDLESS = {"bloom", "xlnet"}
# Families whose positions start after the padding token's id: no token uses the rows of the
# position table before that id, nor this many from it on.
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
    """The longest sequence in tokens; 0 for no limit.

    With learned positions the model cannot read a longer one; with computed positions this is
    the length it was trained for.
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
    """A number of a configuration, the largest if each layer has its own; 0 if absent."""
    alike = not getattr(config, "is_heterogeneous", False)
    found = [getattr(each, name, None) for each in ([config] if alike else config.per_layer_config)]
    flat = [each for one in found for each in (one if isinstance(one, (list, tuple)) else [one])]
    return max((int(each) for each in flat if isinstance(each, (int, float))), default=0)


def vocabulary_size(model: PreTrainedModel) -> int:
    """V, the rows of the input embeddings; the tokenizer may have fewer tokens, but not more.

    The configuration's ``vocab_size`` may be outdated.
    """
    embeddings: Any = model.get_input_embeddings()
    return len(next(embeddings.parameters()))


def refuse_unknown_ids(
    ids: Sequence[int | None], vocabulary: int, spelled: Callable[[int], bytes] | None = None
) -> None:
    """Refuse token ids that the model has no embedding for.

    Args:
        ids: Token ids; some tokenizers give None for unknown text.
        vocabulary: Rows of the embeddings.
        spelled: Gives the bytes of a token, for the error.

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

    The last token of a response is predicted and never read; a response still to be generated
    needs room for one token.

    Args:
        window: As from `context_window`; 0 for no limit.
        prompt: Tokens of the prompt.
        response: Tokens of the response; None if the model is to generate one.
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
