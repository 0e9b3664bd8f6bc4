"""The arguments of the command line. Imports the argument parser and nothing else."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import NoReturn

_COMMANDS = {
    "attribute": "importance of every prompt token for every response token, as CSV",
    "heads": "the word pairs that attention heads relate, base against tuned, as CSV",
    "concepts": "the principal components of feed-forward layers, base against tuned, as CSV",
    "components": "the feed-forward neurons and experts that instructions need, as CSV",
    "clusters": "how hidden states cluster by task, base against tuned, as CSV",
    "study": "the paper's tables and figures, for any pair of models or for stored maps",
    "cache": "what is stored on this disk, and removing it",
    "models": "model names and what is available here",
    "demo": "the embedded pair of small models: what it is, and training it anew",
}


_PROMPT_COLUMNS = ("prompt", "id", "instruction", "dataset", "rating", "reference")


class _Parser(argparse.ArgumentParser):
    """Repeats in its messages no argument as it is: a shell's * brings any file's name."""

    def error(self, message: str) -> NoReturn:
        from app.terminal_text import prose

        super().error(prose(message))


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = _Parser(
        prog="insttui",
        description=(
            "Explore what instruction tuning does inside a language model. Without a command, "
            "opens the app on the embedded demo pair or on the pair given."
        ),
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--base", metavar="REF", help="the base model: alias, hub id or folder")
    parser.add_argument("--tuned", metavar="REF", help="the tuned model")
    parser.add_argument("--results", metavar="DIR", help="browse stored maps, without a model")
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    _add_word_options(parser)
    _add_model_options(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="headless commands")
    for name, summary in _COMMANDS.items():
        _ADDERS[name](commands.add_parser(name, help=summary, description=summary.capitalize()))
    return parser


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", default="auto", metavar="DEVICE", help="auto, cpu, cuda:N or mps"
    )
    parser.add_argument(
        "--dtype",
        default="auto",
        choices=("auto", "float32", "float16", "bfloat16"),
        help="precision in memory; auto is float32 on a CPU, else the checkpoint's",
    )
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="run code that comes with a model"
    )
    parser.add_argument("--allow-pickle", action="store_true", help="load pickled weights")
    _add_cache_option(parser)


def _add_cache_option(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS: given before the command or after it, the option means the same.
    parser.add_argument(
        "--cache-dir",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="where results are kept",
    )


def _add_optional_csv(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--csv", metavar="FILE", help="write rows instead of a table; - is standard output"
    )


def _add_attribute(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="REF", help="alias, hub id or folder")
    prompt = parser.add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt", metavar="TEXT")
    prompt.add_argument("--prompt-file", metavar="FILE", help="UTF-8 text; - is standard input")
    parser.add_argument(
        "--response", metavar="TEXT", help="explain this response instead of the model's own"
    )
    parser.add_argument("--max-new-tokens", type=_positive, default=300, metavar="N")
    parser.add_argument(
        "--chat-template", action="store_true", help="wrap the prompt in the model's chat template"
    )
    parser.add_argument(
        "--target", choices=("log_probability", "probability"), default="log_probability"
    )
    parser.add_argument(
        "--method",
        choices=("auto", "forward", "reverse", "occlusion", "occlusion-zeroed"),
        default="auto",
        help="auto takes the cheaper of forward and reverse, which give the same gradient; "
        "occlusion deletes each token, or makes its embedding zero",
    )
    parser.add_argument(
        "--compare",
        choices=("occlusion", "occlusion-zeroed", "forward", "reverse", "float32"),
        help="compute this too, and write how far the two agree instead of the map",
    )
    parser.add_argument(
        "--memory",
        type=_size,
        metavar="SIZE",
        help="what the passes may take beside the weights, such as 2G; a share of what is free",
    )
    parser.add_argument(
        "--include-special",
        action="store_true",
        help="let BOS and template tokens count in the score",
    )
    parser.add_argument(
        "--csv", default="-", metavar="FILE", help="where the rows go; - is standard output"
    )
    _add_model_options(parser)


def _add_pair(parser: argparse.ArgumentParser) -> None:
    # SUPPRESS: `insttui --base A --tuned B heads` means the same.
    parser.add_argument(
        "--base", metavar="REF", default=argparse.SUPPRESS, help="alias, hub id or folder"
    )
    parser.add_argument("--tuned", metavar="REF", default=argparse.SUPPRESS)


def _add_pair_options(parser: argparse.ArgumentParser) -> None:
    _add_pair(parser)
    parser.add_argument(
        "--layers", type=_layers, default=None, metavar="LIST", help="such as 0,3-5; default: all"
    )
    parser.add_argument(
        "--csv", default="-", metavar="FILE", help="where the rows go; - is standard output"
    )
    _add_word_options(parser)
    _add_model_options(parser)


def _add_word_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--vocab",
        metavar="WORDS",
        default=argparse.SUPPRESS,
        help="english, demo, tokens (the model's own) or a file: one word a line, "
        "or a table of words and counts",
    )
    parser.add_argument(
        "--vectors",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="word vectors: GloVe text, .npy with a word list, or a sentence-transformers folder",
    )


def _add_heads(parser: argparse.ArgumentParser) -> None:
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--summary", action="store_true", help="one row a head: how much it changed")
    kind.add_argument(
        "--verbs", action="store_true", help="do heads relate more verbs after tuning (Table 3)"
    )
    _add_pair_options(parser)


def _add_concepts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rank", type=_positive, default=300, metavar="R", help="components")
    parser.add_argument("--words", type=_positive, default=15, metavar="K", help="of a component")
    parser.add_argument(
        "--measure",
        choices=("cosine", "projection"),
        default="cosine",
        help="words by |cosine| with the direction, or by projection on it (the paper's formula)",
    )
    parser.add_argument(
        "--annotate",
        nargs="?",
        const="endpoint",
        choices=("endpoint", "local"),
        help="have a language model describe the components: one behind an OpenAI-compatible "
        "endpoint (OPENAI_API_KEY, OPENAI_BASE_URL), or a local one",
    )
    parser.add_argument(
        "--annotator",
        default=argparse.SUPPRESS,
        metavar="MODEL",
        help="who describes: the endpoint's name of a model, or a local model (default: the tuned)",
    )
    parser.add_argument(
        "--repeats", type=_positive, default=5, metavar="N", help="descriptions of each component"
    )
    parser.add_argument(
        "--templates", default=argparse.SUPPRESS, metavar="FILE", help="how it is asked (TOML)"
    )
    parser.add_argument(
        "--price-in", type=float, metavar="P", help="price of a million tokens sent"
    )
    parser.add_argument("--price-out", type=float, metavar="P", help="of a million received")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be asked and cost, and ask nothing"
    )
    parser.add_argument("--yes", action="store_true", help="ask without confirmation")
    parser.add_argument(
        "--table",
        choices=("components", "comparison", "levels", "ranks", "answers", "words"),
        default="components",
        help="of annotated components: scenarios and levels base against tuned (Tables 5, 6), "
        "levels by layers (Fig. 3), described by rank (Fig. 7), outcomes, words (Tables 7-10)",
    )
    _add_pair_options(parser)


def _add_components(parser: argparse.ArgumentParser) -> None:
    _add_pair(parser)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--summary", action="store_true", help="overlaps of categories, and what tuning altered"
    )
    kind.add_argument(
        "--ablate",
        action="store_true",
        help="what silencing the neurons unique to a category does to the tuned model's "
        "log-probability of reference responses, beside random neurons",
    )
    _add_component_options(parser)
    parser.add_argument(
        "--csv", default="-", metavar="FILE", help="where the rows go; - is standard output"
    )
    _add_model_options(parser)


def _add_component_options(parser: argparse.ArgumentParser) -> None:
    """What the command and the study have in common; thresholds have their defaults there."""
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="instructions of your own: JSON lines with id, category, instruction, response and, "
        "if there is one, input; default: those shipped",
    )
    parser.add_argument(
        "--epsilon",
        type=float,
        metavar="E",
        help="a neuron is specific to an instruction where it is active at this share of its "
        "tokens, in steps of 0.05 (default: 0.5, our reading)",
    )
    parser.add_argument(
        "--tau",
        type=float,
        metavar="T",
        help="and a category's where it is specific to this share of its instructions "
        "(default: 0.75, our reading)",
    )
    parser.add_argument(
        "--expert-epsilon",
        type=float,
        metavar="E",
        help="the share of tokens routed to an expert, in steps of 0.01 (default: 0.25, our "
        "reading)",
    )
    parser.add_argument(
        "--branch",
        choices=("gate", "product"),
        default="gate",
        help="the activation of a gated network: what leaves the activation function, or that "
        "times the up branch",
    )
    parser.add_argument(
        "--random-sets", type=_positive, default=5, metavar="N", help="to compare with a set"
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="of random sets and intervals"
    )


def _add_component_study(parser: argparse.ArgumentParser) -> None:
    _add_component_options(parser)
    own = ("prompts", "epsilon", "tau", "expert_epsilon", "branch", "random_sets", "seed")
    parser.set_defaults(own=own)


def _add_clusters(parser: argparse.ArgumentParser) -> None:
    _add_pair(parser)
    parser.add_argument(
        "--tasks",
        metavar="FILE",
        help="tasks of your own: TOML, or JSON lines in a .jsonl; default: the sixteen shipped",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--summary", action="store_true", help="one row a model: the layer with the best task F1"
    )
    kind.add_argument(
        "--neighbours", action="store_true", help="what nearest neighbours say of unseen phrasings"
    )
    kind.add_argument(
        "--instances", action="store_true", help="one row an instance, with its clusters"
    )
    parser.add_argument(
        "--layers",
        type=_layers,
        default=None,
        metavar="LIST",
        help="of --instances, such as 0,3-5; default: each model's best",
    )
    parser.add_argument("--tsne", action="store_true", help="reduce by t-SNE first (slow)")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of K-Means and t-SNE")
    parser.add_argument(
        "--k", type=_positive, default=10, metavar="K", help="number of nearest neighbours"
    )
    parser.add_argument(
        "--mappings", type=_positive, default=10, metavar="N", help="of each task at most"
    )
    parser.add_argument(
        "--chat-template",
        action="store_true",
        help="put the tuned model's instances into its chat template",
    )
    parser.add_argument(
        "--csv", default="-", metavar="FILE", help="where the rows go; - is standard output"
    )
    _add_model_options(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    summary = "train a small model on synthetic tasks and follow its clusters"
    description = f"{summary.capitalize()}."
    _add_clusters_train(actions.add_parser("train", help=summary, description=description))


def _add_clusters_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--preset",
        required=True,
        choices=("small", "paper-32", "paper-768", "paper-2048"),
        help="small takes minutes on two cores; the others are the paper's settings, for a GPU",
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="a folder for the run; named again, an unfinished run goes on",
    )
    # SUPPRESS: the defaults are those of `insttui clusters`.
    parser.add_argument("--seed", type=_seed, default=argparse.SUPPRESS, metavar="N")
    parser.add_argument(
        "--device", default=argparse.SUPPRESS, metavar="DEVICE", help="auto, cpu, cuda:N or mps"
    )


def _add_study(parser: argparse.ArgumentParser) -> None:
    # Names and titles only: what a study works with is imported when it runs.
    from analysis.studies.catalog import STUDIES

    studies = parser.add_subparsers(dest="study", metavar="STUDY", required=True)
    for spec in STUDIES:
        title = f"{spec.title[:1].upper()}{spec.title[1:]}."
        study = studies.add_parser(spec.name, help=spec.title, description=title)
        _add_pair(study)
        _ADDERS_BY_TAKES[spec.takes](study)
        study.set_defaults(own=_OWN_OPTIONS[spec.takes])
        if spec.name in _ADDERS_BY_STUDY:
            _ADDERS_BY_STUDY[spec.name](study)
        study.add_argument(
            "--csv", metavar="FILE", help="write the first table's rows; - is standard output"
        )
        study.add_argument(
            "--out", metavar="DIR", help="write a report, its tables and figures, and the cases"
        )
        _add_model_options(study)


def _add_case_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="a folder of stored maps, in place of models and prompts",
    )
    parser.add_argument(
        "--prompts",
        metavar="FILE",
        help="prompts to ask both models: .jsonl, .csv or .tsv; demo: those of the demo pair",
    )
    parser.add_argument(
        "--columns",
        type=_columns,
        default={},
        metavar="LIST",
        help="what the file calls them, such as prompt=question,dataset=source; "
        f"{', '.join(_PROMPT_COLUMNS)}",
    )
    parser.add_argument(
        "--bad-lines",
        choices=("refuse", "skip"),
        default="refuse",
        help="a line that cannot be used makes the file unusable, or is left out",
    )
    parser.add_argument(
        "--max-new-tokens", type=_positive, metavar="N", help="default: 300, of demo: 64"
    )
    parser.add_argument(
        "--chat-template",
        action="store_true",
        help="put the tuned model's prompts into its chat template",
    )
    parser.add_argument(
        "--method",
        choices=("auto", "forward", "reverse", "occlusion", "occlusion-zeroed"),
        default="auto",
        help="how importance is computed; auto takes the cheaper exact one",
    )


def _add_concept_study(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--annotator",
        metavar="MODEL",
        help="whose descriptions of components are read; default: the last one's",
    )
    parser.add_argument("--templates", metavar="FILE", help="how it was asked (TOML)")
    parser.set_defaults(own=("annotator", "templates"))


# Options of what a study takes, then those of a single study; `own` are passed to it by name.
_ADDERS_BY_TAKES = {"cases": _add_case_options, "pair": _add_word_options}
_OWN_OPTIONS = {"cases": ("max_new_tokens", "chat_template", "method"), "pair": ()}
_ADDERS_BY_STUDY: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "concepts": _add_concept_study,
    "components": _add_component_study,
}


def _add_cache(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary in (
        ("info", "folder, number of results, size and limit"),
        ("list", "the stored results, newest first"),
        ("clear", "remove every stored result"),
    ):
        _add_cache_option(actions.add_parser(name, help=summary, description=summary))
    prune = actions.add_parser("prune", help="remove old results")
    prune.add_argument(
        "--older-than", type=_positive, metavar="DAYS", help="not read for so many days"
    )
    prune.add_argument(
        "--max-size", type=_positive, metavar="MB", help="the least recently read beyond this size"
    )
    _add_cache_option(prune)


def _add_models(parser: argparse.ArgumentParser) -> None:
    _add_optional_csv(parser)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    info = actions.add_parser("info", help="what the demo pair is and how well it does")
    info.add_argument("--measure", action="store_true", help="measure it anew, from the weights")
    train = actions.add_parser("train", help="train both models anew, on this machine")
    train.add_argument("--output", required=True, metavar="DIR", help="a folder to write them to")
    train.add_argument("--seed", type=int, default=0, metavar="N")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _columns(text: str) -> dict[str, str]:
    """What each column is called, from a list such as prompt=question,dataset=source."""
    found = {}
    for part in text.split(","):
        name, _, column = (each.strip() for each in part.partition("="))
        if name not in _PROMPT_COLUMNS or not column:
            raise argparse.ArgumentTypeError(
                f"must be NAME=COLUMN,... with names out of {', '.join(_PROMPT_COLUMNS)}"
            )
        found[name] = column
    return found


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 32:
        raise argparse.ArgumentTypeError("must be from 0 to 4294967295")
    return number


def _size(text: str) -> int:
    """Bytes from a number with an optional K, M, G or T, powers of 1024."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError("must be a size such as 2G or 500M")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def _layers(text: str) -> list[range] | None:
    """Ranges of layers from a list such as 0,3-5; None for all."""
    if text.strip() == "all":
        return None
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            raise argparse.ArgumentTypeError("must be layers such as 0,3-5, or all")
        ranges.append(range(int(match[1]), int(match[2] or match[1]) + 1))
    return ranges


_ADDERS = {
    "attribute": _add_attribute,
    "heads": _add_heads,
    "concepts": _add_concepts,
    "components": _add_components,
    "clusters": _add_clusters,
    "study": _add_study,
    "cache": _add_cache,
    "models": _add_models,
    "demo": _add_demo,
}
