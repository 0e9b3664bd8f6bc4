"""The examination finds each planted fault, names the check, and says what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.doctor.compute import examination, needs
from analysis.doctor.findings import Finding, Findings
from analysis.doctor.request import ExaminationRequest
from analysis.engine.pool import ModelPool
from tests.support import ill_pairs
from tests.support.ill_pairs import Folders
from tests.support.studies import answered

FAULTS: list[tuple[Callable[[Folders], None], str, str, str, str]] = [
    (ill_pairs.missing_weights, "llama", "cannot", "files", "model.safetensors"),
    (ill_pairs.cut_short, "llama", "cannot", "files", "cut short"),
    (ill_pairs.missing_tensor, "llama", "cannot", "weights", "layers.1.mlp.up_proj"),
    (ill_pairs.pickled_weights, "llama", "cannot", "weights", "--allow-pickle"),
    (ill_pairs.not_causal, "llama", "cannot", "weights", "not a causal language model"),
    (ill_pairs.other_tokenizer, "llama", "warning", "tokenizer", "different tokens"),
    (ill_pairs.moved_ids, "llama", "warning", "tokenizer", "2 tokens different ids"),
    (ill_pairs.tokens_without_rows, "llama", "warning", "vocabulary", "<|one more|>"),
    (ill_pairs.added_tokens, "llama", "warning", "markers", "does not have <|reply|>"),
    (ill_pairs.untrained_markers, "llama", "warning", "markers", "hardly saw <|im_start|>"),
    (ill_pairs.no_template, "llama", "warning", "template", "no chat template"),
    (ill_pairs.broken_template, "llama", "warning", "template", "cannot be used"),
    (ill_pairs.split_marker, "llama", "warning", "template", "<|reply|> ("),
    (ill_pairs.no_end, "llama", "warning", "turn end", "Nothing says how"),
    (ill_pairs.the_same_model, "llama", "warning", "weights differ", "the same model"),
    (ill_pairs.untied, "gemma3_text", "warning", "tied heads", "output head of its own"),
    (ill_pairs.adapter_of_zeros, "adapter", "warning", "adapter", "changes nothing"),
    (ill_pairs.adapter_of_another_model, "adapter", "warning", "adapter origin", "files differ"),
    (ill_pairs.adapter_of_an_unknown_model, "adapter", "warning", "adapter origin", "nobody/"),
    (ill_pairs.adapter_of_another_shape, "adapter", "cannot", "adapter", "q_proj"),
    (ill_pairs.adapter_of_another_kind, "adapter", "cannot", "adapter", "IA3"),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Folders]:
    """Healthy pairs, each made once."""
    made: dict[str, Folders] = {}

    def pair(kind: str) -> Folders:
        if kind not in made:
            folder = tmp_path_factory.mktemp("pair")
            make = ill_pairs.with_adapter if kind == "adapter" else None
            made[kind] = make(folder) if make else ill_pairs.healthy(folder, kind)
        return made[kind]

    return pair


@pytest.fixture
def copied(sound: Callable[[str], Folders], tmp_path: Path) -> Callable[[str], Folders]:
    """A healthy pair to spoil."""

    def pair(kind: str) -> Folders:
        found = sound(kind)
        return Folders(
            *(
                Path(shutil.copytree(folder, tmp_path / folder.name))
                for folder in (found.base, found.tuned)
            )
        )

    return pair


def examined(found: Folders) -> Findings:
    return answered(examination.examine(ExaminationRequest(*found.pair()), ModelPool()))


def bad(findings: Findings) -> list[Finding]:
    return list(findings.at("warning", "cannot"))


@pytest.mark.parametrize(
    ("plant", "kind", "level", "check", "words"), FAULTS, ids=[each[0].__name__ for each in FAULTS]
)
def test_a_planted_fault_is_found(copied, plant, kind, level, check, words):
    pair = copied(kind)
    plant(pair)
    (found,) = bad(examined(pair))
    assert (found.id, found.level) == (check, level)
    assert words in f"{found.what} {found.why} {found.remedy}"
    assert found.remedy


@pytest.mark.parametrize(
    ("free", "level"), [(0.5, "cannot"), (1.5, "warning"), (2.1, "warning"), (3.0, "ok")]
)
def test_memory_is_compared_with_what_is_free(copied, monkeypatch, free, level):
    pair = copied("llama")
    one = sum(file.stat().st_size for file in pair.base.glob("*.safetensors"))
    monkeypatch.setattr(needs, "free_bytes", lambda device: int(one * free))
    (found,) = [each for each in examined(pair).findings if each.id == "memory"]
    assert found.level == level


def test_an_adapter_without_peft_is_said_not_to_run(tmp_path, monkeypatch):
    pair = ill_pairs.with_adapter(tmp_path)
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    (found,) = [each for each in examined(pair).findings if each.level != "ok"]
    assert (found.id, found.about) == ("adapter", "tuned")
    assert "peft is not installed" in found.what


def test_a_family_without_adapter_keeps_its_maps_and_loses_the_rest(tmp_path):
    from transformers import FalconMambaConfig, FalconMambaForCausalLM

    from tests.support import checkpoints

    tokenizer = checkpoints.byte_level_tokenizer()
    config = FalconMambaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, state_size=4
    )
    for name in ("base", "tuned"):
        checkpoints.save(tmp_path / name, FalconMambaForCausalLM(config), tokenizer)
    findings = examined(Folders(tmp_path / "base", tmp_path / "tuned"))
    by_check = {each.id: each for each in findings.findings}
    assert findings.worst == "warning"
    assert "Saliency and Clusters work" in by_check["heads and concepts"].remedy
    assert by_check["neurons"].level == "warning"
    assert "mamba-ssm" in by_check["kernels"].why


def test_nothing_is_downloaded(tmp_path, hub):
    from analysis.request import ModelChoice

    demo = ill_pairs.demo(tmp_path).pair()[0]
    request = ExaminationRequest(demo, ModelChoice("org/model", "org/model"))
    (found,) = answered(examination.examine(request, ModelPool())).findings
    assert (found.level, found.about) == ("cannot", "tuned")
    assert found.what == "org/model is not on this disk."
