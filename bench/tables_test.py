"""Tests tables.py: python3 bench/tables_test.py"""

import json
import pathlib
import tempfile
import unittest
import unittest.mock

import machine
import tables
import targets

ON = {"processor": "P", "cores": 2, "system": "Linux x86_64", "path": "amx", "auto": "bf16", "go": "1.26", "python": "3.11", "threads": 2,
      "commit": "abc", "date": "2026-01-02", "command": "bench/run", "load": 0.5}

FORMER = "figures of an earlier time"


def result(row, ratio=2.0, path="amx"):
    side = {"values": [1000.0, 1100.0, 990.0], "median": 1000.0, "spread": 0.11}
    if targets.BY_NAME[row].section == "growth":
        point = {"what": "embed", "by": "length", "unit": "tokens/s", "texts": 4, "length": 16, "median": 12345.0, "rounds": 3}
        return {"row": row, "path": path, "drawing": "growth.svg", "points": [point | {"workers": w} for w in (1, 2)], "on": ON | {"path": path}}
    return {"row": row, "path": path, "unit": "tokens/s", "peer": side | {"choice": "batch 8", "versions": {"torch": "2"}},
            "quarry": side | {"gflops": 321.0, "further": {"the rest, s": 0.5}}, "ratio": ratio, "texts": 10, "tokens": 100,
            "least_cosine": {"peer": 0.99991, "quarry": 0.99997}, "on": ON | {"path": path}}


def page(text=FORMER + "\n"):
    return "# Page\n\n" + "\n".join(f"<!-- bench/run: {s} -->\n{text}<!-- end of {s} -->\n" for s in targets.SECTIONS) + "\nend\n"


class Render(unittest.TestCase):
    def test_a_second_time_changes_nothing(self):
        results = [result(name, path=path) for name in targets.BY_NAME for path in ("amx", "avx512bf16")]
        once = tables.render(page(), results)
        self.assertEqual(once, tables.render(once, results))
        self.assertNotIn(FORMER, once)

    def test_sections_without_results_keep_their_text(self):
        made = tables.render(page(), [result("search")])
        self.assertEqual(len(targets.SECTIONS) - 1, made.count(FORMER))
        self.assertTrue(made.endswith("\nend\n"))

    def test_a_target_is_judged_on_its_path(self):
        for path, ratio, verdict in [("amx", 1.5, "≥ 1.5: reached"), ("avx512bf16", 1.7, "≥ 1.8: not reached"), ("avx2", 9.0, "| – |")]:
            with self.subTest(path=path):
                self.assertIn(verdict, tables.render(page(), [result("encode-openvino", ratio, path)]))

    def test_a_target_that_was_missed_has_a_reason(self):
        with unittest.mock.patch.dict(targets.BECAUSE, {("mine", "amx"): "the disk is slow"}):
            self.assertIn("≥ 15: not reached at 321 GFLOPS, because the disk is slow |", tables.render(page(), [result("mine", 2)]))
        self.assertIn("≥ 15: not reached at 321 GFLOPS; why was not looked into |", tables.render(page(), [result("mine", 2)]))

    def test_reasons_are_of_rows_with_a_target(self):
        for name, path in targets.BECAUSE:
            self.assertIn(path, targets.BY_NAME[name].wanted)

    def test_vectors_at_auto_are_judged(self):
        found = result("encode-bf16") | {"top25": {"peer": {"same": 1, "near_ties": 0}, "quarry": {"same": 0.9985, "near_ties": 0.04}}}
        made = "; ".join(tables.correctness(found))
        for verdict in ("wanted ≥ 0.9999: reached", "wanted ≥ 99.9 %: not reached", "wanted near-ties ≤ 5 %: reached"):
            self.assertIn(verdict, made)
        self.assertNotIn("wanted", "; ".join(tables.correctness(found | {"row": "encode-f32"})))

    def test_a_page_without_a_sections_markers_is_refused(self):
        with self.assertRaises(SystemExit):
            tables.render("# Page\n", [result("mine")])

    def test_figures_have_three_digits(self):
        self.assertEqual(["12,346", "12.0", "0.500", "99.9"], [tables.figure(v) for v in (12345.6, 12, 0.5, 99.9)])


class Add(unittest.TestCase):
    def test_a_result_takes_the_place_of_that_of_its_row_and_path(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "benchmarks.json"
            for made in (result("mine"), result("encode-f32"), result("mine", path="avx512"), result("mine", 3.0)):
                tables.add(made, path)
            kept = json.loads(path.read_text())["results"]
        self.assertEqual([("encode-f32", "amx", 2.0), ("mine", "amx", 3.0), ("mine", "avx512", 2.0)], [(k["row"], k["path"], k["ratio"]) for k in kept])


class Commit(unittest.TestCase):
    def test_it_is_read_from_a_binarys_version(self):
        revision = "ea94902abcde0123456789abcdef0123456789ab"
        for version, want in [
            ("v0.0.0-20261128043734-ea94902abcde+dirty", "ea94902 with changes"), ("v0.0.0-20261128043734-ea94902abcde", "ea94902"),
            (f"(devel) {revision}", "ea94902"), (f"v1.2.3 {revision}", "ea94902"), ("(devel)", "a binary of version (devel)"),
            ("v1.2.3", "a binary of version v1.2.3"),
        ]:
            with self.subTest(version=version):
                self.assertEqual(want, machine.built_from(version))


class Page(unittest.TestCase):
    def test_it_is_what_the_results_make(self):
        self.assertEqual(tables.PAGE.read_text(), tables.render(tables.PAGE.read_text(), tables.load()))

    def test_it_has_every_sections_markers(self):
        for section in targets.SECTIONS:
            self.assertEqual(1, tables.PAGE.read_text().count(f"<!-- bench/run: {section} -->\n"), section)
            self.assertIn(section, tables.OPENING)


if __name__ == "__main__":
    unittest.main()
