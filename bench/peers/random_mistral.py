"""Writes a sentence-transformers directory of Mistral's architecture with seeded random weights, at f32, and a given tokenizer.

    python bench/peers/random_mistral.py --tokenizer DIR --hidden 1024 --layers 8 --positions 512 --output OUT

As wide a feed-forward part and as many query heads for a head of keys as Mistral-7B has; last-token pooling, unit vectors.
DIR has tokenizer.json or tokenizer.json.gz, and tokenizer_config.json.
"""

import argparse
import gzip
import json
import pathlib

import torch
from sentence_transformers import SentenceTransformer, models
from transformers import MistralConfig, MistralModel, PreTrainedTokenizerFast

HEAD = 64  # dimensions of an attention head


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", required=True, type=pathlib.Path)
    parser.add_argument("--hidden", type=int, required=True)
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--positions", type=int, required=True, help="the longest text, in tokens")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    output, heads = arguments.output, arguments.hidden // HEAD
    output.mkdir(parents=True)
    source = arguments.tokenizer / "tokenizer.json"
    text = source.read_text() if source.exists() else gzip.decompress(source.with_name("tokenizer.json.gz").read_bytes()).decode()
    (output / "tokenizer.json").write_text(text)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(output / "tokenizer.json"), bos_token="<s>", eos_token="</s>", unk_token="<unk>",
                                        pad_token="<unk>", padding_side="right", model_max_length=arguments.positions)
    mistral = MistralModel(MistralConfig(
        vocab_size=len(tokenizer), hidden_size=arguments.hidden, num_hidden_layers=arguments.layers, num_attention_heads=heads,
        num_key_value_heads=heads // 4, head_dim=HEAD, intermediate_size=7 * arguments.hidden // 2,
        max_position_embeddings=arguments.positions, sliding_window=None))
    mistral.save_pretrained(output)
    tokenizer.save_pretrained(output)
    word = models.Transformer(str(output), max_seq_length=arguments.positions)
    parts = [word, models.Pooling(arguments.hidden, pooling_mode="lasttoken"), models.Normalize()]
    SentenceTransformer(modules=parts, device="cpu").save(str(output), create_model_card=False)
    print(json.dumps({"parameters": mistral.num_parameters()}))


if __name__ == "__main__":
    main()
