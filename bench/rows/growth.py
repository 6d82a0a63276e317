"""How Quarry's cost grows: tokens a second against the length of the texts and against their number, and the seconds of an
exact search against the number of passages, with one worker and with two. No peer; drawn to docs/growth-PATH.svg.

The model has the shape of all-MiniLM-L6-v2 with random weights, and room for 8,192 tokens. Rates are of the whole process
quarry embed. A million passages are embedded once only.
"""

import statistics

import setting as settings
from rows import search, shapes

LENGTHS = [16 << i for i in range(10)]  # 16 … 8,192
PASSAGES = [10_000, 100_000, 1_000_000]
TOKENS = 131_072  # of a run that varies the length
SHORT = 16  # tokens of a passage
QUERIES = 512
WORKERS = (1, 2)


def measure(setting, row):
    lengths, passages = setting.size((LENGTHS, PASSAGES), (LENGTHS[:2] + LENGTHS[-1:], [100, 200]))
    model = setting.scratch / "long"
    setting.peer("random_bert.py", "--like", setting.model, "--hidden", 384, "--layers", 6, "--heads", 12, "--positions", LENGTHS[-1],
                 "--output", model)
    points = []
    for length in lengths:
        count = max(1, setting.size(TOKENS, 2048) // length)
        points += embed(setting, model, {"texts": count, "length": length}, setting.rounds)
    for count in passages:
        points += embed(setting, model, {"texts": count, "length": SHORT, "by": "passages"}, 1 if count >= 1_000_000 else setting.rounds)
        points += find(setting, count)
    return {"points": points} | draw(setting, points)


def embed(setting, model, point, times):
    """Points of one length and number of texts."""
    texts = ({"text": text} for text in shapes.word_texts(setting.model, point["texts"], point["length"] - 2))
    source = settings.write_rows(setting.file("growth.jsonl"), texts)
    tokens = point["texts"] * point["length"]

    def rate(workers):
        return tokens / quarry(setting, workers, "embed", "--model", model, "--input", source, "--output", setting.file("growth.npy"))

    return [tell(setting, {"what": "embed", "by": "length", "unit": "tokens/s", **point, "workers": workers,
                           "median": statistics.median(rate(workers) for _ in range(times)), "rounds": times}) for workers in WORKERS]


def find(setting, passages):
    """Points of one number of passages searched."""
    corpus, queries = (search.vectors(setting, name, rows) for name, rows in (("passages", passages), ("queries", setting.size(QUERIES, 8))))

    def seconds(workers):
        return quarry(setting, workers, "search", "--corpus-vectors", corpus, "--query-vectors", queries, "--depth", search.DEPTH,
                      "--output", setting.file("growth.trec"))

    return [tell(setting, {"what": "search", "by": "passages", "unit": "s", "texts": passages, "workers": workers,
                           "median": statistics.median(seconds(workers) for _ in range(setting.rounds)), "rounds": setting.rounds})
            for workers in WORKERS]


def quarry(setting, workers, *arguments):
    """Seconds of quarry with other workers than the setting's."""
    threads, setting.threads = setting.threads, workers
    try:
        return setting.quarry(*arguments)
    finally:
        setting.threads = threads


def tell(setting, point):
    setting.tell(" ".join(f"{key} {value:,.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in point.items()))
    return point


def draw(setting, points):
    """The points as a picture: in docs/, but not of a trial."""
    name = f"growth-{setting.path}.svg"
    source = settings.write_rows(setting.file("points.jsonl"), points)
    setting.peer("growth_plot.py", "--points", source, "--output", (setting.scratch if setting.tiny else settings.ROOT / "docs") / name)
    return {"drawing": name}
