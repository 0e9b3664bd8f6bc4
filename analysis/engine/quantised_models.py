"""Runs quantised models so that what is computed with them can be differentiated (METHODS 7).

bitsandbytes' weights stay quantised in memory and are dequantised for every product; those of the
other methods are restored while the model is loaded, because no kernel for them has a derivative.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from analysis.engine.weights.quantised import dequantised
from analysis.engine.weights.quantised.source import QuantisedTensors
from analysis.engine.weights.tensors import DiskTensors
from analysis.models.checkpoint import Checkpoint
from analysis.models.quantisation import Quantisation, quantisation
from analysis.problems import problem

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PLAIN = "a version in float32, float16 or bfloat16"
_UNROUNDED = (
    "Activations are not rounded to 8 bits, as they are where such a model is served: rounding has "
    "no derivative."
)
# Libraries may restore weights in bfloat16; a wrong reading is wrong by far more.
_ROUNDING = 2**-6


def loading_options(
    found: Checkpoint, name: str, config: PreTrainedConfig, device: torch.device
) -> dict[str, Any]:
    """Further arguments for transformers to load a quantised model; none for any other.

    Args:
        found: The model's folder.
        name: What errors call the model.
        config: Its configuration, which is told to restore weights that cannot stay quantised.
        device: Where it goes. A quantised model may have to be there from the start.

    Raises:
        ProblemError: ``model`` for a model that transformers would read wrongly.
    """
    how = quantisation(found.config)
    if how is None or not isinstance(getattr(config, "quantization_config", None), dict):
        return {}
    groups = how.group_settings("num_bits"), how.group_settings("group_size")
    if any(len(set(map(str, each))) > 1 for each in groups):
        raise problem(
            "model",
            f"{name} is quantised in several ways at once ({how.name}) and cannot be loaded here.",
            "transformers restores all of its layers by the settings of the first.",
            f"Give {PLAIN}; heads and concepts can be read from this one.",
        )
    if how.restored_on_loading:
        config.quantization_config = {**config.quantization_config, "dequantize": True}
    return {"device_map": {"": device}}


def settle(
    model: PreTrainedModel, found: Checkpoint, name: str, dtype: torch.dtype | None
) -> tuple[str, ...]:
    """Make a quantised model that was just loaded ready for derivatives.

    Args:
        model: The model, quantised or not.
        found: Its folder.
        name: What errors call the model.
        dtype: What to compute in; None leaves it to the model's own settings.

    Returns:
        Notes for whoever reads its numbers, one sentence each.

    Raises:
        ProblemError: ``model`` if it would compute with other weights than the files hold.
    """
    how = quantisation(found.config)
    if how is None:
        return ()
    if how.method != "bitsandbytes" and not how.restored_on_loading:
        return ()
    if found.pickled:
        raise problem(
            "model",
            f"{name} is quantised ({how.name}), and its weights are pickled.",
            "What is computed with them cannot be compared with what the files hold.",
            f"Find a safetensors version, or give {PLAIN}.",
        )
    tensors = dequantised(DiskTensors(found), how, transposed=False)
    if dtype is not None:
        _cast(model, dtype)
    if how.restored_on_loading:
        into = str(model.dtype).removeprefix("torch.")
        note = f"The weights were dequantised from {how.name} into {into}."
    else:
        _settle_layers(model, name, dtype)
        note = f"The weights are quantised: {how.name}."
    _refuse_misread(model, name, how, tensors)
    return (note, _UNROUNDED) if how.rounds_activations else (note,)


def _cast(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Bring what is not quantised to a type; transformers leaves it as it is in the files."""
    kept = {*(model._keep_in_fp32_modules or ()), *(model._keep_in_fp32_modules_strict or ())}
    for name, parameter in model.named_parameters():
        # Packed numbers may be kept as floats.
        packed = getattr(parameter, "quant_state", None) is not None
        exact = dtype != torch.float32 and not kept.isdisjoint(name.split("."))
        if parameter.is_floating_point() and not packed and not exact:
            parameter.data = parameter.data.to(dtype)


def _settle_layers(model: PreTrainedModel, name: str, dtype: torch.dtype | None) -> None:
    """Settle the layers of bitsandbytes."""
    four, eight = ([*_of_bitsandbytes(model, kind)] for kind in ("Linear4bit", "Linear8bitLt"))
    for layers, beside in ((four, "quant_state"), (eight, "SCB")):
        for path, module in layers:
            if getattr(module.weight, beside, None) is None:
                raise problem(
                    "model",
                    f"The layer {path} of {name} is not quantised, though it should be.",
                    "Its configuration does not name it among those left as they are.",
                    f"Give {PLAIN}.",
                )
    for _, module in four:
        # Where it can, bitsandbytes repacks a layer in bfloat16 for products without derivatives,
        # and then differentiates the packed numbers as if they were not.
        module.support_avx512bf16_for_cpu = False
        if dtype is not None:
            module.compute_dtype, module.compute_type_is_set = dtype, True
        if module.compute_dtype is not None:
            # A backward pass would round the weights to the type they were quantised from.
            module.weight.quant_state.dtype = module.compute_dtype
    for path, module in eight:
        model.set_submodule(path, _EightBits(module))


def precision(model: PreTrainedModel) -> str:
    """The precision of weights in memory: "float32", or "4-bit nf4, computing in float32"."""
    dtype = str(model.dtype).removeprefix("torch.")
    for _, module in _of_bitsandbytes(model, "Linear4bit"):
        computing = str(module.compute_dtype or model.dtype).removeprefix("torch.")
        return f"4-bit {module.weight.quant_state.quant_type}, computing in {computing}"
    if any(isinstance(module, _EightBits) for module in model.modules()):
        return f"8-bit, computing in {dtype}"
    return dtype


def parameters_of(model: nn.Module) -> int:
    """How many parameters a model has, however few numbers they are packed into."""
    states = ((each, getattr(each, "quant_state", None)) for each in model.parameters())
    return sum(each.numel() if state is None else prod(state.shape) for each, state in states)


def _of_bitsandbytes(model: nn.Module, name: str) -> Iterator[tuple[str, Any]]:
    """Its layers of a class, without importing a package that may not be installed."""
    for path, module in model.named_modules():
        kind = type(module)
        if kind.__name__ == name and kind.__module__.startswith("bitsandbytes."):
            yield path, module


def _refuse_misread(
    model: PreTrainedModel, name: str, how: Quantisation, tensors: QuantisedTensors
) -> None:
    """Compare what a loaded model computes with against our own reading of its files.

    Of all restored weights the first and the last row are compared; of bitsandbytes' layers three
    columns of one of every shape, because its kernels go by shape, and not all are right.
    """
    for weight, theirs, index in _samples(model, how, {*tensors.restored()}):
        ours = tensors.read(weight, index) if how.restored_on_loading else tensors.read(weight)
        ours = ours if how.restored_on_loading else ours[:, index].T
        same = theirs.shape == ours.shape
        apart = float((theirs.cpu().float() - ours).abs().max()) if same else float("inf")
        # Nothing differs by less than a number that is none.
        if not apart <= _ROUNDING * float(ours.abs().max()):
            library = "transformers" if how.restored_on_loading else "bitsandbytes"
            raise problem(
                "model",
                f"{name} would compute with other weights than its files hold.",
                f"{weight} is not what {how.name} stands for: {library} restores it wrongly here.",
                f"Another version of {library} may do it; or give {PLAIN}.",
            )


def _samples(
    model: PreTrainedModel, how: Quantisation, names: set[str]
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Names of quantised weights, some of their rows or columns in memory, and which they are."""
    if how.restored_on_loading:
        for name, parameter in model.named_parameters():
            if name in names:
                rows = torch.tensor([0, parameter.shape[0] - 1])
                yield name, parameter.detach()[rows], rows
        return
    seen = set()
    for path, module in model.named_modules():
        shape = getattr(module, "in_features", 0), getattr(module, "out_features", 0)
        if f"{path}.weight" in names and shape not in seen:
            seen.add(shape)
            columns = torch.tensor([0, shape[0] // 2, shape[0] - 1])
            one = torch.zeros(3, shape[0], dtype=model.dtype, device=model.device)
            one[range(3), columns] = 1
            with torch.no_grad():
                product = module(one)
            bias = module.bias
            yield f"{path}.weight", product if bias is None else product - bias, columns


class _EightBits(nn.Module):
    """A linear layer of 8-bit weights, x · (numbers · scales)ᵀ + bias, dequantised in x's type.

    The layer of bitsandbytes computes in float16, rounds x to 8 bits, and leaves out of that the
    columns in which any token has a large number: later tokens then change earlier ones.
    """

    def __init__(self, of: Any) -> None:
        super().__init__()
        self.in_features, self.out_features = of.in_features, of.out_features
        self.weight = nn.Parameter(of.weight.data, requires_grad=False)
        self.register_buffer("scales", of.weight.SCB.float() / 127)
        self.bias = of.bias

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = _product(x, self.weight, self.scales)
        return product if self.bias is None else product + self.bias.to(x.dtype)


def _restored(numbers: Tensor, scales: Tensor, dtype: torch.dtype) -> Tensor:
    return numbers.to(dtype) * scales.to(dtype)[:, None]


# One operation, so that no graph or tape keeps the dequantised weights.
@torch.library.custom_op(
    "insttui::product_with_8_bits",
    mutates_args=(),
    schema="(Tensor x, Tensor numbers, Tensor scales) -> Tensor",
)
def _product(x: Tensor, numbers: Tensor, scales: Tensor) -> Tensor:
    return nn.functional.linear(x, _restored(numbers, scales, x.dtype))


@_product.register_fake
def _(x: Tensor, numbers: Tensor, scales: Tensor) -> Tensor:
    return x.new_empty(*x.shape[:-1], len(numbers))


# Torch calls it with these names.
def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[1:])


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
    numbers, scales = ctx.saved_tensors
    return gradient @ _restored(numbers, scales, gradient.dtype), None, None


_product.register_autograd(_backward, setup_context=_keep)
