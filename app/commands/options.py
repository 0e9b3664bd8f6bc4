"""Options shared by several commands, and checks of their values."""

from __future__ import annotations

import argparse
import re

METHODS = (
    "auto",
    "forward",
    "reverse",
    "frozen-norms",
    "frozen-norms-forward",
    "frozen-norms-reverse",
    "occlusion",
    "occlusion-zeroed",
)
"""The methods of `analysis.saliency.request`, spelled as options are."""


SERIES_HELP = (
    "in place of --tuned: checkpoints or adapters of a training run, or the folder that they are "
    "in; demo-steps: those of the demo"
)


def add_pair(parser: argparse.ArgumentParser, *, series: bool = False) -> None:
    """Add base and tuned model; with `series` also a training run in place of the tuned one."""
    # SUPPRESS: `insttui --base A --tuned B heads` works too.
    parser.add_argument(
        "--base", metavar="REF", default=argparse.SUPPRESS, help="alias, hub id or folder"
    )
    parser.add_argument(
        "--tuned", metavar="REF", default=argparse.SUPPRESS, help="the same, or a LoRA adapter"
    )
    if series:
        parser.add_argument(
            "--series", metavar="REF,...", default=argparse.SUPPRESS, help=SERIES_HELP
        )


def add_results(parser: argparse.ArgumentParser, what: str) -> None:
    """Add a folder of stored results, in place of models."""
    parser.add_argument("--results", default=argparse.SUPPRESS, metavar="DIR", help=what)


def add_weight_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that read a pair's weights layer by layer."""
    add_pair(parser)
    parser.add_argument(
        "--layers", type=layers, default=None, metavar="LIST", help="such as 0,3-5; default: all"
    )
    add_output(parser)
    add_word_options(parser)
    add_model_options(parser)


def add_word_options(parser: argparse.ArgumentParser) -> None:
    """Add the vocabulary of the analyses of weights, and word vectors."""
    add_vocab(parser)
    add_vectors(parser)


def add_vocab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--vocab",
        metavar="WORDS",
        default=argparse.SUPPRESS,
        help="english, demo, tokens (the model's own) or a file: one word a line, "
        "or a table of words and counts",
    )


def add_vectors(parser: argparse.ArgumentParser) -> None:
    """Add word vectors, which say which words are alike."""
    parser.add_argument(
        "--vectors",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="word vectors: GloVe text, .npy with a word list, or a sentence-transformers folder",
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add how models are loaded and where results are stored."""
    # SUPPRESS: these options may come before or after the command.
    parser.add_argument(
        "--device",
        default=argparse.SUPPRESS,
        metavar="DEVICE",
        help="auto, cpu, cuda (all cards if need be), cuda:N, mps, or disk: weights stay there",
    )
    parser.add_argument(
        "--dtype",
        default=argparse.SUPPRESS,
        choices=("auto", "float32", "float16", "bfloat16"),
        help="precision in memory; auto is float32 on a CPU, else the checkpoint's",
    )
    parser.add_argument(
        "--trust-remote-code",
        action="store_true",
        default=argparse.SUPPRESS,
        help="run code that comes with a model",
    )
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        default=argparse.SUPPRESS,
        help="load pickled weights",
    )
    add_cache_option(parser)


def add_model(parser: argparse.ArgumentParser) -> None:
    """One model, and what it stands on if it is an adapter; see `inputs.one_model`."""
    parser.add_argument(
        "--model", required=True, metavar="REF", help="alias, hub id or folder; or a LoRA adapter"
    )
    parser.add_argument(
        "--base",
        metavar="REF",
        default=argparse.SUPPRESS,
        help="what an adapter stands on, instead of the model that it names",
    )


def add_prompt(parser: argparse.ArgumentParser) -> None:
    """A prompt, typed or in a file; see `inputs.prompt_of`."""
    prompt = parser.add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt", metavar="TEXT")
    prompt.add_argument(
        "--prompt-file",
        metavar="FILE",
        help="text in UTF-8, or in UTF-16 with its mark; - is standard input",
    )


def add_forced_response(parser: argparse.ArgumentParser) -> None:
    """A prompt, and the one response to it that both models read."""
    add_prompt(parser)
    response = parser.add_mutually_exclusive_group()
    response.add_argument(
        "--response-from",
        choices=("base", "tuned"),
        default="tuned",
        help="whose greedy response both models read; default: tuned",
    )
    response.add_argument("--response", metavar="TEXT", help="both models read this response")
    response.add_argument("--response-file", metavar="FILE", help="the response is in this file")
    parser.add_argument("--max-new-tokens", type=positive, default=300, metavar="N")
    parser.add_argument(
        "--chat-template",
        action="store_true",
        help="put the tuned model's prompt into its chat template",
    )


def add_place(parser: argparse.ArgumentParser) -> None:
    """Which place of that response is looked at; see `forced.place_of`."""
    parser.add_argument(
        "--at",
        type=_place,
        default=None,
        metavar="N",
        help="the place in the response, from 0 as in insttui diverge; default: first, where the "
        "models' first choices differ first",
    )


def _place(text: str) -> int | None:
    """A place; None for ``first``."""
    if text.strip() == "first":
        return None
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError("must be first, or a number from 0")
    return int(text)


def add_sharing(parser: argparse.ArgumentParser) -> None:
    """Add how the work is shared among engines and machines."""
    group = parser.add_argument_group("sharing the work")
    group.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="engines on this machine: each on a CUDA card of its own, or sharing the cores; "
        "default: 1",
    )
    group.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="cores that an engine computes with; tables are the same to the last digit where this "
        "is; default: all cores, shared equally",
    )
    group.add_argument(
        "--shard",
        type=shard,
        metavar="I/K",
        help="this is the Ith of K such commands on one --cache-dir, as of a SLURM array; each "
        "ends with all results",
    )
    group.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="engines on a Ray cluster, one a GPU or --threads cores; auto finds the one started "
        "on this machine; needs insttui[ray]",
    )


def add_cache_option(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS: this option may come before or after the command.
    parser.add_argument(
        "--cache-dir",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="where results are kept: a folder, or an address for many machines, such as "
        "s3://bucket/folder or file:///mnt/shared/folder; a folder on a network file system needs "
        "no file://",
    )


def add_output(
    parser: argparse.ArgumentParser,
    *,
    rows: str = "the rows",
    instead: str = "",
    document: str = "a list with an object a row, numbers as they are",
    reports: bool = False,
) -> None:
    """Add where a command's rows go: CSV, JSON and Parquet; `output.write_table` obeys it.

    Without a file, or with ``-``, that is standard output.

    Args:
        parser: Whose options these are.
        rows: Which rows.
        instead: What is printed unless one of the two is given; empty if CSV is.
        document: What the JSON is.
        reports: Whether ``--parquet`` without a file is for the tables of a report.
    """
    place = f", instead of {instead}" if instead else ""
    parser.add_argument(
        "--csv",
        nargs="?",
        const="-",
        default=None if instead else "-",
        metavar="FILE",
        help=f"where {rows} go{place}; - or no FILE is standard output",
    )
    parser.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE",
        help=f"the same as JSON: {document}; in place of CSV unless --csv names a file",
    )
    without = "; without FILE, each table of the report, beside its CSV" if reports else ""
    parser.add_argument(
        "--parquet",
        nargs="?" if reports else None,
        const="-" if reports else None,
        metavar="FILE",
        help=f"the same rows as Parquet, as for --json (needs insttui[parquet]){without}",
    )


def add_scoring(parser: argparse.ArgumentParser) -> None:
    """Add the numbers that scores and densities are made with."""
    parser.add_argument(
        "--levels", type=positive, metavar="L", help="the largest normalised score; default: 10"
    )
    parser.add_argument(
        "--floor", type=int, metavar="B", help="scores up to it make no density; default: 7"
    )
    parser.add_argument(
        "--norm", type=float, metavar="P", help="order of the density's norm; default: 4"
    )
    parser.add_argument(
        "--min-move",
        type=float,
        metavar="P",
        help="a response token whose probability no prompt token moves by this is unmoved; "
        "default: 0.01",
    )
    parser.add_argument(
        "--skip-unmoved", action="store_true", help="leave unmoved response tokens out of densities"
    )


def add_servers(parser: argparse.ArgumentParser) -> None:
    """Add who generates responses in place of the models on this machine."""
    group = parser.add_argument_group(
        "responses by a server",
        "An OpenAI-compatible server that returns token ids, such as vLLM's, generates the "
        "responses of big prompt sets; they are explained here by exactly those ids, and refused "
        "where the ids do not belong to the model. The key is read from OPENAI_API_KEY.",
    )
    for side in ("base", "tuned"):
        group.add_argument(
            f"--{side}-server",
            metavar="URL",
            help=f"who generates the {side} model's responses, such as http://localhost:8000/v1",
        )
    for side in ("base", "tuned"):
        group.add_argument(
            f"--{side}-server-model",
            metavar="NAME",
            help=f"the {side} model's name there; default: the only one, or the one named as here",
        )
    group.add_argument(
        "--server-concurrency",
        type=positive,
        metavar="N",
        help="responses to ask a server for at a time; default: 16",
    )


def positive(text: str) -> int:
    """An integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def shard(text: str) -> tuple[int, int]:
    """The number of a part, from 1, and how many there are, from text such as 2/8."""
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError("must be a part out of how many, such as 1/8 to 8/8")
    return int(match[1]), int(match[2])


def positive_number(text: str) -> float:
    """A finite number above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def port(text: str) -> int:
    """A port number."""
    number = int(text)
    if not 0 <= number < 1 << 16:
        raise argparse.ArgumentTypeError("must be from 0 to 65535")
    return number


def seed(text: str) -> int:
    """An unsigned 32-bit integer."""
    number = int(text)
    if not 0 <= number < 1 << 32:
        raise argparse.ArgumentTypeError("must be from 0 to 4294967295")
    return number


def layers(text: str) -> list[range] | None:
    """Ranges of layers from a list such as 0,3-5; None means all."""
    if text.strip() == "all":
        return None
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            raise argparse.ArgumentTypeError("must be layers such as 0,3-5, or all")
        ranges.append(range(int(match[1]), int(match[2] or match[1]) + 1))
    return ranges
