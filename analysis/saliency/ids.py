"""What may be explained: token ids that the model knows and that fit its context window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def checked_ids(
    model: PreTrainedModel, prompt_ids: Sequence[int] | Tensor, response_ids: Sequence[int] | Tensor
) -> tuple[Tensor, Tensor]:
    """Prompt and response as int64 [N] and [M] on the CPU.

    Raises:
        ProblemError: ``input`` for an empty prompt, an id outside the vocabulary or a sequence
            beyond the context window.
    """
    # New tensors outside inference mode: the ones given might not be allowed in a graph.
    with torch.inference_mode(False):
        prompt, response = (
            torch.tensor([int(each) for each in ids], dtype=torch.long)
            for ids in (prompt_ids, response_ids)
        )
    if not len(prompt):
        raise problem("input", "The prompt has no tokens.", remedy="Enter some text.")
    vocabulary = len(next(model.get_input_embeddings().parameters()))
    every = torch.cat([prompt, response])
    if int(every.min()) < 0 or int(every.max()) >= vocabulary:
        raise problem(
            "input",
            "A token id lies outside the model's vocabulary.",
            f"The vocabulary has {vocabulary} entries.",
            "Use the tokenizer that belongs to the model.",
        )
    window = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    fed = len(every) - (len(response) > 0)
    if isinstance(window, int) and 0 < window < fed:
        raise problem(
            "input",
            f"Prompt and response are too long for the model: {fed} tokens.",
            f"Its context window has {window}.",
            "Shorten the prompt, or allow fewer new tokens.",
        )
    return prompt, response
