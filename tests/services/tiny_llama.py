"""tiny_llama.py FOLDER: a Llama of four layers that has learnt nothing, and a tokenizer trained on our license.

Same tokenizer and weights every time. It talks nonsense, but through all of transformers and FastChat; greedy, it only
says visible text and never ends by itself.
"""

from __future__ import annotations

import pathlib
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEXT = pathlib.Path(__file__).resolve().parents[2] / "LICENSE"  # one that does not change
START, END, UNKNOWN = "<s>", "</s>", "<unk>"


def tokenizer() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        special_tokens=[START, END, UNKNOWN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXT.read_text().splitlines(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=START, eos_token=END, unk_token=UNKNOWN, pad_token=END
    )


def say_only_what_is_seen(model: LlamaForCausalLM, words: PreTrainedTokenizerFast) -> None:
    """Logit 0 for the end, white space and parts of characters: of so many random logits the greatest is above it."""
    with torch.no_grad():
        for token in range(len(words)):
            text = words.decode([token]).strip()
            if token in words.all_special_ids or not (text.isascii() and text.isalnum()):
                model.lm_head.weight[token] = 0


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    words = tokenizer()
    words.save_pretrained(folder)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=1024,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    say_only_what_is_seen(model, words)
    model.save_pretrained(folder)


if __name__ == "__main__":
    main()
