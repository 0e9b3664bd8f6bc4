"""Models whose source says that the denominators of norms are constants: for comparison.

The functions of a model's own files are compiled again with every denominator written as
``.detach()``, and torch's norms are replaced by their formulas. Nothing here knows of `analysis`.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

# Divisors that are sizes, as the files write them.
_SIZES = ("inv_norm", "new_magnitude", "states.norm(", "norm + 1e-06")
# Functions without any of these have no denominator, and are not looked at further.
_WORDS = ("rsqrt(", "pow(", "inv_norm", "new_magnitude", "norm(", "norm +")


@contextmanager
def constant_norms(model: PreTrainedModel) -> Iterator[None]:
    """With all denominators of norms constant in every derivative of the model."""
    names = {type(each).__module__ for each in model.modules()}
    files = [sys.modules[name] for name in names if name.startswith("transformers.")]
    rewritten = [pair for file in files for pair in _rewritten(file)]
    codes = [function.__code__ for function, _ in rewritten]
    torchs = {name: getattr(functional, name) for name in _FORMULAS}
    try:
        for function, code in rewritten:
            function.__code__ = code
        for name, formula in _FORMULAS.items():
            setattr(functional, name, formula)
        yield
    finally:
        for (function, _), code in zip(rewritten, codes, strict=True):
            function.__code__ = code
        for name, original in torchs.items():
            setattr(functional, name, original)


class _Constant(ast.NodeTransformer):
    """Detaches what norms divide by, or multiply with."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = getattr(node.func, "attr", "")
        is_power = name == "pow" and ast.unparse(node.args[-1]) == "-0.5"
        return _detached(node) if name == "rsqrt" or is_power else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        divisor = ast.unparse(node.right)
        if isinstance(node.op, ast.Div) and any(each in divisor for each in _SIZES):
            node.right = _detached(node.right)
        return node


def _detached(node: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(node, "detach", ast.Load()), [], [])


def _rewritten(file: ModuleType) -> list[tuple[FunctionType, Any]]:
    """The functions of a file that divide by a size, each with its code for a constant one."""
    source = inspect.getsource(file)
    tree, lines = ast.parse(source), source.splitlines()
    by_line = {each.__code__.co_firstlineno: each for each in _functions(file)}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        own = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        if not any(word in own for word in _WORDS):
            continue
        changed = _Constant().visit(copy.deepcopy(node))
        line = min(each.lineno for each in (node, *node.decorator_list))
        if ast.dump(changed) == ast.dump(node) or line not in by_line:
            continue
        changed.decorator_list = []
        found.append((by_line[line], _code(changed, by_line[line])))
    return found


def _code(changed: ast.FunctionDef, function: FunctionType) -> Any:
    """The code of a changed definition, with the same free variables as the function."""
    outside = function.__code__.co_freevars
    around = ast.parse(f"def around({', '.join(outside)}):\n    return {changed.name}")
    around.body[0].body.insert(0, changed)  # type: ignore[attr-defined]
    made: dict[str, Any] = {}
    place = inspect.getfile(function)
    exec(compile(ast.fix_missing_locations(around), place, "exec"), function.__globals__, made)
    return made["around"](*outside).__code__


def _functions(file: ModuleType) -> Iterator[FunctionType]:
    """The functions and methods of a file, without what decorators put around them."""
    own = [each for each in vars(file).values() if getattr(each, "__module__", "") == file.__name__]
    methods = [each for owner in own if isinstance(owner, type) for each in vars(owner).values()]
    for each in (*own, *methods):
        bare = inspect.unwrap(each) if callable(each) else each
        if isinstance(bare, FunctionType):
            yield bare


def _layer_norm(
    x: Tensor,
    shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    last = tuple(range(-len(shape), 0))
    deviation = torch.sqrt(x.var(last, unbiased=False, keepdim=True) + eps)
    normal = (x - x.mean(last, keepdim=True)) / deviation.detach()
    normal = normal if weight is None else normal * weight
    return normal if bias is None else normal + bias


def _rms_norm(
    x: Tensor, shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    last = tuple(range(-len(shape), 0))
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    normal = x / torch.sqrt((x * x).mean(last, keepdim=True) + eps).detach()
    return normal if weight is None else normal * weight


def _group_norm(
    x: Tensor,
    groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    parts = [_layer_norm(each, each.shape[1:], None, None, eps) for each in x.chunk(groups, dim=1)]
    channels = [1, -1, *[1] * (x.dim() - 2)]
    normal = torch.cat(parts, dim=1)
    normal = normal if weight is None else normal * weight.view(channels)
    return normal if bias is None else normal + bias.view(channels)


_FORMULAS = {"layer_norm": _layer_norm, "rms_norm": _rms_norm, "group_norm": _group_norm}
