"""unittest with this project's last line, "N passed, N failed", and `--pawl` for the binary."""

import argparse
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Tally(unittest.TextTestResult):
    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.failed_parents.add(test.id())

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.failed_parents = set()


def arguments_with(add=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--pawl", default=str(ROOT / "build" / "release" / "cli" / "pawl"))
    parser.add_argument("--only", default="", help="run the tests whose name contains this")
    if add:
        add(parser)
    return parser.parse_args()


def scratch_for(case):
    """A directory that is there until the test ends."""
    scratch = tempfile.TemporaryDirectory(prefix=f"pawl-{type(case).__name__.lower()}-")
    case.addCleanup(scratch.cleanup)
    return scratch.name


def run(cases, only=""):
    """Runs the test cases' classes and ends the process."""
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for case in cases:
        for test in loader.loadTestsFromTestCase(case):
            if only in test.id():
                suite.addTest(test)
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Tally, verbosity=0).run(suite)
    broken = {test.id() for test, _ in result.failures + result.errors
              if not isinstance(test, unittest.case._SubTest)} | result.failed_parents
    for test, reason in result.skipped:
        print(f"skipped: {test.id().split('.')[-1]}: {reason}")
    failed = len(broken)
    passed = max(0, result.testsRun - failed - len(result.skipped))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
