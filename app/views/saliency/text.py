"""The Saliency view's texts: help panel and copied text."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.saliency.map import SaliencyMap
from analysis.saliency.methods import WAYS
from app.terminal.text import prose
from app.views.saliency.pair import Pair
from app.views.saliency.side import Side

WALKS = "←→ for one token"
"""What the answers' legend says beside the colours."""

UNASKED = (
    "Nothing is explained yet.\n\nChoose a case in the first view (1): enter shows its maps.",
    "No prompt has been run yet.\n\nType one in the first view (1), or take the example there: "
    "enter runs it.",
)
"""What is said instead of maps before there is anything to show: of stored cases, and of a pair."""

HELP = (
    "Answers (t): what every prompt word weighs, base model on the left, tuned model on the right. "
    "The prompt is coloured for the whole response; ←→ walk the response and colour it for one "
    "token, w goes back. Orange words weigh for the response and blue ones against it, the "
    "stronger the heavier. Where both models explain the same response they walk together. A "
    "word's weight is the sum of its tokens' importance; the table lists the heaviest words with "
    "their shares, a word's weight over the sum of all absolute weights, negative where the "
    "word speaks against the response; change is tuned minus base. While one answer is walked, "
    "these are the heaviest words of its token. Below stand the instruction scores of both "
    "models on one response, which method is shown and how far deletion agrees with it, and the "
    "first token at which their own responses part, each with its probability.\n\n"
    "Grid (g): how much every prompt token mattered for every response token. Prompt tokens are "
    "rows, shared by both models; each model has its own response in columns. What is coloured is "
    "a prompt token's share of the largest importance in the column.\n\n"
    "The two responses are different texts: a column of one pane has no partner in the other. The "
    "cursors share the row; each pane keeps a column of its own, and the values below name both "
    "response tokens.\n\n"
    "Read a column to see what a response token rests on; read a row to see which response tokens "
    "a prompt token served. A row that is lit all along is a token the model kept in view.\n\n"
    "The map (v) shows all of it at a glance. In the answers, c colours by density. Special and "
    "template tokens (┄) are hidden and not counted unless x shows them.\n\n"
    "Whose response: each model is explained on its own; o explains both on the base model's, then "
    "both on the tuned model's. A prompt token's density grows with the number of response tokens, "
    "so scores of responses of unlike length say little; on the same response they can be "
    "compared. O takes one of your own, such as a reference: type it, or name a file as @answer."
    "txt, whose text is taken to the letter. What is typed stands behind a space where it "
    "continues the prompt. Where the tokenizers differ the text is cut into tokens anew.\n\n"
    "Totals come first: the strip beside the prompt tokens is coloured by what each weighs for "
    "the whole response, the sum of its row, which one backward pass gives without the map; the "
    "answers need no more.\n\n"
    "Maps appear as they are computed, by rows or by columns; ╌ stands for what is not there yet. "
    "Scores are provisional while a column lacks rows: its largest importance may be to come. "
    "Density and instruction score wait for the whole map.\n\n"
    "Formulas\n\n"
    "The importance of prompt token x_n for response token y_m is\n\n"
    "    I[n, m] = E[x_n] · ∂ log p(y_m | x, y_<m) / ∂E[x_n]\n\n"
    "and what is coloured is its share of the column's largest, in ten levels:\n\n"
    "    S[n, m] = ceil(10 · max(I[n, m], 0) / max over n' of I[n', m])\n\n"
    "density   a[n] = ‖S[n]‖₁ / ‖S[n]‖₄ with scores up to 7 set to 0, divided by the largest of "
    "the case: 1.00 is the prompt token used most widely.\n"
    "instruction score   the sum of a[n] over the instruction tokens, divided by "
    "log2(2 + their number). ▌ marks instruction tokens; i corrects a sentence.\n\n"
    "Method: that gradient is exact, computed forward (a row at a time) or in reverse (a column at "
    "a time), whichever is quicker; both give the same numbers, and the title says which ran. It "
    "stands for occlusion, what the probability of a response token loses when a prompt token is "
    "deleted:\n\n"
    "    I[n, m] = p(y_m | x, y_<m) - p(y_m | x without x_n, y_<m)\n\n"
    "m explains the very same responses with frozen norms: the same derivative, but what a norm "
    "divides by is held constant. Norms ignore the length of what they are given, so that the "
    "plain gradient, which asks what a longer embedding would change, is mostly what is left "
    "over; the map with frozen norms comes closer to occlusion as a rule and costs no more.\n\n"
    "m again explains them by occlusion, which takes about one pass a prompt token; "
    "once more, and the maps show the difference, gradient score minus occlusion score: the "
    "lighter, the less they agree there; the values below and the digits have its sign. r is "
    "Pearson's and ρ Spearman's rank correlation of the two importances, in the column under the "
    "cursor and over the whole map, every column divided by its largest entry first; – stands "
    "where one of them does not vary. 1 is the same picture, 0 none in common: the gradient then "
    "says how the response would change with a token's strength, not what it would be without "
    "it.\n\n"
    "How far a gradient agrees with deletion is estimated as soon as its map is there: some of the "
    "prompt's tokens, as many as a quarter of the map's time allows, are deleted, and r ≈ and ρ ≈ "
    "in the last line compare their rows. Without ≈, all of them were. The plain gradient and the "
    "one with frozen norms are both computed, and the maps show the one that agrees better, unless "
    "m has chosen or the cursor has moved by then; r ≈ 0.41 > gradient 0.12 has the other's r "
    "beside it.\n\n"
    "Every row that is computed forward is compared with a backward pass before it is shown; where "
    "they differ by more than rounding, reverse mode takes over and a note says so."
)


def checked(sides: Sequence[Side]) -> list[str]:
    """How far each model's map is from a backward pass, and from deletion; harmless."""
    return [*_verified(sides), *_faithful(sides)]


def _faithful(sides: Sequence[Side]) -> list[str]:
    found = [
        (side.name_of(answer), answer.attribution.faithfulness)
        for side in sides
        for answer in side.answers
        if answer.request is not None and WAYS[answer.request.method].is_derivative
        if answer.whole and answer.attribution is not None
    ]
    return [
        prose(f"{name}: agreement with deletion: {each.words() if each else 'not estimated'}.")
        for name, each in found
    ]


def _verified(sides: Sequence[Side]) -> list[str]:
    return [
        prose(
            f"{side.name_of(answer)}: weighted sums of the map's columns and a backward pass "
            f"differ by at most {found.difference:.1e} of the largest "
            f"({found.method.replace('_', ' ')}, {found.passes_dtype})."
        )
        for side in sides
        for answer in side.answers
        if (found := answer.attribution) is not None and found.difference is not None
    ]


def copied_text(prompt: str, pair: Pair, maps: Sequence[SaliencyMap], values: str) -> str:
    """Prompt, responses, what is shown and the values under the cursor as plain text."""
    if pair.can_explain:
        values = f"{pair.method}\n{values}"
    parts = [f"prompt\n{prompt}"]
    parts.extend(f"{shown.model}\n{''.join(shown.response_tokens.texts)}" for shown in maps)
    return "\n\n".join([*parts, values]) + "\n"
