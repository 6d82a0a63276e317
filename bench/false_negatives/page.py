"""The tables of the page, each between the markers `<!-- measure.py: NAME -->` and `<!-- end of NAME -->`."""

import re

import doubted

RULES = ["| rule | hidden answers kept out | other candidates dropped | precision | judged positive of 15 drawn | rows short |", "|---|---|---|---|---|---|"]


def write(page, results):
    text = page.read_text()
    for name, section in sections(results).items():
        marked = re.compile(f"(<!-- measure.py: {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not marked.search(text):
            raise SystemExit(f"{page}: there are no markers of {name}")
        text = marked.sub(lambda m: m[1] + section + "\n" + m[2], text)
    page.write_text(text)


def sections(results):
    made = {"setting": setting(results), "queue": queue(results["queues"])}
    for source, found in results["sources"].items():
        made[source] = "\n\n".join(table(rows) for rows in (found["rules"], found["each"]) if rows)
    if "cross_encoders" in results:
        made |= cross_encoders(results["cross_encoders"])
    return made


def cross_encoders(found):
    """The section of the training, that of what is kept out of each source, and that of the queue."""
    made = {"cross-encoders": "\n\n".join([training(found["training"]), orders(found["orders"])]), "queue of cross-encoders": queue(found["queues"])}
    return made | {f"cross-encoders, {source}": table(rows) for source, rows in found["sources"].items()}


def training(folds):
    epochs = range(len(folds[0]["eval_losses"]))
    made = ["| fold left out | trained on | loss of the last epoch | loss over the fold, before | " + " | ".join(f"epoch {n}" for n in epochs[1:]) + " |",
            "|---|---|---|" + "---|" * len(epochs)]
    for fold in folds:
        made.append(f"| {fold['held_out']} rows | {fold['trained']} rows | {fold['loss']:.3f} | " + " | ".join(f"{loss:.3f}" for loss in fold["eval_losses"]) + " |")
    return "\n".join(made)


def orders(found):
    made = ["| ranking, scored by | a known answer above another candidate | a hidden answer above another candidate |", "|---|---|---|"]
    return "\n".join(made + [f"| {name} | {percent(o['known'])} | {percent(o['hidden'])} |" for name, o in found.items()])


def setting(results):
    on = results["measured"]
    return (f"Of {results['queries']} queries with several answers mining knew {results['known']} answers and not the other {results['hidden']} (seed {results['seed']}). "
            f"Measured with Quarry of {on['commit']}, Go {on['go']} on {on['cores']} cores of an {on['processor']}, path {on['path']}, {on['precision']}, Python {on['python']}.")


def table(rows):
    first = rows[0]
    said = f"{first['hidden_left']} hidden answers among {first['hidden_left'] + first['others_left']} candidates of {first['rows']} rows."
    return "\n".join([said, "", *RULES, *map(rule, rows)])


def rule(row):
    precision = "" if row["precision"] is None else percent(row["precision"])
    return f"| {row['rule']} | {percent(row['kept_out'])} | {percent(row['others_out'])} | {precision} | {100 * row['false_negatives']:.2f}% | {row['short']} |"


def queue(queues):
    made = ["| negatives of | hidden answers among them | " + " | ".join(f"first {n}" for n in doubted.LENGTHS) + " | all of it | hidden answers in it |",
            "|---|---|" + "---|" * (len(doubted.LENGTHS) + 2)]
    for name, q in queues.items():
        cells = [name, f"{percent(q['hidden_negatives'] / q['negatives'])} of {q['negatives']}", *(first(q["at"].get(str(n))) for n in doubted.LENGTHS),
                 f"{percent(q['hidden'] / q['length'])} of {q['length']}", f"{q['hidden']} of {q['hidden_negatives']}"]
        made.append("| " + " | ".join(cells) + " |")
    return "\n".join(made)


def first(found):
    """A precision and its interval; nothing of a queue that is shorter."""
    return f"{percent(found['precision'])} ({' to '.join(f'{100 * end:.0f}' for end in found['interval'])})" if found else ""


def percent(share):
    return f"{100 * share:.1f}%"
