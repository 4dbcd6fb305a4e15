"""Sums the tests of the JUnit files that a run left behind: the last lines of `./dev test`."""

from __future__ import annotations

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    total = failed = skipped = 0
    for file in sorted(folder.glob("*.xml")):
        root = ElementTree.parse(file).getroot()
        suites = [root] if "tests" in root.attrib else list(root.iter("testsuite"))
        tests = sum(int(s.get("tests", 0)) for s in suites)
        bad = sum(int(s.get("failures", 0)) + int(s.get("errors", 0)) for s in suites)
        left_out = sum(int(s.get("skipped", 0) or 0) for s in suites)
        print(f"{tests:6d} tests  {bad} failed  {left_out} skipped  {file.stem}")
        total, failed, skipped = total + tests, failed + bad, skipped + left_out
    print(f"{total:6d} tests in all, {failed} failed, {skipped} skipped")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
