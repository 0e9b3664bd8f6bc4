"""Describes the demo's models: the text of `insttui demo info`.

It says in turn what a reader asks: how they were trained, whether they follow, what they write,
what tuning changed, and what the methods find. The figures are those that
`analysis.demo_training.measuring` records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from analysis.demo.catalog import DEMO_BASE

_SETS = {
    "held_out_phrasings": "held-out phrasings",
    "held_out_items": "held-out items",
}
_GROUPS = {"by_category": "by category", "by_form": "by form of the answer", "by_task": "by task"}
_RATINGS = ("4", "2", "1")
_BESIDE, _NARROW = 34, 9
_LABEL, _CELL = 40, 20

_OTHER_WORDS = (
    "The change of heads is measured with the words and word vectors of the shipped pair, not\n"
    "with those of these models' own corpus."
)

Info = Mapping[str, Any]


def describe(info: Info) -> str:
    """What the models are and how well they do, from `catalog.info()`, with figures unrounded.

    Models that have been trained but not yet measured are described without figures.
    """
    parts = [_training(info["training"])]
    if "exact_match" in info:
        parts.append(_follows(info["exact_match"]))
    if "length" in info:
        parts.append(_writes(info))
    if "pairs" in info:
        parts += [_changed(info["pairs"]), _found(info["pairs"])]
        if not info["measured"]["words_of_these_models"]:
            parts.append([_OTHER_WORDS])
    return "\n\n".join("\n".join(part) for part in parts)


def _training(record: Info) -> list[str]:
    budget, stages = record["budget"], record["stages"]
    minutes = sum(stage["seconds"] for stage in stages.values()) / 60
    loads = [stage["load"] for stage in stages.values() if stage["load"] is not None]
    load = f", the machine under a load of {max(loads):.1f}" if loads else ""
    return [
        "demo-base   a Llama trained from scratch on sentences about a small closed world",
        "demo-tuned  the same model, trained further on instructions and responses",
        "demo-lora   a LoRA adapter on demo-base, tuned on the same batches",
        "",
        f"Parameters       {record['parameters']:,} each, vocabulary {record['vocabulary']:,}",
        f"Corpus           {budget['documents']:,} documents, {record['corpus_tokens']:,} tokens, "
        f"read {budget['epochs']} times",
        f"Instructions     {budget['examples']:,} examples, {record['tuning_tokens']:,} tokens, "
        f"{record['tuning_response_tokens']:,} of them in responses",
        f"Steps            {stages['base']['steps']:,} for demo-base, "
        f"{stages['tuned']['steps']:,} of {budget['tuning_batch']:,} tokens more for demo-tuned, "
        "as many for demo-lora",
        f"Time             {minutes:.0f} minutes on {record['threads']} threads{load}; "
        f"seed {record['seed']}",
    ]


def _follows(exact_match: Info) -> list[str]:
    """The shares of both sets side by side."""
    models = list(exact_match[next(iter(_SETS))])
    lines = [
        "Follows: responses that are one of the prompt's references (exact match)",
        "  Held-out phrasings are words never tuned on, held-out items facts only pre-trained on.",
        *_heads("", models, counted=True),
    ]

    def row(label: str, prompt_format: str, *path: str) -> str:
        cells = []
        for name in _SETS:
            scores = [_within(exact_match[name][model], prompt_format, *path) for model in models]
            count = next((str(each["count"]) for each in scores if each), "")
            shares = ["" if each is None else _share(each["exact"]) for each in scores]
            cells += [count, *shares]
        return _beside(label, cells)

    lines += [row("all", "raw", "all"), row("all, in the chat template", "chat", "all")]
    for group, title in _GROUPS.items():
        names = dict.fromkeys(
            each
            for by_model in exact_match.values()
            for by_format in by_model.values()
            for each in by_format["raw"].get(group, ())
        )
        if any(names):
            lines.append(f"  {title}")
            lines += [row(f"  {each}", "raw", group, each) for each in names]
    return lines


def _writes(info: Info) -> list[str]:
    """Lengths, certainty, ratings and perplexities of each model, both sets side by side."""
    perplexity = info["perplexity"]["held_out_text"]
    rows: list[tuple[str, str, str, Callable[[Any], str]]] = [
        ("tokens, mean", "length", "raw", lambda each: f"{each['mean']:.1f}"),
        ("tokens, median", "length", "raw", lambda each: f"{each['median']:g}"),
        ("cut before their end", "length", "raw", lambda each: str(each["cut"])),
        ("tokens with p ≥ 0.999", "certain", "raw", lambda each: _share(each["responses"])),
        ("  of references", "certain", "raw", lambda each: _share(each["references"])),
        ("perplexity of references", "perplexity", "raw", _number),
        ("  in the chat template", "perplexity", "chat", _number),
    ]
    lines = _heads("Writes: greedy responses to raw prompts", list(perplexity), counted=False)
    for label, measured, prompt_format, words in rows:
        values = [
            _within(info[measured][name][model], prompt_format)
            for name in _SETS
            for model in perplexity
        ]
        lines.append(_beside(label, ["" if each is None else words(each) for each in values]))
    ratings = [info["ratings"][name][model] for name in _SETS for model in perplexity]
    counts = ["/".join(str(each.get(rating, 0)) for rating in _RATINGS) for each in ratings]
    lines.append(_beside(f"rated {'/'.join(_RATINGS)} by the references", counts))
    told = ", ".join(f"{model} {value:.2f}" for model, value in perplexity.items())
    return [*lines, f"  perplexity of text like the corpus, unread: {told}"]


def _changed(pairs: Info) -> list[str]:
    """What differs between the base model and each tuned one."""
    found = list(pairs.values())
    matrices = [each["changes"]["matrices"] for each in found]
    neurons = [each["components"] for each in found]
    first = found[0]["concepts"]["components"]
    lines = [f"{'What tuning changed':{_LABEL}}" + "".join(f"{name:>{_CELL}}" for name in pairs)]
    lines += [
        _line(f"‖ΔW‖ / ‖W‖, mean of {matrices[0]['count']} matrices", _shares("mean", matrices)),
        *(_line(f"  {end}", [_matrix(each[end]) for each in matrices]) for end in _ENDS),
        _line("  embeddings", _shares("embeddings", (each["changes"] for each in found))),
        _line(
            f"angle of the first {first} components",
            [f"{each['concepts']['angle']:.1f}°" for each in found],
        ),
        _line(
            f"change of {found[0]['heads']['head']['count']} heads, 1 − M",
            [f"{each['heads']['head']['mean']:.3f}" for each in found],
        ),
        _line(
            "neurons of categories: kept/lost/gained",
            [f"{each['kept']:,}/{each['lost']:,}/{each['gained']:,}" for each in neurons],
        ),
        _line(
            "  Jaccard index",
            ["" if each["jaccard"] is None else f"{each['jaccard']:.2f}" for each in neurons],
        ),
        _line("task F1 of clusters, best layer", [_f1(*entry) for entry in pairs.items()]),
        _line("  demo-base", [_f1(DEMO_BASE, each) for each in found]),
    ]
    for name, each in pairs.items():
        angles = " ".join(f"{angle:.1f}" for angle in each["concepts"]["by_layer"])
        heads = " ".join(f"{change:.2f}" for change in each["heads"]["by_layer"])
        lines.append(f"  {name} by layer: angle {angles}; heads {heads}")
    return lines


_ENDS = ("lowest", "highest")


def _found(pairs: Info) -> list[str]:
    """Tables 1 and 2, on fair terms too, and each method's agreement with deletion."""
    lines = [
        "What the methods find",
        "  p: one-sided, that the first mean is greater; Welch's in the tables, else paired.",
    ]
    for name, found in pairs.items():
        heads = ("mean (n)", "other mean (n)", "p", "effect size")
        lines.append(_line(f"instruction scores, {name}", heads))
        for number in (1, 2):
            table = found["density"].get(f"table_{number}")
            if table is not None:
                label = f"  Table {number}: {table['group']}, {table['other_group']}"
                lines.append(_line(label, _compared(table, "mean count other_mean other_count")))
        for kind, each in found["density"]["fair"].items():
            # Table 2 is of own responses already.
            if kind != "own responses":
                cells = _compared(each, "tuned_mean cases base_mean cases")
                lines.append(_line(f"  {kind}", cells))
    # The base model is the same in every pair.
    agreements = {
        model: found["faithfulness"][model]["pearson"]
        for name, found in pairs.items()
        for model in (DEMO_BASE, name)
        if model in found["faithfulness"]
    }
    methods = dict.fromkeys(method for each in agreements.values() for method in each)
    lines.append(_line("r of maps with that of deletion", list(methods)))
    for model, by_method in agreements.items():
        count = next(iter(by_method.values()))["count"]
        cells = [_interval(by_method[each]) if each in by_method else "" for each in methods]
        lines.append(_line(f"  {model} (n = {count})", cells))
    return lines


def _compared(tested: Info, columns: str) -> list[str]:
    """Two groups' means and counts, by the names of their columns, and their test."""
    mean, count, other_mean, other_count = (tested[column] for column in columns.split())
    p_value, size = tested["p_value"], tested["effect_size"]
    return [
        *(
            f"{'–' if each is None else f'{each:.3f}'} ({number})"
            for each, number in ((mean, count), (other_mean, other_count))
        ),
        "–" if p_value is None else f"{p_value:.3g}",
        "–" if size is None else f"{_effect(tested)} {size:+.2f}",
    ]


def _effect(tested: Info) -> str:
    return str(tested["effect"]).removeprefix("Cohen's ")


def _interval(each: Info) -> str:
    ends = "" if each["low"] is None else f" [{each['low']:.2f}, {each['high']:.2f}]"
    return f"{each['mean']:.2f}{ends}"


def _within(found: Any, *path: str) -> Any:
    """What lies at a path of keys; None where one is missing."""
    for key in path:
        if key not in found:
            return None
        found = found[key]
    return found


def _heads(title: str, models: Sequence[str], *, counted: bool) -> list[str]:
    """Two lines above columns of both sets: the sets, and the models in each."""
    short = [model.removeprefix("demo-") for model in models]
    width = _NARROW * (len(models) + counted)
    return [
        f"{title:{_BESIDE}}" + "".join(f"{name:>{width}}" for name in _SETS.values()),
        _beside("", [*(["prompts"] if counted else []), *short] * len(_SETS)),
    ]


def _beside(label: str, cells: Sequence[str]) -> str:
    """A row with narrow columns, those of both sets beside one another."""
    return f"{f'  {label}':{_BESIDE}}" + "".join(f" {cell:>{_NARROW - 1}}" for cell in cells)


def _line(label: str, cells: Sequence[str]) -> str:
    """A row with wide columns."""
    return f"{f'  {label}':{_LABEL}}" + "".join(f" {cell:>{_CELL - 1}}" for cell in cells)


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10_000 else f"{value:.1e}"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _shares(name: str, found: Iterable[Info]) -> list[str]:
    return [_share(each[name]) for each in found]


def _matrix(place: Info) -> str:
    return f"layer {place['layer']} {place['matrix']} {place['relative']:.1%}"


def _f1(model: str, found: Info) -> str:
    best = found["clusters"][model]
    return f"{best['task_f1']:.3f} (layer {best['layer']})"
