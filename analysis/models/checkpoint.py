"""Inspects a model folder without torch: whether it is complete, and its size in memory."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.models.adapters import adapter_problem, adapters_among, settings_of
from analysis.models.quantisation import quantisation
from analysis.problems import IncompleteError, Problem, ProblemError, problem

_TOKENIZER_FILES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken", "tekken.json")
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "U32": 4}
_WIDTHS = {"float32": 4, "float16": 2, "bfloat16": 2}
_FLOATS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_LARGEST_HEADER = 100_000_000
_FOREIGN = {
    ".gguf": "a GGUF file, of llama.cpp",
    ".h5": "TensorFlow's",
    ".msgpack": "Flax's",
    ".onnx": "an ONNX graph",
    ".pth": "a checkpoint of its authors' own program",
    "consolidated.safetensors": "a checkpoint of its authors' own program",
}
_LARGE = {".safetensors", ".bin", ".json", ".model", ".tiktoken"}
_POINTER, _LARGEST_POINTER = b"version https://git-lfs", 1024


@dataclass(frozen=True)
class TensorPlace:
    """Where a tensor's bytes lie: `size` bytes of a file from `offset` on.

    `dtype` is safetensors' name of its type.
    """

    name: str
    file: Path
    offset: int
    size: int
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Checkpoint:
    """A complete model folder, its ``config.json``, and the files that hold its tensors.

    `pickled`: these are pickles, not safetensors.
    """

    folder: Path
    config: dict[str, Any]
    weights: tuple[Path, ...]
    pickled: bool

    def architectures(self) -> tuple[str, ...]:
        """The classes named in the configuration, if any."""
        named = self.config.get("architectures") or ()
        return (named,) if isinstance(named, str) else tuple(str(each) for each in named)

    def quantised(self) -> str:
        """The weights' quantisation according to the configuration; empty if not quantised."""
        found = quantisation(self.config)
        return found.method if found is not None else ""

    def names(self) -> tuple[str, ...]:
        """The names of all tensors; none for pickles, which are never opened."""
        return tuple(name for name, _ in self._tensors())

    def places(self) -> Iterator[TensorPlace]:
        """Where every tensor lies; none for pickles, which are never opened."""
        for file in () if self.pickled else self.weights:
            with file.open("rb") as stream:
                (length,) = struct.unpack("<Q", stream.read(8))
            for name, tensor in _header(file).items():
                if name != "__metadata__":
                    start, end = tensor["data_offsets"]
                    yield TensorPlace(
                        name,
                        file,
                        8 + length + start,
                        end - start,
                        tensor["dtype"],
                        tuple(tensor["shape"]),
                    )

    def whole_numbers(self) -> tuple[str, ...]:
        """The tensors stored as integers; none for pickles, which are never opened."""
        return tuple(
            name
            for name, tensor in self._tensors()
            if tensor["dtype"].startswith(("I", "U")) and len(tensor["shape"]) > 1
        )

    def bytes_in_memory(self, dtype: str) -> int:
        """Size of the weights once loaded in a dtype; ``auto`` is the checkpoint's own.

        Quantised weights that stay so count as they are stored, restored ones in the dtype.
        """
        if self.pickled:
            return sum(file.stat().st_size for file in self.weights)
        width = _WIDTHS.get(dtype)
        how = quantisation(self.config)
        if how is not None and how.restored_on_loading:
            own = self.config.get("dtype") or self.config.get("torch_dtype")
            each = width or _WIDTHS.get(str(own), 2)
            return sum(
                each * how.numbers_in(name, tensor["dtype"], math.prod(tensor["shape"]))
                for name, tensor in self._tensors()
            )
        return sum(
            math.prod(tensor["shape"])
            * (width if width and (how is None or tensor["dtype"] in _FLOATS) else _size_of(tensor))
            for _, tensor in self._tensors()
        )

    def precisions(self) -> tuple[str, ...]:
        """The floating-point types of the stored weights, sorted; none for pickles."""
        stored = {tensor["dtype"] for _, tensor in self._tensors()}
        return tuple(sorted(_FLOATS[dtype] for dtype in stored if dtype in _FLOATS))

    def _tensors(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and description of every tensor; none for pickles."""
        for file in () if self.pickled else self.weights:
            for name, tensor in _header(file).items():
                if name != "__metadata__":
                    yield name, tensor


def inspect(folder: Path) -> Checkpoint:
    """Describe a model folder, after checking every file that loading will need.

    Raises:
        IncompleteError: ``model``, naming what is missing.
        ProblemError: ``model``, naming a truncated or unreadable file, or an adapter with or
            without weights.
    """
    if not folder.is_dir():
        raise problem("model", f"There is no model folder {folder}.", remedy="Check the path.")
    _refuse_adapters(folder)
    _refuse_pointers(folder)
    config = _config(folder)
    weights, pickled = _weights(folder)
    if not has_tokenizer(folder):
        raise _incomplete(folder, "the tokenizer (tokenizer.json or tokenizer.model)")
    if not pickled:
        for file in weights:
            _header(file)
    return Checkpoint(folder, config, weights, pickled)


def has_tokenizer(folder: Path) -> bool:
    """Whether the files of a tokenizer are there; an adapter may come with one of its own."""
    return any(is_there(file) for pattern in _TOKENIZER_FILES for file in folder.glob(pattern))


def _size_of(tensor: dict[str, Any]) -> int:
    """Bytes of a stored number."""
    return _BYTES.get(tensor["dtype"], 1)


def is_there(file: Path) -> bool:
    """Whether a file has content; a link into the hub cache may be broken."""
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def _refuse_pointers(folder: Path) -> None:
    """Refuse a clone made without Git LFS, in which every large file is only a pointer."""
    for file in sorted(folder.iterdir()):
        if file.suffix in _LARGE and is_there(file) and file.stat().st_size < _LARGEST_POINTER:
            with file.open("rb") as stream:
                if stream.read(len(_POINTER)) == _POINTER:
                    raise problem(
                        "model",
                        f"{file} is a Git LFS pointer, not the file itself.",
                        "The folder was cloned without Git LFS.",
                        "Run git lfs pull in the folder, or fetch the model with hf download.",
                    )


def _refuse_adapters(folder: Path) -> None:
    """Refuse adapters next to the weights, because they are applied only sometimes.

    transformers applies such an adapter if peft is installed and ignores it otherwise; the files
    alone would not tell which model was analysed.
    """
    found = adapters_among(file.name for file in folder.iterdir() if is_there(file))
    if not found:
        return
    try:
        _weights(folder)
        whole = is_there(folder / "config.json")
    except ProblemError:
        whole = False
    raise adapter_problem(str(folder), found, whole=whole, settings=settings_of(folder))


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    if not is_there(file):
        raise _incomplete(folder, "config.json")
    try:
        config = json.loads(file.read_bytes())
    except ValueError as error:
        raise problem(
            "model", f"{file} is no valid JSON.", str(error), "Fetch the file again."
        ) from None
    if not isinstance(config, dict):
        raise problem("model", f"{file} is not a model configuration.", remedy="Fetch it again.")
    return config


def _weights(folder: Path) -> tuple[tuple[Path, ...], bool]:
    """The weight files that transformers would choose, and whether they are pickles."""
    incomplete: IncompleteError | None = None
    for single, pickled in (("model.safetensors", False), ("pytorch_model.bin", True)):
        if is_there(folder / single):
            return (folder / single,), pickled
        index = folder / f"{single}.index.json"
        if is_there(index):
            shards = _shards(index)
            missing = [shard.name for shard in shards if not is_there(shard)]
            if not missing:
                return shards, pickled
            few = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
            what = f"{len(missing)} of {len(shards)} weight files ({few})"
            # Complete weights in the other format would still work.
            incomplete = incomplete or _incomplete(folder, what)
    raise incomplete or _in_another_form(folder)


def _in_another_form(folder: Path) -> IncompleteError:
    """No weights, or those of another program; a download may complete a hub model."""
    for file in sorted(folder.iterdir()):
        if (kind := _FOREIGN.get(file.suffix) or _FOREIGN.get(file.name)) and is_there(file):
            return IncompleteError(
                Problem(
                    kind="model",
                    what=f"{folder} holds its weights in a form that cannot be read here.",
                    why=f"{file.name} is {kind}.",
                    remedy="Find a version with model.safetensors, as transformers writes it.",
                )
            )
    return _incomplete(folder, "the weights (model.safetensors)")


def _shards(index: Path) -> tuple[Path, ...]:
    try:
        names = set(json.loads(index.read_bytes())["weight_map"].values())
        # A file name with a path would lead out of the folder.
        if not names or not all(name == Path(name).name for name in names):
            raise ValueError("its weight_map names no files")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise problem(
            "model", f"{index} cannot be read.", str(error), "Fetch the file again."
        ) from None
    return tuple(index.parent / name for name in sorted(names))


def _header(file: Path) -> dict[str, Any]:
    """The header of a safetensors file, after checking the file's length against it."""
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(_LARGEST_HEADER, size):
                raise ValueError("the header is longer than the file")
            header: dict[str, Any] = json.loads(stream.read(length))
        ends = [
            tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise problem(
            "model", f"{file} is not a safetensors file.", str(error), "Fetch the file again."
        ) from None
    expected = 8 + length + max(ends, default=0)
    if size < expected:
        raise problem(
            "model",
            f"{file} is cut short.",
            f"It has {size:,} of {expected:,} bytes.",
            "Fetch the file again.",
        )
    return header


def _incomplete(folder: Path, missing: str) -> IncompleteError:
    # In the hub cache a snapshot sits next to the blobs it links to.
    blobs = folder.parent.parent / "blobs"
    interrupted = blobs.is_dir() and any(blobs.glob("*.incomplete"))
    return IncompleteError(
        Problem(
            kind="model",
            what=f"The model folder {folder} is incomplete.",
            why=f"It lacks {missing}." + (" A download was interrupted." if interrupted else ""),
            remedy="Let the download finish, or give another folder.",
        )
    )
