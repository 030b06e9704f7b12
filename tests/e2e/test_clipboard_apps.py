"""The clipboard of a session in real programs: copied and pasted among them, and through the gate."""

import os
import subprocess
import time
import unittest

import apps
from desk import Desk
from harness import PARCLOSE, wait_for
from pictures import png
from test_clipboard_pictures import pixels

TEXT = "copied by hand: grüße, 世界, עברית 🎉"
TEXTS = ["text/plain;charset=utf-8"]


class ClipboardDesk(Desk):
    way = {"ui": {"disable": False, "clipboard": "all"}}

    def policy(self, **sections):
        return super().policy(**{**self.way, "clipboard": {"confirm": False, "maxBytes": 1 << 20,
                                                          "mimeTypes": TEXTS + ["image/png"]}, **sections})

    def wl_paste(self, *options):
        return subprocess.run([PARCLOSE, "exec", "s", "--", "wl-paste", "-n", *options], env=self.env,
                              capture_output=True, timeout=30, stdin=subprocess.DEVNULL).stdout

    def wl_copy(self, data, *options):
        subprocess.run([PARCLOSE, "exec", "s", "--", "wl-copy", *options], env=self.env, check=True, timeout=30,
                       input=data, stdout=subprocess.DEVNULL)

    def get(self):
        done = subprocess.run([PARCLOSE, "clipboard", "s", "get"], env=self.env, capture_output=True, timeout=30,
                              stdin=subprocess.DEVNULL)
        return done.stdout if done.returncode == 0 else done.stderr

    def wait_out(self, wanted, what, seconds=15):
        """Until that comes out of the gate. A program needs a moment between a key and its copy."""
        found = []

        def look():
            found.append(self.get())
            return found[-1] == wanted
        try:
            wait_for(look, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {found[-1]}") from None

    def stay(self, name="s"):
        self.stable(name, 200)


class AppsTest(ClipboardDesk):
    def start(self, kind):
        app = kind(self)
        app.start()
        self.stay()
        return app

    def through(self, kind, copies, paste="ctrl+v", select="ctrl+a"):
        """The user's item is put in and pasted; and, where `copies`, what the program copied is taken out."""
        app = self.start(kind)
        self.cli("clipboard", "s", "put", stdin=TEXT)
        self.assertEqual(len([line for line in self.log() if line["event"] == "clipboard-pasted"]), 0)
        self.key("s", paste)
        self.stay()
        wait_for(lambda: [line for line in self.log() if line["event"] == "clipboard-pasted"], 10, "it was pasted")
        time.sleep(0.5)
        self.key("s", paste)  # once: the second time there is nothing
        self.stay()
        if copies:
            self.key("s", select)
            self.key("s", "ctrl+c")
            self.wait_out(TEXT.encode(), "what the program copied")
            self.key("s", "Right")
        return app

    def test_gtk4(self):
        app = self.through(apps.ZenityText, True)
        self.assertEqual(app.text(TEXT), TEXT)

    def test_gtk4_entry(self):
        app = self.through(apps.ZenityEntry, True)
        self.assertEqual(app.text(TEXT), TEXT)

    def test_gtk3(self):
        app = self.through(apps.Mousepad, True)
        self.assertEqual(app.text(TEXT).rstrip("\n"), TEXT)

    def test_qt(self):
        app = self.through(apps.Featherpad, True)
        self.assertEqual(app.text(TEXT).rstrip("\n"), TEXT)

    def test_foot(self):
        app = self.through(apps.Foot, False, "ctrl+shift+v")
        self.key("s", "Return")
        self.assertEqual(app.text(TEXT + "\n"), TEXT + "\n")

    def test_libreoffice(self):
        app = self.start(apps.Calc)
        self.cli("clipboard", "s", "put", stdin="one\ttwo\nthree\tfour\n")
        self.key("s", "ctrl+v")
        self.stable("s", 1500)
        # It asks how the text is to be laid into cells.
        if len(self.inspect()["windows"]) > 1:
            self.key("s", "Return")
            self.stable("s", 1500)
        self.key("s", "ctrl+a")
        self.key("s", "ctrl+c")
        self.wait_out(b"one\ttwo\nthree\tfour\n", "what the sheet copied", 30)
        self.assertEqual(app.text("one\ttwo\nthree\tfour\n"), "one\ttwo\nthree\tfour\n")

    def browser(self, kind):
        app = self.start(kind)
        self.click("s", *self.middle_of_text(app))
        self.cli("clipboard", "s", "put", stdin=TEXT)
        self.key("s", "ctrl+v")
        self.assertEqual(app.text(TEXT), TEXT)
        self.key("s", "ctrl+a")
        self.key("s", "ctrl+c")
        self.wait_out(TEXT.encode(), "what the page copied")

    def middle_of_text(self, app):
        """The page is below the browser's own bars, and says where it was clicked."""
        self.click("s", 700, 300)
        seen = app.wait_event(lambda e: e["event"] == "mousedown", "a first click")
        return 700 - seen["x"] + 300, 300 - seen["y"] + 150

    def test_chromium(self):
        self.browser(apps.Chromium)

    def test_firefox(self):
        self.browser(apps.Firefox)

    def test_chromium_asynchronous_api(self):
        class Page(apps.Chromium):
            name = "chromium's clipboard page"
            program = ("mkdir -p $HOME/profile/Default; echo '{\"profile\": {\"content_settings\": {\"exceptions\": "
                       "{\"clipboard\": {\"http://127.0.0.1:8000,*\": {\"setting\": 1}}}}}}' "
                       "> $HOME/profile/Default/Preferences; " + apps.Chromium.program + " --app=")
            command = property(lambda self: apps.Browser.command.fget(self).replace(
                "--app= http://127.0.0.1:8000/page", "--app=http://127.0.0.1:8000/clipboard"))
        app = self.start(Page)
        window = self.inspect()["windows"][0]
        # Where the page begins below the window's own title.
        top = self.page_top(window)

        def press(y, event):
            before = len(app.events(event))
            self.click("s", window["x"] + 150, top + y)
            found = wait_for(lambda: app.events(event)[before:], 20, event)[0]
            self.assertNotIn("error", found)
            return found
        press(50, "write")
        self.wait_out("written by a page: grüße 🎉\n".encode(), "what the page wrote")
        press(130, "picture")
        found = wait_for(lambda: (lambda data: data if data[:4] == b"\x89PNG" else None)(self.get()), 15, "its picture")
        width, height, _, rows = pixels(found)
        self.assertEqual((width, height, tuple(rows[0][:3])), (40, 30, (200, 40, 10)))
        self.cli("clipboard", "s", "put", stdin="read by a page")
        self.assertEqual(press(210, "read")["text"], "read by a page")
        path = os.path.join(self.dir, "in.png")
        with open(path, "wb") as file:
            file.write(png(25, 20, [bytes((10, 120, 230, 255)) * 25] * 20))
        self.cli("clipboard", "--type", "image/png", "s", "put", path)
        read = press(210, "read")
        self.assertEqual((read["width"], read["height"], read["pixel"]), (25, 20, [10, 120, 230, 255]))
        # What stood before is no longer there for the page.
        wait_for(lambda: not self.wl_paste("--list-types"), 5, "the item is gone")

    def page_top(self, window):
        """The first row of the page that is white all over its left part."""
        _, _, rows = self.screenshot()
        for y in range(window["y"], window["y"] + 200):
            if rows[y][:900] == b"\xff" * 900 and rows[y + 10][:45] == b"\xff" * 45:
                return y
        return window["y"]


class AmongTest(ClipboardDesk):
    """Between a program of GTK and one of Qt, without any gate."""

    way = {"ui": {"disable": False, "clipboard": "none"}}

    def setUp(self):
        super().setUp()
        self.detach("sh", "-c", "mkdir -p ~/.config/featherpad; : > /tmp/b.txt\n"
                    "printf '[text]\\nappendEmptyLine=false\\n' > ~/.config/featherpad/fp.conf\n"
                    "printf 'hello brave world\\n' > /tmp/a.txt\n"
                    "mousepad /tmp/a.txt & featherpad /tmp/b.txt & sleep 600",
                    policy=self.policy(limits={"processes": 2048}))
        self.wait_window(count=2)
        self.stable("s", 500)

    def raise_(self, app):
        window = next(w for w in self.inspect()["windows"] if app in w["appId"])
        self.cli("windows", "s", "raise", str(window["id"]))
        self.stay()
        return window

    def saved(self, path):
        self.key("s", "ctrl+s")
        self.stay()
        return self.cli("exec", "s", "--", "cat", path).stdout

    def find_line(self):
        """The middle of the first line of text: found by selecting everything, which colours it."""
        _, _, before = self.screenshot()
        self.key("s", "ctrl+a")
        self.stay()
        _, _, after = self.screenshot()
        def changed(y):
            return [x for x in range(1200) if before[y][x * 3:x * 3 + 3] != after[y][x * 3:x * 3 + 3]]
        y = max(range(40, 300), key=lambda y: len(changed(y)) if before[y] != after[y] else 0)
        columns = changed(y)
        self.assertGreater(len(columns), 20)
        return columns[0] + 4, y

    def test_copy_and_paste(self):
        self.raise_("mousepad")
        self.key("s", "ctrl+a")
        self.key("s", "ctrl+c")
        self.stay()
        self.raise_("featherpad")
        self.key("s", "ctrl+v")
        self.stay()
        self.assertEqual(self.saved("/tmp/b.txt").strip(), "hello brave world")

    def test_primary_selection(self):
        self.raise_("mousepad")
        x, y = self.find_line()
        self.key("s", "ctrl+Home")
        self.click("s", x + 4, y, count=2)  # a word
        self.stay()
        window = self.raise_("featherpad")
        self.click("s", window["x"] + 300, window["y"] + 200, button="middle")
        self.stay()
        self.assertEqual(self.saved("/tmp/b.txt").strip(), "hello")
        # Nothing of it is on the clipboard.
        self.assertEqual(self.wl_paste(), b"")

    def test_drag_and_drop(self):
        self.raise_("mousepad")
        x, y = self.find_line()
        self.key("s", "ctrl+Home")
        self.click("s", x + 4, y, count=2)
        time.sleep(1)  # so that what follows is no third click
        self.done("s", "press", x=x + 6, y=y)
        time.sleep(0.3)
        for step in range(1, 8):
            self.done("s", "move", x=x + 6 + step * 8, y=y + step * 8)
            time.sleep(0.05)
        # Windows of a session fill its screen: the other one is brought to the front under the drag.
        window = self.raise_("featherpad")
        for step in range(6):
            self.done("s", "move", x=window["x"] + 300 + step * 5, y=window["y"] + 200 + step * 5)
            time.sleep(0.05)
        self.done("s", "release", x=window["x"] + 330, y=window["y"] + 230)
        self.stay()
        self.assertEqual(self.saved("/tmp/b.txt").strip(), "hello")
        self.assertEqual(self.wl_paste(), b"")


if __name__ == "__main__":
    unittest.main()
