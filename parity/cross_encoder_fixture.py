"""Writes model/testdata/cross-encoders: a small random cross-encoder of each supported architecture, in the forms in which
such directories are published, and what sentence-transformers' CrossEncoder makes of pairs of texts.

  bert/           as sentence-transformers 6 saves it: modules.json, the activation in config_sentence_transformers.json
  roberta/        a directory of transformers, with the activation under the key of sentence-transformers 1 to 3: the logit
  xlm-roberta/    a directory of transformers that names no activation, as bge-reranker's: the sigmoid
  <name>/expected.json
      pairs       query and passage, of every kind of cut among them
      ids, types  of each pair as CrossEncoder tokenizes it (truncation "longest_first"); types null where it hands none on
      logits      raw, float32
      scores      CrossEncoder.predict, float32

`python parity/cross_encoder_fixture.py`; the versions stand in each expected.json.
"""

import json

import torch
import transformers
from sentence_transformers import CrossEncoder

import encoders_fixture
import fixture

WORDS = encoders_fixture.WORDS
LONG = "the order of the digits of a number, " * 4
PAIRS = [
    ("the wrong answer", "Adds the numerators and the denominators: 1/2 + 1/3 = 2/5"),
    ("the wrong answer", "a half"),
    ("half", ""),
    ("", "half"),
    ("", ""),
    (LONG, "zero"),
    ("zero", LONG),
    (LONG, LONG),
    (LONG, "the sum of the digits " + LONG),
    ("the sum of the digits " * 2, LONG),
    (LONG, "the sum of the digits " * 2),
    (" the half </s> [SEP] ", "ünïcödé 漢字 🙂 "),
]
HEADER = ("torch", "transformers", "tokenizers", "sentence-transformers")


def main():
    torch.set_grad_enabled(False)
    folder = fixture.output("model/testdata/cross-encoders")
    for make in (bert, roberta, xlm_roberta):
        make(folder / make.__name__.replace("_", "-"))
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def bert(folder):
    tokenizer = encoders_fixture.bert_tokenizer()
    config = transformers.BertConfig(**encoders_fixture.SIZES, vocab_size=len(tokenizer), max_position_embeddings=32, num_labels=1)
    save(folder, transformers.BertForSequenceClassification(config), tokenizer)
    CrossEncoder(str(folder), device="cpu").save_pretrained(str(folder), create_model_card=False)
    fixture.tidy(folder)
    expect(folder)


def roberta(folder):
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = transformers.RobertaTokenizer(*encoders_fixture.byte_level(special), model_max_length=24)
    config = transformers.RobertaConfig(
        **encoders_fixture.SIZES | {"num_hidden_layers": 1}, vocab_size=len(tokenizer), max_position_embeddings=26,
        type_vocab_size=1, layer_norm_eps=1e-5, num_labels=1)
    config.sbert_ce_default_activation_function = "torch.nn.modules.linear.Identity"
    save(folder, transformers.RobertaForSequenceClassification(config), tokenizer)
    expect(folder)


def xlm_roberta(folder):
    tokenizer = transformers.XLMRobertaTokenizer(vocab=encoders_fixture.pieces(), model_max_length=24)
    config = transformers.XLMRobertaConfig(
        **encoders_fixture.SIZES | {"num_hidden_layers": 1}, vocab_size=len(tokenizer), max_position_embeddings=26,
        type_vocab_size=1, layer_norm_eps=1e-5, num_labels=1)
    save(folder, transformers.XLMRobertaForSequenceClassification(config), tokenizer)
    expect(folder)


def save(folder, model, tokenizer):
    encoders_fixture.random(model).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    content = json.loads(path.read_text())
    content = {k: v for k, v in content.items() if k not in ("is_local", "local_files_only")}
    path.write_text(json.dumps(content, indent=2) + "\n")


def expect(folder):
    peer = CrossEncoder(str(folder), device="cpu")
    features = [peer.preprocess([pair]) for pair in PAIRS]  # one by one, and so without padding
    logits = peer.predict(PAIRS, activation_fn=torch.nn.Identity())
    content = {
        "header": fixture.header(*HEADER), "max_length": peer.max_seq_length, "pairs": PAIRS,
        "ids": [f["input_ids"][0].tolist() for f in features],
        "types": [f["token_type_ids"][0].tolist() for f in features] if "token_type_ids" in features[0] else None,
        "logits": fixture.single(logits), "scores": fixture.single(peer.predict(PAIRS)),
    }
    fixture.write_json(folder / "expected.json", content)


if __name__ == "__main__":
    main()
