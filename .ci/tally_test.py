"""Tests tally.py: python3 .ci/tally_test.py"""

import contextlib
import io
import pathlib
import unittest

import tally

ABSENT = "shared data absent: open ../../shared/data/eedi/corpus.jsonl: no such file or directory"


class Judge(unittest.TestCase):
    def refused(self, name, why, shared_is_there):
        allowed = tally.read_list(pathlib.Path(tally.__file__).with_name("skips"))
        with contextlib.redirect_stdout(io.StringIO()):
            return tally.judge([(name, why)], allowed, shared_is_there)

    def test_a_listed_test_may_skip_where_the_data_is_absent(self):
        self.assertEqual(0, self.refused("corpus.TestEedi", ABSENT, False))

    def test_a_listed_test_may_not_skip_where_the_data_is_there(self):
        self.assertEqual(1, self.refused("corpus.TestEedi", ABSENT, True))

    def test_any_other_test_may_not_skip_for_want_of_data(self):
        self.assertEqual(1, self.refused("finetune.TestStepsAgainstTorch", ABSENT, False))

    def test_a_parity_check_is_listed_by_its_name(self):
        why = "all-MiniLM-L6-v2: {}: shared data absent: ../shared/data/eedi"
        self.assertEqual(0, self.refused("parity/embedding_live.py", why.format("eedi corpus"), False))
        self.assertEqual(1, self.refused("parity/embedding_live.py", why.format("eedi corpus"), True))
        self.assertEqual(1, self.refused("parity/embedding_live.py", why.format("hard texts"), False))

    def test_other_skips_do_not_ask_for_the_data(self):
        self.assertEqual(0, self.refused("cmd/quarry.TestKillAtRandomInstants", "kill -9 is a signal of Unix", True))

    def test_a_skip_without_its_listed_reason(self):
        self.assertEqual(1, self.refused("corpus.TestEedi", "no reason given", False))


class GoTest(unittest.TestCase):
    def test_counts_and_reasons(self):
        events = [
            '{"Action":"output","Package":"github.com/quarry-ml/quarry/corpus","Test":"TestEedi","Output":"    shared_test.go:14: shared data absent: x\\n"}',
            '{"Action":"skip","Package":"github.com/quarry-ml/quarry/corpus","Test":"TestEedi"}',
            '{"Action":"pass","Package":"github.com/quarry-ml/quarry/corpus","Test":"TestOther"}',
            '{"Action":"fail","Package":"github.com/quarry-ml/quarry/mine","Elapsed":1}',
        ]
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual((1, 1, [("corpus.TestEedi", "shared data absent: x")]), tally.of_go_test(events))


if __name__ == "__main__":
    unittest.main()
