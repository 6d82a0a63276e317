"""FlagEmbedding's own prompting and tokenising of bge-en-icl, and tokenizers to run it with.

The code that runs is the package's: ICLLLMEmbedder's encode_queries and encode for inference, the dataset and collator of
finetune.embedder.decoder_only.icl for training. Only the network is left out: one in its place notes the ids that it gets.
Its random choices (which examples, how many) are handed in.
"""

import contextlib
import json
import types
import unittest.mock

import torch
from FlagEmbedding.finetune.embedder.decoder_only.icl import dataset as training_module
from FlagEmbedding.inference.embedder.decoder_only.icl import ICLLLMEmbedder
from transformers import AutoTokenizer

TASK = ("Given a multiple choice math question and a student's incorrect answer choice, identify and retrieve the specific "
        "mathematical misconception or error in the student's thinking that led to this wrong answer.")
FORMAT = "<instruct>{}\n<query>{}"
SUFFIX = "\n<response>"
SPECIAL = ["<instruct>", "<query>", "<response>"]


def write_tokenizer(folder, tokenizer, added, ends=True):
    """A directory with tokenizer.json as bge-en-icl has it: <s> before and </s> behind a text, and its flags; unless it ends texts,
    as Mistral's is published: without </s>, which FlagEmbedding's trainers ask for as they load it."""
    special = lambda text: {"SpecialToken": {"id": text, "type_id": 0}}
    sequence = lambda name: {"Sequence": {"id": name, "type_id": 0}}
    tokenizer = dict(tokenizer)
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing", "single": [special("<s>"), sequence("A"), special("</s>")],
        "pair": [special("<s>"), sequence("A"), special("</s>"), special("<s>"), sequence("B"), special("</s>")],
        "special_tokens": {text: {"id": text, "ids": [i], "tokens": [text]} for i, text in [(1, "<s>"), (2, "</s>")]}}
    tokenizer["decoder"] = {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    if added:
        size = len(tokenizer["model"]["vocab"])
        tokenizer["added_tokens"] = tokenizer["added_tokens"] + [
            {"id": size + i, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for i, text in enumerate(SPECIAL)]
    if not ends:
        processor = tokenizer["post_processor"]
        for kind in ["single", "pair"]:
            processor[kind] = [piece for piece in processor[kind] if piece != special("</s>")]
        del processor["special_tokens"]["</s>"]
    config = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": ends, "bos_token": "<s>", "eos_token": "</s>",
              "unk_token": "<unk>", "pad_token": "<unk>", "clean_up_tokenization_spaces": False, "legacy": False, "model_max_length": 32768,
              "padding_side": "left"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")


def load(folder):
    """The tokenizer as FlagEmbedding loads it; one that does not put <s> and </s> around a text is not bge-en-icl's."""
    # A directory with a config.json of type mistral and flags as these makes the generic class, which reads
    # tokenizer.json as it is; the Llama class of transformers 5 would make its own of the vocabulary.
    (folder / "config.json").write_text('{"model_type": "mistral"}\n')
    tokenizer = AutoTokenizer.from_pretrained(folder, add_eos_token=True, add_bos_token=True)
    ids = tokenizer("half")["input_ids"]
    assert ids[0] == 1 and ids[-1] == 2 and ids.count(1) == ids.count(2) == 1, f"not bge-en-icl's special tokens: {ids}"
    tokenizer.padding_side = "left"
    return tokenizer


class Noting:
    """Stands for the network: notes the ids of each text."""

    def __init__(self):
        self.seen = {}

    def __call__(self, input_ids, attention_mask, return_dict=True, **_):
        for ids, mask in zip(input_ids.tolist(), attention_mask.tolist()):
            row = tuple(i for i, m in zip(ids, mask) if m)
            self.seen[row] = self.seen.get(row, 0) + 1
        return types.SimpleNamespace(last_hidden_state=torch.zeros(*input_ids.shape, 1))

    to = eval = float = lambda self, *_: self


def embedder(tokenizer, examples, max_length):
    """An ICLLLMEmbedder without weights."""
    e = ICLLLMEmbedder.__new__(ICLLLMEmbedder)
    e.tokenizer, e.model = tokenizer, Noting()
    e.query_instruction_for_retrieval, e.query_instruction_format, e.suffix = TASK, FORMAT, SUFFIX
    e.examples_for_task = examples or None
    e.examples_instruction_format = "<instruct>{}\n<query>{}\n<response>{}"
    e.normalize_embeddings, e.truncate_dim, e.query_max_length, e.passage_max_length = False, None, max_length, max_length
    e.target_devices, e.batch_size, e.convert_to_numpy, e.query_pool, e.pool, e.kwargs = ["cpu"], 1, True, None, None, {}
    e.set_examples()
    return e


def inference_queries(tokenizer, queries, examples, max_length):
    """The text before every query, and the ids that the network gets for each query."""
    e = embedder(tokenizer, examples, max_length)
    return e.prefix, [one(e, e.encode_queries_single_device, q, max_length) for q in queries]


def inference_passages(tokenizer, passages, max_length):
    e = embedder(tokenizer, [], max_length)
    return [one(e, e.encode_single_device, p, max_length) for p in passages]


def one(e, encode, text, max_length):
    e.model.seen = {}
    # A batch larger than its text draws no bar.
    encode([text], batch_size=2, max_length=max_length, device="cpu")
    (ids,) = e.model.seen
    return list(ids)


def training_batch(tokenizer, rows, shown, lengths):
    """Texts and ids of the queries of a batch and ids of its passages; shown[i] are the rows that query i is shown, in order.

    rows are (query, passage); lengths holds query_max_len, passage_max_len, example_query_max_len, example_passage_max_len."""
    arguments = types.SimpleNamespace(
        train_group_size=1, query_instruction_format=FORMAT, query_instruction_for_retrieval=TASK, knowledge_distillation=False,
        passage_instruction_for_retrieval=None, retrieval_use_examples=True, icl_suffix_str=SUFFIX, **lengths)
    d = training_module.DecoderOnlyEmbedderICLSameDatasetTrainDataset.__new__(training_module.DecoderOnlyEmbedderICLSameDatasetTrainDataset)
    d.args, d.tokenizer, d.shuffle_ratio = arguments, tokenizer, 0
    d.suffix = tokenizer(f"{SUFFIX}{tokenizer.eos_token}", add_special_tokens=False)["input_ids"]
    d.prefix = tokenizer(f"{tokenizer.bos_token}", add_special_tokens=False)["input_ids"]
    with choices(shown, len(rows)):
        queries, passages, _ = d._create_batch_data({"query": [q for q, _ in rows], "pos": [[p] for _, p in rows], "neg": [["-"] for _ in rows]})
    collate = training_module.AbsEmbedderSameDatasetCollator(
        tokenizer, query_max_len=lengths["query_max_len"], passage_max_len=lengths["passage_max_len"], return_tensors="pt")
    batch = collate([(queries, passages, None, False)])
    unpad = lambda side: [[i for i, m in zip(ids, mask) if m] for ids, mask in zip(side["input_ids"].tolist(), side["attention_mask"].tolist())]
    return queries, unpad(batch["queries"]), unpad(batch["passages"])


@contextlib.contextmanager
def choices(shown, rows):
    """Python's random in the dataset, which asks in turn: for each row its positive and (no) negatives, then for each query
    how many examples and which."""
    asked = {"choice": 0, "sample": 0}

    def choice(options):
        asked["choice"] += 1
        i = asked["choice"] - rows - 1
        return options[0] if i < 0 else len(shown[i])

    def sample(options, count):
        asked["sample"] += 1
        i = asked["sample"] - rows - 1
        if i < 0:
            return options[:count]
        nonempty = [s for s in shown if s]
        return list(nonempty[i]) + [next(r for r in options if r not in nonempty[i])] * (count - len(nonempty[i]))

    with unittest.mock.patch.object(training_module.random, "choice", choice), \
            unittest.mock.patch.object(training_module.random, "sample", sample):
        yield
