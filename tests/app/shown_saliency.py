"""What the Saliency and the Cases view show, as cells of what they export."""

from __future__ import annotations

from collections.abc import Sequence

from tests.support.shown_numbers import AnyReader, Grid, Reader

TOKEN = r'"(?P<prompt_token>[^"]+)" → "(?P<response_token>[^"]+)" \((?P<response_index__n1>N)\w\w\)'
PANES = ("demo-base", "demo-tuned")


def digits(
    kind: str, columns: Sequence[int], value: str, first: int, models: Sequence[str] = PANES
) -> list[AnyReader]:
    """The grids with digits; `columns` are the response tokens of each model."""
    return [
        Grid(
            kind,
            r"│  +(?P<names>[·\w])",
            r"^│[▌┄ ]+\S+ +(?:[·░▒▓█╌]+ *)?(?P<cells>( *[+−-]?\d+)*)[ ▌]*│$",
            [{"response_index": str(n)} for n in range(count)],
            value,
            {"model": model},
            pane,
            ("prompt_index", first),
            spaced=False,
        )
        for pane, (model, count) in enumerate(zip(models, columns, strict=True))
    ]


def readers(kind: str, first: str = "demo-base", second: str = "demo-tuned") -> list[AnyReader]:
    """The lines below the maps; the names of the models are as they are shown."""
    model = rf"^ [○●] (?P<model>{first}|{second}) +"
    return [
        Reader(kind, rf"{model}{TOKEN} +(?:I (?P<importance>N)  )?S (?P<score>N)"),
        Reader(
            "tokens",
            rf'{model}"(?P<prompt_token>[^"]+)".*density (?P<density>N) '
            r"\((?P<density_rank>N)\w\w of \d+\)(?:  total (?P<total>N))?",
        ),
        Reader("case", rf"{model}.*\w\w of (?P<prompt_tokens>N)\)"),
        *scores(first, second),
    ]


def scores(first: str = "demo-base", second: str = "demo-tuned") -> list[AnyReader]:
    """The line of instruction scores."""
    return [
        Reader("case", rf"score  ○ (?P<model>{first}) (?P<instruction_score>N)"),
        Reader(
            "case",
            rf"(?P<model>{second}) (?P<instruction_score>N)  "
            r"(?:difference (?P<score_difference>N)|different answers(?:; o compares on one)?)  "
            r"(?P<instruction_tokens>N) instruction tokens",
        ),
    ]


DIFFERENCE: list[AnyReader] = [
    Reader(
        "difference-map",
        rf"^ [○●] (?P<model>demo-\w+) +{TOKEN} +(?:difference (?P<difference>N)|"
        r"no difference)  gradient (?P<score_gradient>N)  occlusion (?P<score_occlusion>N)",
    ),
    *scores(),
]


def agreements(method: str) -> list[AnyReader]:
    """The line of agreements with occlusion, and that with a sample of it."""
    pair = "r (?P<pearson>N),? ρ (?P<spearman>N)"
    known = {"method": method}
    whole = {**known, "response_index": "", "equal_scores": "*"}
    return [
        *(
            Reader(
                "agreement",
                rf"(?P<model>{model}) column {pair}",
                rf'^ [○●] {model} +"[^"]+" → "[^"]+" \((?P<response_index__n1>N)',
                known,
            )
            for model in PANES
        ),
        *(
            Reader(
                "agreement", rf"(?P<model>{model}) column \S+ \S+ \S+ \S+  all {pair}", known=whole
            )
            for model in PANES
        ),
    ]


SAMPLED: list[AnyReader] = [
    Reader(
        "agreement",
        r"(?P<model>demo-\w+):? (?:agreement with deletion: )?"
        r"r ≈ (?P<pearson>N), ρ ≈ (?P<spearman>N) \((?P<deleted>N) of (?P<of>N) tokens\)",
        known={"method": "gradient"},
    ),
]
BETTER: list[AnyReader] = [
    Reader(
        "agreement",
        r"(?P<model>demo-\w+) r ≈ (?P<pearson>N) > gradient",
        known={"method": "frozen norms"},
    ),
    Reader(
        "agreement",
        r"(?P<model>demo-\w+) r ≈ \S+ > gradient (?P<pearson>N)",
        known={"method": "gradient"},
    ),
]
VERIFIED: list[AnyReader] = [
    Reader("case", r"^(?P<model>demo-\w+): weighted sums .*? at most (?P<largest_difference>N) of"),
    *SAMPLED,
]
_BAR = "[ █▏▎▍▌▋▊▉]*"


def answers(kind: str) -> list[AnyReader]:
    """The table of words and the sentences below the answers."""
    found = f"findings-{kind}"

    def of(model: str, pattern: str) -> Reader:
        # A sentence may go on in the next line.
        return Reader(found, pattern.replace(" ", r"\s+"), known={"model": f"demo-{model}"})

    return [
        Reader(
            f"words-{kind}",
            r"^[▌ ](?P<word>\S+)(?: \((?P<occurrence>N)\w\w\))? +"
            rf"(?P<base_share>N|–){_BAR} (?P<tuned_share>N|–){_BAR} (?P<change>N|–){_BAR}$",
        ),
        of("tuned", "instruction (?P<score_ratio>N) times as much"),
        of("tuned", r"\(score (?P<instruction_score>N) against"),
        of("base", r"against (?P<instruction_score>N)\)"),
        of("base", r"at the (?P<parts_at__n1>N)\w\w token: base"),
        of("base", r'base (?:would say|says) "(?P<says>[^"]+)" \(p (?P<probability>N)\),'),
        of("tuned", r'tuned (?:would say|says) "(?P<says>[^"]+)" \(p (?P<probability>N)\)\.'),
        *(
            Reader("agreement", rf"than gradient \({before}(?P<pearson>N)", known=known)
            for before, known in (
                ("", {"model": "demo-base", "method": "gradient"}),
                (r"\S+ ", {"model": "demo-tuned", "method": "gradient"}),
            )
        ),
        of("base", r"deletion (?:by |\()base r (?:≈ )?(?P<deletion_pearson>N)"),
        of("tuned", r", tuned r (?:≈ )?(?P<deletion_pearson>N)[.;)]"),
    ]


CASES: list[AnyReader] = [
    Reader(
        "cases",
        r"^ (?P<id>\w+) +(?P<dataset>\w+) +(?P<rating>N|–) +"
        r"(?P<instruction_score_apt>N) +(?P<instruction_score_plain>N) +(?P<difference>N)",
    ),
    Reader("cases", r"(?P<n>N) of \d+ cases", rows=()),
]
RATED: list[AnyReader] = [Reader("case", r"─ [○●] (?P<model>\w+) · \w+, rated (?P<rating>N)")]
