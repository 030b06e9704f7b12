"""Typed text arrives as it was meant: every program, every script, every layout, no letter more or less."""

import apps
import texts
import witness
from desk import Desk


def difference(expected, found):
    """Where two texts part, for a person."""
    at = next((i for i, (a, b) in enumerate(zip(expected, found)) if a != b), min(len(expected), len(found)))
    return (f"{len(expected)} characters were typed, {len(found)} taken; from the {at}th on\n"
            f"expected {expected[at:at + 60]!r}\nfound    {found[at:at + 60]!r}")


class Typing(Desk):
    maxDiff = 500

    def typed(self, answer, piece):
        """What an answer says of the text it typed."""
        self.assertEqual(answer["characters"], len(piece), answer)
        ways = answer["ways"]
        at = 0
        for way in ways:
            self.assertEqual(way["first"], at, ways)
            self.assertIn(way["way"], ("keys", "text-input", "keymap", "paste"))
            at += way["count"]
        self.assertEqual(at, len(piece), ways)
        return {way["way"] for way in ways}

    def take(self, kind, pieces, layout="us"):
        app = kind(self, layout)
        app.start()
        for piece in pieces:
            ways = self.typed(self.type(app.session, piece), piece) # and the next when the picture rests
            if layout == "us" and piece.isascii():
                long = any(len(line) >= 128 for line in piece.split("\n")) # may go as text
                self.assertLessEqual(ways, {"keys", "text-input"} if long else {"keys"})
        expected = "".join(pieces)
        found = app.text(expected)
        if found != expected:
            self.fail(f"{app.name}, {layout}: {difference(expected, found)}")
        return app

    def everything(self, kind, layout="us"):
        """All scripts, 1,000 and then as many characters as make sense, in one session."""
        if kind.lines:
            pieces = [*texts.lines(), texts.prose(1000), texts.prose(kind.longest, seed=2)]
            if kind.tabs:
                pieces.insert(1, "one\ttwo\t\tthree\n")
        else:
            pieces = [*texts.one_line(), texts.prose(kind.longest, lines=False)]
        return self.take(kind, pieces, layout)

    def some(self, kind, layout):
        """All scripts in one go, and 300 characters."""
        pieces = texts.lines() if kind.lines else texts.one_line()
        try:
            self.take(kind, ["".join(pieces), texts.prose(300, lines=kind.lines)], layout)
        finally:
            self.end()

    def test_foot(self):
        self.everything(apps.Foot)

    def test_gtk4_entry(self):
        self.everything(apps.ZenityEntry)

    def test_gtk4_text(self):
        self.everything(apps.ZenityText)

    def test_gtk3_mousepad(self):
        self.everything(apps.Mousepad)

    def test_qt6_featherpad(self):
        self.everything(apps.Featherpad)

    def test_libreoffice_calc(self):
        self.everything(apps.Calc)

    def test_chromium(self):
        self.everything(apps.Chromium)

    def test_firefox(self):
        self.everything(apps.Firefox)

    def test_one_go(self):
        """Keys and text by turns, as fast as it goes."""
        for kind in (apps.Foot, apps.ZenityText, apps.Mousepad, apps.Featherpad, apps.Calc, apps.Chromium,
                     apps.Firefox):
            with self.subTest(app=kind.name):
                self.some(kind, "us")

    def test_layouts_foot(self):
        for layout in ("de", "fr", "ru"):
            with self.subTest(layout=layout):
                self.some(apps.Foot, layout)

    def test_layouts_gtk4_entry(self):
        for layout in ("de", "fr", "ru"):
            with self.subTest(layout=layout):
                self.some(apps.ZenityEntry, layout)

    def test_layouts_chromium(self):
        for layout in ("de", "ru"):
            with self.subTest(layout=layout):
                self.some(apps.Chromium, layout)


# The key that makes each character on a US keyboard: https://www.w3.org/TR/uievents-code/#key-alphanumeric-writing-system
CODES = {" ": "Space", "\n": "Enter"}
CODES.update({letter: "Key" + letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"})
CODES.update({letter: "Key" + letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})
CODES.update({digit: "Digit" + digit for digit in "0123456789"})
CODES.update(zip("!@#$%^&*()", [f"Digit{n}" for n in "1234567890"]))
for characters, name in (("`~", "Backquote"), ("-_", "Minus"), ("=+", "Equal"), ("[{", "BracketLeft"),
                         ("]}", "BracketRight"), ("\\|", "Backslash"), (";:", "Semicolon"), ("'\"", "Quote"),
                         (",<", "Comma"), (".>", "Period"), ("/?", "Slash")):
    CODES.update({character: name for character in characters})


class Keys(Desk):
    """What programs see of typing besides its text."""

    def check_dom(self, kind):
        app = kind(self)
        app.start()
        text = texts.ASCII + "aaaa\n"
        self.type(app.session, text)
        self.assertEqual(app.text(text), text)
        strokes = [e for e in app.events("keydown", "keyup") if e["key"] != "Shift"]
        self.assertEqual([(e["event"], e["key"], e["code"]) for e in strokes],
                         [(event, "Enter" if c == "\n" else c, CODES[c])
                          for c in text for event in ("keydown", "keyup")])
        self.assertFalse([e for e in app.events("keydown") if e["repeat"]])
        shifts = app.events("keydown", "keyup")
        self.assertEqual(sum(e["key"] == "Shift" and e["event"] == "keydown" for e in shifts),
                         sum(e["key"] == "Shift" and e["event"] == "keyup" for e in shifts))
        self.assertEqual("".join(e["data"] or "" for e in app.events("input") if e["kind"] == "insertText"),
                         text.replace("\n", ""))

    def test_events_of_chromium(self):
        self.check_dom(apps.Chromium)

    def test_events_of_firefox(self):
        self.check_dom(apps.Firefox)

    def test_every_key_goes_up_and_none_repeats(self):
        for options, layout in (((), "us"), (("--text-input",), "us"), ((), "de"), ((), "ru")):
            with self.subTest(options=options, layout=layout):
                display = {} if layout == "us" else {"keyboardLayout": layout}
                self.detach("sleep", "600", policy=witness.policy(self, display=display))
                window = witness.Witness(self, *options)
                window.forget()
                pieces = [*texts.lines(), texts.prose(2000)]
                for piece in pieces:
                    self.type("s", piece, wait=0)
                expected = "".join(pieces)
                window.wait(lambda _, w=window, e=expected: len(w.text()) >= len(e), "all the text", 60)
                if window.text() != expected:
                    self.fail(difference(expected, window.text()))
                down = set()
                for event in window.events("key"):
                    if event["state"] == 1:
                        self.assertNotIn(event["code"], down)
                        down.add(event["code"])
                    else:
                        down.remove(event["code"])
                    self.assertIn(event["state"], (0, 1))
                self.assertEqual(down, set())
                self.assertEqual(window.events("modifiers")[-1]["depressed"], 0)
                self.assertEqual({e["rate"] for e in window.all() if e["event"] == "repeat-info"}, {0})
                # Many keymaps, one after the other, make some programs run out of descriptors.
                self.assertLessEqual(len(window.events("keymap")), 2 * len(pieces))
                if "--text-input" in options:
                    self.assertTrue(window.events("text-commit"))
                    self.assertTrue(all(e["current"] for e in window.events("text-done")))
                self.end()
