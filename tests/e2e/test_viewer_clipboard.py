"""The user's own clipboard and the session's, with a window between them, on several desktops."""

import hashlib
import os
import signal
import subprocess
import time
import unittest

from desktops import Sway, Weston, Xvfb, write_png
from harness import BUILD, PARCLOSE, REPO, wait_for
from pictures import SIGNATURE, chunk, png, rows_of
from test_clipboard_pictures import pixels
from test_viewer_session import ViewedSession
from viewer_case import APPLICATION

TEXT = "text/plain;charset=utf-8"
CANARY = "canary-of-the-desktop"
TAG = "application/x-parclose-session"


class Wayland:
    """The clipboard of a Wayland desktop, as its programs have it."""

    def __init__(self, desktop):
        self.desktop = desktop

    def copy(self, data, *options):
        data = data.encode() if isinstance(data, str) else data
        subprocess.run(["wl-copy", *options], input=data, env=self.desktop.env, check=True, timeout=20,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def paste(self, kind=TEXT):
        return subprocess.run(["wl-paste", "-n", "--type", kind], env=self.desktop.env, capture_output=True,
                              timeout=20, stdin=subprocess.DEVNULL).stdout

    def types(self):
        return subprocess.run(["wl-paste", "--list-types"], env=self.desktop.env, capture_output=True, text=True,
                              timeout=20, stdin=subprocess.DEVNULL).stdout.split()


class X11:
    """The same of an X11 desktop."""

    def __init__(self, desktop):
        self.desktop = desktop

    def copy(self, data, *options):
        data = data.encode() if isinstance(data, str) else data
        kind = options[options.index("--type") + 1] if "--type" in options else "UTF8_STRING"
        if "--sensitive" in options:
            self.secret(data)
            return
        subprocess.run(["xclip", "-selection", "clipboard", "-t", kind], input=data, env=self.desktop.env, check=True,
                       timeout=20, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def secret(self, data):
        """As a password manager does: the text, and a mark beside it."""
        helper = self.desktop.spawn(os.path.join(BUILD, "tests", "helpers", "x11-owner"), "UTF8_STRING",
                                    data.decode(), "x-kde-passwordManagerHint", "secret",
                                    stdout=subprocess.PIPE)
        assert helper.stdout.readline() == b"owner\n"

    def paste(self, kind=TEXT):
        return subprocess.run(["xclip", "-selection", "clipboard", "-o", "-t", kind], env=self.desktop.env,
                              capture_output=True, timeout=20, stdin=subprocess.DEVNULL).stdout

    def types(self):
        return subprocess.run(["xclip", "-selection", "clipboard", "-o", "-t", "TARGETS"], env=self.desktop.env,
                              capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL).stdout.split()

    def key(self, *keys):
        self.desktop.xdotool("key", "+".join(keys))


class Crossing(ViewedSession):
    def begin(self, kind, way="all", name="s", shared=None, **clipboard):
        """A desktop with the canary in its clipboard, a session, and a window on it."""
        desktop = shared or self.desktop(kind, width=1000, height=760)
        own = (X11 if kind is Xvfb else Wayland)(desktop)
        if kind is Sway and shared is None:  # a keyboard, which a clipboard needs
            desktop.spawn("wtype", "-k", "Shift_L", "-s", "300000", "-k", "Shift_L")
        policy = self.policy(ui={"disable": False, "clipboard": way}, display={"width": 640, "height": 400},
                             clipboard={"mimeTypes": [TEXT, "image/png"], "maxBytes": 1 << 20, **clipboard})
        self.detach("foot", "-e", "sleep", "1000", name=name, policy=policy)
        self.wait_window(name)
        if shared is None:
            own.copy(CANARY)
        self.view(desktop, name)
        return desktop, own

    def copy(self, data, *options, name="s"):
        data = data.encode() if isinstance(data, str) else data
        options = options if "--type" in options else ("--type", "text/plain", *options)
        subprocess.run([PARCLOSE, "exec", name, "--", "wl-copy", *options], input=data, env=self.env, check=True,
                       timeout=30, stdout=subprocess.DEVNULL)

    def paste(self, kind="text", name="s"):
        return subprocess.run([PARCLOSE, "exec", name, "--", "wl-paste", "-n", "--type", kind], env=self.env,
                              capture_output=True, timeout=30, stdin=subprocess.DEVNULL).stdout

    def names(self, desktop):
        for _ in range(20):
            try:
                return super().names(desktop)
            except AssertionError as error:  # a window went while it was looked at
                if "does not exist" not in str(error):
                    raise
        return []

    def press(self, desktop, name):
        def look():
            done = subprocess.run(["python3", os.path.join(os.path.dirname(__file__), "accessible.py"), "press",
                                   APPLICATION, name], env=desktop.env, capture_output=True, timeout=30)
            return done.returncode == 0
        wait_for(look, 15, f"a button {name}")
        # An action that a busy window swallows is said to be done: the answer to a question is one when it is gone.
        if name in ("Put In", "Take Out", "Cancel"):
            wait_for(lambda: name not in self.names(desktop) or (look(), False)[1], 15, f"the end of {name}")

    def take_out(self, desktop):
        """Says yes as a person does: on Wayland a clipboard is set by who has just been typed or clicked at."""
        if not isinstance(desktop, Sway):
            self.press(desktop, "Take Out")
            return
        time.sleep(1)  # yes can be said a moment after the question was asked
        desktop.run("wtype", "-k", "Tab", "-k", "Return")

    def said(self, desktop, words, seconds=15):
        def look():
            return any(words in name for name in self.names(desktop))
        try:
            wait_for(look, seconds, words)
        except AssertionError as error:
            raise AssertionError(f"{error}; there is {self.names(desktop)}") from None

    def refusals(self, name="s"):
        return [line for line in self.log(name) if line["event"] == "clipboard-refused"]

    def crossings(self, name="s"):
        return [line for line in self.log(name) if line["event"] == "clipboard"]

    def keep(self, desktop, name):
        out = os.path.join(REPO, "out")
        if os.access(out, os.W_OK):
            time.sleep(0.7)
            width, _, rows = desktop.screenshot()
            write_png(os.path.join(out, name + ".png"), width, rows)

    # ---- what every desktop has to hold

    def canary_stays_outside(self, kind):
        desktop, own = self.begin(kind)
        for _ in range(2):
            self.assertEqual(self.paste(), b"")
            self.copy("item-of-the-agent")
            self.cli("takeover", "s")
            self.cli("release", "s")
            self.assertEqual(self.paste(), b"item-of-the-agent")
            self.assertEqual(own.paste().decode(), CANARY)
            own.copy(CANARY)
            self.cli("clipboard", "s", "clear")
        self.assertEqual((self.crossings(), self.refusals()), ([], []))
        self.assertIn("Clipboard in and out", self.names(desktop))

    def goes_in(self, kind):
        desktop, own = self.begin(kind)
        own.copy("grüße\n🎉\n")
        self.press(desktop, "Put in")
        self.said(desktop, "Put this into the session s?")
        self.said(desktop, "Text, 13 bytes")
        self.said(desktop, "ends with a newline")
        self.keep(desktop, f"put-in-{kind.name}")
        self.assertEqual(self.paste(), b"")  # not before it is said
        own.copy("something else")  # what was shown is what crosses
        self.press(desktop, "Put In")
        self.said(desktop, "can be pasted once")
        self.assertEqual(self.paste().decode(), "grüße\n🎉\n")
        wait_for(lambda: self.paste() == b"", 10, "it was pasted once")
        self.assertEqual(own.paste(), b"something else")
        (line,) = self.crossings()
        self.assertEqual([line["direction"], line["by"], line["allowed"]], ["in", "a viewer", "shown and confirmed"])

    def comes_out(self, kind):
        desktop, own = self.begin(kind)
        own.copy("something else")
        self.copy("ls\u202e\x1b[201~; rm")
        self.press(desktop, "Take out")
        self.said(desktop, "Take this out of the session s?")
        self.said(desktop, "2 control or formatting characters")
        self.keep(desktop, f"take-out-{kind.name}")
        self.assertEqual(own.paste(), b"something else")
        self.copy("swapped meanwhile")
        self.take_out(desktop)
        self.said(desktop, "in your clipboard now")
        self.assertEqual(own.paste(), b"ls[201~; rm")
        self.assertIn(TAG, own.types())
        (line,) = self.crossings()
        self.assertEqual([line["direction"], line["by"], line["allowed"]], ["out", "a viewer", "shown and confirmed"])
        self.assertEqual(line["sha256"], hashlib.sha256(b"ls[201~; rm").hexdigest())

    def declined(self, kind):
        desktop, own = self.begin(kind)
        self.copy("item-of-the-agent")
        self.press(desktop, "Take out")
        self.said(desktop, "Take this out of the session s?")
        self.press(desktop, "Cancel")
        self.press(desktop, "Put in")
        self.said(desktop, "Put this into the session s?")
        self.press(desktop, "Cancel")
        wait_for(lambda: len(self.refusals()) == 2, 10, "both in the log")
        self.assertEqual(self.refusals()[0]["reason"], "declined by the user")
        self.assertEqual(self.paste(), b"item-of-the-agent")
        self.assertEqual(own.paste().decode(), CANARY)
        self.assertEqual(self.crossings(), [])

    def by_chord(self, kind):
        # On X11: the tests' keyboards of Wayland have a layout of their own without Alt.
        desktop, own = self.begin(kind, confirm=False)
        own.copy("by chord")
        time.sleep(0.5)
        own.key("ctrl", "alt", "shift", "v")
        self.said(desktop, "can be pasted once")
        self.assertEqual(self.paste(), b"by chord")
        # Also while what is typed goes to the session.
        self.press(desktop, "Take over")
        self.said(desktop, "You are in control")
        self.copy("out by chord")
        own.key("ctrl", "alt", "shift", "c")
        self.said(desktop, "in your clipboard now")
        self.assertEqual(own.paste(), b"out by chord")
        self.assertEqual([line["allowed"] for line in self.crossings()], ["policy", "policy"])

    def pictures(self, kind):
        desktop, own = self.begin(kind)
        rows = [b"".join(bytes((x, y * 2 & 255, 128, 255 if x < 150 else 60)) for x in range(200)) for y in range(120)]
        own.copy(png(200, 120, rows, extra=chunk(b"tEXt", b"Author\0me")), "--type", "image/png")
        self.press(desktop, "Put in")
        self.said(desktop, "200 × 120 pixels")
        self.keep(desktop, f"put-in-picture-{kind.name}")
        self.press(desktop, "Put In")
        self.said(desktop, "can be pasted once")
        data = self.paste("image/png")
        self.assertNotIn(b"Author", data)
        self.assertEqual(pixels(data), (200, 120, 4, rows))
        rows = rows_of(50, 40)
        self.copy(png(50, 40, rows, tail=b"hidden behind it"), "--type", "image/png")
        self.press(desktop, "Take out")
        self.said(desktop, "50 × 40 pixels")
        self.take_out(desktop)
        self.said(desktop, "in your clipboard now")
        data = own.paste("image/png")
        self.assertEqual(data[:8], SIGNATURE)
        self.assertNotIn(b"hidden", data)
        self.assertEqual(pixels(data), (50, 40, 4, rows))

    def a_password_stays_outside(self, kind):
        desktop, own = self.begin(kind, confirm=False)
        own.copy("hunter2", "--sensitive")
        self.press(desktop, "Put in")
        self.said(desktop, "marked as a password")
        self.assertEqual(self.paste(), b"")
        self.copy("hunter2", "--sensitive")
        self.press(desktop, "Take out")
        self.said(desktop, "password")
        self.assertNotEqual(own.paste(), b"from inside")
        self.assertEqual(self.crossings(), [])

    def each_direction_has_its_button(self, kind):
        for way, puts, takes in (("none", False, False), ("read", True, False), ("write", False, True)):
            with self.subTest(way):
                desktop, own = self.begin(kind, way)
                names = self.names(desktop)
                self.assertEqual(("Put in" in names, "Take out" in names), (puts, takes))
                self.copy("item-of-the-agent")
                for key in "vc":  # the chord of a way that is closed does nothing at all
                    if not (puts if key == "v" else takes):
                        own.key("ctrl", "alt", "shift", key)
                time.sleep(1)
                self.assertEqual(own.paste().decode(), CANARY)
                self.assertEqual(self.paste(), b"item-of-the-agent")
                self.assertEqual(self.refusals(), [])
                self.cli("stop", "s")


class OnSway(Crossing):
    def test_the_canary_stays_outside(self):
        self.canary_stays_outside(Sway)

    def test_in(self):
        self.goes_in(Sway)

    def test_out(self):
        self.comes_out(Sway)

    def test_declined(self):
        self.declined(Sway)

    def test_pictures(self):
        self.pictures(Sway)

    def test_a_password(self):
        self.a_password_stays_outside(Sway)

    def test_from_session_to_session_are_two_gates(self):
        desktop, _ = self.begin(Sway)
        self.copy("from one to the other")
        self.press(desktop, "Take out")
        self.take_out(desktop)
        self.said(desktop, "in your clipboard now")
        self.cli("stop", "s")
        # The window shows the end of its session, and still holds what was taken out.
        _, own = self.begin(Sway, name="t", shared=desktop)
        self.assertEqual(own.paste(), b"from one to the other")
        self.press(desktop, "Put in")
        self.said(desktop, "Put this into the session t?")
        self.said(desktop, "It was taken out of a session.")
        self.press(desktop, "Put In")
        self.said(desktop, "can be pasted once")
        # It does not come out again.
        self.press(desktop, "Take out")
        self.said(desktop, "put in from outside")
        self.assertEqual(self.paste(name="t"), b"from one to the other")

    def test_a_program_that_does_not_give_what_was_copied(self):
        desktop, own = self.begin(Sway)
        own.copy("late")
        mine = subprocess.run(["pgrep", "-f", "^wl-copy"], capture_output=True, text=True).stdout.split()
        stopped = []
        for pid in mine:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if desktop.dir.encode() in file.read():
                    os.kill(int(pid), signal.SIGSTOP)
                    stopped.append(int(pid))
        try:
            self.assertTrue(stopped)
            self.press(desktop, "Put in")
            self.said(desktop, "did not give it", 20)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.paste(), b"")

    def test_too_large(self):
        desktop, own = self.begin(Sway, maxBytes=1000)
        own.copy("x" * 1001)
        self.press(desktop, "Put in")
        self.said(desktop, "maxBytes")
        own.copy("x" * (17 << 20))
        self.press(desktop, "Put in")
        self.said(desktop, "larger than anything")
        self.copy("y" * 1001)
        self.press(desktop, "Take out")
        self.said(desktop, "more than the 1000 bytes")
        self.assertEqual(self.crossings(), [])

    def test_the_question_goes_with_the_session(self):
        desktop, _ = self.begin(Sway)
        self.copy("x")
        self.press(desktop, "Take out")
        self.said(desktop, "Take this out of the session s?")
        self.cli("stop", "s")
        wait_for(lambda: "Take this out of the session s?" not in self.names(desktop), 15, "no question any more")
        self.said(desktop, "The session has ended")


class OnX11(Crossing):
    def test_the_canary_stays_outside(self):
        self.canary_stays_outside(Xvfb)

    def test_in(self):
        self.goes_in(Xvfb)

    def test_out(self):
        self.comes_out(Xvfb)

    def test_declined(self):
        self.declined(Xvfb)

    def test_by_chord(self):
        self.by_chord(Xvfb)

    def test_each_direction_has_its_button(self):
        self.each_direction_has_its_button(Xvfb)

    def test_pictures(self):
        self.pictures(Xvfb)

    def test_a_password(self):
        self.a_password_stays_outside(Xvfb)


class SeatedWeston(Weston):
    """With a keyboard that nobody types on: without one there is no clipboard, and nobody sets it by a click."""
    options = ("--fake-seat",)


class OnWeston(Crossing):
    def test_the_canary_stays_outside(self):
        self.canary_stays_outside(SeatedWeston)

    def test_in(self):
        self.goes_in(SeatedWeston)


if __name__ == "__main__":
    unittest.main()
