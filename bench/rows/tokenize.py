"""Token ids: Hugging Face tokenizers against Quarry's tokenizer, one thread each, in tokens a second of processor time.

The texts are Eedi's train queries and corpus, and Cranfield's abstracts. Loading and reading are not counted; a turn of a
side is the median of five times all texts. No special tokens, nothing cut off; both must find as many tokens.
"""

import gzip
import json
import shutil
import statistics

import rounds
import setting as settings

# Of the data; that of the row unigram is trained on the texts.
TOKENIZERS = {"wordpiece": "bert-base-uncased", "sentencepiece": "mistral-7b-v0.1", "bpe": "gpt2"}
REPEAT = 5


def measure(setting, row):
    texts = setting.once("texts to tokenize", lambda: read_texts(setting))
    folder = unigram(setting, texts) if row.name == "unigram" else tokenizer(setting, TOKENIZERS[row.name])
    last = {}

    def theirs():
        found, _ = setting.peer("hf_tokenizers.py", "--rounds", REPEAT, folder, input=texts)
        fastest = min(found["seconds"], key=lambda way: statistics.median(found["seconds"][way]))
        last.update(found, way=fastest)
        return found["tokens"] / statistics.median(found["seconds"][fastest])

    def ours():
        command = [setting.go_program("./model/tokenizer/internal/rate"), "--rounds", REPEAT, folder]
        found = json.loads(settings.run(command, setting.environment(), input=texts))
        if found["tokens"] != last["tokens"]:
            raise settings.Failed(f"{row.name}: tokenizers finds {last['tokens']} tokens, Quarry {found['tokens']}")
        return found["tokens"] / statistics.median(found["seconds"])

    result = rounds.compare("tokens/s", *rounds.alternate(setting.rounds, theirs, ours, setting.tell))
    result["peer"] |= {"choice": last["way"], "start_up": "not timed", "versions": {"tokenizers": last["version"]}, "libraries": last["libraries"]}
    result["quarry"]["start_up"] = "not timed"
    return result | {"texts": texts.count("\n"), "tokens": last["tokens"]}


def read_texts(setting):
    """JSON lines {"text": …}."""
    eedi, cranfield = setting.data / "eedi", setting.data / "beir" / "cranfield" / "corpus.jsonl.gz"
    texts = [row["query"] for row in settings.read_rows(eedi / "train.jsonl")]
    texts += [row["text"] for row in settings.read_rows(eedi / "corpus.jsonl")]
    with gzip.open(cranfield, "rt", encoding="utf-8") as file:
        texts += [json.loads(line)["text"] for line in file]
    texts = texts[::setting.size(1, 100)]
    return "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)


def unigram(setting, texts):
    """A folder with a Unigram tokenizer of the texts themselves."""
    folder = setting.scratch / "unigram"
    folder.mkdir(exist_ok=True)
    setting.peer("train_unigram.py", folder, input=texts)
    return folder


def tokenizer(setting, name):
    """A folder with an unpacked tokenizer.json."""
    folder = setting.scratch / name
    folder.mkdir(exist_ok=True)
    with gzip.open(setting.tokenizers / name / "tokenizer.json.gz") as packed, open(folder / "tokenizer.json", "wb") as plain:
        shutil.copyfileobj(packed, plain)
    return folder
