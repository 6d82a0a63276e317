"""Writes a sentence-transformers directory of BERT's architecture with seeded random weights and another model's tokenizer.

    python bench/peers/random_bert.py --like DIR --hidden 768 --layers 12 --heads 12 --positions 512 --output OUT
"""

import argparse
import json

import torch
from sentence_transformers import SentenceTransformer, models
from transformers import AutoTokenizer, BertConfig, BertModel


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--like", required=True, help="directory whose tokenizer the model gets")
    parser.add_argument("--hidden", type=int, required=True)
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--heads", type=int, required=True)
    parser.add_argument("--positions", type=int, required=True, help="the longest text, in tokens")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(arguments.like)
    tokenizer.model_max_length = arguments.positions
    bert = BertModel(BertConfig(
        vocab_size=len(tokenizer), hidden_size=arguments.hidden, num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads, intermediate_size=4 * arguments.hidden, max_position_embeddings=arguments.positions))
    bert.save_pretrained(arguments.output)
    tokenizer.save_pretrained(arguments.output)
    word = models.Transformer(arguments.output, max_seq_length=arguments.positions)
    parts = [word, models.Pooling(arguments.hidden, pooling_mode="mean"), models.Normalize()]
    SentenceTransformer(modules=parts, device="cpu").save(arguments.output, create_model_card=False)
    print(json.dumps({"parameters": bert.num_parameters()}))


if __name__ == "__main__":
    main()
