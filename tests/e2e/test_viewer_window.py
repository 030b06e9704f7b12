"""The window's own things: what it says, its buttons, its habits, and a supervisor that lies."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from desktops import Sway, Xvfb, rgb_of_bgrx
from fake_supervisor import memory, plain
from harness import BUILD, REPO, wait_for
from view_channel import (AGENT, CURSOR, ENDED, FRAME, HELLO, HUMAN, INPUT, MINE, NOTICE, PAUSED, RECORDING, STATE,
                          STOPPING, TITLE, WITHHELD)
from viewer_case import APPLICATION, VIEWER, ViewerTest, pattern

# Takes the place of a desktop's notification service, and prints what it is told.
NOTIFICATIONS = """
from gi.repository import Gio, GLib
NODE = Gio.DBusNodeInfo.new_for_xml('''<node><interface name="org.freedesktop.Notifications">
<method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
<arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/></method>
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="GetServerInformation"><arg type="s" direction="out"/><arg type="s" direction="out"/>
<arg type="s" direction="out"/><arg type="s" direction="out"/></method>
</interface></node>''')
def call(connection, sender, path, interface, method, parameters, invocation):
    if method == "Notify":
        values = parameters.unpack()
        print(values[3] + "|" + values[4], flush=True)
        invocation.return_value(GLib.Variant("(u)", (1,)))
    elif method == "GetCapabilities":
        invocation.return_value(GLib.Variant("(as)", ([],)))
    else:
        invocation.return_value(GLib.Variant("(ssss)", ("a", "b", "1", "1.2")))
def acquired(connection, name):
    connection.register_object("/org/freedesktop/Notifications", NODE.interfaces[0], call, None, None)
Gio.bus_own_name(Gio.BusType.SESSION, "org.freedesktop.Notifications", 0, acquired,
                 lambda *_: print("ready", flush=True), None)
GLib.MainLoop().run()
"""


class WindowTest(ViewerTest):
    def setUp(self):
        super().setUp()
        self.screen = self.desktop(Xvfb)

    def tree(self):
        return self.screen.accessible("tree", APPLICATION)

    def names(self):
        return [node["name"] for node in self.tree()]

    def press(self, name):
        self.assertTrue(self.screen.accessible("press", APPLICATION, name))

    def wait_said(self, words, seconds=10):
        """Until the window says so, in a label, a button or a description."""
        seen = []

        def look():
            seen[:] = [node["name"] for node in self.tree()]
            return any(words in name for name in seen)
        try:
            wait_for(look, seconds, words)
        except AssertionError:
            self.fail(f"the window does not say “{words}”, but: {seen}")

    def open(self, *frames, **hello):
        supervisor = self.told(**hello)
        for pixels in frames or (pattern(400, 260),):
            supervisor.frame(pixels)
        viewer = self.view(self.screen, supervisor)
        self.wait_said("is in control")
        return supervisor, viewer


class Words(WindowTest):
    def test_who_holds_the_session(self):
        supervisor, _ = self.open()
        states = [((AGENT, 0), "Agent is in control"), ((HUMAN, MINE), "You are in control"),
                  ((HUMAN, 0), "A person is in control"), ((PAUSED, 0), "Paused"),
                  ((AGENT, STOPPING), "Stopping…"), ((AGENT, 0), "Agent is in control")]
        for (holder, flags), words in states:
            supervisor.state(holder, flags)
            self.wait_said(words)
        pixels = {}
        for (holder, flags), words in states[:4]:
            supervisor.state(holder, flags)
            self.wait_said(words)
            time.sleep(0.3)
            # In colour, too: above the frame, and around it.
            _, _, rows = self.screen.screenshot()
            x, y = self.wait_shown(self.screen, supervisor, pattern(400, 260))
            pixels[words] = rows[y - 3][x * 3:x * 3 + 3], rows[y + 262][x * 3:x * 3 + 3]
            self.assertEqual(*pixels[words])
        self.assertEqual(len(set(pixels.values())), 4, pixels)

    def test_what_the_session_may_reach(self):
        supervisor, _ = self.open()
        self.wait_said("No network")
        self.wait_said("No clipboard")
        self.wait_said("12 minutes")
        self.assertNotIn("● Recording", self.names())
        supervisor.state(AGENT, RECORDING, network=2, clipboard=2, viewers=3, denied=7, begun=time.time() - 7500,
                         rules=2)
        for words in ("Filtered network, 7 refused", "Clipboard in", "● Recording", "3 windows", "2 h 05 min"):
            self.wait_said(words)
        self.assertIn("The session reaches only what 2 rules of its policy name",
                      [node["description"] for node in self.tree()])
        supervisor.state(network=3, clipboard=4, begun=time.time() + 5000)
        for words in ("Open network", "Clipboard in and out", "just begun"):
            self.wait_said(words)

    def test_an_applications_words_are_marked_and_harmless(self):
        supervisor, viewer = self.open()
        supervisor.title("You are in control\u202e\u0007\x1b]0;x\u200b " + "Z\u0300\u0301\u0302" * 20)
        self.wait_said("You are in control\ufffd\ufffd\ufffd]0;x\ufffd Z")
        self.assertIn("The app says:", self.names())
        self.assertIn("Agent is in control", self.names())
        self.assertEqual(self.screen.xdotool("getactivewindow", "getwindowname").strip(), "web – Parclose")
        supervisor.title(b"\xff\xfe<b>&amp;</b>%s%n")
        self.wait_said("\ufffd\ufffd<b>&amp;</b>%s%n")
        self.assertIsNone(viewer.poll())

    def test_the_sessions_pointer_stays_in_the_frame(self):
        supervisor, _ = self.open(plain(400, 260, 10, 10, 10))
        x, y = self.wait_shown(self.screen, supervisor, plain(400, 260, 10, 10, 10))
        _, _, before = self.screen.screenshot()
        # Brighter than any honest image: what is premultiplied wrongly adds light.
        supervisor.cursor_image(bytes((255, 255, 255, 0)) * (128 * 128), 128)
        for at in ((0, 0), (400, 0), (0, 260), (400, 260), (200, 130)):
            supervisor.cursor(*at, image_serial=at[0] + at[1] + 1, width=128, height=128, hot_x=64, hot_y=64)
        for at in ((0, 0), (400, 260)):
            supervisor.cursor(*at, image_serial=9000 + at[0], width=128, height=128, hot_x=64, hot_y=64)
            time.sleep(0.5)
            _, _, after = self.screen.screenshot()
            outside = [row for line, row in enumerate(after) if not y <= line < y + 260]
            self.assertEqual(outside, [row for line, row in enumerate(before) if not y <= line < y + 260])
            for line in range(y, y + 260):
                self.assertEqual(after[line][:x * 3] + after[line][(x + 400) * 3:],
                                 before[line][:x * 3] + before[line][(x + 400) * 3:])
            self.assertNotEqual(after, before)

    def test_a_window_drawn_inside_changes_nothing_outside(self):
        """The agent draws this very window, in other hands and recorded, over all that it has."""
        supervisor, _ = self.open(plain(400, 260, 10, 10, 10))
        supervisor.state(HUMAN, MINE | RECORDING)
        self.wait_said("You are in control")
        width, height, picture = self.screen.screenshot()
        spoof = b"".join(b"".join(bytes((row[x * 3 + 2], row[x * 3 + 1], row[x * 3], 0)) for x in range(
            0, width, width // 400))[:1600] for row in picture[::height // 260][:260])
        self.assertEqual(len(spoof), 400 * 260 * 4)
        supervisor.state()
        self.wait_said("Agent is in control")
        time.sleep(0.3)
        x, y = self.wait_shown(self.screen, supervisor, plain(400, 260, 10, 10, 10))
        _, _, before = self.screen.screenshot()
        supervisor.frame(spoof)
        rows = [rgb_of_bgrx(spoof[i * 1600:(i + 1) * 1600]) for i in range(260)]

        def is_shown():
            return [row[x * 3:(x + 400) * 3] for row in self.screen.screenshot()[2][y:y + 260]] == rows
        wait_for(is_shown, 10, "the window in the window")
        _, _, after = self.screen.screenshot()
        for line, row in enumerate(after):
            if y <= line < y + 260:
                row, was = row[:x * 3] + row[(x + 400) * 3:], before[line][:x * 3] + before[line][(x + 400) * 3:]
                self.assertEqual(row, was)
            else:
                self.assertEqual(row, before[line])

    def test_a_torn_frame_is_never_shown(self):
        first, second = plain(400, 260, 200, 0, 0), plain(400, 260, 0, 200, 0)
        supervisor, _ = self.open(first)
        self.wait_shown(self.screen, supervisor, first)
        slot, generation = supervisor.draw(second)
        supervisor.announce(slot, generation - 1)  # it was given back meanwhile
        time.sleep(0.5)
        self.wait_shown(self.screen, supervisor, first)
        supervisor.frame(second, [(0, 0, 1, 1)])  # and what was missed comes with the next
        self.wait_shown(self.screen, supervisor, second)


class Habits(unittest.TestCase):
    @unittest.skipUnless(shutil.which("desktop-file-validate"), "desktop-file-utils is not installed")
    def test_the_desktop_entry(self):
        entry = os.path.join(BUILD, "viewer", "org.parclose.Viewer.desktop")
        done = subprocess.run(["desktop-file-validate", entry], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        with open(entry, encoding="utf-8") as file:
            self.assertIn("Comment[de]=", file.read())

    @unittest.skipUnless(shutil.which("msgfmt"), "gettext is not installed")
    def test_the_translation_is_whole(self):
        po = os.path.join(REPO, "viewer", "po")
        done = subprocess.run(["msgfmt", "--check", "--statistics", "-o", "/dev/null", po + "/de.po"],
                              capture_output=True, text=True, check=False)
        self.assertRegex(done.stderr, r"^\d+ translated messages\.$")
        with open(po + "/POTFILES", encoding="utf-8") as file:
            sources = [os.path.join(REPO, line.strip()) for line in file if not line.endswith(".desktop.in\n")]
        strings = subprocess.run(["xgettext", "--from-code=UTF-8", "--keyword=_", "--keyword=N_", "--keyword=ngettext:1,2",
                                  "-o", "-", *sources], capture_output=True, text=True, check=True).stdout
        with tempfile.NamedTemporaryFile("w", suffix=".pot") as pot:
            pot.write(strings)
            pot.flush()
            done = subprocess.run(["msgmerge", "-q", "--no-fuzzy-matching", "-o", "-", po + "/de.po", pot.name],
                                  capture_output=True, text=True, check=True)
        missing = subprocess.run(["msgattrib", "--untranslated", "--no-obsolete", "-"], input=done.stdout,
                                 capture_output=True, text=True, check=True).stdout
        self.assertEqual(missing, "")


class Buttons(WindowTest):
    def test_every_control_has_a_name(self):
        self.open()
        for node in self.tree():
            if node["focusable"] and node["role"] not in ("scroll pane", "frame"):
                self.assertTrue(node["name"], node)

    def test_what_the_buttons_order(self):
        supervisor, _ = self.open()
        self.press("Pause")
        self.assertEqual(self.heard(supervisor, until=bool), [{"kind": "pause"}])
        supervisor.state(PAUSED)
        self.wait_said("Resume")
        self.press("Resume")
        self.assertEqual(self.heard(supervisor, until=bool), [{"kind": "resume"}])
        supervisor.state()
        self.wait_said("Agent is in control")
        self.press("Record")
        self.assertEqual(self.heard(supervisor, until=bool), [{"kind": "record", "value": 1}])
        recording = [node["checked"] for node in self.tree() if node["name"] == "Record"]
        self.assertEqual(recording, [False])  # as the session says, not as was wished
        supervisor.state(flags=RECORDING)
        self.wait_said("● Recording")
        self.press("Record")
        self.assertEqual(self.heard(supervisor, until=bool), [{"kind": "record", "value": 0}])

    def test_withholding(self):
        supervisor, _ = self.open()
        self.press("Hide from agent")
        self.assertEqual(self.heard(supervisor, 0.5), [])  # a wish for the next takeover
        self.press("Take over")
        self.assertEqual(self.heard(supervisor, until=bool)[-1], {"kind": "take_over", "value": 1})
        supervisor.state(HUMAN, MINE | WITHHELD)
        self.wait_said("Hand back")
        self.heard(supervisor, 0.3)
        self.press("Hide from agent")
        self.heard(supervisor, until=lambda found: {"kind": "take_over", "value": 0} in found)
        supervisor.state(HUMAN, MINE)
        self.press("Hand back")
        self.heard(supervisor, until=lambda found: {"kind": "hand_back"} in found)
        supervisor.state()
        self.wait_said("Take over")
        self.press("Hide from agent")
        self.press("Take over")
        self.heard(supervisor, until=lambda found: {"kind": "take_over", "value": 1} in found)
        # Each takeover is asked anew.
        supervisor.state(HUMAN, MINE | WITHHELD)
        self.wait_said("Hand back")
        supervisor.state()
        self.wait_said("Take over")
        self.press("Take over")
        self.heard(supervisor, until=lambda found: {"kind": "take_over", "value": 0} in found)

    def test_stop_asks_once(self):
        supervisor, _ = self.open()
        self.press("Stop")
        self.wait_said("Stop the session web?")
        self.press("Cancel")
        self.assertEqual(self.heard(supervisor, 0.5), [])
        self.press("Stop")
        self.wait_said("Stop the session web?")
        self.screen.xdotool("key", "Tab", "Return")
        self.assertEqual(self.heard(supervisor, until=bool), [{"kind": "stop"}])

    def test_all_sessions_are_stopped_at_once(self):
        told = os.path.join(self.screen.dir, "told")
        program = os.path.join(self.screen.dir, "parclose")
        with open(program, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\necho "$@" >{told}.new && mv {told}.new {told}\n')
        os.chmod(program, 0o755)
        supervisor = self.told()
        self.screen.spawn(VIEWER, "--fd", str(supervisor.viewer_fd), "--cli", program,
                          pass_fds=[supervisor.viewer_fd])
        os.close(supervisor.viewer_fd)
        self.wait_said("Agent is in control")
        for mine in (False, True):
            supervisor.state(HUMAN if mine else AGENT, MINE if mine else 0)
            time.sleep(0.5)
            self.screen.xdotool("key", "ctrl+alt+shift+End")
            wait_for(lambda: os.path.exists(told), 10, "the command")
            with open(told, encoding="utf-8") as file:
                self.assertEqual(file.read(), "stop --all --grace 0\n")
            os.remove(told)

    def test_without_the_command_this_session_is_stopped(self):
        supervisor, _ = self.open()
        self.screen.xdotool("key", "ctrl+alt+shift+End")
        self.heard(supervisor, until=lambda found: {"kind": "stop"} in found)

    def test_shortcuts(self):
        supervisor, _ = self.open()
        self.screen.xdotool("key", "ctrl+p")
        self.heard(supervisor, until=lambda found: {"kind": "pause"} in found)
        self.screen.xdotool("key", "ctrl+r")
        self.heard(supervisor, until=lambda found: {"kind": "record", "value": 1} in found)
        self.screen.xdotool("key", "ctrl+question")
        self.wait_said("Ctrl+Alt+Home")
        self.assertIn("Hand back, at any time", self.names())
        self.screen.xdotool("key", "Escape")
        wait_for(lambda: "Ctrl+Alt+Home" not in self.names(), 10, "the list to be closed")
        self.screen.xdotool("key", "95")  # F11; by its name xdotool would press Alt with it
        wait_for(lambda: self.fullscreen(), 10, "the window to fill the screen")
        self.assertIn("Agent is in control", self.names())
        self.screen.xdotool("key", "95")
        wait_for(lambda: not self.fullscreen(), 10, "the window to be one again")

    def fullscreen(self):
        window = self.screen.xdotool("getactivewindow").strip()
        return "WIDTH=1000\nHEIGHT=760" in self.screen.xdotool("getwindowgeometry", "--shell", window)

    def test_the_size_is_remembered(self):
        supervisor, viewer = self.open()
        window = self.screen.xdotool("getactivewindow").strip()
        self.screen.xdotool("windowsize", "--sync", window, 860, 612)
        time.sleep(0.5)
        self.screen.xdotool("key", "ctrl+1")
        time.sleep(0.2)
        self.screen.xdotool("key", "ctrl+w")
        self.assertEqual(viewer.wait(10), 0)
        with self.assertRaises(EOFError):
            supervisor.heard(5)
        with open(self.screen.windows_file(), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("[400x260]", text)
        self.assertIn("scale=actual", text)
        supervisor, viewer = self.open()
        geometry = self.screen.xdotool("getactivewindow", "getwindowgeometry", "--shell")
        self.assertIn("WIDTH=860\nHEIGHT=612", geometry)
        # A file that makes no sense is as good as none.
        viewer.terminate()
        viewer.wait()
        self.screen.remember("400x260", width=-7, height="x", scale="\ufffd", maximized="perhaps")
        self.open()

    def test_the_desktop_is_notified(self):
        service = self.screen.spawn(sys.executable, "-c", NOTIFICATIONS, stdout=subprocess.PIPE, text=True)
        self.assertEqual(service.stdout.readline(), "ready\n")
        supervisor, _ = self.open()
        other = self.told(name="other")
        self.view(self.screen, other)
        wait_for(lambda: self.screen.run("xdotool", "search", "--name", "other – Parclose", check=False), 10, "it")
        self.screen.xdotool("search", "--name", "other – Parclose", "windowactivate", "--sync")
        time.sleep(0.5)
        supervisor.notice("only for the record", 0)
        supervisor.notice("The agent asks: which account?", 1)
        self.assertEqual(service.stdout.readline(), "Session web|The agent asks: which account?\n")


class Ends(WindowTest):
    def closed(self, viewer):
        """The window is still there, works, and goes when it is closed."""
        self.assertIsNone(viewer.poll())
        self.press("Close")
        self.assertEqual(viewer.wait(10), 0)

    def test_the_session_ends(self):
        supervisor, viewer = self.open()
        supervisor.state(HUMAN, MINE)
        supervisor.notice("the command exited with code 3\x1b", kind=ENDED)
        self.wait_said("The session has ended")
        self.wait_said("the command exited with code 3\ufffd")
        for node in self.tree():
            if node["name"] in ("Take over", "Hand back", "Pause", "Stop", "Record") and node["role"] != "label":
                self.assertFalse(node["sensitive"], node)
        self.closed(viewer)

    def test_the_supervisor_is_gone(self):
        supervisor, viewer = self.open()
        supervisor.socket.close()
        self.wait_said("The session is gone")
        self.closed(viewer)

    def test_a_supervisor_that_says_nothing(self):
        supervisor = self.told()
        supervisor.socket.close()
        supervisor = type(supervisor)(400, 260)
        self.supervisors.append(supervisor)
        viewer = self.view(self.screen, supervisor)
        self.wait_said("Connecting…")
        self.closed(viewer)

    def test_lies(self):
        box = struct.pack("<4i", 0, 0, 1, 1)
        lies = {
            "no greeting": lambda s: s.state(),
            "another version": lambda s: s.hello(version=2),
            "no memory": lambda s: s.hello(fds=()),
            "a size of nothing": lambda s: s.hello(size=(0, 260)),
            "a larger screen than its memory": lambda s: s.hello(size=(4000, 4000)),
            "an enormous screen": lambda s: s.hello(size=(0xffffffff, 0xffffffff)),
            "a memory that may shrink": lambda s: s.hello(fds=(memory("x", 10**7, 0), s.slots_fd)),
            "a file that is no memory": lambda s: s.hello(fds=(0, s.slots_fd)),
            "slots too few": lambda s: s.hello(fds=(s.memory_fd, memory("y", 31))),
            "half a message": lambda s: (s.hello(), s.send(STATE, size=100)),
            "a greeting twice": lambda s: (s.hello(), s.hello()),
            "a box outside": lambda s: (s.hello(), s.announce(0, 1, [(399, 0, 2, 1)])),
            "a box below": lambda s: (s.hello(), s.announce(0, 1, [(0, 2**31 - 1, 1, 2**31 - 1)])),
            "no box": lambda s: (s.hello(), s.announce(0, 1, [])),
            "too many boxes": lambda s: (s.hello(), s.announce(0, 1, boxes_len=9)),
            "a fifth slot": lambda s: (s.hello(), s.announce(4, 1)),
            "a state of no holder": lambda s: (s.hello(), s.state(9)),
            "the agent's, and mine": lambda s: (s.hello(), s.state(AGENT, MINE)),
            "a pointer far away": lambda s: (s.hello(), s.cursor(-70000, 5)),
            "an enormous pointer": lambda s: (s.hello(), s.cursor(5, 5, width=129, height=4)),
            "a title without end": lambda s: (s.hello(), s.send(TITLE, b"t" * 256)),
            "a notice without end": lambda s: (s.hello(), s.send(NOTICE, b"\0\0\0\0" + b"n" * 248)),
            "what only viewers say": lambda s: (s.hello(), s.send(INPUT, b"\1" + bytes(20))),
            "no known kind": lambda s: (s.hello(), s.send(0xffffffff)),
            "something reserved": lambda s: (s.hello(), s.send(FRAME, box, reserved=1)),
            "a descriptor too many": lambda s: (s.hello(), s.send(CURSOR, fds=(0,))),
            "a greeting with many": lambda s: s.hello(fds=(0,) * 20),
        }
        self.assertEqual(HELLO, 1)
        for name, lie in lies.items():
            with self.subTest(name):
                supervisor = self.told()  # one that behaves, closed at once
                supervisor.socket.close()
                supervisor = type(supervisor)(400, 260)
                self.supervisors.append(supervisor)
                lie(supervisor)
                viewer = self.view(self.screen, supervisor)
                self.wait_said("The connection was closed")
                with self.assertRaises((EOFError, ConnectionResetError)):
                    supervisor.heard(5)
                viewer.terminate()
                viewer.wait(10)

    def test_a_flood(self):
        supervisor, viewer = self.open()
        stop = threading.Event()
        frames = [pattern(400, 260, seed) for seed in (1, 2)]
        sent = [0]

        def flood():
            number = 0
            while not stop.is_set():
                number += 1
                supervisor.announce(number % 4, 0, [(number % 399, number % 259, 1, 1)])
                supervisor.title(f"title {number}")
                supervisor.notice(f"notice {number}", 1)
                supervisor.cursor(number % 400, number % 260, image_serial=number, width=128, height=128)
                supervisor.state(viewers=1 + number % 16, denied=number)
                if supervisor.send(NOTICE):
                    sent[0] += 1
                else:
                    time.sleep(0.0002)
        thread = threading.Thread(target=flood)
        thread.start()
        try:
            time.sleep(2)
            began = time.monotonic()
            self.press("Pause")
            self.heard(supervisor, 10, until=lambda found: {"kind": "pause"} in found)
            self.assertLess(time.monotonic() - began, 10)
        finally:
            stop.set()
            thread.join()
        self.assertGreater(sent[0], 1000)
        with open(f"/proc/{viewer.pid}/status", encoding="utf-8") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        self.assertLess(resident, 400 * 1024)
        wait_for(lambda: supervisor.send(CURSOR), 10, "room for a message")  # no pointer
        supervisor.frame(frames[0])
        self.wait_shown(self.screen, supervisor, frames[0])

    def test_at_rest_nothing_is_done(self):
        supervisor, viewer = self.open()
        self.wait_shown(self.screen, supervisor, pattern(400, 260))
        time.sleep(3)

        def ticks():
            with open(f"/proc/{viewer.pid}/stat", encoding="utf-8") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])

        def wakeups():
            found = 0
            for task in os.listdir(f"/proc/{viewer.pid}/task"):
                with open(f"/proc/{viewer.pid}/task/{task}/status", encoding="utf-8") as status:
                    found += next(int(line.split()[1]) for line in status if line.startswith("voluntary"))
            return found
        before = ticks(), wakeups()
        time.sleep(5)
        self.assertEqual(ticks(), before[0])
        self.assertLessEqual(wakeups() - before[1], 1)

    def test_a_desktop_that_stands_still(self):
        sway = self.desktop(Sway)
        supervisor = self.told()
        first, last = pattern(400, 260), plain(400, 260, 9, 99, 199)
        supervisor.frame(first)
        viewer = self.view(sway, supervisor)
        self.wait_shown(sway, supervisor, first)
        compositor = next(process for process in sway.processes if "sway" in process.args[0])
        compositor.send_signal(signal.SIGSTOP)
        try:
            time.sleep(0.5)
            began, missed = time.monotonic(), 0
            while time.monotonic() - began < 3:
                if not supervisor.frame(pattern(400, 260, 5)):
                    missed += 1
                time.sleep(0.01)
            # It reads on: what nobody can show waits nowhere.
            self.assertEqual(missed, 0)
            supervisor.frame(last)
        finally:
            compositor.send_signal(signal.SIGCONT)
        self.wait_shown(sway, supervisor, last)
        self.assertIsNone(viewer.poll())


class Starts(ViewerTest):
    def test_without_a_desktop(self):
        supervisor = self.told()
        env = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        done = subprocess.run([VIEWER, "--fd", str(supervisor.viewer_fd)], pass_fds=[supervisor.viewer_fd], env=env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
        os.close(supervisor.viewer_fd)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no desktop to show the session on", done.stderr)

    def test_without_a_session(self):
        for arguments in ((), ("--fd", "0"), ("--fd", "77"), ("--fd", "x"), ("--nonsense",)):
            done = subprocess.run([VIEWER, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=20, check=False)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertTrue(done.stderr.startswith("parclose-viewer: "), done.stderr)
