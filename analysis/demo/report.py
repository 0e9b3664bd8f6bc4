"""Describes the demo pair: the text of `insttui demo info`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.demo.catalog import DEMO_MODELS

PROMPT_SETS = {
    "held_out_phrasings": "held-out phrasings (words never tuned on, about things that were)",
    "held_out_items": "held-out items (tuned words, about facts only read in pre-training)",
}
TEXT_SET = "held_out_text"


def describe(info: Mapping[str, Any]) -> str:
    """What the pair is and how well it does, from `catalog.info()`, with figures unrounded.

    A pair that has been trained but not yet evaluated is described without its figures.
    """
    lines = _training(info["training"])
    if "exact_match" in info:
        for name, title in PROMPT_SETS.items():
            lines += ["", f"Exact match on {title}", *_following(info["exact_match"][name])]
        lines += ["", "Perplexity per token", *_perplexities(info["perplexity"])]
        lines += ["", "Instruction score of raw prompts (mean ± deviation)"]
        lines += [_scores(name, scores) for name, scores in info["instruction_score"].items()]
    return "\n".join(lines)


def _training(record: Mapping[str, Any]) -> list[str]:
    budget, stages = record["budget"], record["stages"]
    minutes = sum(stage["seconds"] for stage in stages.values()) / 60
    loads = [stage["load"] for stage in stages.values() if stage["load"] is not None]
    load = f", the machine under a load of {max(loads):.1f}" if loads else ""
    return [
        "demo-base   a Llama trained from scratch on sentences about a small closed world",
        "demo-tuned  the same model, trained further on instructions and responses",
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


def _following(by_model: Mapping[str, Any]) -> list[str]:
    columns = [(model, form) for model, forms in by_model.items() for form in forms]
    scores = [by_model[model][form] for model, form in columns]
    heads = [f"{model} {form}" for model, form in columns]
    lines = [f"  {'':22}{'prompts':>8}" + "".join(f"{head:>16}" for head in heads)]
    lines.append(_row("all", [score["all"] for score in scores]))
    for kind in ("by_category", "by_task"):
        lines.append(f"  {kind.replace('_', ' ')}")
        lines += [_row(name, [score[kind][name] for score in scores]) for name in scores[0][kind]]
    return lines


def _row(name: str, shares: list[Mapping[str, float]]) -> str:
    cells = "".join(f"{share['exact']:>16.1%}" for share in shares)
    return f"    {name:20}{int(shares[0]['count']):>8}{cells}"


def _perplexities(perplexity: Mapping[str, Any]) -> list[str]:
    lines = [
        f"  {'text like the corpus, unread':52}{model:12}{value:>10.2f}"
        for model, value in perplexity[TEXT_SET].items()
    ]
    for name in PROMPT_SETS:
        label = f"references of the {name.replace('_', ' ').replace('held out', 'held-out')}"
        lines += [
            f"  {f'{label}, {form}':52}{model:12}{value:>10.2f}"
            for model, forms in perplexity[name].items()
            for form, value in forms.items()
        ]
    return lines


def _scores(prompts: str, scores: Mapping[str, Any]) -> str:
    models = "  ".join(
        f"{model} {scores[model]['mean']:.3f} ± {scores[model]['deviation']:.3f}"
        for model in DEMO_MODELS
    )
    p_value = "undefined" if scores["p_value"] is None else f"{scores['p_value']:.3g}"
    label = f"{prompts.replace('_', ' ')} (n = {scores['count']})"
    return f"  {label:30}{models}  p (tuned > base) {p_value}"
