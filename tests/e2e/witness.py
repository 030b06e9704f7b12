"""The window that tells what it hears (tests/helpers/witness.c), in a session."""

import json
import os

from harness import HOSTILE, wait_for

PROGRAM = os.path.join(os.path.dirname(HOSTILE), "helpers", "witness")
SHIFT, CONTROL, ALT, SUPER = 1, 4, 8, 64 # as the standard keymaps number their modifiers


class Witness:
    """Started in session `name`, whose policy grants `os.path.dirname(PROGRAM)`."""

    def __init__(self, test, *options, name="s"):
        self.path = os.path.join(test.dir, f"witness-{len(test.started)}.jsonl")
        self.test, self.at = test, 0
        with open(self.path, "wb") as file:
            self.process = test.spawn("exec", name, "--", PROGRAM, *options, stdout=file)
        self.wait(lambda events: any(e["event"] == "drawn" for e in events), "its first picture")
        self.wait(lambda events: any(e["event"] == "keyboard-enter" for e in events), "the keyboard")

    def all(self):
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def events(self, *kinds):
        """What came since forget(); only of `kinds`, if any are named."""
        return [e for e in self.all()[self.at:] if not kinds or e["event"] in kinds]

    def forget(self):
        self.at = len(self.all())

    def wait(self, check, what, seconds=20):
        """Waits until `check` is true of what came since forget(), and returns that."""
        def look():
            events = self.events()
            return events if check(events) else None
        return wait_for(look, seconds, "the witness to tell of " + what)

    def wait_count(self, kind, count):
        """Waits for `count` events of a kind and returns all of that kind."""
        self.wait(lambda events: sum(e["event"] == kind for e in events) >= count, f"{count} {kind}")
        return self.events(kind)

    def text(self):
        """The text that its keys and its text input came to."""
        found = ""
        for e in self.events("key", "text-commit"):
            if e["event"] == "text-commit" or e["state"] == 1:
                found += "\n" if e["text"] == "\r" else e["text"]
        return found


def policy(test, **sections):
    """A policy under which the witness can be run."""
    grant = {"readonlyPaths": [os.path.dirname(PROGRAM)]}
    return test.policy(filesystem=grant, **sections)

