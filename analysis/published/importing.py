"""Imports the published files of a folder, part by part; what is complete is then put in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from analysis.concepts.annotation import stored as described
from analysis.concepts.request import RANK
from analysis.heads import stored as paired
from analysis.heads.stored import Counting
from analysis.problems import ProblemError, problem
from analysis.published import descriptions, maps, word_counts
from analysis.saliency.cases.library import STUDY_CASES
from analysis.session.drive import Asking
from analysis.studies.making import making_folder


@dataclass(frozen=True)
class ImportChoices:
    """How published files are read.

    Attributes:
        pair: Base and tuned model as the files name them.
        counting: How neuron pairs are counted; see `analysis.heads.stored`.
        rank: Components of a layer.
        skip: Leave out lines that cannot be used.
    """

    pair: tuple[str, str] = ("llama", "vicuna")
    counting: Counting = "merged"
    rank: int = RANK
    skip: bool = False


class Part(NamedTuple):
    """One kind of result: where the published one is, its folder here, the study that takes it."""

    place: str
    folder: str
    study: str
    found: Callable[[Path], bool]
    read: Callable[[Path, Path, ImportChoices], Asking[tuple[str, ...]]]


PARTS = {
    "maps": Part(
        maps.FOLDER,
        STUDY_CASES,
        "density",
        lambda source: any((source / maps.FOLDER).glob("ifa_*")),
        lambda source, target, given: maps.import_maps(source, target, given.pair, skip=given.skip),
    ),
    "pairs": Part(
        word_counts.FOLDER,
        paired.FOLDER,
        "heads",
        lambda source: bool(word_counts.pieces_of(source)),
        lambda source, target, given: word_counts.import_pairs(
            source, target, given.pair, counting=given.counting, skip=given.skip
        ),
    ),
    "descriptions": Part(
        descriptions.FOLDER,
        described.FOLDER,
        "concepts",
        lambda source: bool(descriptions.repeats_of(source)),
        lambda source, target, given: descriptions.import_descriptions(
            source, target, given.pair, rank=given.rank, skip=given.skip
        ),
    ),
}
"""By what the command calls them."""


def import_published(
    source: Path, out: Path, wanted: Sequence[str], given: ImportChoices
) -> Asking[tuple[str, ...]]:
    """Import what is wanted of a copy of the published repository.

    Args:
        source: The copy's folder.
        out: A folder for the results, one sub-folder a part; created if missing.
        wanted: Names of `PARTS`; none for whatever is there.
        given: How it is read.

    Returns:
        Notes for the user: what was imported, and what was left out.

    Raises:
        ProblemError: ``input`` when nothing that is wanted is there; ``storage``, naming file and
            line, for a file that cannot be used, and for a place that is taken or not writable.
    """
    there = [name for name, part in PARTS.items() if part.found(source)]
    absent = [name for name in wanted or PARTS if name not in there]
    names = [name for name in PARTS if name in (wanted or there)]
    if not there or (wanted and absent):
        places = ", ".join(f"{PARTS[name].place} ({name})" for name in absent)
        raise problem(
            "input",
            f"{source} lacks published results.",
            f"Looked for: {places}.",
            "Name the folder of a copy of JacksonWuxs/Interpret_Instruction_Tuning_LLMs.",
        )
    for name in names:
        if (out / PARTS[name].folder).exists():
            raise problem(
                "storage",
                f"{out / PARTS[name].folder} is there already.",
                "",
                "Name another folder with --out.",
            )
    notes = [f"There are no {name} in {source}: {PARTS[name].place} is empty." for name in absent]
    for name in names:
        part = PARTS[name]
        try:
            with making_folder(out) as made:
                notes += yield from part.read(source, made / part.folder, given)
                (made / part.folder).rename(out / part.folder)
        except OSError as error:
            raise _unwritable(out, error) from None
        notes.append(f"{name}: insttui study {part.study} --results {out}")
    return tuple(notes)


def _unwritable(out: Path, error: OSError) -> ProblemError:
    return problem(
        "storage",
        f"Results cannot be written to {out}.",
        f"{error.strerror}.",
        "Name another folder with --out.",
    )
