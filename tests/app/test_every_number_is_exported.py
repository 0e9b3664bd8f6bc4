"""Nothing is shown that cannot be exported: a walk through the views that looks each number up.

Readers (`shown_saliency`, `shown_components`, `shown_weights`) say of which cell of which export a
number on a screen is; what no reader reads has to be on the list of exceptions. That a lookup can
fail is tried with every number moved by a few units of its last digit.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from analysis.doctor.findings import Finding, Findings
from analysis.doctor.request import ExaminationRequest
from analysis.events import Finished
from analysis.saliency.faithfulness import Faithfulness
from analysis.saliency.result import Attribution
from app.views.concepts.view import ConceptsView
from app.views.saliency.text import checked
from app.views.saliency.view import SaliencyView
from tests.app import shown_components, shown_saliency, shown_weights
from tests.app.components_screen import mixture_script
from tests.app.pair_app import PairApp, library_app, screen, until, until_loaded, until_shown
from tests.app.studies_screen import finished, played
from tests.app.test_clusters_runs import write_run
from tests.app.test_clusters_view import script as cluster_script
from tests.app.test_concepts_plots import Described
from tests.support.shown_numbers import ALONE, AnyReader, Listed, Reader, Said, Written

WIDE = (200, 50)

EXCEPTIONS = {
    r"^ +0 [·░▒▓█]+": "the lower end of the colours",
    r"^ insttui .*": "the names of the views, with their keys",
    r"^.*(?:: palette|ctrl-p palette).*": "keys",
    r"(?<=[\s│])[\d.]+(?=│)|└┬.*\n.*": "the scale of a plot",
    r"[⠤⠄⠀]+ (?:line|layer) \d+|(?<= )line \d": "a name in the legend of a plot",
    r"^│ +0(?: +\d)+ |^│ ?\d [ ░▒▓█]+": "the numbers of heads and layers beside the map of heads",
    r"\bnorm 1\b": "the name of a column",
    r"\b90 % in\b": "the name of a measure",
    r"0 same pairs, 1 none": "the ends that a change can have",
    r"first 100\b": "how many pairs of a head are compared",
    r"50 is neutral": "how to read the table",
    r"all \d+ \w+ are (?:there|searched)|rests on \d+ of \d+ layers": "progress",
    r"\d+ of \d+ ←→": "the number of the page",
    r"of \d+(?= +by | \(best| layers| parts| cases)": "how much there is to look at",
    r"of \d+(?= sets| *[│▁-█]| +(?:[+−\d]|general))": "the number of categories asked about",
    r"Words: \d+, scripted\.": "a note, which commands write on the error stream",
    r"\d+ instructions are longer than": "a note, which commands write on the error stream",
    r"this prompt · \d+ of \d+ tokens": "how much of the models' window it takes",
    r"seed \d+": "a setting of the run, in its run.json",
    r"\d obstacle and \d warning": "how many findings there are",
}
"""Numbers that are no findings: a pattern, and why."""


class Walk:
    """One app, its screens so far and what was exported."""

    def __init__(self, pilot, folder: Path) -> None:
        self.pilot, self.folder = pilot, folder
        self.exports: dict[str, list[dict[str, str]]] = {}
        self._seen: set[Path] = set()
        self.unread: list[str] = []
        self.missing: list[Said] = []
        self.said = 0
        self.moved: list[Said] = []
        self.unnoticed: list[Said] = []

    async def export(self, *keys: str) -> None:
        """Press keys that export, and read the files that are new."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()
            await self.pilot.app.workers.wait_for_complete()
        for path in sorted(
            set(self.folder.glob("*")) - self._seen, key=lambda p: p.stat().st_mtime
        ):
            self._seen.add(path)
            if path.suffix == ".csv":
                kind = re.split(r"-(?:demo-base|own|base-What|apt|library|tiny)\b", path.stem)[0]
                # What stands beside a map is named after it.
                kind = re.sub(r"^(tokens|case|agreement)-.*", r"\1", kind)
                with path.open(encoding="utf-8", newline="") as stream:
                    self.exports[kind] = list(csv.DictReader(stream))
            for report in path.rglob("report.md"):
                self.take_text("report", report.read_text(encoding="utf-8"))

    def take_text(self, kind: str, text: str) -> None:
        """Take an export that is text for the numbers in it."""
        self.exports[kind] = [{"text": found} for found in ALONE.findall(text)]

    async def see(
        self, readers: Sequence[AnyReader], *keys: str, until: Sequence[str] = (), by="e"
    ):
        """Go on to a screen, export it and look its numbers up."""
        if keys:
            await self.pilot.press(*keys)
        await until_shown(self.pilot, *until)
        await self.pilot.pause(0.1)
        await self.export(*by)
        self.look(screen(self.pilot.app), readers)

    def look(self, text: str, readers: Sequence[AnyReader]) -> None:
        """Look a text's numbers up."""
        found = [said for reader in readers for said in reader(text)]
        read = [span for said in found for span in said.spans.values()]
        read += [m.span() for each in EXCEPTIONS for m in re.finditer(each, text, re.MULTILINE)]
        for match in ALONE.finditer(text):
            start, end = match.span()
            if not any(first <= start and end <= last for first, last in read):
                line = text[text.rfind("\n", 0, start) + 1 : text.find("\n", end)]
                self.unread.append(f"{match.group()} in {line.strip()}")
        self.missing += [said for said in found if not said.holds(self.exports)]
        moved = [each for said in found for each in said.moved()]
        self.said += len(found)
        self.moved += moved
        self.unnoticed += [each for each in moved if each.holds(self.exports)]

    def check(self) -> None:
        """Every number is exported, and hardly any would be if it were another one."""
        assert not self.unread, "\n".join(self.unread)
        assert not self.missing, "\n".join(map(repr, self.missing[:20]))
        assert self.moved
        assert len(self.unnoticed) <= len(self.moved) / 10, "\n".join(
            map(repr, self.unnoticed[:20])
        )


def estimated(request):
    """Answers in which both gradients have been compared with deletion, and p(y_m) is known."""
    for event in cluster_script(request):
        result = getattr(event, "result", None)
        if isinstance(event, Finished) and isinstance(result, Attribution):
            frozen = request.method == "frozen_norms"
            known = Faithfulness(7, 3, 0.51 if frozen else 0.124, 0.42 if frozen else 0.236)
            certain = np.linspace(0.93, 0.37, len(result.response_tokens), dtype=np.float32)
            event = Finished(
                msgspec.structs.replace(result, faithfulness=known, probabilities=certain)
            )
        yield event


async def test_prompt_and_saliency(tmp_path):
    pair = PairApp(tmp_path, script=estimated)
    async with pair.app.run_test(size=WIDE) as pilot:
        await until_loaded(pilot)
        walk, of = Walk(pilot, tmp_path), shown_saliency
        await pilot.press("escape", "j", "space", "escape")
        prompt = await until_shown(pilot, "+ 1 special")
        await pilot.press("k", "enter")
        await until_shown(pilot, "different answers", "≈")
        await pilot.press("1")
        await until_shown(pilot, "+ 1 special")
        await pilot.press("f2", "d", "l", "j")
        grids, below = of.digits("saliency", (16, 2), "score", 1), of.readers("saliency")
        await walk.see([*grids, *below, *of.SAMPLED], by="eE")
        words = of.answers("saliency")
        await walk.see(words, "t", until=['base for "'])
        await walk.see(words, "w", "j", until=["They part"])
        await walk.see([*below, *of.SAMPLED], "v", "j", by="")
        view = pilot.app.query_one(SaliencyView)
        walk.look("\n".join(checked(view._pair.sides)), of.VERIFIED)
        await pilot.press("1")
        counts = await until_shown(pilot, "+ 1 special")
        assert counts != prompt
        walk.look(
            counts,
            [
                Reader(
                    "case",
                    r"^ [○●] (?P<model>demo-\w+) +(?P<prompt_tokens>N) tokens \+ "
                    r"(?P<special_tokens>N) special",
                )
            ],
        )
        await walk.see(
            [*of.digits("saliency", (16, 2), "score", 0), *below, *of.SAMPLED],
            "f2",
            "g",
            "x",
            by="eE",
        )
        await pilot.press("x", "m")
        grids, below = of.digits("frozen-norms", (16, 2), "score", 1), of.readers("frozen-norms")
        await until(pilot, lambda: pair.app.status.state == "idle")
        await walk.see([*grids, *below, *of.BETTER], until=["> gradient"], by="eE")
        grids, below = of.digits("occlusion", (16, 2), "score", 1), of.readers("occlusion")
        await pilot.press("m")
        await until(pilot, lambda: screen(pair.app).count("all r") == 2)
        await walk.see([*grids, *below, *of.agreements("gradient")], by="eE")
        grids = of.digits("difference-map", (16, 2), "difference", 1)
        await walk.see([*grids, *of.DIFFERENCE, *of.agreements("gradient")], "m", by="eE")
        await pilot.press("m", "m")
        await until_shown(pilot, "frozen norms/occlusion")
        below = of.readers("frozen-norms")
        grids = of.digits("frozen-norms", (16, 2), "score", 1)
        await walk.see([*grids, *below, *of.agreements("frozen norms")], by="eE")
        await pilot.press("m", "m", "m", "o")
        await until_shown(pilot, "demo-tuned · gradient (reverse) · demo-base's response")
        kind = "saliency-base-response"
        grids = of.digits(kind, (16, 16), "score", 1)
        await walk.see(
            [*grids, *of.readers(kind), *of.SAMPLED, *of.agreements("gradient")], by="eE"
        )
        await walk.see(of.answers(kind), "t", until=["leans on the instruction"])
        await walk.see(of.answers(kind), "right", until=["w whole"])
        walk.check()


async def test_weights(tmp_path):
    pair = PairApp(tmp_path, script=cluster_script)
    async with pair.app.run_test(size=WIDE) as pilot:
        await until_loaded(pilot)
        walk, of = Walk(pilot, tmp_path), shown_weights
        there = ["all 8 layers are there"]
        await walk.see(of.ALL_HEADS, "f3", "j", "l", until=there)
        await walk.see(of.HEADS, "enter")
        await pilot.press("enter")
        await until_shown(pilot, "16 neuron pairs")
        await walk.see(of.NEURON_PAIRS, "j", "j", "j")
        await walk.see(of.VERBS, "escape", "escape", "w", until=["Welch"])
        await walk.see(of.HEADS_FOUND, "escape", "slash", *"Essay", "enter", until=["“Essay” in"])
        await pilot.press("f4")
        await until_shown(pilot, *there)
        plots = [
            ("variance", "component"),
            ("cumulative", "component"),
            ("rotation", "layer"),
            ("words", "layer"),
        ]
        seen = []
        for kind, first in plots:
            await pilot.press("p", "t")
            await until_shown(pilot, f" {first}  ")
            await walk.export("e")
            seen.append((screen(pilot.app), of.listed(f"concepts-{kind}", first)))
            await pilot.press("t")
        # The line above them is of the exports of several plots.
        for shown, readers in seen:
            walk.look(shown, readers)
        await walk.see([*of.CONCEPTS, *of.COMPONENTS], "p", "j", "j", until=["kept 3"])
        await walk.see(
            [*of.CONCEPTS, *of.CONCEPTS_FOUND], "slash", *"essay", "enter", until=["“essay” in"]
        )
        await pilot.press("escape")
        pilot.app.query_one(ConceptsView).describe(Described())
        await pilot.press("p", "p", "p", "p", "p")
        for kind in ("levels_base", "levels_tuned"):
            await walk.see(
                [*of.CONCEPTS, Listed(f"concepts-{kind}", "model")], "t", until=["percent"]
            )
            await pilot.press("t", "p")
        walk.check()


async def test_neurons_clusters_and_changes(tmp_path):
    pair = PairApp(tmp_path, script=cluster_script)
    async with pair.app.run_test(size=WIDE) as pilot:
        await until_loaded(pilot)
        walk, of = Walk(pilot, tmp_path), shown_components
        await walk.see([*of.BESIDE, *of.SETS], "f6", until=["all 6 categories", "b -l"])
        await walk.see([*of.overlaps("jaccard"), *of.SETS], "v", until=["overlap of"])
        await walk.see([*of.overlaps("containment"), *of.TWO_SETS], "m", "l", until=["in both"])
        await pilot.press("h")
        await walk.see([*of.SIZES, *of.SETS], "v", until=["how many"])
        await walk.see(of.MEMBERS, "enter", "j", "j", until=["mean p"])
        await walk.see(of.NEURON, "enter", until=["‖w‖"])
        await walk.see(of.WRITERS, "slash", *"essay", "enter", until=["layers are searched"])
        of = shown_weights
        await walk.see(of.CLUSTERS, "f7", until=["layer 3 of 3", "AMI"])
        for title in ("pair F1", "ARI", "AMI", "nearest"):
            await walk.see(of.CLUSTERS, "p", until=[title], by="")
        await walk.see(of.MATRICES, "f8", until=["all 9 parts are there"])
        await walk.see(of.DIRECTIONS, "enter", until=["share %"])
        await walk.see(of.VECTORS, "escape", "v", until=["norms and biases"])
        await walk.see(of.CHANGES_FOUND, "slash", *"essay", "enter", until=["“essay” in"])
        walk.check()


async def test_experts(tmp_path):
    pair = PairApp(tmp_path, script=mixture_script)
    async with pair.app.run_test(size=WIDE) as pilot:
        await until_loaded(pilot)
        walk, of = Walk(pilot, tmp_path), shown_components
        await pilot.press("f6")
        await until_shown(pilot, "all 6 categories", "experts")
        # Neurons of a mixture are rarely active: a low threshold, so that there are some.
        await pilot.press("u", *"[[[[", "u", *"[[", "v")
        maps = [*of.overlaps("jaccard", "experts"), *of.sets("experts")]
        await walk.see(maps, until=["experts · ε_e 0.23"])
        await walk.see(of.EXPERTS, "v", "enter", "j", until=["mean p"])
        await walk.see(of.NEURONS_OF_EXPERT, "enter", until=["neuron ", "· expert"])
        await walk.see(of.NEURON, "enter", until=["‖w‖"])
        walk.check()


@pytest.fixture
def play(monkeypatch):
    yield from played(monkeypatch)


async def test_studies(tmp_path, play):
    pair = PairApp(tmp_path)
    async with pair.app.run_test(size=WIDE) as pilot:
        await finished(pilot)
        await pilot.press("enter")
        walk = Walk(pilot, tmp_path)
        told = Written("report", r"^.*│ (?:scores: )?(?:Tuned|A \[b\]).*$")
        cases = [Listed("study-scores-cases", "case")]
        await walk.see([told, *cases], until=["share by place"], by="we")
        await walk.see([told], "l", until=["All that was found"], by="")
        await walk.see(cases, "l", until=["Every response"])
        await walk.see([Listed("study-scores-summary", "model")], "l", until=["Means"])
        profile = [Listed("study-scores-figure-profile", "place")]
        await walk.see(profile, "l", until=["A profile"])
        bars = "study-scores-figure-groups"
        await walk.see(
            [
                Reader(bars, r"│ (?P<dataset>letters) +○ base +(?P<base>N)"),
                Reader(bars, r"│ signs.* +○ base +(?P<base>N)", known={"tuned": ""}),
                Reader(
                    bars,
                    r"│ (?P<dataset>letters) +● tuned +(?P<tuned>N) ± (?P<error>N)",
                    rename={"error": "± tuned"},
                ),
            ],
            "l",
            until=["Groups"],
        )
        await walk.see([Listed("study-scores-parameters", "parameter")], "l", until=["norm"])
        # The page of all studies is what its report says.
        await walk.see([told], "escape", "k", until=["Caveat: "], by="w")
        walk.check()


async def test_training_runs(tmp_path):
    write_run(tmp_path / "run")
    pair = PairApp(tmp_path, script=cluster_script)
    async with pair.app.run_test(size=WIDE) as pilot:
        await until_loaded(pilot)
        walk = Walk(pilot, tmp_path)
        await pilot.press("f7")
        await until_shown(pilot, "layer 3 of 3")
        await pilot.press("t")
        await until_shown(pilot, "epoch 4 of 4")
        await pilot.press("enter")
        await until_shown(pilot, "tiny · seed 3", "neighbours")
        await pilot.press("left", "p", "p", "p", "p")
        await walk.export("e")
        await pilot.press("p", "p", "p")
        await walk.see(shown_weights.RUN)
        walk.check()


async def test_cases(tmp_path):
    with library_app(tmp_path) as app:
        async with app.run_test(size=WIDE) as pilot:
            await until_shown(pilot, "2 of 2 cases")
            await until(pilot, lambda: "so far" not in screen(app))
            walk, of = Walk(pilot, tmp_path), shown_saliency
            await walk.see(of.CASES)
            await pilot.press("enter")
            await until_shown(pilot, "instruction score")
            below = of.readers("saliency", "apt", "plain")
            grids = of.digits("saliency", (3, 1), "score", 0, ("apt", "plain"))
            await walk.see([*grids, *below, *of.RATED], "d", "j", by="eE")
            walk.check()


async def test_the_doctor_s_page(tmp_path):
    findings = Findings(
        (
            Finding(
                "memory", "cannot", "pair", "Nothing fits: 35.6 GB.", "10.2 GB are missing.", ""
            ),
            Finding("layers", "warning", "tuned", "It has 28 layers, not 37.", "", "Take another."),
        )
    )

    def script(request):
        if isinstance(request, ExaminationRequest):
            yield Finished(findings)
        else:
            yield from cluster_script(request)

    pair = PairApp(tmp_path, script=script)
    async with pair.app.run_test(size=WIDE) as pilot:
        await until_loaded(pilot)
        await pilot.press("ctrl+p")
        await until_shown(pilot, "Search for commands")
        await pilot.press(*"doctor")
        await until_shown(pilot, "Doctor: what is wrong")
        await pilot.press("down", "enter")
        shown = await until_shown(pilot, "35.6 GB")
        walk = Walk(pilot, tmp_path)
        walk.take_text("doctor", msgspec.json.encode(findings.findings).decode())
        walk.look(shown, [Written("doctor", r"^.*(?:GB|layers).*$")])
        walk.check()
