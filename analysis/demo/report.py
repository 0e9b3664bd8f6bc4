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
_LABEL, _CELL = 44, 20

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
    return "\n\n".join("\n".join(part) for part in parts)


def _training(record: Info) -> list[str]:
    budget, stages = record["budget"], record["stages"]
    minutes = sum(stage["seconds"] for stage in stages.values()) / 60
    loads = [stage["load"] for stage in stages.values() if stage["load"] is not None]
    load = f", the machine under a load of {max(loads):.1f}" if loads else ""
    return [
        "demo-base   a Llama trained from scratch on sentences about a small closed world",
        "demo-tuned  the same model, trained further on instructions and responses",
        *(["demo-lora   an adapter on demo-base, trained on the same"] if "lora" in stages else []),
        "",
        f"Parameters       {record['parameters']:,} each, vocabulary {record['vocabulary']:,}",
        f"Corpus           {budget['documents']:,} documents, {record['corpus_tokens']:,} tokens, "
        f"read {budget['epochs']} times",
        f"Instructions     {budget['examples']:,} examples, {record['tuning_tokens']:,} tokens, "
        f"read {budget['tuning_epochs']} times",
        f"Responses        {record['tuning_response_tokens']:,} of those tokens",
        f"Steps            {stages['base']['steps']:,} for demo-base, "
        f"{stages['tuned']['steps']:,} more for demo-tuned",
        f"Time             {minutes:.0f} minutes on {record['threads']} threads{load}",
        f"Seed             {record['seed']}",
    ]


def _follows(exact_match: Info) -> list[str]:
    """The shares of both sets side by side."""
    models = list(exact_match[next(iter(_SETS))])
    width = 8 + 8 * len(models)
    short = "".join(f"{model.removeprefix('demo-'):>8}" for model in models)
    lines = [
        "Follows: responses that are one of the prompt's references (exact match)",
        "  Held-out phrasings are words never tuned on, held-out items facts only pre-trained on.",
        f"  {'':30}" + "".join(f"{title:>{width}}" for title in _SETS.values()),
        f"  {'':30}" + f"{'prompts':>8}{short}" * len(_SETS),
    ]

    def row(label: str, prompt_format: str, *path: str) -> str:
        cells = []
        for name in _SETS:
            scores = [_within(exact_match[name][model], prompt_format, *path) for model in models]
            count = next((each["count"] for each in scores if each), 0)
            cells.append(f"{count:>8}" + "".join(_percent(each, 8) for each in scores))
        return f"  {label:30}{''.join(cells)}"

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
    """Lengths, certainty, ratings and perplexities of each model, set by set."""
    models = list(info["perplexity"]["held_out_text"])
    lines = [
        _line("Writes: greedy responses to raw prompts", models),
        _line(
            "perplexity of text like the corpus, unread",
            [f"{info['perplexity']['held_out_text'][model]:.2f}" for model in models],
        ),
    ]
    told: list[tuple[str, str, str, Callable[[Any], str]]] = [
        ("mean tokens", "length", "raw", lambda each: f"{each['mean']:.1f}"),
        ("median tokens", "length", "raw", lambda each: f"{each['median']:g}"),
        ("cut before their end", "length", "raw", lambda each: f"{each['cut']}"),
        ("tokens with p ≥ 0.999", "certain", "raw", lambda each: _share(each["responses"])),
        ("the same of references", "certain", "raw", lambda each: _share(each["references"])),
        ("perplexity of references", "perplexity", "raw", lambda each: f"{each:,.2f}"),
        ("the same in the chat template", "perplexity", "chat", lambda each: f"{each:,.2f}"),
    ]
    for name, title in _SETS.items():
        lines.append(f"  {title}")
        for label, measured, prompt_format, words in told:
            values = [_within(info[measured][name][model], prompt_format) for model in models]
            cells = ["" if each is None else words(each) for each in values]
            lines.append(_line(f"  {label}", cells))
        for rating in ("4", "2", "1"):
            counts = [str(info["ratings"][name][model].get(rating, 0)) for model in models]
            lines.append(_line(f"  {_RATINGS[rating]}", counts))
    return lines


_RATINGS = {
    "4": "rated 4: is a reference",
    "2": "rated 2: has one in it",
    "1": "rated 1: neither",
}


def _changed(pairs: Info) -> list[str]:
    """What differs between the base model and each tuned one."""
    found = list(pairs.values())
    matrices = [each["changes"]["matrices"] for each in found]
    neurons = [each["components"] for each in found]
    first = found[0]["concepts"]["components"]
    lines = [_line("What tuning changed", list(pairs))]
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
        *(
            _line(f"neurons {what} by categories' sets", [f"{each[what]:,}" for each in neurons])
            for what in ("kept", "lost", "gained")
        ),
        _line(
            "Jaccard index of these sets",
            ["" if each["jaccard"] is None else f"{each['jaccard']:.2f}" for each in neurons],
        ),
        _line("task F1 of clusters in the best layer", [_f1(*entry) for entry in pairs.items()]),
        _line("  demo-base", [_f1(DEMO_BASE, each) for each in found]),
    ]
    for name, each in pairs.items():
        angles = " ".join(f"{angle:4.1f}" for angle in each["concepts"]["by_layer"])
        heads = " ".join(f"{change:4.2f}" for change in each["heads"]["by_layer"])
        lines += [f"  {name:11} angle by layer      {angles}"]
        lines += [f"  {'':11} heads by layer      {heads}"]
    return lines


_ENDS = ("lowest", "highest")


def _found(pairs: Info) -> list[str]:
    """Tables 1 and 2, on fair terms too, and each method's agreement with deletion."""
    lines = ["What the methods find"]
    for name, found in pairs.items():
        density = found["density"]
        lines.append(f"  {name}: instruction scores")
        for number in (1, 2):
            table = density.get(f"table_{number}")
            if table is not None:
                groups = (
                    (table["group"], table["mean"], table["count"]),
                    (table["other_group"], table["other_mean"], table["other_count"]),
                )
                lines.append(_compared(f"Table {number}", groups, table, "Welch"))
        for kind, each in density["fair"].items():
            groups = (
                (each["tuned"], each["tuned_mean"], each["cases"]),
                (each["base"], each["base_mean"], each["cases"]),
            )
            lines.append(_compared(kind, groups, each, "paired"))
    for name, found in pairs.items():
        # The base model is the same in every pair.
        models = (name,) if found is not next(iter(pairs.values())) else found["faithfulness"]
        for model in models:
            by_method = found["faithfulness"][model]["pearson"]
            count = next(iter(by_method.values()))["count"]
            lines.append(f"  {model}: r of maps with that of deletion (n = {count})")
            lines += [f"    {method:36}{_interval(each)}" for method, each in by_method.items()]
    return lines


def _compared(
    label: str, groups: Iterable[tuple[str, float | None, int]], tested: Info, test: str
) -> str:
    """One comparison of two groups' means, with the one-sided p that the first is greater."""
    means = " ".join(
        f"{group} {'–' if mean is None else f'{mean:.3f}'} (n = {count})"
        for group, mean, count in groups
    )
    if tested["p_value"] is None:
        return f"    {label}: {means}, not to be tested"
    size = f", {tested['effect']} {tested['effect_size']:+.2f}" if tested["effect"] else ""
    return f"    {label}: {means}, p {tested['p_value']:.3g} ({test}){size}"


def _interval(each: Info) -> str:
    ends = "" if each["low"] is None else f"  [{each['low']:+.2f}, {each['high']:+.2f}]"
    return f"{each['mean']:+.2f}{ends}"


def _within(found: Any, *path: str) -> Any:
    """What lies at a path of keys; None where one is missing."""
    for key in path:
        if key not in found:
            return None
        found = found[key]
    return found


def _line(label: str, cells: Sequence[str]) -> str:
    indent = "" if label[:1].isupper() and cells and cells[0].startswith("demo-") else "  "
    return f"{indent + label:{_LABEL}}" + "".join(f"{cell:>{_CELL}}" for cell in cells)


def _percent(score: Info | None, width: int) -> str:
    return f"{'' if score is None else _share(score['exact']):>{width}}"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _shares(name: str, found: Iterable[Info]) -> list[str]:
    return [_share(each[name]) for each in found]


def _matrix(place: Info) -> str:
    return f"layer {place['layer']} {place['matrix']} {place['relative']:.1%}"


def _f1(model: str, found: Info) -> str:
    best = found["clusters"][model]
    return f"{best['task_f1']:.3f} (layer {best['layer']})"
