"""Where a turn ends is read off the chat template."""

import pytest
from tokenizers import AddedToken

from analysis.engine.turns import TurnEnd, turn_end
from tests.support.checkpoints import byte_level_tokenizer, sentencepiece_tokenizer

CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
LLAMA = (
    "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content | trim }}{{ eos_token }}{% endif %}{% endfor %}"
)
PLAIN = "{% for m in messages %}### {{ m.role }}:\n{{ m.content }}\n### end\n{% endfor %}"
NOTHING = "{% for m in messages %}{{ m.content }}{% endfor %}"
ALONE = "{% if messages | length > 1 %}{{ raise_exception('one turn only') }}{% endif %}"


def test_a_special_token_after_the_answer_ends_the_turn():
    tokenizer = byte_level_tokenizer(template=CHATML)
    assert turn_end(tokenizer) == TurnEnd(
        tokenizer.convert_tokens_to_ids("<|im_end|>"), "<|im_end|>"
    )


def test_the_end_may_come_after_a_space_of_the_tokenizers_own():
    tokenizer = sentencepiece_tokenizer(template=LLAMA)
    assert turn_end(tokenizer) == TurnEnd(tokenizer.eos_token_id, "</s>")


def test_an_added_token_that_is_not_special_ends_it_too():
    tokenizer = byte_level_tokenizer(template=PLAIN.replace("### end", "<turn>"))
    tokenizer.add_tokens([AddedToken("<turn>", special=False)])
    assert turn_end(tokenizer).token == tokenizer.convert_tokens_to_ids("<turn>")


def test_words_end_a_turn_without_a_token():
    assert turn_end(byte_level_tokenizer(template=PLAIN)) == TurnEnd(None, "### end")


@pytest.mark.parametrize("template", [None, NOTHING, ALONE])
def test_where_a_template_says_nothing_there_is_no_end(template):
    assert turn_end(byte_level_tokenizer(template=template)) == TurnEnd(None, "")
