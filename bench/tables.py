"""Writes the tables of docs/benchmarks.md from docs/results/benchmarks.json; bench/run calls it after every row.

    python3 bench/tables.py             # after a change of this file
    python3 bench/tables.py --check     # fails where the page is not what the results make

A section stands between two markers, `<!-- bench/run: NAME -->` and `<!-- end of NAME -->`. One without any result is left
as it is.
"""

import argparse
import json
import pathlib
import sys

import targets

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
PAGE, RESULTS = DOCS / "benchmarks.md", DOCS / "results" / "benchmarks.json"

# What a section says before its tables.
OPENING = {
    "encode": """## Encoding

all-MiniLM-L6-v2 on Eedi's corpus, train and dev queries, at most 256 tokens a text. Of the peer encode alone is timed; Quarry
is the whole process `quarry embed`, loading and writing included. Cosines are to sentence-transformers at f32, and so is the
agreement of the queries' top 25; a rank is in a near-tie where the f32 score before or behind it is within 5e-4.""",
    "shapes": """## Encoding with larger models

Models of BERT's shapes with random weights, on texts of 256 tokens; timed as above.""",
    "search": """## Exact search

Random unit vectors in memory. The peer's index is built before the clock starts; Quarry's time holds all that it makes of the
vectors. What Quarry finds is, in set and order, what scoring every pair in float64 finds; faiss ranks by float32 sums.""",
    "mine": """## Mining

`quarry mine` with the instruction of the reference pipeline, window 2-200 and 15 negatives, beside what FlagEmbedding's
hn_mine.py does; both whole processes from start to exit, at most 512 tokens a text.""",
    "finetune": """## Fine-tuning

A training step of all-MiniLM-L6-v2, in full, and of a decoder with random weights, of adapters: same rows, dropout, lengths and
AdamW; start-up and the first two steps in no figure.""",
    "tokenize": """## Tokenizing

Token ids of Eedi's train queries and corpus and of Cranfield's abstracts, one thread, in tokens a second of processor time,
loading and reading not counted. Both find the same number of tokens; `parity/run tokenizers_live.py` compares the ids.""",
    "growth": """## How cost grows

Quarry alone; rates of whole processes. The model has the shape of all-MiniLM-L6-v2, random weights and room for 8,192 tokens.""",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        if render(PAGE.read_text(), load()) != PAGE.read_text():
            sys.exit(f"{PAGE} is not what {RESULTS} makes: run python3 bench/tables.py")
        return
    write()


def write():
    """Brings the page up to date."""
    PAGE.write_text(render(PAGE.read_text(), load()))


def load():
    """All results that are kept."""
    return json.loads(RESULTS.read_text())["results"] if RESULTS.exists() else []


def add(result, path=RESULTS):
    """Puts a result in the place of that of its row and processor path."""
    kept = json.loads(path.read_text())["results"] if path.exists() else []
    kept = [k for k in kept if (k["row"], k["path"]) != (result["row"], result["path"])] + [result]
    order = list(targets.BY_NAME)
    kept.sort(key=lambda k: (order.index(k["row"]), k["path"]))
    path.write_text(json.dumps({"schema": 1, "results": kept}, indent=1, ensure_ascii=False) + "\n")


def render(page, results):
    """The page with the sections that have results made anew."""
    for section in targets.SECTIONS:
        own = [r for r in results if targets.BY_NAME[r["row"]].section == section]
        if not own:
            continue
        begin, end = f"<!-- bench/run: {section} -->\n", f"<!-- end of {section} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise SystemExit(f"{PAGE}: want one line {begin.strip()} and one {end}")
        head, rest = page.split(begin)
        tail = rest.split(end)[1]
        page = head + begin + block(section, own) + end + tail
    return page


def block(section, results):
    parts = [OPENING[section]]
    for path in sorted({r["path"] for r in results}):
        own = [r for r in results if r["path"] == path]
        parts.append("\n".join(gathered(own, work)))
        parts += growth(own[0]) if section == "growth" else [table(own), *filter(None, [further(own)])]
        parts.append("\n".join(gathered(own, stamp)))
    return "\n\n".join(parts) + "\n"


def gathered(results, say):
    """A line for each different thing that is to be said, with the rows that it is true of."""
    rows = {}
    for r in results:
        rows.setdefault(say(r), []).append(f"`{r['row']}`")
    return [f"- {', '.join(names)}: {text}" for text, names in rows.items()]


def work(result):
    """What was done, with its size where the row's own words leave that open."""
    size = f"; {result['texts']:,} texts, {result['tokens']:,} tokens" if "tokens" in result else ""
    return targets.BY_NAME[result["row"]].work + size


def table(results):
    """A row for each peer."""
    lines = [
        f"| row | peer | Quarry's precision | peer | Quarry on {results[0]['path']} | ratio of medians | wanted | results |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        row = targets.BY_NAME[r["row"]]
        choice = f" ({r['peer']['choice']})" if r["peer"].get("choice") else ""
        precision = row.precision if row.precision != "auto" else f"auto: {r['on']['auto']}"
        lines.append("| " + " | ".join([
            f"`{row.name}`", row.peer + choice, precision, speed(r["peer"], r["unit"]), speed(r["quarry"], r["unit"]),
            f"**{figure(r['ratio'])}**", verdict(r), "; ".join(correctness(r)) or "–"]) + " |")
    return "\n".join(lines)


def verdict(result):
    """Whether the wanted ratio was reached; if not, at how many GFLOPS and why."""
    wanted = targets.BY_NAME[result["row"]].wanted.get(result["path"])
    if wanted is None:
        return "–"
    if result["ratio"] >= wanted:
        return f"≥ {wanted:g}: reached"
    rate = f" at {result['quarry']['gflops']:,.0f} GFLOPS" if "gflops" in result["quarry"] else ""
    because = targets.BECAUSE.get((result["row"], result["path"]))
    return f"≥ {wanted:g}: not reached{rate}" + (f", because {because}" if because else "; why was not looked into")


def speed(side, unit):
    """Median, and least and greatest of all rounds."""
    gflops = f", {side['gflops']:,.0f} GFLOPS" if "gflops" in side else ""
    low, high = min(side["values"]), max(side["values"])
    return f"{figure(side['median'])} {unit} ({figure(low)} to {figure(high)}, {len(side['values'])} rounds){gflops}"


def figure(value):
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def correctness(result):
    """What says that the fast answer is right."""
    found = []
    if cosines := result.get("least_cosine"):
        found.append("least cosine to f32: " + ", ".join(f"{side} {cosine:.6f}" for side, cosine in cosines.items())
                     + judged(result, cosines["quarry"] >= targets.COSINE, f"≥ {targets.COSINE:g}"))
    if tops := result.get("top25"):
        found.append("same top 25 outside near-ties: " + ", ".join(
            f"{side} {100 * top['same']:.2f} % (near-ties {100 * top['near_ties']:.1f} %)" for side, top in tops.items())
            + judged(result, tops["quarry"]["same"] >= targets.SAME, f"≥ {100 * targets.SAME:g} %")
            + judged(result, tops["quarry"]["near_ties"] <= targets.NEAR_TIES, f"near-ties ≤ {100 * targets.NEAR_TIES:g} %"))
    if agreement := result.get("agreement"):
        found.append(f"same passage at {100 * agreement['same_ranks']:.3f} % of ranks, scores there within {agreement['score_difference']:.1e}")
    if (share := result.get("negatives_in_the_peers_window")) is not None:
        found.append(f"{100 * share:.2f} % of Quarry's negatives in the peer's window")
    if losses := result.get("mean_loss"):
        found.append("mean loss of all steps: " + ", ".join(f"{side} {loss:.4f}" for side, loss in losses.items()))
    return found


def judged(result, reached, wanted):
    """A verdict on Quarry's vectors; only those of Eedi at auto are judged."""
    row = targets.BY_NAME[result["row"]]
    if row.section not in ("encode", "mine") or row.precision != "auto":
        return ""
    return f"; wanted {wanted}: {'reached' if reached else 'not reached'}"


def further(results):
    """Other figures, a line each."""
    lines = []
    for r in results:
        for side in ("peer", "quarry"):
            lines += [f"- `{r['row']}`, {side}: {name} {figure(value)}" for name, value in r[side].get("further", {}).items()]
    return "\n".join(lines)


def growth(result):
    """The drawing and its figures."""
    points = result["points"]
    lines = ["| | size | unit | " + " | ".join(f"{w} worker{'s' * (w > 1)}" for w in workers(points)) + " |", "|---" * (3 + len(workers(points))) + "|"]
    for what, by, texts, length, unit in dict.fromkeys((p["what"], p["by"], p["texts"], p.get("length"), p["unit"]) for p in points):
        size = f"{texts:,} texts" + (f" of {length:,} tokens" if length else "")
        values = [figure(p["median"]) for w in workers(points) for p in points
                  if (p["what"], p["by"], p["texts"], p.get("length"), p["workers"]) == (what, by, texts, length, w)]
        lines.append("| " + " | ".join([what, size, unit, *values]) + " |")
    return [f"![tokens a second and seconds against size]({result['drawing']})", "\n".join(lines)]


def workers(points):
    return sorted({p["workers"] for p in points})


def stamp(result):
    """Machine, versions, commit, date and command."""
    on = result["on"]
    load = "" if on.get("load") is None else f", load {on['load']:.1f} at the end"
    return (f"{on['processor']}, {on['cores']} cores, path {on['path']}, {on['threads']} threads, {on['system']}, Go {on['go']}, "
            f"Python {on['python']}{versions(result)}, commit {on['commit']}, {on['date']}, `{on['command']}`{load}.")


def versions(result):
    found = result.get("peer", {}).get("versions", {})
    return "".join(f", {name} {version}" for name, version in sorted(found.items()))


if __name__ == "__main__":
    main()
