"""Tests what measure.py counts by itself: python3 bench/false_negatives/measure_test.py"""

import collections
import pathlib
import tempfile
import unittest

import doubted
import page
import rules
import setting


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


class Page(unittest.TestCase):
    def test_a_second_time_changes_nothing(self):
        row = {"rule": "window 0-100 alone", "rows": 3, "hidden_left": 2, "others_left": 20, "false_negatives": 0.1, "short": 1, "kept_out": 0, "others_out": 0, "precision": None}
        results = {
            "measured": {"processor": "P", "cores": 2, "path": "avx2", "precision": "f32", "go": "1.26", "python": "3.11", "commit": "abc"}, "seed": "1", "queries": 3, "known": 4, "hidden": 2,
            "sources": {"bm25": {"rules": [row], "each": []}},
            "queues": {"bm25": {"negatives": 22, "hidden_negatives": 2, "length": 30, "hidden": 1, "at": {"25": {"precision": 0.04, "interval": [0, 0.1]}}}}}
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "page.md"
            file.write_text("# Page\n\n" + "".join(f"<!-- measure.py: {name} -->\nof an earlier time\n<!-- end of {name} -->\n" for name in page.sections(results)) + "end\n")
            page.write(file, results)
            once = file.read_text()
            self.assertNotIn("earlier", once)
            self.assertIn("4.0% (0 to 10) |  |", once)
            page.write(file, results)
            self.assertEqual(once, file.read_text())


if __name__ == "__main__":
    unittest.main()
