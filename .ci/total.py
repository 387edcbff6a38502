"""Add up the JUnit files of all interpreters: one line each, and "N passed, N failed" last."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree


def count(path: Path) -> tuple[int, int, int]:
    """Return passed, failed and skipped of one file; an error of set-up or teardown is a failure."""
    suites = list(ElementTree.parse(path).getroot().iter("testsuite"))
    ran, failures, errors, skipped = (
        sum(int(suite.get(name, "0")) for suite in suites) for name in ("tests", "failures", "errors", "skipped")
    )
    return ran - failures - errors - skipped, failures + errors, skipped


def main(folder: Path) -> int:
    """Print the counts; return 1 where a test failed or none passed."""
    passed = failed = 0
    for path in sorted(folder.glob("tests-*.xml")):
        counts = count(path)
        print(f"{path.stem}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped")
        passed += counts[0]
        failed += counts[1]
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
