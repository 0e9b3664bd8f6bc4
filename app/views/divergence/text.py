"""What the Divergence view says in words."""

from __future__ import annotations

from textwrap import wrap

import numpy as np

from analysis.divergence.result import Divergence
from analysis.divergence.sentences import finding
from app.terminal.text import fit, pad, prose, visible
from app.widgets.line_drawing import PlotData, Series
from app.widgets.lines import Line

HELP = (
    "Both models read one response, token by token, and what each would say next at every place is "
    "compared. The response is the tuned model's own, greedy answer to the prompt that was run "
    "last; o changes to the base model's.\n\n"
    "Left and right walk along the response. Below are the tokens that each model prefers there, "
    "with their probability in both. A mark ▌ at the left says that in this line first choices "
    "differ: there, the models would go on with different tokens. f goes to the first such place, "
    "n and N to the next and the previous one.\n\n"
    "The colour is KL(tuned ‖ base), how much what comes next differs as a whole; c changes to "
    "what tuning gave the token itself: log p by tuned minus log p by base, blue where tuning "
    "made it likelier, orange where less likely. Colours are by the root of the number, from 0 to "
    "the largest of this response.\n\n"
    "Enter goes inwards: what every head and feed-forward network of both models adds directly to "
    "the logit of what tuned prefers there, less that of base's choice, norms held; what tuning "
    "changed most comes first. Enter on a head shows its word pairs, on a network its neurons, and "
    "on a neuron what it writes; escape leads back. ] ranks heads by what they take from one word "
    "of the prompt. p puts either model's states at this place into the other, after every layer: "
    "where the curve turns, the choice is made; v takes attention's or feed-forward outputs "
    "alone.\n\n"
    "A response that tuned wrote itself lies where tuned is sure: base parts from it more than "
    "tuned would from base's own. Compare both with o before you conclude.\n\n"
    "Formulas\n\n"
    "How much what comes next differs as a whole is\n\n"
    "    KL(tuned ‖ base) = Σ_v p_tuned(v) · (log p_tuned(v) − log p_base(v))\n\n"
    "over all tokens v of the vocabulary, given the prompt and the response so far, in nats. First "
    "divergence is the first place where argmax p_base ≠ argmax p_tuned."
)

NO_PROMPT = (
    "Run a prompt first: type one in the Prompt view (1), or choose an example there.\n\n"
    "Then this view shows where the two models part on the answer, token by token."
)

_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.:-=+*#"
CHOICES = 6


def findings(found: Divergence, width: int, *, ascii_only: bool) -> list[Line]:
    """The findings, in at most three lines."""
    said = prose(" ".join(finding(found)), ascii_only=ascii_only)
    return [[(line, "strong")] for line in wrap(said, max(20, width), max_lines=3)]


def curves(found: Divergence, names: tuple[str, str], place: int) -> PlotData:
    """log p of every token under both models, and the cursor's place."""
    places = np.arange(found.places)
    series = tuple(
        Series(name, places, np.where(np.isfinite(values), values, np.nan))
        for name, values in zip(names, found.log_p, strict=True)
    )
    return PlotData("log p of each token, in nats", series, mark=float(place))


def strip(found: Divergence, place: int, width: int, *, ascii_only: bool) -> Line:
    """KL by position as bars around the cursor, the place under it in colour."""
    bars = _ASCII_BARS if ascii_only else _BARS
    largest = float(found.kl.max()) or 1.0
    label = "KL "
    room = max(8, width - len(label) - 8)
    start = min(max(0, place - room // 2), max(0, found.places - room))
    shown = range(start, min(start + room, found.places))
    parts: list[tuple[str, str]] = [(label, "dim")]
    for each in shown:
        height = round(float(found.kl[each]) / largest * (len(bars) - 1))
        parts.append((bars[height], "accent" if each == place else ""))
    return [*parts, (f" {found.kl[place]:.2f}", "strong")]


def choice_lines(
    found: Divergence, place: int, names: tuple[str, str], width: int, *, ascii_only: bool
) -> list[Line]:
    """What either model prefers at a place, side by side, with probabilities in both."""
    column = max(24, (width - 2) // 2)
    token = found.token(place)
    here = "the end" if token is None else f"“{visible(token, ascii_only=ascii_only)}”"
    log_p = found.log_p[:, place]
    lines: list[Line] = [
        [
            (f"place {place + 1} of {found.places}: {here}", "strong"),
            (f"   p by base {_percent(log_p[0])}, by tuned {_percent(log_p[1])}", ""),
        ],
        [
            (pad(f"{fit(name, column - 18)} prefers", column - 16) + "  base  tuned  ", "dim")
            for name in names
        ],
    ]
    for rank in range(min(CHOICES, found.choices.shape[2])):
        line: list[tuple[str, str]] = []
        for side in (0, 1):
            text = found.texts[str(int(found.choices[side, place, rank]))]
            own = [_percent(each) for each in found.choice_log_p[side, :, place, rank]]
            shown = pad(fit(visible(text, ascii_only=ascii_only), column - 17), column - 16)
            line += [(shown, "strong" if rank == 0 else ""), (f"{own[0]:>6} {own[1]:>6}  ", "")]
        lines.append(line)
    return lines


def copied(found: Divergence, place: int) -> str:
    """The findings and the choices at a place, as plain text."""
    lines = [*finding(found), f"place {place + 1}: {found.token(place) or 'the end'}"]
    for side, name in enumerate(found.names):
        for rank in range(found.choices.shape[2]):
            token = found.texts[str(int(found.choices[side, place, rank]))]
            base, tuned = np.exp(found.choice_log_p[side, :, place, rank])
            lines.append(f"{name} {rank + 1}\t{token!r}\t{base:.4f}\t{tuned:.4f}")
    return "\n".join(lines) + "\n"


def _percent(log_p: float) -> str:
    share = 100 * float(np.exp(log_p))
    return f"{share:.0f} %" if share >= 0.5 else "<1 %"
