"""``insttui results``: results that others computed, for studies without models."""

from __future__ import annotations

import argparse

from app.commands.options import positive

_PARTS = ("maps", "pairs", "descriptions")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    summary = "read the published files of arXiv 2310.00492, for Tables 1-3 and 5-10"
    reading = actions.add_parser(
        "import", help=summary, description=f"{summary[:1].upper()}{summary[1:]}."
    )
    reading.add_argument(
        "folder", metavar="DIR", help="a copy of JacksonWuxs/Interpret_Instruction_Tuning_LLMs"
    )
    reading.add_argument(
        "--out", required=True, metavar="DIR", help="where they go; then --results DIR of a study"
    )
    reading.add_argument(
        "--only",
        choices=_PARTS,
        nargs="+",
        default=(),
        help="maps of importance (Tables 1, 2), word pairs of heads (Table 3), descriptions of "
        "components (Tables 5-10); default: what is there",
    )
    # SUPPRESS: as in other commands, they may stand before the command too.
    for role, name in (("base", "llama"), ("tuned", "vicuna")):
        reading.add_argument(
            f"--{role}",
            metavar="NAME",
            default=argparse.SUPPRESS,
            help=f"what the files call the {role} model (default: {name})",
        )
    reading.add_argument(
        "--counting",
        choices=("merged", "forms"),
        default="merged",
        help="neuron pairs that find a word pair: without regard to order and case, as in the "
        "published script, or each form apart, as in insttui's own results",
    )
    reading.add_argument(
        "--rank", type=positive, default=300, metavar="R", help="components of a layer"
    )
    reading.add_argument(
        "--bad-lines",
        choices=("refuse", "skip"),
        default="refuse",
        help="a line that cannot be used makes its file unusable, or is left out",
    )


def run(options: argparse.Namespace) -> int:
    """Import what is there, and say which studies take it."""
    from pathlib import Path

    from analysis.published.importing import ImportChoices, import_published
    from app.commands.output import say
    from app.commands.study_progress import follow

    given = ImportChoices(
        (options.base or "llama", options.tuned or "vicuna"),
        options.counting,
        options.rank,
        options.bad_lines == "skip",
    )
    source, out = (Path(each).expanduser() for each in (options.folder, options.out))
    say(*follow(import_published(source, out, options.only, given)))
    return 0
