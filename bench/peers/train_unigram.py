"""Trains a Unigram tokenizer on JSON lines {"text": …} from standard input, of the kind of XLM-RoBERTa's: no published one is among
the benchmarks' files.

    python bench/peers/train_unigram.py DIR < texts.jsonl

Writes DIR/tokenizer.json and prints its number of pieces, up to 30,000.
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers


def main():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=30_000, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator((json.loads(line)["text"] for line in sys.stdin), trainer)
    tokenizer.save(str(pathlib.Path(sys.argv[1]) / "tokenizer.json"))
    print(json.dumps({"pieces": tokenizer.get_vocab_size()}))


if __name__ == "__main__":
    main()
