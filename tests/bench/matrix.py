"""How much of what is typed arrives: every script of tests/e2e/texts.py in every program of tests/e2e/apps.py."""

import difflib
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))


def wrong(expected, found):
    """Characters that did not arrive in their order, or others that did."""
    if expected == found:
        return 0
    same = difflib.SequenceMatcher(None, expected, found, autojunk=False).get_matching_blocks()
    return max(len(expected), len(found)) - sum(block.size for block in same)


def errors(bench):
    os.environ["PARCLOSE_BUILD"] = os.path.dirname(os.path.dirname(bench.parclose))
    # Both want PARCLOSE_BUILD.
    import apps  # pylint: disable=import-outside-toplevel
    import desk  # pylint: disable=import-outside-toplevel
    import texts  # pylint: disable=import-outside-toplevel
    total = bad = 0
    for kind in apps.EVERY:
        test = desk.Desk()
        test.setUp()
        try:
            app = kind(test)
            app.start()
            pieces = [*(texts.lines() if kind.lines else texts.one_line()), texts.prose(1000, lines=kind.lines)]
            begun = time.perf_counter()
            for piece in pieces:
                test.type(app.session, piece)
            took = (time.perf_counter() - begun) * 1000
            expected = "".join(pieces)
            count = wrong(expected, app.text(expected))
        finally:
            test.tearDown()
        bench.row(f"  {len(expected)} characters, {len(pieces)} acts: {kind.name}", "ms", took)
        total += len(expected)
        bad += count
    bench.row(f"wrong or missing, of {total} characters in {len(apps.EVERY)} programs", "", bad, goal="0")
