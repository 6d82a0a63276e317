"""`quarry teach` against sentence-transformers' CrossEncoder at f32: the same scores of every pair, of cross-encoders that
`quarry finetune --kind cross-encoder` made too.

Random models of each supported architecture, larger than the committed fixtures, in each form of directory; pairs of every
length around the cut, which is where a difference of one token shows; and a second embedder against SentenceTransformer.
"""

import json
import pathlib
import tempfile

import numpy
import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

import cross_encoder_fixture
import encoders_fixture
import report

SIZES = dict(hidden_size=48, num_attention_heads=4, intermediate_size=80, num_hidden_layers=3, num_labels=1)
ROBERTA = dict(type_vocab_size=1, layer_norm_eps=1e-5, max_position_embeddings=66)
WITHIN = 1e-4
LONGEST = 64


def main():
    torch.set_grad_enabled(False)
    checks = report.Checks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        for make in (bert, roberta, xlm_roberta):
            with checks.check(f"{make.__name__}: scores and logits"):
                compare(make(scratch / make.__name__))
        with checks.check("a directory of sentence-transformers 6: scores"):
            model = scratch / "saved"
            CrossEncoder(str(bert(scratch / "plain")), device="cpu", activation_fn=torch.nn.Identity()).save_pretrained(str(model))
            assert json.loads((model / "config_sentence_transformers.json").read_text())["activation_fn"].endswith("Identity")
            compare(model)
        for make in (bert, roberta, xlm_roberta):
            with checks.check(f"{make.__name__}, fine-tuned: scores and logits"):
                compare(fine_tuned(make(scratch / f"before-{make.__name__}"), "--loss", "cross_entropy"))
        with checks.check("an encoder, fine-tuned under a fresh head: scores and logits"):
            encoder = bert(scratch / "encoder", transformers.BertModel)
            compare(fine_tuned(encoder, "--max-length", "40"), longest=40)
        with checks.check("a second embedder: cosines"):
            compare_embedder(scratch)
    checks.finish()


def bert(folder, of=transformers.BertForSequenceClassification):
    tokenizer = encoders_fixture.bert_tokenizer()
    tokenizer.model_max_length = LONGEST
    config = transformers.BertConfig(**SIZES, vocab_size=len(tokenizer), max_position_embeddings=LONGEST)
    cross_encoder_fixture.save(folder, of(config), tokenizer)
    return folder


def fine_tuned(model, *flags):
    """The directory of a cross-encoder that quarry trained on queries of its own."""
    source, output = model.with_name(model.name + "-train.jsonl"), model.with_name(model.name + "-tuned")
    words = encoders_fixture.WORDS
    trained = [{"query": f"asked {i} {words[i]}", "pos": [words[i]], "neg": [words[i + 1], f"{words[i + 2]} {words[i]}"]} for i in range(8)]
    source.write_text("".join(json.dumps(row) + "\n" for row in trained))
    report.quarry("finetune", "--kind", "cross-encoder", "--model", model, "--train", source, "--output", output, "--epochs", "2",
                  "--batch", "4", "--group-size", "3", "--learning-rate", "1e-3", "--precision", "f32", *flags)
    return output / "epoch-2"


def roberta(folder):
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = transformers.RobertaTokenizer(*encoders_fixture.byte_level(special), model_max_length=LONGEST)
    config = transformers.RobertaConfig(**SIZES, **ROBERTA, vocab_size=len(tokenizer))
    cross_encoder_fixture.save(folder, transformers.RobertaForSequenceClassification(config), tokenizer)
    return folder


def xlm_roberta(folder):
    tokenizer = transformers.XLMRobertaTokenizer(vocab=encoders_fixture.pieces(), model_max_length=LONGEST)
    config = transformers.XLMRobertaConfig(**SIZES, **ROBERTA, vocab_size=len(tokenizer))
    cross_encoder_fixture.save(folder, transformers.XLMRobertaForSequenceClassification(config), tokenizer)
    return folder


def rows():
    """Rows whose pairs have every length around the cut, on either side; texts begin and end without white space."""
    words = encoders_fixture.WORDS * 8
    made = []
    for query in (1, 5, 28, 29, 30, 31, 32, 45, 62, 70):
        passages = [" ".join(words[3:3 + n]) for n in (1, 2, 27, 28, 29, 30, 31, 32, 33, 55, 63, 90)]
        made.append({"query": " ".join(words[:query]), "pos": passages[:2], "neg": passages[2:]})
    for query, passage in cross_encoder_fixture.PAIRS:
        if query.strip() and passage.strip():
            made.append({"query": query.strip(), "pos": [passage.strip()], "neg": ["zero"]})
    return made


def compare(model, longest=LONGEST):
    peer = CrossEncoder(str(model), device="cpu")
    assert peer.max_seq_length == longest, f"pairs of {peer.max_seq_length} tokens, not {longest}"
    given = rows()
    pairs = [(row["query"], text) for row in given for text in row["pos"] + row["neg"]]
    for flags, activation in (([], None), (["--logits"], torch.nn.Identity())):
        near(taught(model, given, *flags), peer.predict(pairs, activation_fn=activation))


def compare_embedder(scratch):
    folder = scratch / "embedder"
    tokenizer = encoders_fixture.bert_tokenizer()
    sizes = {k: v for k, v in SIZES.items() if k != "num_labels"}
    config = transformers.BertConfig(**sizes, vocab_size=len(tokenizer), max_position_embeddings=LONGEST)
    cross_encoder_fixture.save(folder, transformers.BertModel(config), tokenizer)
    peer = SentenceTransformer(modules=[Transformer(str(folder)), Pooling(48, "mean"), Normalize()], device="cpu")
    peer.save(str(folder), create_model_card=False)
    given = rows()
    want = []
    for row in given:
        query, passages = peer.encode([row["query"]])[0], peer.encode(row["pos"] + row["neg"])
        want.extend(passages @ query)
    near(taught(folder, given, "--kind", "embedder"), want)


def taught(model, given, *flags):
    """The scores that quarry gives to all texts of rows, in order."""
    scratch = model.with_name(model.name + "-taught")  # quarry writes nothing into a model's directory
    scratch.mkdir(exist_ok=True)
    source, result = scratch / "rows.jsonl", scratch / "taught.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in given))
    report.quarry("teach", "--rows", source, "--teacher", model, "--output", result, "--cache", scratch / f"cache{len(flags)}.jsonl",
                  "--precision", "f32", *flags)
    made = [json.loads(line) for line in result.read_text().splitlines()]
    return [score for row in made for score in row["pos_scores"] + row["neg_scores"]]


def near(got, want):
    got, want = numpy.array(got), numpy.array(want)
    assert got.shape == want.shape, f"{got.shape} scores, not {want.shape}"
    worst = int(numpy.abs(got - want).argmax())
    assert abs(got[worst] - want[worst]) <= WITHIN, f"pair {worst}: {got[worst]}, not {want[worst]}"


if __name__ == "__main__":
    main()
