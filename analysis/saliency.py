"""Importance of every prompt token for every response token (METHODS 1, paper 4.1, appendix A)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import torch
from torch import Tensor, nn

from analysis.problems import problem
from analysis.requests import Method, Target

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def importance(
    model: PreTrainedModel,
    prompt_ids: Sequence[int] | Tensor,
    response_ids: Sequence[int] | Tensor,
    *,
    method: Method = "auto",
    target: Target = "log_probability",
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Importance I[n, m] = E[x_n] · ∂ log p(y_m | x, y_<m) / ∂E[x_n] (METHODS 1).

    Args:
        model: Any transformers causal language model. Left as it was found.
        prompt_ids: N token ids x, special tokens included.
        response_ids: M token ids y that follow the prompt.
        method: Which exact algorithm; ``auto`` takes the cheapest.
        target: Differentiate log p(y_m) or p(y_m). The second is p(y_m) times the first.
        progress: Called with (columns done, M) after every column.

    Returns:
        float32 [N, M] on the CPU, signed; [N, 0] for an empty response.

    Raises:
        ProblemError: ``input`` for an empty prompt, an id outside the vocabulary or a sequence
            beyond the context window; ``model`` where the model computes no finite gradient.
    """
    result = torch.zeros(len(prompt_ids), len(response_ids), dtype=torch.float32)
    columns = importance_columns(model, prompt_ids, response_ids, method=method, target=target)
    for done, (m, column) in enumerate(columns, start=1):
        result[:, m] = column
        if progress is not None:
            progress(done, len(response_ids))
    return result


def importance_columns(
    model: PreTrainedModel,
    prompt_ids: Sequence[int] | Tensor,
    response_ids: Sequence[int] | Tensor,
    *,
    method: Method = "auto",
    target: Target = "log_probability",
) -> Generator[tuple[int, Tensor], None, None]:
    """The columns of `importance` as they are computed; closing the generator stops the work.

    Between two columns the model is as it was found: nothing is hooked, frozen or switched.

    Yields:
        (m, float32 [N] on the CPU), every m once.

    Raises:
        ProblemError: As `importance`.
    """
    if method not in get_args(Method) or target not in get_args(Target):
        raise ValueError(f"unknown method {method!r} or target {target!r}")
    prompt, response = _checked_ids(model, prompt_ids, response_ids)
    if len(response):
        yield from _reverse(model, prompt, response, target)


def _reverse(
    model: PreTrainedModel, prompt: Tensor, response: Tensor, target: Target
) -> Iterator[tuple[int, Tensor]]:
    """Reverse mode: one forward pass, then one vector-Jacobian product a response token."""
    length = len(prompt)
    with torch.inference_mode(False):
        run = _forward(model, prompt, response)
        embedded = run.embeddings.detach()[0, :length].to(run.exact)
    for m in range(len(response)):
        with torch.inference_mode(False):
            (gradient,) = torch.autograd.grad(
                run.states[m], run.embeddings, run.seeds[m], retain_graph=m + 1 < len(response)
            )
            factor = run.doubts[m]
            if target == "probability":
                factor = factor * run.probabilities[m]
            column = (embedded * gradient[0, :length].to(run.exact)).sum(dim=-1)
            column *= factor.to(column.device)
        if not bool(column.isfinite().all()):
            raise problem(
                "model",
                f"The importance for response token {m} is not a finite number.",
                f"The model computes in {str(run.states.dtype).removeprefix('torch.')}.",
                "Load it as bfloat16 or float32.",
            )
        yield m, column.to("cpu", torch.float32)


@dataclass(frozen=True)
class _Run:
    """One forward pass over prompt and response, cut open at both ends.

    Attributes:
        embeddings: [1, T, D], what the embedding module returned, as the leaf of the graph.
        states: [M, D] last hidden states that predict the response, as the top of the graph.
        seeds: [M, D], ∂ log p(y_m) / ∂ states[m] / doubts[m]: the head is passed once, not once a
            column.
        probabilities: [M], p(y_m | x, y_<m).
        doubts: [M], 1 − p(y_m | x, y_<m), exact near 0 too.
        exact: The dtype to sum products in, float32 at least.
    """

    embeddings: Tensor
    states: Tensor
    seeds: Tensor
    probabilities: Tensor
    doubts: Tensor
    exact: torch.dtype


def _forward(model: PreTrainedModel, prompt: Tensor, response: Tensor) -> _Run:
    bottom: list[Tensor] = []
    top: list[Tensor] = []
    leaves: list[Tensor] = []

    def open_embeddings(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
        bottom.append(output.detach().requires_grad_())
        return bottom[-1]

    def open_head(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        top.append(args[0])
        leaves.append(args[0].detach().requires_grad_())
        return (leaves[-1], *args[1:])

    embedding, head = _ends(model)
    # The last response token predicts nothing that is asked for, so it is not fed.
    ids = torch.cat([prompt, response[:-1]])[None].to(next(embedding.parameters()).device)
    count = len(response)
    options: dict[str, object] = {"use_cache": False, "attention_mask": torch.ones_like(ids)}
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        options["logits_to_keep"] = count
    hooks = []
    try:
        hooks.append(embedding.register_forward_hook(open_embeddings))
        hooks.append(head.register_forward_pre_hook(open_head))
        with _frozen(model), torch.enable_grad():
            logits = model(input_ids=ids, **options).logits[0, -count:]
    finally:
        for hook in hooks:
            hook.remove()
    if len(bottom) != 1 or len(top) != 1:
        raise problem(
            "model",
            f"{type(model).__name__} does not pass its embeddings and its head exactly once.",
            remedy="Choose a decoder-only causal language model.",
        )
    exact = torch.promote_types(logits.dtype, torch.float32)
    chosen = response.to(logits.device)[:, None]
    with torch.no_grad():
        # ∂ log p(y) / ∂ logits = onehot(y) − p. Where p(y) is nearly 1, 1 − p(y) would be lost to
        # rounding: it is summed from the other tokens' probabilities. Divided by that sum, the
        # gradient of a token that is nearly certain does not vanish in half precision either.
        gradient = logits.to(exact).softmax(dim=1)
        probabilities = gradient.gather(1, chosen)[:, 0]
        gradient.scatter_(1, chosen, 0.0)
        doubts = gradient.sum(dim=1)
        gradient /= -doubts.clamp_min(torch.finfo(exact).tiny)[:, None]
        gradient.scatter_(1, chosen, 1.0)
    # A row of logits depends on its own state only, so one backward pass gives all seeds.
    (seeds,) = torch.autograd.grad(logits, leaves[0], gradient.to(logits.dtype))
    with torch.enable_grad():
        states = top[0][0, -count:]
    return _Run(bottom[0], states, seeds[0, -count:], probabilities, doubts, exact)


def _ends(model: Any) -> tuple[nn.Module, nn.Module]:
    """The modules that embed token ids and that turn states into logits."""
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    if head is None:
        raise problem(
            "model",
            f"{type(model).__name__} has no output embeddings.",
            remedy="Choose a causal language model.",
        )
    return embedding, head


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """The model without weight gradients and in evaluation mode; as it was afterwards."""
    parameters = [each for each in model.parameters() if each.requires_grad]
    training = [each for each in model.modules() if each.training]
    try:
        for parameter in parameters:
            parameter.requires_grad_(False)
        model.eval()
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
        for module in training:
            module.training = True


def _checked_ids(
    model: PreTrainedModel, prompt_ids: Sequence[int] | Tensor, response_ids: Sequence[int] | Tensor
) -> tuple[Tensor, Tensor]:
    """Both as int64 [N] and [M] on the CPU, or a ProblemError that says why not."""
    # New tensors outside inference mode: the ones given might not be allowed in a graph.
    with torch.inference_mode(False):
        prompt, response = (
            torch.tensor([int(each) for each in ids], dtype=torch.long)
            for ids in (prompt_ids, response_ids)
        )
    if not len(prompt):
        raise problem("input", "The prompt has no tokens.", remedy="Enter some text.")
    vocabulary = len(next(_ends(model)[0].parameters()))
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
