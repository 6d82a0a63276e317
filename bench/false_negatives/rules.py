"""What each rule keeps out of the negatives, asked by `quarry mine --what-if --judgments`, which mines nothing."""

import json

NEGATIVES = 15
TOP, NEAREST = "0-100", "0-30"  # windows: of all that is ranked, and of what cross-encoders are asked
RANKS, SCORES, COSINES = 0, 1, 2  # what a rule takes a source's numbers for; who gives one gives those before it

SOURCES = {  # name: flags that rank, what its numbers are
    "dense": (["--source", "dense"], COSINES),
    "rrf": (["--source", "dense", "--source", "bm25", "--fuse", "rrf"], RANKS),
    "weighted": (["--source", "dense", "--source", "bm25", "--fuse", "weighted"], SCORES),
    "bm25": (["--source", "bm25"], SCORES),
}

# Name, flags, what the rule needs. The first of a list is what the others take something out of.
RULES = [
    ("window 0-100 alone", [], RANKS),
    ("window 2-100", ["--window", "2-100"], RANKS),
    ("window 10-100", ["--window", "10-100"], RANKS),
    ("window 30-100", ["--window", "30-100"], RANKS),
    ("window 10-60", ["--window", "10-60"], RANKS),
    ("window 10-60 of survivors", ["--window", "10-60", "--survivors"], RANKS),
    ("margin 0: nothing above the lowest positive", ["--margin", "0"], SCORES),
    ("margin 0.05", ["--margin", "0.05"], COSINES),
    ("margin 0.1", ["--margin", "0.1"], COSINES),
    ("relative margin 0.05 (share of positive 0.95)", ["--relative-margin", "0.05"], SCORES),
    ("relative margin 0.2", ["--relative-margin", "0.2"], SCORES),
    ("max score 0.5", ["--max-score", "0.5"], COSINES),
    ("max score 0.4", ["--max-score", "0.4"], COSINES),
    ("min score 0.2", ["--min-score", "0.2"], COSINES),
    ("min score 0.3", ["--min-score", "0.3"], COSINES),
    ("hub limit 10", ["--hub-limit", "10"], RANKS),
    ("near text 0.3", ["--near-text", "0.3"], RANKS),
    ("quotas 0-10:3, 10-100:12", ["--quotas", "0-10:3,10-100:12"], RANKS),
    ("quotas 10-30:5, 30-100:10 in window 10-100", ["--window", "10-100", "--quotas", "10-30:5,30-100:10"], RANKS),
    ("window 10-100 and relative margin 0.05", ["--window", "10-100", "--relative-margin", "0.05"], SCORES),
    ("margin 0 and window 10-60", ["--window", "10-60", "--margin", "0"], SCORES),
    ("margin 0 and window 10-60 of survivors", ["--window", "10-60", "--survivors", "--margin", "0"], SCORES),
]
EACH = [(f"each: {name}", ["--reference", "each", *flags], needs) for name, flags, needs in [
    ("window 0-100 alone", [], RANKS),
    ("margin 0: nothing above the row's positive", ["--margin", "0"], SCORES),
    ("margin 0.1", ["--margin", "0.1"], COSINES),
    ("relative margin 0.05", ["--relative-margin", "0.05"], SCORES),
]]
OWN = [(name, ["--window", NEAREST, *flags], needs) for name, flags, needs in [
    (f"window {NEAREST} alone", [], RANKS),
    ("its own margin 0", ["--margin", "0"], SCORES),
    ("its own margin 0.05", ["--margin", "0.05"], COSINES),
    ("its own margin 0.1", ["--margin", "0.1"], COSINES),
    ("its own relative margin 0.05", ["--relative-margin", "0.05"], SCORES),
    ("its own relative margin 0.2", ["--relative-margin", "0.2"], SCORES),
]]
ASKED = ["dense", "bm25"]  # sources whose first ranks cross-encoders are asked of
TEACHER_MARGINS = [0, 0.05, 0.1, 0.2]


def taught(window, teachers):
    """Rules by the margins of teachers, whose files of scores have names."""
    return [(f"teacher margin {margin} ({name})", ["--window", window, "--teacher-scores", scores, "--teacher-margin", margin], RANKS)
            for name, scores in teachers.items() for margin in TEACHER_MARGINS]


def rank(setting, source):
    """Keeps a source's candidates."""
    vectors = ["--corpus-vectors", setting.vectors["corpus"], "--query-vectors", setting.vectors["known"]] if source != "bm25" else []
    if not setting.candidates(source).exists():
        setting.run("mine", *SOURCES[source][0], *vectors, *setting.data(), "--window", TOP, "--save-candidates", setting.candidates(source),
                    "--output", setting.work / "ranked.jsonl")


def outcomes(setting, source, rules):
    """A row for each of the rules that the source's numbers allow; none where only the first of them is."""
    rows, first = [], None
    for name, flags, needs in rules:
        if needs > SOURCES[source][1]:
            continue
        window = [] if "--window" in flags else ["--window", TOP]
        printed = json.loads(setting.run(
            "mine", "--what-if", "--json", "--candidates", setting.candidates(source), *setting.data(), "--judgments", setting.judgments,
            "--negatives", NEGATIVES, *window, *flags))
        here = counts(printed["settings"][0])
        first = first or here
        rows.append({"rule": name, **here, **shares(here, first)})
    return rows if len(rows) > 1 else []


def counts(outcome):
    """Hidden answers and other candidates that a rule leaves, and what was drawn."""
    judged, eligible = outcome["judged"], round(outcome["survivors"] * outcome["queries"])
    return {"rows": outcome["queries"], "hidden_left": judged["eligible"], "others_left": eligible - judged["eligible"],
            "false_negatives": outcome["false_negatives"], "short": outcome["short"], "dropped": {k: v for k, v in judged["dropped"].items() if v}}


def shares(here, first):
    """What a rule takes out of what the first one leaves."""
    out, others = first["hidden_left"] - here["hidden_left"], first["others_left"] - here["others_left"]
    return {"kept_out": out / first["hidden_left"], "others_out": others / first["others_left"], "precision": out / (out + others) if out + others else None}
