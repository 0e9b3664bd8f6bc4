"""Small models on disk in the real formats: folders, shards, pickles, and a hub cache of links."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import torch
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertModel,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

CONTEXT_WINDOW = 96
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_CORPUS = [
    "Translate the word into French: the cat sat on the mat. user assistant answer",
    "Hello world, how are you today? I hope you are doing well.",
    "List three colours: red, green and blue.\nWrite one sentence about the weather.",
] * 4


def byte_level_tokenizer(
    *, template: str | None = CHAT_TEMPLATE, vocabulary: int = 384, bos: bool = False
) -> PreTrainedTokenizerFast:
    """A BPE tokenizer over bytes, as GPT-2, Llama 3 and Qwen have."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_CORPUS, trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
        )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", bos_token="<|endoftext|>"
    )
    fast.chat_template = template
    return fast


def sentencepiece_tokenizer(*, template: str | None = None) -> PreTrainedTokenizerFast:
    """A BPE tokenizer with a dummy space before the text and bytes to fall back to, as Llama 1."""
    special = ["<unk>", "<s>", "</s>"]
    trained = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    trained.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    trained.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    trained.train_from_iterator(
        [text.replace("\n", " ") for text in _CORPUS],
        trainers.BpeTrainer(
            vocab_size=460,
            special_tokens=special + [f"<0x{byte:02X}>" for byte in range(256)],
            show_progress=False,
        ),
    )
    trained.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    # The bytes are ordinary vocabulary: only the trainer knows no other way to add them.
    rebuilt = Tokenizer.from_str(_without_added_bytes(trained.to_str()))
    rebuilt.add_special_tokens([AddedToken(text, special=True) for text in special])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=rebuilt, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    fast.chat_template = template
    return fast


def _without_added_bytes(description: str) -> str:
    state = json.loads(description)
    state["added_tokens"] = [
        token for token in state["added_tokens"] if not token["content"].startswith("<0x")
    ]
    return json.dumps(state)


def llama(tokenizer: PreTrainedTokenizerFast, *, seed: int = 0) -> LlamaForCausalLM:
    """A small Llama with random weights, lively enough to write different tokens."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT_WINDOW,
        initializer_range=0.6,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id
    )
    return model


def save(
    folder: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    *,
    shards: bool = False,
) -> Path:
    """Write a folder as ``save_pretrained`` does, in one file or several."""
    model.save_pretrained(folder, max_shard_size="20KB" if shards else "1GB")
    tokenizer.save_pretrained(folder)
    return folder


def encoder(folder: Path) -> Path:
    """A BERT: a complete model that does not continue text."""
    config = BertConfig(
        vocab_size=384,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    return save(folder, BertModel(config), byte_level_tokenizer())


def pickled(folder: Path, source: Path) -> Path:
    """The same model with its weights as a pickle only."""
    from safetensors.torch import load_file

    shutil.copytree(source, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def add_adapter(folder: Path, weights: str = "adapter_model.safetensors") -> None:
    """Put an adapter into a folder, as trainers leave it beside a model or alone."""
    settings = {"peft_type": "LORA", "base_model_name_or_path": "org/base", "r": 2}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    (folder / weights).write_bytes(b"the weights, which nobody reads")


def hub_cache(
    root: Path, repository: str, source: Path, *, revision: str = "main", commit: str = COMMIT
) -> Path:
    """A folder as the hub's client keeps it: blobs, a snapshot of links, and a reference.

    Returns:
        The snapshot.
    """
    cache = root / "--".join(["models", *repository.split("/")])
    snapshot, blobs = cache / "snapshots" / commit, cache / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir(exist_ok=True)
    reference = cache / "refs" / revision
    reference.parent.mkdir(parents=True)
    reference.write_text(commit)
    for file in source.iterdir():
        blob = blobs / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copyfile(file, blob)
        (snapshot / file.name).symlink_to(Path("../../blobs") / blob.name)
    return snapshot
