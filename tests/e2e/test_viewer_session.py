"""The window on real sessions: parclose view, a user who takes over, and who only watches."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
import unittest

from desktops import Sway, Xvfb, rgb_of_bgrx
from harness import BUILD, HOSTILE, PARCLOSE, SessionTest, wait_for
from mcp import over_socket
from test_viewer_window import NOTIFICATIONS
from view_channel import AGENT, BUTTON, HAND_BACK, HUMAN, KEYCODE, MINE, MOVE, SCROLL, TAKE_OVER, TOUCH, Viewer
from viewer_case import APPLICATION, VIEWER, ViewerTest, find, pattern

HELPERS = os.path.join(BUILD, "tests", "helpers")


@unittest.skipUnless(os.path.exists(VIEWER), "built without the viewer")
class ViewedSession(SessionTest):
    """Sessions, and a desktop that shares their directories."""

    def setUp(self):
        super().setUp()
        self.desktops = []

    def tearDown(self):
        super().tearDown()
        for desktop in self.desktops:
            desktop.close()

    def desktop(self, kind, **options):
        if not kind.is_there():
            self.skipTest(kind.name + " is not installed")
        desktop = kind(**options)
        self.desktops.append(desktop)
        for key in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            os.makedirs(desktop.env[key], mode=0o700, exist_ok=True)
        self.env = {**self.env, **desktop.env}
        return desktop

    def session(self, *command, name="s", **display):
        policy = self.policy(filesystem={"readonlyPaths": [HELPERS, HOSTILE]},
                             display={"width": 640, "height": 400, **display})
        self.detach(*command, name=name, policy=policy)
        self.wait_window(name)

    def view(self, desktop, name="s"):
        viewer = desktop.spawn(PARCLOSE, "view", name, env=self.env)
        wait_for(lambda: any(name + " – Parclose" == node["name"]
                             for node in desktop.accessible("tree", APPLICATION)), 20, "the window")
        return viewer

    def names(self, desktop):
        return [node["name"] for node in desktop.accessible("tree", APPLICATION)]

    def wait_said(self, desktop, words):
        wait_for(lambda: words in self.names(desktop), 15, words)

    def heard(self, *kinds, name="s"):
        """What the witness inside heard."""
        path = os.path.join(self.env["XDG_STATE_HOME"], "parclose", name, "output.log")
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file.read().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] in kinds]


class RunView(ViewedSession):
    """`parclose run` opens a window of itself where somebody can see it, or is asked to."""

    def viewers(self, name="s"):
        return self.inspect(name)["viewers"]

    def test_asked_for(self):
        self.desktop(Xvfb)
        self.cli("run", "--detach", "--view", "--name", "s", "--", "foot", "-e", "sleep", "60")
        wait_for(lambda: self.viewers() == 1, 20, "the window")
        # Not foot, whose code for SIGTERM is 143 until it has a handler, and 230 from then on.
        run = self.spawn("run", "--view", "--name", "t", "--", "sleep", "60")
        wait_for(lambda: self.cli("inspect", "t", check=False).returncode == 0 and self.viewers("t") == 1, 20,
                 "the window")
        self.cli("stop", "t")
        self.assertEqual(run.wait(10), 143)
        done = self.cli("run", "--view", "--policy", self.process_policy(), "--", "true", check=False)
        self.assertEqual(done.returncode, 2)

    def test_from_a_terminal_on_a_desktop_and_nowhere_else(self):
        self.desktop(Xvfb)
        cases = (("--no-view", True, True), ("", False, True), ("", True, False), ("", True, True))
        for option, terminal, desktop in cases:
            env = {key: value for key, value in self.env.items()
                   if desktop or key not in ("DISPLAY", "WAYLAND_DISPLAY")}
            master, slave = pty.openpty()
            words = [option] if option else []
            run = subprocess.Popen([PARCLOSE, "run", *words, "--name", "s", "--", "foot", "-e", "sleep", "60"],
                                   env=env, stdin=subprocess.DEVNULL, stdout=slave,
                                   stderr=slave if terminal else subprocess.DEVNULL)
            self.started.append(run)
            os.close(slave)
            wait_for(lambda: self.cli("inspect", "s", check=False).returncode == 0)
            self.wait_window()
            if (option, terminal, desktop) == cases[-1]:
                wait_for(lambda: self.viewers() == 1, 20, "the window")
            else:
                time.sleep(1.5)
                self.assertEqual(self.viewers(), 0, (option, terminal, desktop))
            self.cli("stop", "s")
            run.wait(10)
            os.close(master)


class Watching(ViewedSession):
    def test_what_is_shown_is_the_screenshot(self):
        x11 = self.desktop(Xvfb)
        self.session("foot", "-T", "a list of files", "-e", "sh", "-c", "ls -lR --color=always /usr/include; sleep 60")
        self.wait_drawn(least=6)
        self.view(x11)
        self.wait_said(x11, "Agent is in control")
        self.wait_said(x11, "a list of files")

        def same():
            _, _, rows = self.screenshot("s", "--no-cursor")
            picture = x11.screenshot()
            line = max(range(260, 400), key=lambda y: len(set(rows[y])))
            at = find(picture, rows[line])
            if at is None or at[1] < line:
                return False
            left, top = at[0], at[1] - line
            shown = [row[left * 3:(left + 640) * 3] for row in picture[2][top:top + 400]]
            # The session's pointer is drawn over it, in the middle.
            return [row for y, row in enumerate(shown) if not 160 <= y <= 250] == \
                [row for y, row in enumerate(rows) if not 160 <= y <= 250]
        wait_for(same, 15, "the picture that parclose screenshot makes")

    def test_a_desktop_that_stands_still_does_not_slow_the_agent(self):
        sway = self.desktop(Sway)
        self.session(HOSTILE + "/animate")
        viewers = [self.view(sway)]
        viewers += [sway.spawn(PARCLOSE, "view", "s", env=self.env) for _ in range(3)]
        wait_for(lambda: self.count_viewers() == 4, 20, "four windows")

        def rate(seconds):
            before = self.inspect()["display"]["frames"]
            time.sleep(seconds)
            return (self.inspect()["display"]["frames"] - before) / seconds
        compositor = next(process for process in sway.processes if "sway" in process.args[0])
        compositor.send_signal(signal.SIGSTOP)
        viewers[1].send_signal(signal.SIGSTOP)
        try:
            self.assertGreater(rate(10), 45)
        finally:
            viewers[1].send_signal(signal.SIGCONT)
            compositor.send_signal(signal.SIGCONT)
        # And a desktop that goes away takes the windows with it, and nothing else.
        compositor.kill()
        wait_for(lambda: all(viewer.poll() is not None for viewer in viewers), 15, "the windows to be gone")
        self.assertGreater(rate(2), 45)

    def count_viewers(self):
        viewer = Viewer(self.env, "s")
        try:
            return viewer.until(lambda kind, fields: "viewers" in fields)["viewers"] - 1
        finally:
            viewer.close()

    def test_the_users_desktop_hears_nothing_of_the_agent(self):
        sway = self.desktop(Sway)
        # A window of the user's own with the keyboard, and a secret in the clipboard.
        sway.spawn("wtype", "-k", "Shift_L", "-s", "120000", "-k", "Shift_L")
        sway.spawn("wl-copy", "--foreground", "the user's secret")
        self.session(HELPERS + "/witness", "--draw", "click")
        self.view(sway)
        outside = sway.spawn(HELPERS + "/witness", stdout=subprocess.PIPE)
        os.set_blocking(outside.stdout.fileno(), False)
        time.sleep(1)
        events = [json.loads(line) for line in (outside.stdout.read() or b"").splitlines() if line.startswith(b"{")]
        self.assertIn("keyboard-enter", [event["event"] for event in events])
        agent = Viewer(self.env, "s")
        agent.send(TAKE_OVER, b"\0\0\0\0")
        agent.state_with(lambda state: state["holder"] == HUMAN and state["flags"] & MINE)
        for code in (30, 48, 46):
            agent.input(KEYCODE, code, 1)
            agent.input(KEYCODE, code, 0)
        agent.input(MOVE, x=100, y=100)
        agent.input(BUTTON, 0x110, 1, x=100, y=100)
        agent.input(BUTTON, 0x110, 0, x=100, y=100)
        wait_for(lambda: len(self.heard("button")) == 2, 10, "the session's own window to hear it")
        time.sleep(0.5)
        more = [json.loads(line)["event"] for line in (outside.stdout.read() or b"").splitlines()
                if line.startswith(b"{")]
        self.assertFalse({"key", "button", "motion", "axis", "pointer-enter"} & set(more), more)
        agent.send(HAND_BACK)
        agent.state_with(lambda state: state["holder"] == AGENT)
        agent.close()
        # The agent's own hands, and its clipboard: it finds nothing of the user's, and leaves nothing.
        self.cli("type", "s", "from the agent")
        self.cli("click", "s", "50,60")
        self.cli("key", "s", "ctrl+v")
        wait_for(lambda: len(self.heard("button")) == 4, 10, "the session's own window to hear it")
        inside = self.cli("exec", "s", "--", "sh", "-c", "timeout 5 wl-paste; timeout 5 wl-paste --primary; "
                          "for which in '' --primary; do timeout 5 wl-copy $which stolen >/dev/null 2>&1; done; "
                          "timeout 5 wl-paste", check=False)
        self.assertNotIn("secret", inside.stdout + inside.stderr)
        self.assertIn("stolen", inside.stdout)
        time.sleep(0.5)
        more = [json.loads(line)["event"] for line in (outside.stdout.read() or b"").splitlines()
                if line.startswith(b"{")]
        self.assertFalse({"key", "button", "motion", "axis", "pointer-enter"} & set(more), more)
        self.assertEqual(sway.run("wl-paste", "--no-newline"), "the user's secret")
        self.assertNotIn("stolen", sway.run("wl-paste", "--primary", check=False))


class Asking(ViewedSession):
    def test_which_session(self):
        done = self.cli("view", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no session to view", done.stderr)
        done = self.cli("view", "nobody", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        for wrong in (("a", "b"), ("--all", "a"), ("--nonsense",)):
            self.assertEqual(self.cli("view", *wrong, check=False).returncode, 2)
        x11 = self.desktop(Xvfb)
        nothing = x11.spawn(PARCLOSE, "view", "--all", env=self.env)  # started by an icon
        self.wait_said(x11, "There is no session to view")
        x11.xdotool("key", "Escape")
        self.assertEqual(nothing.wait(10), 0)
        self.session(HELPERS + "/witness", name="one")
        only = x11.spawn(PARCLOSE, "view", env=self.env)
        self.wait_window_named(x11, "one")
        self.session(HELPERS + "/witness", name="two")
        done = self.cli("view", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there are 2 sessions", done.stderr)
        every = x11.spawn(PARCLOSE, "view", "--all", env=self.env)
        self.wait_window_named(x11, "two")
        self.cli("stop", "--all", "--grace", "0")
        self.assertIsNone(only.poll())  # the windows say how it ended
        only.terminate()
        self.assertEqual(only.wait(10), 0)
        self.assertIsNone(every.poll())

    def wait_window_named(self, x11, name):
        wait_for(lambda: x11.run("xdotool", "search", "--name", f"^{name} – Parclose", check=False), 15, name)

    def test_a_session_without_a_display(self):
        self.detach("sleep", "60", policy=self.process_policy())
        done = self.cli("view", "s", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no display", done.stderr)

    def test_without_a_desktop(self):
        self.detach("foot")
        done = self.cli("view", "s", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no desktop to show the session on", done.stderr)


class TakingOver(ViewedSession):
    def setUp(self):
        super().setUp()
        self.x11 = self.desktop(Xvfb)
        self.x11.run("setxkbmap", "de")
        self.session(HELPERS + "/witness", "--size", "640x400")
        self.viewer = self.view(self.x11)
        self.wait_said(self.x11, "Agent is in control")

    def take_over(self):
        self.x11.xdotool("key", "ctrl+t")
        self.wait_said(self.x11, "You are in control")
        self.assertEqual(self.inspect()["holder"], "human")

    def middle(self):
        """The middle of the frame, on the desktop."""
        width, _, rows = self.x11.screenshot()
        blue_or_orange = (bytes((0xb3, 0x47, 0)), bytes((0x1c, 0x5f, 0xc4)))
        frame = [(x, y) for y, row in enumerate(rows) for x in (row.find(colour) // 3 for colour in blue_or_orange)
                 if x >= 0 and row[x * 3:x * 3 + 3] in blue_or_orange]
        left, top = min(frame)[0], min(y for _, y in frame)
        bottom = max(y for _, y in frame)
        return width // 2 if left else width // 2, (top + 44 + bottom) // 2

    def test_the_user_types_and_points(self):
        before = self.heard("key", "button", "motion")
        self.x11.xdotool("mousemove", *self.middle(), "click", 1, "key", "z")
        time.sleep(0.5)
        self.assertEqual(self.heard("key", "button", "motion"), before)
        self.take_over()
        self.x11.xdotool("mousemove", *self.middle())
        self.x11.xdotool("click", 3)
        self.x11.xdotool("key", "--delay", 30, "z", "udiaeresis", "Shift+ssharp", "at", "EuroSign")
        wait_for(lambda: len([e for e in self.heard("key") if e["state"] == 0]) >= 8, 10, "the keys")
        text = "".join(event.get("text") or "" for event in self.heard("key") if event["state"] == 1)
        self.assertEqual(text, "zü?@€")
        self.assertEqual([(e["button"], e["state"]) for e in self.heard("button")], [(0x111, 1), (0x111, 0)])
        moved = self.heard("motion")[-1]
        self.assertTrue(250 < moved["x"] < 390 and 120 < moved["y"] < 280, moved)

    def test_the_agent_is_refused_meanwhile_and_told(self):
        self.take_over()
        self.x11.xdotool("keydown", "a")
        wait_for(lambda: [e["state"] for e in self.heard("key") if e["code"] == 30] == [1], 10, "the key")
        self.x11.xdotool("key", "ctrl+alt+Home")
        self.wait_said(self.x11, "Agent is in control")
        self.x11.xdotool("keyup", "a")
        self.assertEqual(self.inspect()["holder"], "agent")
        wait_for(lambda: [e["state"] for e in self.heard("key") if e["code"] == 30] == [1, 0], 10, "the key's release")
        self.assertFalse([e for e in self.heard("key") if e["code"] == 102], "the chord is not the session's")

    def test_a_window_that_is_closed_hands_back(self):
        self.take_over()
        self.x11.accessible("press", APPLICATION, "Close")
        self.assertEqual(self.viewer.wait(10), 0)
        wait_for(lambda: self.inspect()["holder"] == "agent", 10, "the agent to be in control again")

    def test_a_window_that_dies_leaves_the_agent_waiting(self):
        self.take_over()
        self.viewer.kill()
        self.viewer.wait()
        time.sleep(0.5)
        self.assertEqual(self.inspect()["holder"], "human")
        self.view(self.x11)
        self.wait_said(self.x11, "A person is in control")
        self.take_over()
        self.x11.xdotool("key", "ctrl+alt+Home")
        self.wait_said(self.x11, "Agent is in control")

    def test_pause_and_stop(self):
        self.x11.xdotool("key", "ctrl+p")
        self.wait_said(self.x11, "Paused")
        self.assertEqual(self.inspect()["holder"], "paused")
        self.x11.xdotool("key", "ctrl+p")
        self.wait_said(self.x11, "Agent is in control")
        self.x11.xdotool("key", "ctrl+shift+q")
        self.wait_said(self.x11, "Stop the session s?")
        self.x11.xdotool("key", "Tab", "Return")
        self.wait_said(self.x11, "The session has ended")
        self.assertNotEqual(self.cli("inspect", "s", check=False).returncode, 0)

    def test_a_pause_keeps_the_wheel(self):
        self.take_over()
        self.x11.accessible("press", APPLICATION, "Pause")
        self.wait_said(self.x11, "Paused")
        before = len(self.heard("key"))
        self.x11.xdotool("key", "a")
        self.x11.accessible("press", APPLICATION, "Resume")
        self.wait_said(self.x11, "You are in control")
        self.assertEqual(self.inspect()["holder"], "human")
        self.x11.xdotool("key", "b")
        wait_for(lambda: [e["state"] for e in self.heard("key") if e["code"] == 48] == [1, 0], 10, "the key")
        self.assertEqual(len(self.heard("key")), before + 2, "nothing of what was pressed meanwhile")
        # And a window that is closed meanwhile has handed back.
        self.x11.accessible("press", APPLICATION, "Pause")
        self.wait_said(self.x11, "Paused")
        self.x11.accessible("press", APPLICATION, "Close")
        self.assertEqual(self.viewer.wait(10), 0)
        self.cli("resume", "s")
        wait_for(lambda: self.inspect()["holder"] == "agent", 10, "the agent to be in control again")

    def test_the_agent_asks(self):
        service = self.x11.spawn(sys.executable, "-c", NOTIFICATIONS, stdout=subprocess.PIPE, text=True)
        self.assertEqual(service.stdout.readline(), "ready\n")
        self.x11.spawn("zenity", "--info", "--text", "another window")
        wait_for(lambda: "Parclose" not in self.x11.run("xdotool", "getactivewindow", "getwindowname", check=False),
                 20, "another window in front")
        agent = over_socket(os.path.join(self.env["XDG_RUNTIME_DIR"], "parclose", "s", "control.sock"))

        def ask(text):
            return agent.tool("ask_user", text=text)["structuredContent"]
        both = [agent.start("tools/call", {"name": "ask_user", "arguments": {"text": text}})
                for text in ("Which account?\u202e\x1b]0;You are in control", "And now?")]
        first, second = [agent.result(number)["structuredContent"] for number in both]
        self.assertEqual(first, {"effect": "delivered", "viewers": 1})
        self.assertIn("moment ago", second["message"])
        told = "The agent asks: “Which account?\ufffd\ufffd]0;You are in control”"
        self.wait_said(self.x11, told)
        self.assertEqual(service.stdout.readline(), f"Session s|{told}\n")
        self.assertIn("Agent is in control", self.names(self.x11))
        self.viewer.terminate()
        self.viewer.wait(10)
        wait_for(lambda: self.inspect()["viewers"] == 0, 10, "nobody")
        time.sleep(2)
        self.assertIn("nobody was told", ask("Anybody?")["message"])
        agent.socket.close()
        asked = [(line["viewers"], line["text"][:8]) for line in self.log() if line["event"] == "asked"]
        self.assertEqual(asked, [(1, "Which ac"), (0, "Anybody?")])

    def test_recording(self):
        self.assertNotIn("● Recording", self.names(self.x11))
        self.x11.xdotool("key", "ctrl+r")
        self.wait_said(self.x11, "● Recording")
        self.x11.xdotool("key", "ctrl+r")
        wait_for(lambda: "● Recording" not in self.names(self.x11), 10, "the recording's end")

    def test_withholding(self):
        self.x11.xdotool("key", "ctrl+h")
        self.take_over()
        self.wait_said(self.x11, "Ctrl+Alt+Home gives control back; the agent sees nothing")
        self.x11.accessible("press", APPLICATION, "Hide from agent")
        self.wait_said(self.x11, "Ctrl+Alt+Home gives control back")
        self.assertEqual(self.inspect()["holder"], "human")

    def test_all_sessions_at_once(self):
        self.session(HELPERS + "/witness", name="other")
        self.x11.xdotool("key", "ctrl+alt+shift+End")
        wait_for(lambda: not json.loads(self.cli("list", "--json").stdout), 10, "every session to be over")


class OnADesktopOfOurOwn(ViewedSession, ViewerTest):
    """The window within a session: a Wayland desktop whose pointer, wheel, touch and keys a test can move."""

    def setUp(self):
        ViewedSession.setUp(self)
        self.supervisors = []
        policy = self.policy(filesystem={"readonlyPaths": [BUILD]}, display={"width": 1000, "height": 760})
        self.supervisor = self.told()
        self.pixels = pattern(400, 260)
        self.supervisor.frame(self.pixels)
        remember = "mkdir -p ~/.local/state/parclose-viewer; cd ~/.local/state/parclose-viewer; " \
            "printf '[400x260]\\nscale=actual\\n' >windows; "
        self.spawn("run", "--name", "parent", "--policy", policy, "--", "sh", "-c",
                   remember + f"GSK_RENDERER=cairo exec {VIEWER} --fd 0", stdin=self.supervisor.viewer_fd)
        os.close(self.supervisor.viewer_fd)
        wait_for(lambda: self.cli("inspect", "parent", check=False).returncode == 0, 20, "the parent")
        self.wait_window("parent")
        self.user = Viewer(self.env, "parent")
        self.user.send(TAKE_OVER, b"\0\0\0\0")
        self.user.state_with(lambda state: state["flags"] & MINE)
        self.place = wait_for(self.look_twice, 20, "the frame")

    def tearDown(self):
        self.user.close()
        ViewedSession.tearDown(self)
        for supervisor in self.supervisors:
            supervisor.close()

    def look_twice(self):
        """Where the frame is, when it has come to rest."""
        place = self.look()
        time.sleep(0.5)
        return place if place == self.look() else None

    def look(self):
        picture = self.screenshot("parent", "--no-cursor")
        place = find(picture, rgb_of_bgrx(self.pixels[200 * 1600:201 * 1600]))
        return (place[0], place[1] - 200) if place else None

    def said(self, kind, count=1):
        found = self.heard_by_supervisor(lambda found: len(
            [message for message in found if message.get("input") == kind]) >= count)
        return [message for message in found if message.get("input") == kind]

    def heard_by_supervisor(self, until):
        return ViewerTest.heard(self, self.supervisor, until=until)

    def move(self, kind, x, y, code=0, value=0):
        self.user.input(kind, code, value, x=self.place[0] + x, y=self.place[1] + y)

    def click(self, x, y):
        self.move(BUTTON, x, y, 0x110, 1)
        self.move(BUTTON, x, y, 0x110, 0)

    def test_hands(self):
        self.move(MOVE, 10, 10)
        self.click(100, 100)
        self.user.input(KEYCODE, 30, 1)
        self.user.input(KEYCODE, 30, 0)
        time.sleep(0.5)
        self.assertEqual(self.supervisor.heard(), [], "watching sends nothing")
        for code, value in ((29, 1), (20, 1), (20, 0), (29, 0)):  # Ctrl+T
            self.user.input(KEYCODE, code, value)
        self.heard_by_supervisor(lambda found: {"kind": "take_over", "value": 0} in found)
        self.supervisor.state(HUMAN, MINE)
        self.heard_by_supervisor(lambda found: any(message["kind"] == "keymap" for message in found))
        self.move(MOVE, 30, 40)
        moved = self.said(MOVE)[-1]
        self.assertEqual((moved["x"], moved["y"]), (30 * 256, 40 * 256))
        self.click(31.5, 42)
        self.assertEqual([(b["code"], b["value"], b["x"], b["y"]) for b in self.said(BUTTON, 2)],
                         [(0x110, value, 31 * 256 + 128, 42 * 256) for value in (1, 0)])
        # Notches of a wheel, and parts of one.
        for x, y in ((0, 1), (0, -1), (-2, 0), (1, 0), (0, 0.5)):
            self.user.input(SCROLL, x=x, y=y)
            scrolled = self.said(SCROLL)
            self.assertEqual({s["value"] for s in scrolled}, {0})
            self.assertAlmostEqual(sum(s["x"] for s in scrolled) / 256, x, delta=0.02)
            self.assertAlmostEqual(sum(s["y"] for s in scrolled) / 256, y, delta=0.02)
        self.move(TOUCH, 50, 60, 3, 1)
        self.move(TOUCH, 150, 70, 7, 1)
        self.move(TOUCH, 55, 65, 3, 2)
        self.move(TOUCH, 55, 65, 3, 0)
        self.move(TOUCH, 150, 70, 7, 0)
        touched = [(t["code"], t["value"], t["x"] / 256, t["y"] / 256) for t in self.said(TOUCH, 5)]
        self.assertEqual(touched, [(0, 1, 50, 60), (1, 1, 150, 70), (0, 2, 55, 65), (0, 0, 55, 65), (1, 0, 150, 70)])
        for value in (1, 0):
            self.user.input(KEYCODE, 21, value)
        self.assertEqual([(key["code"], key["value"]) for key in self.said(KEYCODE, 2)], [(21, 1), (21, 0)])
        # Neither the host's pointer nor anything else is drawn over the frame.
        self.assertIsNotNone(self.look())

