"""The published maps, prompts and ratings as a case library, for Tables 1 and 2.

Read are ``datasets/FinalDataset.tsv`` (prompts and their instructions), the file of ratings
``datasets/AnnotatedDataset.tsv`` beside it, if it is there, and the folder
``results/attribution_interpret/ifa_MODEL`` of each model, a pickle a case.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.events import Progress
from analysis.models.tokens import Span, Tokens
from analysis.problems import problem
from analysis.published.lines import BadLineError, PublishedTable, Row
from analysis.published.pickles import PublishedCase, read_case
from analysis.saliency.cases.tokens import tokens_from_pieces
from analysis.saliency.cases.writer import CaseWriter, NewCase
from analysis.saliency.density import LEVELS, normalize
from analysis.saliency.map import SaliencyMap
from analysis.session.drive import Asking

FOLDER = "results/attribution_interpret"
_PROMPTS = ("ID", "Prompt", "Response", "Instruct&Context")
_RATINGS = ("File", "Model", "Prompt", "Reference", "Instruct", "Response", "Rating")
_DATASETS = {"user_oriented_task": "self-instruct", "lima": "lima", "mtbench": "mt-bench"}
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+")
_INPUT = "Input:"
_BEST = 4
_EDGES = {"▁", "<0x0A>", '▁"'}
"""Tokens that begin or end no instruction: a space, a newline, an opening quotation mark."""


@dataclass(frozen=True)
class _Prompt:
    id: str
    text: str
    reference: str
    instructions: tuple[Span, ...]
    context: str


def import_maps(
    source: Path, target: Path, pair: tuple[str, str], *, skip: bool
) -> Asking[tuple[str, ...]]:
    """Write the case library of a pair of models.

    Args:
        source: The published repository's folder.
        target: The library's folder, empty or not there yet.
        pair: Base and tuned model, named as their folders are (``llama`` finds ``ifa_llama_7b``).
        skip: Leave out lines of the tables that cannot be used.

    Returns:
        Notes for the user.

    Raises:
        ProblemError: ``storage``, naming file and line, for what is damaged or in another format;
            ``input`` where models share no case, or cut a prompt into different tokens.
    """
    folders = tuple(_folder(source / FOLDER, name) for name in pair)
    models = tuple(each.name.removeprefix("ifa_") for each in folders)
    prompts = _table(source, "FinalDataset.tsv", _PROMPTS, skip)
    ratings = _table(source, "AnnotatedDataset.tsv", _RATINGS, skip)
    rated = dict(_rated(ratings, models)) if ratings.pieces[0].exists() else {}
    listed = list(_prompts(prompts))
    kept = [each for each in listed if all((at / f"{each.id}.pkl").is_file() for at in folders)]
    if not kept:
        raise problem("input", f"No case of {prompts.name} has a map of both models in {source}.")
    with CaseWriter(target, models) as writer:
        for done, prompt in enumerate(kept):
            yield Progress("reading maps", done, len(kept), prompt.id)
            found = [read_case(at / f"{prompt.id}.pkl") for at in folders]
            writer.write(_case(prompt, models, found, rated))
    return (
        *prompts.notes(),
        *ratings.notes(),
        *([f"{len(listed) - len(kept)} cases have no map of both models."] * (kept != listed)),
        *(["There are no ratings: Table 1 cannot be made."] * (not rated)),
    )


def _folder(root: Path, name: str) -> Path:
    found = sorted({*root.glob(f"ifa_{name}"), *root.glob(f"ifa_{name}_*")})
    if len(found) != 1:
        there = ", ".join(sorted(each.name for each in root.glob("ifa_*"))) or "none"
        raise problem(
            "input",
            f"{len(found) or 'No'} folders of maps in {root} are those of {name}.",
            f"There are {there}.",
            "Name one of them, without ifa_, with --base and --tuned.",
        )
    return found[0]


def _table(source: Path, name: str, columns: tuple[str, ...], skip: bool) -> PublishedTable:
    return PublishedTable(name, (source / "datasets" / name,), columns, skip)


def _prompts(table: PublishedTable) -> Iterator[_Prompt]:
    seen: dict[str, int] = {}
    for number, row in table.rows():
        try:
            name = row["ID"]
            if not name or Path(name).name != name:
                raise BadLineError(f"Its ID is {name[:60]!r}, and no file can be called so.")
            if name in seen:
                raise BadLineError(f"The case {name!r} is in line {seen[name]} too.")
            seen[name] = number
            yield _prompt(row)
        except BadLineError as error:
            table.bad(number, str(error))


def _prompt(row: Row) -> _Prompt:
    text = _decoded(row["Prompt"])
    marked, _, context = _decoded(row["Instruct&Context"]).partition("&&&")
    sentences = [each for line in text.split("\n") for each in _SENTENCE_END.split(line)]
    found: dict[str, None] = {}
    for piece in marked.replace("\n", "|||").split("|||"):
        for part in _SENTENCE_END.split(piece):
            whole = next((each for each in sentences if part in each), None)
            if whole is None:
                raise BadLineError(f"Its instruction {part[:60]!r} is not in the prompt.")
            found[whole[len(_INPUT) :].strip() if whole.startswith(_INPUT) else whole] = None
    places = ((text.find(each), len(each)) for each in found if each)
    spans = sorted((start, start + length) for start, length in places)
    return _Prompt(row["ID"], text, _decoded(row["Response"]), tuple(spans), context)


def _decoded(cell: str) -> str:
    """The text of a cell. ``/n`` stands for a line end there even where it was written so."""
    text = cell.replace("/t", "\t").replace("/n", "\n")
    if text.startswith('"') and text.endswith('"'):
        text = text[1:-1]
    return text.replace('""', '"')


def _rated(table: PublishedTable, models: Sequence[str]) -> Iterator[tuple[tuple[str, str], float]]:
    """((case, model), rating) of every response of these models that was rated."""
    names = {each.casefold(): each for each in models}
    for number, row in table.rows():
        model = names.get(row["Model"].casefold())
        if model is None:
            continue
        try:
            rating = float(row["Rating"])
        except ValueError:
            rating = math.nan
        if not rating <= _BEST:
            table.bad(number, f"Its rating is {row['Rating'][:40]!r}, and no number up to {_BEST}.")
            continue
        if rating > 0:
            yield (row["File"].removesuffix(".pkl"), model), rating


def _case(
    prompt: _Prompt,
    models: Sequence[str],
    found: Sequence[PublishedCase],
    rated: dict[tuple[str, str], float],
) -> NewCase:
    for each in found:
        if each.id != prompt.id:
            raise problem("storage", f"The map of {prompt.id} is that of {each.id}.")
    tokens = tokens_from_pieces(found[0].prompt, prompt.text)
    return NewCase(
        id=prompt.id,
        dataset=_dataset(prompt.id),
        prompt=prompt.text,
        instruction=_mask(prompt, found[0].prompt, tokens),
        instruction_spans=prompt.instructions,
        maps=[_map(name, each, prompt.text) for name, each in zip(models, found, strict=True)],
        ratings=[rated.get((prompt.id, name)) for name in models],
        context=prompt.context,
        reference=prompt.reference,
    )


def _map(model: str, found: PublishedCase, prompt: str) -> SaliencyMap:
    return SaliencyMap(
        model=model,
        prompt_tokens=tokens_from_pieces(found.prompt, prompt),
        response_tokens=tokens_from_pieces(found.response),
        scores=scores(found.values),
        importance=None,
        visible=np.ones(len(found.prompt), dtype=np.bool_),
    )


def scores(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Scores 0 to 10, uint8 [N, M], of what was published: scores already, or importance.

    The files of 2024 hold scores, the script that came with them writes signed importance.
    """
    is_scores = (values == np.floor(values)) & (values >= 0) & (values <= LEVELS)
    return values.astype(np.uint8) if is_scores.all() else normalize(values)


def _mask(prompt: _Prompt, pieces: Sequence[str], tokens: Tokens) -> NDArray[np.bool_]:
    """bool [N], the tokens of instructions.

    As published, where the tokens of a sentence are looked up among those of the prompt: from the
    first to the last token with a visible character of it, `_EDGES` at either end left out.
    """
    text = prompt.text
    mask = np.zeros(len(pieces), dtype=np.bool_)
    for start, end in prompt.instructions:
        inside = [
            n
            for n, place in enumerate(tokens.spans)
            if place and text[max(start, place[0]) : min(end, place[1])].strip()
        ]
        while inside and pieces[inside[0]] in _EDGES:
            inside.pop(0)
        while inside and pieces[inside[-1]] in _EDGES:
            inside.pop()
        if inside:
            mask[inside[0] : inside[-1] + 1] = True
    return mask


def _dataset(case: str) -> str:
    name = next((name for name in _DATASETS if case.startswith(name)), None)
    return _DATASETS[name] if name else case.rstrip("0123456789").rstrip("_")
