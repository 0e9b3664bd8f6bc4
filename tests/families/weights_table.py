"""Tables for METHODS 7: ``python -m tests.families.weights_table``.

Which families' single weights are read, by what makes their queries and keys, by the norm before
attention and by their feed-forward networks; and which are refused, and why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from analysis.engine.weights.families import FAMILIES, OUTSIDE
from analysis.engine.weights.family import (
    Dense,
    Experts,
    Family,
    Fused,
    Heads,
    Latent,
    Network,
    NoHeads,
    NoNetwork,
)

_LAYOUTS = {
    "blocks": "one module: all queries, all keys, all values",
    "groups": "one module: group after group of heads",
    "quarters": "one module: four blocks of queries, values and keys",
}
_STORED = {"out_in": "[E, D, F]", "in_out": "[E, F, D]", "flat": "[E·F, D]"}


def tables() -> str:
    """All tables, as Markdown."""
    return "\n\n".join(
        [
            _table("queries and keys", _heads),
            _table("norm before attention", _norm),
            _table("feed-forward network", _networks),
            _rows("refused", [(f"`{name}`", why) for name, why in OUTSIDE.items()], "why"),
        ]
    )


def _table(title: str, say: Callable[[Family], str]) -> str:
    by_words: dict[str, list[str]] = defaultdict(list)
    for name, entry in sorted(FAMILIES.items()):
        by_words[say(entry)].append(name)
    ordered = sorted(by_words.items(), key=lambda each: (-len(each[1]), each[0]))
    return _rows(title, [(words, ", ".join(names)) for words, names in ordered], "families")


def _rows(title: str, rows: list[tuple[str, str]], other: str) -> str:
    lines = [f"| {title} | {other} |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]
    return "\n".join(lines)


def _heads(entry: Family) -> str:
    return "; or ".join(dict.fromkeys(map(_one_attention, entry.heads)))


def _one_attention(heads: Heads) -> str:
    match heads:
        case NoHeads():
            return f"none: the layer {heads.why}"
        case Fused():
            return _LAYOUTS[heads.layout]
        case Latent():
            return "two factors each"
    shared = ", keys those of an earlier layer" if heads.shares_keys else ""
    return "a module each" + (", that of queries with a gate" if heads.gated else shared)


def _norm(entry: Family) -> str:
    if all(isinstance(each, NoHeads) for each in entry.heads):
        return "no heads"
    said = []
    for norm in entry.norms:
        kind = {"rms": "RMSNorm", "layer": "LayerNorm", "none": "none"}[norm.kind]
        weight = "1 + w" if norm.plus_one else "w" if norm.module else "no weight"
        said.append(kind if norm.kind == "none" else f"{kind}, {weight}")
    return " or ".join(dict.fromkeys(said))


def _networks(entry: Family) -> str:
    return "; or ".join(dict.fromkeys(map(_one_network, entry.networks)))


def _one_network(network: Network) -> str:
    match network:
        case Dense():
            return "dense"
        case Experts():
            return f"experts {_STORED[network.stored]}"
        case NoNetwork():
            return f"none: the layer {network.why}"


if __name__ == "__main__":
    print(f"{len(FAMILIES)} families\n\n{tables()}")
