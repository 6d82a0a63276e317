"""Tests what measure.py counts by itself: python3 bench/false_negatives/measure_test.py"""

import collections
import json
import pathlib
import tempfile
import types
import unittest

import crossencoders
import doubted
import page
import rules
import setting
import teachers


class Hide(unittest.TestCase):
    def test_half_of_several_is_hidden_rounded_down(self):
        judged = {"one": ["a"], "two": ["a", "b"], "five": list("abcde")}
        known, hidden = setting.hide(judged, "1")
        self.assertEqual({"two": 1, "five": 3}, {q: len(p) for q, p in known.items()})
        for query in known:
            self.assertEqual(sorted(judged[query]), sorted(known[query] + hidden[query]))
        self.assertEqual((known, hidden), setting.hide({q: p[::-1] for q, p in judged.items()}, "1"))


class Shares(unittest.TestCase):
    def test_of_what_the_first_rule_leaves(self):
        first = {"hidden_left": 10, "others_left": 100}
        self.assertEqual({"kept_out": 0.5, "others_out": 0.15, "precision": 0.25}, rules.shares({"hidden_left": 5, "others_left": 85}, first))
        self.assertIsNone(rules.shares(first, first)["precision"])


class Precision(unittest.TestCase):
    RIGHT = [("a", True), ("b", False), ("a", False), ("c", True)]

    def test_of_the_first(self):
        self.assertEqual([1, 1 / 2, 1 / 3, 1 / 2], [doubted.precision(self.RIGHT, n) for n in (1, 2, 3, 4)])

    def test_queries_that_were_drawn_again(self):
        self.assertEqual(2 / 3, doubted.precision(self.RIGHT, 3, collections.Counter(a=2, b=1)))  # a, a, b

    def test_the_interval_holds_it(self):
        low, high = doubted.interval(self.RIGHT * 10, 20, ["a", "b", "c"], "1")
        self.assertTrue(low <= doubted.precision(self.RIGHT * 10, 20) <= high)


class Worded(unittest.TestCase):
    def test_passages_without_words_are_left_out(self):
        row = {"query": "q", "pos": ["", "a"], "neg": ["b", " \n"], "quarry": {"key": "1"}}
        self.assertEqual({"query": "q", "pos": ["a"], "neg": ["b"]}, crossencoders.worded(row))


class Losses(unittest.TestCase):
    def test_of_each_fold_before_and_after_each_epoch(self):
        with tempfile.TemporaryDirectory() as folder:
            folds = pathlib.Path(folder)
            (folds / "folds.json").write_text(json.dumps({"folds": [{"model": f"fold-{n}/epoch-1", "trained": 5, "held_out": 4 + n, "loss": 0.25, "eval_loss": 0.5} for n in (0, 1)]}))
            for n in 0, 1:
                (folds / f"fold-{n}").mkdir()
                (folds / f"fold-{n}" / "epochs.json").write_text(json.dumps({"epochs": [{"epoch": 0, "eval_loss": 0.75 + n}, {"epoch": 1, "eval_loss": 0.5}]}))
            self.assertEqual([{"trained": 5, "held_out": 4 + n, "loss": 0.25, "eval_losses": [0.75 + n, 0.5]} for n in (0, 1)], crossencoders.losses(folds))


class Orders(unittest.TestCase):
    def test_pairs_in_order_ties_by_half(self):
        self.assertEqual(5 / 8, teachers.in_order([3, 1], [0, 1, 2, 3]))  # 3 above 0, 1, 2 and with 3; 1 above 0 and with 1
        self.assertIsNone(teachers.in_order([], [1]))
        self.assertIsNone(teachers.in_order([1], []))

    def test_a_pair_is_named_as_quarry_names_it(self):
        # The beginning of sha256 of 02 00 00 00 00 00 00 00, "é", "b": lengths are in bytes.
        self.assertEqual("e608968309f7fc8a0a049b6de668d5bd", teachers.pair("é", "b"))

    def test_of_what_the_other_teacher_was_asked_too(self):
        measured = types.SimpleNamespace(
            texts={"q": "query", "r": "other"}, passages={p: f"text {p}" for p in "abcde"}, known={"q": ["a"], "r": ["b"]}, hidden={"q": ["b"], "r": ["a"]})
        with tempfile.TemporaryDirectory() as folder:
            asked, scores = (pathlib.Path(folder) / name for name in ("asked.jsonl", "scores.jsonl"))
            write = lambda file, said: file.write_text("".join(json.dumps(line) + "\n" for line in [{"version": 1}] + [
                {"pair": teachers.pair(measured.texts[query], measured.passages[p]), "score": score} for (query, p), score in said.items()]))
            write(asked, {("q", p): 0 for p in "abcd"} | {("r", p): 0 for p in "bc"})  # hidden is b for q, and nothing for r
            write(scores, {("q", "a"): 3, ("q", "b"): 1, ("q", "c"): 2, ("q", "d"): 0, ("q", "e"): 9, ("r", "b"): 1, ("r", "c"): 2, ("r", "a"): 9})
            self.assertEqual({"known": 1 / 2, "hidden": 1 / 2}, teachers.orders(measured, asked, scores))  # 2/2 and 0/1; 1/2
            self.assertEqual({"known": 1 / 2, "hidden": 1 / 2}, teachers.orders(measured, asked, asked))


class Page(unittest.TestCase):
    def test_a_second_time_changes_nothing(self):
        row = {"rule": "window 0-100 alone", "rows": 3, "hidden_left": 2, "others_left": 20, "false_negatives": 0.1, "short": 1, "kept_out": 0, "others_out": 0, "precision": None}
        queues = {"bm25": {"negatives": 22, "hidden_negatives": 2, "length": 30, "hidden": 1, "at": {"25": {"precision": 0.04, "interval": [0, 0.1]}}}}
        results = {
            "measured": {"processor": "P", "cores": 2, "path": "avx2", "precision": "f32", "go": "1.26", "python": "3.11", "commit": "abc"}, "seed": "1", "queries": 3, "known": 4, "hidden": 2,
            "sources": {"bm25": {"rules": [row], "each": []}}, "queues": queues,
            "cross_encoders": {"training": [{"trained": 5, "held_out": 4, "loss": 0.25, "eval_losses": [0.75, 0.5]}], "orders": {"bm25, cross-encoders": {"known": 0.875, "hidden": 0.5}},
                               "sources": {"bm25": [row]}, "queues": queues}}
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "page.md"
            file.write_text("# Page\n\n" + "".join(f"<!-- measure.py: {name} -->\nof an earlier time\n<!-- end of {name} -->\n" for name in page.sections(results)) + "end\n")
            page.write(file, results)
            once = file.read_text()
            self.assertNotIn("earlier", once)
            self.assertEqual(2, once.count("4.0% (0 to 10) |  |"))
            self.assertIn("| 4 rows | 5 rows | 0.250 | 0.750 | 0.500 |", once)
            self.assertIn("| bm25, cross-encoders | 87.5% | 50.0% |", once)
            page.write(file, results)
            self.assertEqual(once, file.read_text())


if __name__ == "__main__":
    unittest.main()
