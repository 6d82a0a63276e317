"""Mining hard negatives from JSONL to JSONL: the work of FlagEmbedding's hn_mine.py against `quarry mine`.

Both are whole processes, from start to exit. Quarry is also given its own vectors, which leaves the rest of the work; the
difference is encoding.
"""

import json
import statistics

import numpy
import tokenizers

import agreement
import rounds
import setting as settings

INSTRUCTION = (
    "Given a multiple choice math question and a student's incorrect answer choice, identify and retrieve the specific "
    "mathematical misconception or error in the student's thinking that led to this wrong answer.")
FORMAT = "<instruct>{}\n<query>{}"
MAX_LENGTH, NEGATIVES, LOW, HIGH = 512, 15, 2, 200


def measure(setting, row):
    pool, queries = data(setting)
    given = embed(setting, row, pool, queries)
    vectors = setting.scratch / "hn_mine"
    vectors.mkdir(exist_ok=True)
    blas, tried = choose(setting, pool, queries)
    parts, rest = [], []

    def theirs():
        found, seconds = run_peer(setting, pool, queries, blas, setting.file("peer.jsonl"), "--vectors", vectors)
        parts.append(found)
        return seconds - found["seconds"]["saving"]

    def ours():
        seconds = run_quarry(setting, row, pool, queries, setting.file("quarry.jsonl"), *model_flags(setting, row), *prompt_flags())
        rest.append(run_quarry(setting, row, pool, queries, setting.file("rest.jsonl"), *given))
        return seconds

    result = rounds.compare("s", *rounds.alternate(setting.rounds, theirs, ours, setting.tell))
    last = parts[-1]
    encoding = statistics.median(p["seconds"]["encoding"] for p in parts)
    result["peer"] |= {"choice": blas, "tried": tried, "versions": last["versions"], "libraries": last["libraries"],
                       "start_up": "timed", "further": {"of this encoding, s": encoding, "all the rest, s": result["peer"]["median"] - encoding}}
    remaining = statistics.median(rest)
    result["quarry"] |= {"start_up": "timed", "further": {
        "of this encoding, s": result["quarry"]["median"] - remaining, "all the rest (quarry mine with given vectors), s": remaining}}
    return result | {"texts": len(settings.read_rows(queries)) + len(settings.read_rows(pool)),
                     "tokens": count_tokens(setting, pool, queries)} | check(setting, vectors, pool)


def data(setting):
    """The pool, and both input files as one."""
    eedi = setting.data / "eedi"
    pool = settings.read_rows(eedi / "candidate_pool.jsonl")[:setting.size(None, 300)]
    rows = [row for name in ("hn_mine_input.jsonl", "hn_mine_dev_input.jsonl")
            for row in settings.read_rows(eedi / name)[:setting.size(None, 8)]]
    if setting.tiny:
        pool += [{"text": text} for row in rows for text in row["pos"]]
    return settings.write_rows(setting.file("pool.jsonl"), pool), settings.write_rows(setting.file("mine-input.jsonl"), rows)


def model_flags(setting, row):
    return ["--model", setting.model, "--precision", row.precision, "--max-length", MAX_LENGTH]


def prompt_flags():
    return ["--query-prompt", FORMAT.replace("{}", INSTRUCTION, 1)]


def embed(setting, row, pool, queries):
    """Vectors as quarry mine makes them, as flags that give them."""
    flags = []
    for kind, texts, flag, more in (("passage", pool, "--corpus-vectors", []), ("query", queries, "--query-vectors", prompt_flags())):
        output = setting.file(f"{kind}.npy")
        setting.quarry("embed", "--input", texts, "--output", output, "--kind", kind, *model_flags(setting, row), *more)
        flags += [flag, output]
    return flags


def run_quarry(setting, row, pool, queries, output, *source):
    return setting.quarry("mine", "--corpus", pool, "--queries", queries, "--window", f"{LOW}-{HIGH}", "--negatives", NEGATIVES,
                          "--output", output, *source)


def run_peer(setting, pool, queries, blas, output, *more):
    return setting.peer(
        "hn_mine.py", "--model", setting.model, "--input", queries, "--pool", pool, "--output", output, "--threads", setting.threads,
        "--window", f"{LOW}-{HIGH}", "--negatives", NEGATIVES, "--max-length", MAX_LENGTH, "--instruction", INSTRUCTION,
        "--format", FORMAT, *more, environment="flagembedding", blas=setting.blas_settings()[blas])


def choose(setting, pool, queries):
    """The peer's faster OPENBLAS_* setting, on every eighth query."""
    sample = settings.write_rows(setting.file("sample.jsonl"), settings.read_rows(queries)[::8])
    tried = {name: run_peer(setting, pool, sample, name, setting.file("peer.jsonl"))[1] for name in setting.blas_settings()}
    for name, seconds in tried.items():
        setting.tell(f"tried on a sample: {name}: {seconds:.1f} s")
    return min(tried, key=tried.get), tried


def count_tokens(setting, pool, queries):
    tokenizer = tokenizers.Tokenizer.from_file(str(setting.model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_LENGTH)
    texts = [row["text"] for row in settings.read_rows(pool)]
    texts += [FORMAT.format(INSTRUCTION, row["query"]) for row in settings.read_rows(queries)]
    return sum(len(encoded.ids) for encoded in tokenizer.encode_batch(texts))


def check(setting, vectors, pool):
    """The least cosine of Quarry's vectors to the peer's, and the share of Quarry's negatives within the ranks of the window
    by the peer's vectors.
    """
    passages, queries = (numpy.load(vectors / f"{name}.npy") for name in ("passages", "queries"))
    number = {text: i for i, text in enumerate(json.loads((vectors / "passages.json").read_text()))}
    own = numpy.load(setting.scratch / "passage.npy")
    order = [number[row["text"]] for row in settings.read_rows(pool)]
    cosine = min(agreement.least_cosine(own, passages[order]), agreement.least_cosine(numpy.load(setting.scratch / "query.npy"), queries))
    inside, negatives = 0, 0
    ranked = agreement.best(queries @ passages.T, HIGH)
    rows = settings.read_rows(setting.scratch / "quarry.jsonl")
    for row, line in zip(rows, ranked):
        inside += len({number[text] for text in row["neg"]} & set(line[LOW:].tolist()))
        negatives += len(row["neg"])
    if negatives != NEGATIVES * len(queries):
        raise settings.Failed(f"quarry mine left {negatives} negatives to {len(queries)} queries")
    return {"least_cosine": {"peer": 1.0, "quarry": cosine}, "negatives_in_the_peers_window": inside / negatives}
