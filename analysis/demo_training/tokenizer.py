"""The byte-level BPE tokenizer of the demo pair, trained on its own texts."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

VOCABULARY_SIZE = 4096
BEGIN, END, PADDING = "<s>", "</s>", "<pad>"
USER, ASSISTANT, END_OF_TURN = "<|user|>", "<|assistant|>", "<|end|>"
SPECIAL_TOKENS = (BEGIN, END, PADDING, USER, ASSISTANT, END_OF_TURN)

# A response begins with a space in the template, as after a raw prompt, so its first word is the
# same token in both.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}<|user|>{{ message['content'] }}<|end|>"
    "{% elif message['role'] == 'assistant' %}<|assistant|> {{ message['content'] }}<|end|>"
    "{% else %}{{ raise_exception('the demo pair knows the roles user and assistant only') }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def train_tokenizer(texts: Iterable[str], size: int = VOCABULARY_SIZE) -> Tokenizer:
    """A tokenizer of at most `size` entries learned from `texts`; it prepends `<s>`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", special_tokens=[(BEGIN, token_id(tokenizer, BEGIN))]
    )
    return tokenizer


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The id of a token; raises KeyError if the vocabulary does not contain it."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise KeyError(f"the vocabulary has no token {token!r}")
    return number


def as_pretrained(tokenizer: Tokenizer, *, chat: bool) -> PreTrainedTokenizerFast:
    """The tokenizer in transformers' format; `chat` adds the tuned model's chat template."""
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # untyped upstream
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PADDING,
        additional_special_tokens=[USER, ASSISTANT, END_OF_TURN],
        model_max_length=512,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
    if chat:
        wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
