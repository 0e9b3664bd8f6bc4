"""The command copied from a view, split by a shell and run, writes the numbers of its export."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from analysis.heads.request import HeadPairsRequest, NeuronPairsRequest
from analysis.models.references import resolve
from analysis.models.request import ArchitectureRequest
from analysis.words.choice import Words, WordVectors
from app.cli import main
from app.frame.twin import command_line, option, values_of
from app.workspace import Example, PairWorkspace
from tests.app.pair_app import EXAMPLES, copied, csv_rows, pair_at, until_loaded, until_shown
from tests.app.test_clusters_view import script
from tests.support.scripted_session import ScriptedSession
from tests.support.weight_studies import script as small

WIDE = (200, 50)
HEADS, LAYERS = "all 8 layers are there", "all 8 layers are there"
# What leads to a page, what is there then, the export that has its rows, and which of those.
PAGES = {
    "Saliency": (("2",), "instruction score", "saliency", {}),
    "frozen norms": (("m",), "frozen norms", "frozen-norms", {}),
    "special": (("x",), "frozen norms", "frozen-norms", {}),
    "occlusion": (("x", "m"), "occlusion", "occlusion", {}),
    "difference": (("m",), "no difference", "difference", {}),
    "the base model's response": (("m", "o"), "demo-base's response", "saliency-base-response", {}),
    "Heads": (("3",), HEADS, "heads-changes", {}),
    "a head": (
        ("m", "home", *"kkkkkkkkj", "l", "enter"),
        "layer 1 · head 1",
        "heads",
        {"layer": "1"},
    ),
    "neuron pairs": (("enter",), "16 neuron pairs", "neuron-pairs", {}),
    "verbs": (("escape", "escape", "w"), "Welch", "verbs", {}),
    "Concepts": (("4", "l"), LAYERS, "concepts", {"layer": "1"}),
    "Neurons": (("6",), "all 6 categories", "components-summary", {}),
    "a cell": (("]", "}", "enter"), "mean p", "components", {}),
    "Clusters": (("7",), "layer 3 of 3", "clusters", {}),
    "neighbours": ((*"pppp", "tab"), "neighbours of unseen", "neighbours", {}),
    "Changes": (("8",), "all 9 parts are there", "changes", {}),
    "a matrix": (("j", "enter"), "share %", "directions", {"layer": "1"}),
}


def answer_commands(monkeypatch, answers) -> None:
    """Answer commands from a script in place of an engine."""

    @contextmanager
    def opened(_options):
        yield ScriptedSession(answers)

    monkeypatch.setattr("app.commands.session.session", opened)
    monkeypatch.setattr("app.commands.session.workers", opened)


def ran(commands: str, folder: Path) -> list[dict[str, str]]:
    """The rows that these commands write, as a shell understands them."""
    told = "insttui() { printf '%s\\0' \"$@\"; printf '\\036'; }\n" + commands
    heard = subprocess.run(["sh", "-c", told], capture_output=True, check=True).stdout.decode()
    found = []
    for words in (line.split("\0")[:-1] for line in heard.split("\x1e")[:-1]):
        at = words.index("--csv") if "--csv" in words else len(words)
        file = folder / "command.csv"
        assert main([*words[:at], *words[at + 2 :], "--csv", str(file)]) == 0
        found += csv_rows(file)
    return found


async def exported(pilot, folder: Path, kind: str) -> list[dict[str, str]]:
    """The rows of the export of a kind, made now."""
    for path in folder.glob("*.csv"):
        path.unlink()
    await pilot.press("e")
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    (path,) = folder.glob(f"{kind}-demo-base*.csv")
    return csv_rows(path)


# A shell would make much of this, and an option parser of its beginning.
TRICKY = Example("Quotes", '-n isn\'t "$HOME" `id` \\n; true\n\nInput: x\nOutput:')


async def test_every_view(tmp_path, monkeypatch):
    answer_commands(monkeypatch, script)
    given = {"script": script, "examples": (EXAMPLES[0], TRICKY)}
    async with pair_at(until_loaded, tmp_path, size=WIDE, **given) as (_, pilot):
        await pilot.press("escape", "j", "space", "escape")
        before = await copied(pilot, "Y")
        await pilot.press("enter")
        for name, (keys, there, kind, rows) in PAGES.items():
            await pilot.press(*keys)
            await until_shown(pilot, there)
            await pilot.pause(0.1)
            command = await copied(pilot, "Y")
            written = ran(command, tmp_path)
            shown = await exported(pilot, tmp_path, kind)
            wanted = [row for row in shown if rows.items() <= row.items()]
            assert wanted, name
            # A command about one model need not name it.
            wanted = [{key: row[key] for key in written[0]} for row in wanted]
            assert written == wanted, (name, command)
            # The Prompt view's command is that of what enter shows.
            assert command == before or name != "Saliency"


def two_layers(request):
    """Answers about a pair of two layers."""
    weights = isinstance(request, ArchitectureRequest | HeadPairsRequest | NeuronPairsRequest)
    yield from (small(layers=2) if weights else script)(request)


async def test_a_study(tmp_path, monkeypatch):
    answer_commands(monkeypatch, two_layers)
    async with pair_at(until_loaded, tmp_path, size=WIDE, script=two_layers) as (_, pilot):
        await pilot.press("f5", "j", "j", "j", "j")
        assert (await copied(pilot, "Y")).startswith("insttui study heads --base demo-base")
        await pilot.press("enter")
        await until_shown(pilot, "done")
        await pilot.press("enter", "l", "l")
        await pilot.pause(0.1)
        written = ran(await copied(pilot, "Y"), tmp_path)
        assert written
        assert written == await exported(pilot, tmp_path, "study-heads-*")


def test_what_begins_with_a_dash_is_no_option_and_what_is_usual_is_left_out():
    assert option("prompt", "-x") == ("--prompt=-x",)
    assert option("csv", "-") == ("--csv=-",)
    assert option("summary", True) == ("--summary",)
    assert option("layer", 0) == ("--layer", "0")
    assert option("summary", False) == option("base", None) == ()


def test_models_are_named_from_any_folder_and_loaded_alike(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my model").mkdir()
    choice = replace(resolve("./my model"), device="cuda:1", dtype="bfloat16")
    words, vectors = Words("file", path="/w.txt"), WordVectors("file", path="/v")
    hub = resolve("org/base@v2")
    work = PairWorkspace(None, hub, choice, words, vectors, cache_dir="/kept")
    values = values_of(work)
    line = command_line("heads {models} {vocab} {vectors}", values)
    assert line == (
        f"insttui heads --base org/base@v2 --tuned '{tmp_path}/my model' --device cuda:1 "
        "--dtype bfloat16 --cache-dir /kept --vocab /w.txt --vectors /v"
    )
    assert "--dtype" not in command_line("study heads {stored}", values)
