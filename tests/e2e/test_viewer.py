"""The window: parclose-viewer on desktops without a monitor, told by a supervisor that is a test."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

from desktops import Sway, Weston, Xvfb
from harness import wait_for
from view_channel import AGENT, BUTTON, HUMAN, KEYCODE, MINE, MOVE, PAUSED, RELEASE, SCROLL
from viewer_case import APPLICATION, ViewerTest, pattern


class Frames(ViewerTest):
    def check_frames(self, kind, factor=1, mode=None, seconds=20, env=None, **options):
        desktop = self.desktop(kind, **options)
        if mode:
            desktop.remember("400x260", scale=mode)
        supervisor = self.told()
        first, second = pattern(400, 260), pattern(400, 260, 90)
        supervisor.frame(first)
        self.view(desktop, supervisor, **(env or {}))
        place = self.wait_shown(desktop, supervisor, first, factor, seconds)
        # A second frame comes in parts.
        boxes = [(10, 20, 30, 40), (399, 0, 1, 260)]
        mixed = bytearray(first)
        for x, y, width, height in boxes:
            for line in range(y, y + height):
                at = (line * 400 + x) * 4
                mixed[at:at + width * 4] = second[at:at + width * 4]
        supervisor.frame(bytes(mixed), boxes)
        self.assertEqual(self.wait_shown(desktop, supervisor, bytes(mixed), factor), place)
        self.assertEqual(supervisor.heard(), [])
        return desktop

    def test_frames_on_weston(self):
        self.check_frames(Weston)

    def test_frames_on_weston_twice_as_large(self):
        self.check_frames(Weston, factor=2, scale=2, width=1800, height=1040)

    def test_frames_on_sway(self):
        self.check_frames(Sway)

    def test_frames_on_sway_with_a_fractional_scale(self):
        self.check_frames(Sway, scale=1.5, width=1500, height=1050, floating=False, mode="actual")

    def test_frames_on_x11(self):
        self.check_frames(Xvfb)

    def test_frames_by_opengl(self):
        # As on a machine with a GPU, but for how long it takes.
        desktop = self.check_frames(Xvfb, seconds=90, env={
            "GSK_RENDERER": "gl", "LIBGL_ALWAYS_SOFTWARE": "1", "GSK_DEBUG": "renderer"})
        self.assertIn("Using renderer 'GskGLRenderer'", desktop.what_was_said())


# Takes the whole keyboard of an X11 desktop.
GRAB = """
import ctypes, time
x11 = ctypes.CDLL("libX11.so.6")
x11.XOpenDisplay.restype = ctypes.c_void_p
display = ctypes.c_void_p(x11.XOpenDisplay(None))
root = x11.XDefaultRootWindow(display)
assert x11.XGrabKeyboard(display, ctypes.c_ulong(root), 0, 1, 1, ctypes.c_ulong(0)) == 0
x11.XSync(display, 0)
print("grabbed", flush=True)
time.sleep(60)
"""


class HandsOnX11(ViewerTest):
    """What the user does over the screen, on a desktop whose pointer and keyboard a test can move."""

    def setUp(self):
        super().setUp()
        self.x11 = self.desktop(Xvfb)
        self.supervisor = self.told()
        self.pixels = pattern(400, 260)
        self.supervisor.frame(self.pixels)
        self.viewer = self.view(self.x11, self.supervisor)
        self.place = self.wait_shown(self.x11, self.supervisor, self.pixels)
        wait_for(self.is_active, 10, "the window to be active")

    def is_active(self):
        name = self.x11.run("xdotool", "getactivewindow", "getwindowname", check=False)
        return name.startswith("web")

    def at(self, x, y):
        return self.place[0] + x, self.place[1] + y

    def take_over(self, keymap=True, **state):
        self.x11.xdotool("key", "ctrl+t")
        said = self.heard(self.supervisor, until=lambda found: found)
        self.assertEqual([message["kind"] for message in said], ["take_over"])
        self.supervisor.state(HUMAN, MINE, **state)
        return self.heard(self.supervisor, until=lambda found: any(message["kind"] == "keymap" for message in found))[-1]

    def inputs(self, found, kind):
        return [message for message in found if message["kind"] == "input" and message["input"] == kind]

    def test_watching_sends_nothing(self):
        for x, y in ((5, 5), (200, 100), (399, 259)):
            self.x11.xdotool("mousemove", *self.at(x, y), "click", 1, "click", 3, "click", 4, "click", 5)
        self.x11.xdotool("type", "secret")
        self.x11.xdotool("key", "Return", "Escape", "Tab", "ctrl+c")
        self.x11.xdotool("mousemove", *self.at(10, 10), "mousedown", 1, "mousemove", *self.at(90, 90), "mouseup", 1)
        # Nor when somebody else has taken over, or while all stands still.
        for holder in (HUMAN, PAUSED):
            self.supervisor.state(holder)
            self.x11.xdotool("mousemove", *self.at(20, 20), "click", 1, "key", "a")
        self.assertEqual(self.heard(self.supervisor, 1.0), [])

    def test_pointer(self):
        self.take_over()
        self.x11.xdotool("mousemove", *self.at(100, 50))
        found = self.heard(self.supervisor, until=lambda found: self.inputs(found, MOVE))
        moved = self.inputs(found, MOVE)[-1]
        self.assertEqual((moved["x"], moved["y"]), (100 * 256, 50 * 256))
        for number, code in ((1, 0x110), (2, 0x112), (3, 0x111), (8, 0x113), (9, 0x114)):
            self.x11.xdotool("click", number)
            found = self.heard(self.supervisor, until=lambda found: len(self.inputs(found, BUTTON)) == 2)
            self.assertEqual([(b["code"], b["value"], b["x"], b["y"]) for b in self.inputs(found, BUTTON)],
                             [(code, value, 100 * 256, 50 * 256) for value in (1, 0)])
        for number, x, y in ((4, 0, -1), (5, 0, 1), (6, -1, 0), (7, 1, 0)):
            self.x11.xdotool("click", number)
            found = self.heard(self.supervisor, until=lambda found: self.inputs(found, SCROLL))
            scrolled = self.inputs(found, SCROLL)[0]
            self.assertEqual((scrolled["x"] / 256, scrolled["y"] / 256, scrolled["value"], scrolled["code"]),
                             (x, y, 0, 0))

    def test_the_edges(self):
        self.take_over()
        # A press beside the frame is nobody's.
        self.x11.xdotool("mousemove", *self.at(-20, 100), "click", 1)
        self.x11.xdotool("mousemove", *self.at(420, 100), "click", 1, "click", 5)
        self.assertEqual(self.heard(self.supervisor, 1.0), [])
        # A drag that leaves it goes on along the edge, and ends when the button goes up.
        self.x11.xdotool("mousemove", *self.at(390, 100), "mousedown", 1, "mousemove", *self.at(415, 120))
        self.x11.xdotool("mouseup", 1)
        found = self.heard(self.supervisor, until=lambda found: len(self.inputs(found, BUTTON)) == 2)
        for message in found:
            self.assertTrue(0 <= message["x"] < 400 * 256 and 0 <= message["y"] < 260 * 256, message)
        up = self.inputs(found, BUTTON)[1]
        self.assertEqual((up["value"], up["x"], up["y"]), (0, 400 * 256 - 1, 120 * 256))
        self.x11.xdotool("mousemove", *self.at(0, 0), "click", 1)
        found = self.heard(self.supervisor, until=lambda found: len(self.inputs(found, BUTTON)) == 2)
        self.assertEqual(self.inputs(found, BUTTON)[0]["x"], 0)

    def test_keys_and_the_users_layout(self):
        self.x11.run("setxkbmap", "de")
        keymap = self.take_over()
        self.assertIn("xkb_keymap", keymap["text"])
        self.assertIn("German", keymap["text"])
        self.assertEqual((keymap["group"], keymap["locks"]), (0, 0))
        self.x11.xdotool("key", "--delay", 20, "Shift+z", "Tab", "Return")
        found = self.inputs(self.heard(self.supervisor, until=lambda found: len(self.inputs(found, KEYCODE)) >= 8), KEYCODE)
        # Z is where a US keyboard has Y.
        self.assertEqual([(key["code"], key["value"]) for key in found],
                         [(42, 1), (21, 1), (42, 0), (21, 0), (15, 1), (15, 0), (28, 1), (28, 0)])
        # Keys of the window itself are the session's, too.
        self.x11.xdotool("key", "--delay", 20, "ctrl+w", "F10", "F11")
        found = self.inputs(self.heard(self.supervisor, until=lambda found: len(self.inputs(found, KEYCODE)) >= 8), KEYCODE)
        self.assertEqual([key["code"] for key in found if key["value"] == 1 and key["code"] != 56],
                         [29, 17, 68, 87])  # 56: xdotool presses Alt for the function keys
        self.assertIsNone(self.viewer.poll())
        # The user changes the layout: it is said before the next key.
        self.x11.run("setxkbmap", "fr")
        time.sleep(0.3)
        self.x11.xdotool("key", "q")
        found = self.heard(self.supervisor, until=lambda found: len(self.inputs(found, KEYCODE)) == 2)
        self.assertEqual([message["kind"] for message in found], ["keymap", "input", "input"])
        self.assertIn("French", found[0]["text"])
        self.assertEqual(found[1]["code"], 30)

    def test_a_key_that_is_held_is_pressed_once(self):
        self.take_over()
        self.x11.xdotool("keydown", "x", "sleep", 1.5, "keyup", "x")
        found = self.heard(self.supervisor, until=lambda found: any(key["value"] == 0 for key in self.inputs(found, KEYCODE)))
        self.assertEqual([(key["code"], key["value"]) for key in self.inputs(found, KEYCODE)], [(45, 1), (45, 0)])

    def test_locks_and_layouts_are_told(self):
        self.x11.run("setxkbmap", "us,ru", "-option", "grp:alt_shift_toggle")
        self.x11.xdotool("key", "Caps_Lock")
        keymap = self.take_over()
        self.assertEqual((keymap["group"], keymap["locks"]), (0, 1))
        self.x11.xdotool("key", "Caps_Lock")
        self.x11.xdotool("key", "alt+shift")
        self.x11.xdotool("keydown", "Alt_L", "keydown", "Shift_L", "keyup", "Shift_L", "keyup", "Alt_L")
        self.supervisor.heard(1)
        time.sleep(0.3)
        self.supervisor.heard()
        self.x11.xdotool("key", "space")  # has one layout only
        self.x11.xdotool("key", "Cyrillic_a")
        found = self.heard(self.supervisor, until=lambda found: len(self.inputs(found, KEYCODE)) >= 4)
        told = [message for message in found if message["kind"] == "keymap"]
        self.assertEqual([(keymap["group"], keymap["locks"]) for keymap in told][-1], (1, 0))

    def test_the_chord_hands_back(self):
        self.take_over()
        self.x11.xdotool("keydown", "a")
        self.x11.xdotool("key", "ctrl+alt+Home")
        found = self.heard(self.supervisor, until=lambda found: any(message["kind"] == "hand_back" for message in found))
        # The chord itself is not the session's, and nothing comes after it.
        self.assertNotIn(102, [key["code"] for key in self.inputs(found, KEYCODE)])
        self.assertEqual(found[-1]["kind"], "hand_back")
        self.x11.xdotool("keyup", "a", "key", "b", "mousemove", *self.at(50, 50), "click", 1)
        # A state that was under way does not bring it back.
        self.supervisor.state(HUMAN, MINE, denied=1)
        self.x11.xdotool("key", "c", "mousemove", *self.at(60, 50), "click", 1)
        self.assertEqual(self.heard(self.supervisor, 1.0), [])
        self.supervisor.state(AGENT)
        self.take_over()
        self.x11.xdotool("key", "d")
        self.heard(self.supervisor, until=lambda found: len(self.inputs(found, KEYCODE)) == 2)

    def test_losing_focus_lets_go(self):
        self.take_over()
        self.x11.xdotool("keydown", "shift", "mousemove", *self.at(30, 30), "mousedown", 1)
        self.heard(self.supervisor, until=lambda found: self.inputs(found, BUTTON))
        other = self.told(name="other")
        self.view(self.x11, other)
        wait_for(lambda: self.x11.run("xdotool", "search", "--name", "other – Parclose", check=False), 10, "a window")
        self.x11.xdotool("search", "--name", "other – Parclose", "windowactivate", "--sync")
        found = self.heard(self.supervisor, until=lambda found: self.inputs(found, RELEASE))
        self.assertEqual(found[-1]["input"], RELEASE)
        self.x11.xdotool("mouseup", 1, "keyup", "shift", "key", "y")
        self.assertEqual(self.heard(self.supervisor, 1.0), [])
        # Back again: the layout is told anew, and all goes on.
        self.x11.xdotool("search", "--name", "web – Parclose", "windowactivate", "--sync")
        self.heard(self.supervisor, until=lambda found: any(message["kind"] == "keymap" for message in found))
        self.x11.xdotool("key", "y")
        self.heard(self.supervisor, until=lambda found: len(self.inputs(found, KEYCODE)) == 2)

    def test_who_takes_the_keyboard_away_lets_go(self):
        """A menu of another program, a locked screen: the keyboard is grabbed, and the window stays in front."""
        self.take_over()
        self.x11.xdotool("keydown", "a")
        self.heard(self.supervisor, until=lambda found: self.inputs(found, KEYCODE))
        grab = self.x11.spawn(sys.executable, "-c", GRAB, stdout=subprocess.PIPE, text=True)
        self.assertEqual(grab.stdout.readline(), "grabbed\n")
        self.x11.xdotool("keyup", "a", "key", "b")
        time.sleep(0.5)
        grab.kill()
        grab.wait()
        self.x11.xdotool("key", "c")
        found = self.heard(self.supervisor, until=lambda found: len(
            [key for key in self.inputs(found, KEYCODE) if key["code"] == 46]) == 2)
        # "a" is up, by itself or with everything, before anything else is pressed.
        first = next(i for i, said in enumerate(found) if said.get("code") == 46)
        self.assertTrue(any(said.get("input") == RELEASE or (said.get("code"), said.get("value")) == (30, 0)
                            for said in found[:first]), found)
        self.assertNotIn(48, [key["code"] for key in self.inputs(found, KEYCODE)])

    def test_the_window_itself_is_not_the_sessions(self):
        self.take_over()
        # The menu has the keyboard while it is open, and gives it back.
        self.assertTrue(self.x11.accessible("press", APPLICATION, "Main menu"))
        found = self.heard(self.supervisor, until=lambda found: self.inputs(found, RELEASE))
        self.x11.xdotool("key", "Down", "Down")
        self.assertEqual(self.heard(self.supervisor, 0.5), [])
        self.x11.xdotool("key", "Escape")
        self.heard(self.supervisor, until=lambda found: any(message["kind"] == "keymap" for message in found))
        self.x11.xdotool("key", "n")
        found = self.heard(self.supervisor, until=lambda found: len(self.inputs(found, KEYCODE)) == 2)
        self.assertEqual([key["code"] for key in self.inputs(found, KEYCODE)], [49, 49])

    def test_scaled(self):
        window = self.x11.xdotool("getactivewindow").strip()
        self.x11.xdotool("windowsize", "--sync", window, 920, 700)
        time.sleep(1)
        self.take_over()
        width, height, rows = self.x11.screenshot()
        # Where the frame is now: between the dark bars.
        self.x11.xdotool("mousemove", width // 2, height // 2)
        found = self.heard(self.supervisor, until=lambda found: self.inputs(found, MOVE))
        middle = self.inputs(found, MOVE)[-1]
        self.x11.xdotool("mousemove", width // 2 + 100, height // 2)
        found = self.heard(self.supervisor, until=lambda found: self.inputs(found, MOVE))
        moved = (self.inputs(found, MOVE)[-1]["x"] - middle["x"]) / 256
        self.assertTrue(30 < moved < 80, moved)  # the frame is about twice as large
        self.assertEqual(len(rows), height)


class HandsOnSway(ViewerTest):
    """The same on Wayland, as far as a desktop without devices goes."""

    CHORD = "bindsym Mod1+x exec touch {0}\nbindsym Ctrl+Mod1+Home exec touch {0}\n"

    def setUp(self):
        super().setUp()
        self.marker = os.path.join(tempfile.mkdtemp(), "the-desktop-took-it")
        self.sway = self.desktop(Sway, config=self.CHORD.format(self.marker))
        # Without a keyboard that stays, no window has the keyboard between two words.
        self.sway.spawn("wtype", "-k", "Shift_L", "-s", "120000", "-k", "Shift_L")
        self.supervisor = self.told()
        self.pixels = pattern(400, 260)
        self.supervisor.frame(self.pixels)
        self.view(self.sway, self.supervisor)
        self.place = self.wait_shown(self.sway, self.supervisor, self.pixels)

    def tearDown(self):
        super().tearDown()
        shutil.rmtree(os.path.dirname(self.marker))

    def take_over(self):
        self.sway.accessible("press", APPLICATION, "Take over")
        self.heard(self.supervisor, until=lambda found: found and found[-1]["kind"] == "take_over")
        self.supervisor.state(HUMAN, MINE)
        self.heard(self.supervisor, until=lambda found: found and found[-1]["kind"] == "keymap")

    def keys(self, *words):
        """Types with a keyboard that has its own layout; returns what the session's keys mean by what it was told."""
        self.sway.run("wtype", *words)
        return self.heard(self.supervisor, 1.0)

    def test_watching_sends_nothing(self):
        self.assertEqual(self.keys("-d", "20", "secret"), [])

    def test_keys_with_the_keyboards_own_layout(self):
        # wtype's keyboard has a layout of its own: key codes that mean something else on every other one.
        self.take_over()
        found = self.keys("-d", "40", "aß")
        self.assertEqual([said["kind"] for said in found], ["keymap"] + 4 * ["input"])
        self.assertIn("0xdf", found[0]["text"])  # sharp s
        self.assertEqual([said["value"] for said in found[1:] if said["input"] == KEYCODE], [1, 0, 1, 0])

    def test_the_desktops_shortcuts_are_the_sessions_only_meanwhile(self):
        self.keys("-M", "alt", "-k", "x", "-m", "alt")
        wait_for(lambda: os.path.exists(self.marker), 5, "the desktop's shortcut")
        os.remove(self.marker)
        self.take_over()
        found = self.keys("-d", "40", "-M", "alt", "-k", "x", "-m", "alt")
        self.assertFalse(os.path.exists(self.marker))
        self.assertTrue([said for said in found if said.get("input") == KEYCODE], found)
        # Reserved, whatever the session would like to have; then the desktop has its own again.
        found = self.keys("-d", "40", "-M", "ctrl", "-M", "alt", "-k", "Home", "-m", "alt", "-m", "ctrl")
        self.assertEqual(found[-1]["kind"], "hand_back")
        self.supervisor.state(AGENT)
        self.keys("-M", "alt", "-k", "x", "-m", "alt")
        wait_for(lambda: os.path.exists(self.marker), 5, "the desktop's shortcut again")

    def test_the_chord_hands_back_also_where_the_desktop_has_it(self):
        self.keys("-M", "ctrl", "-M", "alt", "-k", "Home")
        wait_for(lambda: os.path.exists(self.marker), 5, "the desktop's shortcut")
        os.remove(self.marker)
        self.take_over()
        self.sway.run("wtype", "-d", "40", "-M", "ctrl", "-M", "alt", "-k", "Home")
        found = self.heard(self.supervisor, until=lambda found: {"kind": "hand_back"} in found)
        self.assertEqual(found[-1], {"kind": "hand_back"})
        self.assertFalse(os.path.exists(self.marker))
