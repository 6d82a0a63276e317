"""Second opinions: what a teacher says of a ranking's candidates."""

import json

import rules


def embedder(setting, source):
    """The model as a teacher, by name, of a source that it has no part in: the file of what it says."""
    return {"all-MiniLM-L6-v2": ask(setting, source, setting.model, "embedder")} if source == "bm25" else {}


def ask(setting, source, teacher, kind):
    """The file of what a teacher says of a source's candidates and of the known positives: that of a run's round."""
    name = f"{source}-{kind}"
    recipe = setting.work / f"{name}.yaml"
    recipe.write_text(json.dumps({
        "model": str(setting.model), "data": {"corpus": str(setting.corpus), "train": str(setting.queries), "dev": str(setting.others)},
        "mine": {"source": source, "window": rules.TOP, "negatives": rules.NEGATIVES, "teacher": {"model": str(teacher), "kind": kind, "margin": 0}}}))
    setting.run("mine", recipe, "--round", 0, "--dir", setting.work / name)
    return setting.work / name / "round-0" / "teacher-scores.jsonl"
