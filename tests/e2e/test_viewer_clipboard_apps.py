"""Real programs on the user's desktop hold what is put in, and take what is taken out, with a window between."""

import json
import os
import socket
import sys
import time
import unittest

from apps import INSIDE
from desktops import Xvfb
from harness import wait_for
from test_viewer_clipboard import CANARY, TAG, Crossing

MINE = "mine: grüße, ÄÖÜ ß\nsecond line 🎉"
AGENTS = "the agent's: Übermut, ñ, 世界\nsecond line 🚀"


class Program:
    """One program of the user on a desktop of X11. `test` is a Crossing."""

    name = ""
    holds = MINE # what it copies

    def __init__(self, test, desktop):
        self.test, self.desktop, self.window = test, desktop, None
        self.folder = os.path.join(desktop.dir, self.name)
        os.makedirs(self.folder)

    def start(self):
        raise NotImplementedError

    def shown(self, *search, seconds=60):
        """Waits for the window that xdotool finds by `search`, and brings it to the front."""
        def look():
            return self.desktop.run("xdotool", "search", "--onlyvisible", *search, check=False).split()
        self.window = wait_for(look, seconds, f"a window of {self.name}")[-1]
        self.front()

    def front(self):
        self.desktop.xdotool("windowactivate", "--sync", self.window)
        time.sleep(0.5)

    def key(self, *chords):
        for chord in chords:
            self.desktop.xdotool("key", "--clearmodifiers", chord)
            time.sleep(0.5)


class Editor(Program):
    """A file, of which the program copies all; and what it pastes over it, it keeps there."""

    command = ()

    def start(self):
        self.path = os.path.join(self.folder, "text.txt")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(MINE)
        self.prepare()
        self.desktop.spawn(*self.command, self.path)
        self.shown("--name", "text.txt")
        time.sleep(1)

    def prepare(self):
        pass

    def copy(self):
        self.front()
        self.key("ctrl+a", "ctrl+c")

    def paste(self):
        """Pastes over everything, and returns what the file holds once it is saved."""
        self.front()
        before = self.saved()
        self.key("ctrl+a", "ctrl+v", "ctrl+s")
        wait_for(lambda: self.saved() not in (None, before), 15, f"{self.name} has saved")
        time.sleep(0.3)
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def saved(self):
        """When that was, or None while the program puts one file into the place of the other."""
        try:
            return os.stat(self.path).st_mtime_ns
        except FileNotFoundError:
            return None


class Mousepad(Editor):
    """GTK 3."""

    name = "mousepad"
    command = ("mousepad",)


class Featherpad(Editor):
    """Qt 6."""

    name = "featherpad"
    command = ("env", "QT_QPA_PLATFORM=xcb", "featherpad")

    def prepare(self):
        folder = os.path.join(self.desktop.env["XDG_CONFIG_HOME"], "featherpad")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "fp.conf"), "w", encoding="utf-8") as file:
            file.write("[text]\nnoIndent=true\nautoReplace=false\nappendEmptyLine=false\n")


class Chromium(Program):
    """A page that uses the asynchronous API when its buttons are clicked."""

    name = "chromium"
    holds = "written by a page: grüße 🎉\n"

    def start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.report = os.path.join(self.folder, "report.json")
        self.desktop.spawn(sys.executable, os.path.join(INSIDE, "server.py"), str(port), self.report)
        os.makedirs(os.path.join(self.folder, "Default"))
        with open(os.path.join(self.folder, "Default", "Preferences"), "w", encoding="utf-8") as file:
            json.dump({"profile": {"content_settings": {"exceptions": {
                "clipboard": {f"http://127.0.0.1:{port},*": {"setting": 1}}}}}}, file)

        def served():
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0
        wait_for(served, 20, "the page's server")
        self.desktop.spawn("chromium", "--ozone-platform=x11", "--no-first-run", "--disable-gpu",
                           "--password-store=basic", f"--user-data-dir={self.folder}", "--window-size=400,420",
                           f"--app=http://127.0.0.1:{port}/clipboard")
        self.shown("--name", "^ready$")
        time.sleep(2)

    def events(self):
        if not os.path.exists(self.report):
            return []
        with open(self.report, encoding="utf-8") as file:
            return json.load(file)

    def click(self, y, event):
        """On the button there, `y` below the top of the window."""
        self.front()
        before = len(self.events())
        self.desktop.xdotool("mousemove", "--window", self.window, 150, y, "click", 1)
        found = wait_for(lambda: self.events()[before:], 20, event)[0]
        self.test.assertEqual(found["event"], event)
        self.test.assertNotIn("error", found)
        return found

    def copy(self):
        self.click(50, "write")

    def paste(self):
        return self.click(290, "text")["text"]


class UserPrograms(Crossing):
    def both_ways(self, kind, chords=False):
        desktop, own = self.begin(Xvfb)
        program = kind(self, desktop)
        program.start()

        # What the user copied in it is in the desktop's clipboard, and nowhere inside until it is put in.
        program.copy()
        wait_for(lambda: own.paste("UTF8_STRING").decode() == program.holds, 10, "what the program copied")
        self.assertEqual(self.paste(), b"")
        self.ask(desktop, chords, "Put in", "ctrl+alt+shift+v")
        self.said(desktop, "Put this into the session s?")
        self.assertEqual(self.paste(), b"")
        self.say(desktop, "Put In")
        self.said(desktop, "can be pasted once")
        self.assertEqual(self.paste().decode(), program.holds)
        wait_for(lambda: self.paste() == b"", 10, "it was pasted once")

        # What the agent copied is nowhere outside until it is taken out: the program pastes what the user has.
        own.copy(CANARY)
        self.copy(AGENTS)
        self.assertEqual(program.paste(), CANARY)
        own.copy("still " + CANARY)  # another, as a text that stays the same is not saved again
        self.ask(desktop, chords, "Take out", "ctrl+alt+shift+c")
        self.said(desktop, "Take this out of the session s?")
        self.assertEqual(program.paste(), "still " + CANARY)
        self.say(desktop, "Take Out")
        self.said(desktop, "in your clipboard now")
        self.assertIn(TAG, own.types())
        self.assertEqual(program.paste(), AGENTS)
        self.keep(desktop, "taken-out-" + program.name)
        self.assertEqual([line["direction"] for line in self.crossings()], ["in", "out"])
        self.assertEqual(self.refusals(), [])

    def ask(self, desktop, chords, button, chord):
        if not chords:
            self.press(desktop, button)
            return
        window = desktop.xdotool("search", "--onlyvisible", "--name", "^s – Parclose$").split()[-1]
        desktop.xdotool("windowactivate", "--sync", window)
        time.sleep(0.5)
        desktop.xdotool("key", "--clearmodifiers", chord)

    def say(self, desktop, yes):
        time.sleep(1)  # yes can be said a moment after the question was asked
        self.press(desktop, yes)

    def test_gtk(self):
        self.both_ways(Mousepad)

    def test_qt(self):
        self.both_ways(Featherpad, chords=True)

    @unittest.skipIf(os.geteuid() == 0, "Chromium has no sandbox for root, and is not run without")
    def test_chromium_asynchronous_api(self):
        self.both_ways(Chromium)


if __name__ == "__main__":
    unittest.main()
