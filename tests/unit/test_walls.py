"""What a process has imported: torch stays in the engine, help needs only the argument parser."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

from analysis.methods import METHODS
from app.commands.demo import TRAINER
from tests.bench.bench_gpu import main

HEAVY = {"torch", "transformers", "sklearn", "scipy", "huggingface_hub", "openai"}
TORCH_FREE_MODULES = [
    "app.main",
    "app.terminal.key_by_key",
    "app.views.prompt.view",
    "app.views.saliency.view",
    "app.views.heads.view",
    "app.views.concepts.view",
    "app.views.clustering.view",
    "app.views.neurons.view",
    "app.views.changes.view",
    "app.views.cases.view",
    "app.commands.open_app",
    "app.commands.attribute",
    "app.commands.heads",
    "app.commands.concepts",
    "app.commands.clusters",
    "app.commands.components",
    "app.commands.changes",
    "app.commands.contributions",
    "app.commands.patch",
    "app.commands.annotation",
    "app.commands.study",
    "app.commands.results",
    "app.commands.cache",
    "app.commands.models",
    "app.commands.serve",
    "app.commands.completion_words",
    "app.commands.clusters_train",
    "app.commands.demo",
    "analysis.session.session",
    "analysis.saliency.map",
    "analysis.saliency.agreement",
    "analysis.heads.tables",
    "analysis.heads.verbs",
    "analysis.concepts.changes",
    "analysis.neurons.tables",
    "analysis.changes.tables",
    "analysis.contributions.tables",
    "analysis.neurons.ablation_effects",
    "analysis.neurons.random_sets",
    "analysis.words.words",
    "analysis.words.word_vectors",
    "analysis.concepts.annotation",
    "analysis.saliency.cases.library",
    "analysis.neurons.instructions",
    "analysis.clustering.tasks.natural",
    "analysis.clustering.tasks.reading",
    "analysis.clustering.tables",
    "analysis.clustering.run_list",
    "analysis.clustering.runs",
    "analysis.clustering.training.generator",
    "analysis.saliency.study_density",
    "analysis.saliency.study_position",
    "analysis.heads.study",
    "analysis.concepts.study",
    "analysis.neurons.study",
    "analysis.clustering.study",
    "analysis.studies.report",
    "analysis.studies.overview",
    "analysis.studies.overview_page",
    "analysis.saliency.cases.prompt_sets",
    "analysis.models.references",
    "analysis.models.availability",
    "cache.store",
]


def imported_by(statement: str) -> set[str]:
    """Top-level names of the modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


# Libraries that may be there are imported once, then every module in a process of its own.
IMPORT_EACH = """
import importlib, json, os, sys, traceback
import msgspec, numpy, rich, textual.app, textual.widgets
for name in sys.argv[1:]:
    if os.fork():
        os.wait()
        continue
    try:
        importlib.import_module(name)
        print(json.dumps([name, sorted(sys.modules)]), flush=True)
    except BaseException:
        traceback.print_exc()
    os._exit(0)
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """Top-level names of the modules that each of the torch-free half leaves imported."""
    command = [sys.executable, "-c", IMPORT_EACH, *TORCH_FREE_MODULES]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    pairs = [json.loads(line) for line in done.stdout.splitlines()]
    return {module: {name.partition(".")[0] for name in names} for module, names in pairs}


@pytest.mark.parametrize("module", TORCH_FREE_MODULES)
def test_the_torch_free_half_imports_nothing_heavy(
    module: str, imported: dict[str, set[str]]
) -> None:
    assert not imported[module] & HEAVY


def test_help_imports_only_the_argument_parser() -> None:
    statement = (
        "import contextlib, io\n"
        "from app.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main(['--help'])"
    )
    assert not imported_by(statement) & (HEAVY | {"textual", "rich", "numpy", "msgspec", "cache"})


def test_help_of_a_command_imports_only_the_argument_parser() -> None:
    statement = (
        "import contextlib, io\n"
        "from app.cli import main\n"
        "from app.commands.parser import COMMANDS\n"
        "for name in COMMANDS:\n"
        "    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "        main([name, '--help'])"
    )
    assert not imported_by(statement) & (HEAVY | {"textual", "rich", "numpy", "msgspec", "cache"})


def test_the_first_screen_is_painted_without_numpy_or_the_cache() -> None:
    statement = """
from pathlib import Path
from app.commands.parser import parser
from app.commands import open_app
from app.config import Settings
from app.main import InsttuiApp

painted = []

def after_first_paint(self):
    painted.append(self.query_one("#entry").size)
    self.exit()

InsttuiApp._connect = after_first_paint
workspace = open_app.workspace_of(parser().parse_args([]), Settings())
InsttuiApp(workspace, Settings(), state_path=Path("/nowhere")).run(headless=True, size=(80, 24))
assert painted and painted[0].area
"""
    assert not imported_by(statement) & (HEAVY | {"numpy", "cache", "diskcache"})


def test_the_engine_does_import_torch() -> None:
    """The check above would pass on a house without torch."""
    assert "torch" in imported_by("import analysis.saliency.compute.attribution")


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.room)
def test_a_method_has_a_room_a_view_a_command_and_studies(method):
    assert find_spec(f"analysis.{method.room}.compute")
    assert find_spec(f"app.views.{method.room}.view")
    command = import_module(f"app.commands.{method.command}")
    assert callable(command.add_arguments)
    assert callable(command.run)
    for study in method.studies:
        module, _, function = study.factory.partition(":")
        assert callable(getattr(import_module(module), function))


def test_no_two_methods_share_a_name():
    for names in (
        [method.room for method in METHODS],
        [method.view[0] for method in METHODS],
        [method.command for method in METHODS],
        [study.name for method in METHODS for study in method.studies],
    ):
        assert len(set(names)) == len(names)


def test_the_process_that_trains_the_demo_pair_starts():
    done = subprocess.run([*TRAINER, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "{train,measure}" in done.stdout


def test_it_measures_all_it_says_and_leaves_out_what_time_does_not_allow(capsys):
    main(["--shape", "tiny", "--device", "cpu", "--peers"])
    said = capsys.readouterr().out
    for figure in ("map, 8 × 12", "word pairs of 1 heads", "components of one", "states of 8 pro"):
        assert said.count(figure) == 2
    assert "bfloat16: weights of" in said
    main(["--shape", "tiny", "--device", "cpu", "--peers", "--minutes", "0"])
    assert "float32: left out" in capsys.readouterr().out
