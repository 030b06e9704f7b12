"""The window on recordings: parclose replay, on real ones and on such as no session made."""

import json
import os
import struct
import subprocess
import time
import unittest

import pcr
from desktops import Sway, Weston, Xvfb
from harness import PARCLOSE, descendants, kill, read_png, wait_for
from test_viewer_session import ViewedSession
from view_channel import FRAME, HELLO, HUMAN, MINE, NOTICE, Control
from viewer_case import APPLICATION, VIEWER, ViewerTest, find, pattern

SECOND = 1_000_000_000
REPLAY, MARKS, POSITION, CAPTION = range(32, 36)
SEEK, PLAY, STEP = range(96, 99)


class Replay(ViewedSession):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.dir, "x.pcr")

    def replay(self, desktop, name="s", file=None):
        viewer = desktop.spawn(PARCLOSE, "replay", file or self.file, env=self.env)
        wait_for(lambda: any(node["name"] == f"{name}, a recording – Parclose"
                             for node in desktop.accessible("tree", APPLICATION)), 20, "the window")
        return viewer

    def write(self, *parts):
        with open(self.file, "wb") as file:
            file.write(b"".join(parts))

    def said(self, desktop):
        return [node["name"] for node in desktop.accessible("tree", APPLICATION) if node["name"]]

    def wait_caption(self, desktop, words):
        wait_for(lambda: any(words in said for said in self.said(desktop)), 15, words)

    def player(self, viewer):
        """The process that reads the file."""
        found = [pid for pid in descendants(viewer.pid)
                 if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "parclose-replay"]
        self.assertEqual(len(found), 1)
        return found[0]

    def record(self, *actions):
        """A session that writes, and is typed into."""
        self.session("foot", "-T", "a terminal", "-e", "sh", "-c", "ls -l --color=always /usr/include; exec cat")
        self.wait_drawn(least=6)
        self.cli("record", "start", "s", self.file)
        control = Control(self.env, "s")
        for action in actions:
            control.call("parclose/act", actions=[action])
        control.close()

    def exported(self):
        out = os.path.join(self.dir, "frames")
        self.cli("record", "export", "--frames", out, "--every", "0", self.file)
        names = sorted(name for name in os.listdir(out) if name.endswith(".png"))
        return [read_png(os.path.join(out, name)) for name in names]

    def shows(self, desktop, png):
        """Is that picture on the desktop, but for the pointer?"""
        width, height, rows = png
        calm = [y for y in range(height) if not height // 2 - 40 <= y <= height // 2 + 40]
        line = max(calm, key=lambda y: len(set(rows[y])))
        picture = desktop.screenshot()
        at = find(picture, rows[line])
        if at is None or at[1] < line:
            return False
        left, top = at[0], at[1] - line
        return all(picture[2][top + y][left * 3:(left + width) * 3] == rows[y] for y in calm)

    def test_what_happened_is_seen_again(self):
        x11 = self.desktop(Xvfb)
        self.record({"action": "type", "text": "an agent"}, {"action": "key", "keys": "Return"})
        time.sleep(0.5)
        self.cli("takeover", "s")
        self.cli("type", "s", "refused", check=False)
        self.cli("release", "s")
        self.cli("type", "s", "the end")
        time.sleep(0.5)
        self.cli("record", "stop", "s")
        self.cli("stop", "s")
        pictures = self.exported()
        viewer = self.replay(x11)
        said = self.said(x11)
        self.assertIn("Agent was in control", said)
        for missing in ("Take over", "Stop", "Record", "No network"):
            self.assertNotIn(missing, said)
        wait_for(lambda: self.shows(x11, pictures[0]), 15, "the first picture")
        x11.xdotool("key", "ctrl+t")  # nobody takes over what is over
        for words in ("The recording begins", "The agent: type “an agent”", "The agent: key Return", "A person takes over, by parclose takeover",
                      "type “refused” – refused", "Handed back"):
            x11.xdotool("key", "n")
            self.wait_caption(x11, words)
            if "refused" in words:
                self.wait_said(x11, "A person was in control")
        self.wait_said(x11, "Agent was in control")
        x11.xdotool("key", "p", "p")
        self.wait_caption(x11, "A person takes over")
        x11.xdotool("key", "End")
        wait_for(lambda: self.shows(x11, pictures[-1]), 15, "the last picture")
        x11.xdotool("key", "Home")
        wait_for(lambda: self.shows(x11, pictures[0]), 15, "the first picture")
        # Played at sixteen times the speed it is over soon.
        x11.xdotool("key", "plus", "plus", "plus", "plus", "space")
        wait_for(lambda: self.shows(x11, pictures[-1]), 20, "the last picture")
        wait_for(lambda: self.node(x11, "Play"), 10, "the end")
        x11.xdotool("key", "comma")
        wait_for(lambda: self.shows(x11, pictures[-2]), 15, "the last picture but one")
        player = self.player(viewer)
        x11.xdotool("key", "ctrl+w")
        self.assertEqual(viewer.wait(10), 0)
        wait_for(lambda: not os.path.exists(f"/proc/{player}"), 10, "the player to be gone")

    def node(self, desktop, name):
        return next((node for node in desktop.accessible("tree", APPLICATION) if node["name"] == name), None)

    def colours(self, count=10, step=SECOND):
        """A picture of another colour every `step`."""
        return [pcr.plain_frame(320, 200, i * step, (i * 20, 200 - i * 20, 90)) for i in range(count)]

    def wait_colour(self, desktop, i):
        row = bytes((i * 20, 200 - i * 20, 90)) * 100
        wait_for(lambda: find(desktop.screenshot(), row), 15, f"the picture {i}")

    def test_the_scrubber(self):
        x11 = self.desktop(Xvfb)
        self.write(pcr.header(320, 200), pcr.info(), *self.colours(), pcr.end(10 * SECOND))
        self.replay(x11, name="made up")
        self.wait_colour(x11, 0)
        scrubber = self.node(x11, "Position in the recording")
        self.assertEqual(scrubber["role"], "slider")
        # Its line is found on the picture: where the mark of the position is darkest.
        width, height, rows = x11.screenshot()
        left, right, y = self.line(rows, width, height)
        x11.xdotool("mousemove", left + (right - left) * 55 // 100, y, "mousedown", 1)
        self.wait_colour(x11, 5)
        for part, colour in ((75, 7), (15, 1), (95, 9)):
            x11.xdotool("mousemove", left + (right - left) * part // 100, y)
            self.wait_colour(x11, colour)
        x11.xdotool("mousemove", 2, y)  # beyond its end
        self.wait_colour(x11, 0)
        x11.xdotool("mouseup", 1)
        x11.xdotool("key", "Right")
        self.wait_colour(x11, 5)
        x11.xdotool("key", "Left")
        self.wait_colour(x11, 0)

    @staticmethod
    def line(rows, width, height):
        """The scrubber's line: the lowest row of the window that has one long run of another colour."""
        best = None
        for y in range(height):
            run = longest = end = 0
            for x in range(1, width):
                same = rows[y][x * 3:x * 3 + 3] == rows[y][x * 3 - 3:x * 3]
                run = run + 1 if same else 0
                if run > longest:
                    longest, end = run, x
            pixel = rows[y][end * 3 - 3:end * 3]
            # A quarter of black on the light grey of a window.
            if 250 < longest < width - 20 and len(set(pixel)) <= 3 and 150 < pixel[0] < 215 and max(pixel) - min(pixel) < 8:
                best = (end - longest, end, y)
        assert best, "no line"
        return best

    def test_on_wayland(self):
        self.write(pcr.header(320, 200), pcr.info(), *self.colours(), pcr.end(10 * SECOND))
        for kind in (Weston, Sway):
            desktop = self.desktop(kind)
            viewer = self.replay(desktop, name="made up")
            self.wait_colour(desktop, 0)
            desktop.accessible("press", APPLICATION, "Next picture")
            self.wait_colour(desktop, 1)
            desktop.accessible("press", APPLICATION, "Play")
            self.wait_colour(desktop, 3)
            viewer.kill()
            viewer.wait()

    def test_at_rest_nothing_runs(self):
        x11 = self.desktop(Xvfb)
        self.write(pcr.header(320, 200), pcr.info(), *self.colours(), pcr.end(10 * SECOND))
        viewer = self.replay(x11, name="made up")
        self.wait_colour(x11, 0)
        time.sleep(1)

        def switches(pid):
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt"))
        player = self.player(viewer)
        before = switches(player)
        time.sleep(2)
        self.assertEqual(switches(player), before)

    def test_who_reads_the_file_holds_nothing_else(self):
        x11 = self.desktop(Xvfb)
        self.write(pcr.header(320, 200), pcr.info(), *self.colours(), pcr.end(10 * SECOND))
        viewer = self.replay(x11, name="made up")
        player = self.player(viewer)
        with open(f"/proc/{player}/status", encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
        self.assertEqual({status[key] for key in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")}, {"0" * 16})
        self.assertNotEqual(status["Uid"].split()[0], "0")
        if os.geteuid() == 0:
            self.assertEqual(os.listdir(f"/proc/{player}/root"), [])
            names = [os.readlink(f"/proc/{player}/fd/{fd}") for fd in os.listdir(f"/proc/{player}/fd")]
            files = sorted(name for name in names if name.startswith("/") and not name.startswith("/memfd:"))
            self.assertEqual([name for name in files if name != "/dev/null"], [self.file])
            self.assertEqual(len({name for name in names if name.startswith("socket:")}), 1, names)
        for namespace in ("user", "mnt", "pid", "net", "ipc"):
            self.assertNotEqual(os.readlink(f"/proc/{player}/ns/{namespace}"), os.readlink(f"/proc/self/ns/{namespace}"))
        kill(player)
        self.wait_said(x11, "The recording cannot be shown any further")
        self.assertIsNone(viewer.poll())

    def test_damage(self):
        x11 = self.desktop(Xvfb)
        frames = self.colours()
        frames[4] = frames[4][:-9] + bytes((frames[4][-9] ^ 255,)) + frames[4][-8:]
        self.write(pcr.header(320, 200), pcr.info(), *frames)  # and it has no end
        self.replay(x11, name="made up")
        self.wait_caption(x11, "it was cut off")
        self.wait_colour(x11, 0)
        for i in (1, 2, 3, 4, 5, 6):
            self.assertNotIn("Damaged here", self.said(x11))
            x11.xdotool("key", "period")
            if i == 4:
                self.wait_said(x11, "Damaged here")
                self.wait_colour(x11, 3)  # the last one that is good
                x11.xdotool("key", "period")
                i = 5
            self.wait_colour(x11, i)
            if i == 5:
                break
        wait_for(lambda: "Damaged here" not in self.said(x11), 10, "an end of the damage")

    def test_what_a_liar_writes(self):
        x11 = self.desktop(Xvfb)
        evil = "\u202e\u0007\x1b[31m\u200b<b>Agent</b>"
        self.write(pcr.header(320, 200), pcr.info(name=evil, command="x" * 100000),
                   pcr.plain_frame(320, 200, 0, (0, 200, 90)),
                   pcr.event(SECOND, event="act", action=evil, effect="changed", text="y" * 1000000),
                   pcr.event(SECOND, event="taken-over", by=evil * 1000),
                   *(pcr.record(pcr.EVENT, 2 * SECOND, b"[" * 5000) for _ in range(50)),
                   pcr.event(2 * SECOND, event=evil, x=1e308, keys=[evil] * 100),
                   *(pcr.event(3 * SECOND + i, event="act", action="click", x=i, y=i) for i in range(50000)),
                   pcr.end(1 << 62))
        viewer = self.replay(x11, name="\ufffd\ufffd\ufffd[31m\ufffd<b>Agent</b>")
        self.wait_colour(x11, 0)
        seen = ""
        for _ in range(5):
            x11.xdotool("key", "n")
            time.sleep(0.3)
            seen += "\n".join(self.said(x11))
        for char in ("\u202e", "\u0007", "\x1b", "\u200b"):
            self.assertNotIn(char, seen)
        x11.xdotool("key", "End", "space", "p", "comma", "Home", "space")
        time.sleep(1)
        self.assertIsNone(viewer.poll())
        self.assertIn("Hold", self.said(x11))

    def test_a_large_picture(self):
        x11 = self.desktop(Xvfb)
        self.write(pcr.header(8192, 4000), pcr.info(), pcr.plain_frame(8192, 4000, 0, (0, 200, 90)),
                   pcr.plain_frame(8192, 4000, SECOND, (20, 180, 90)), pcr.end(2 * SECOND))
        self.replay(x11, name="made up")
        self.wait_colour(x11, 0)
        x11.xdotool("key", "period")
        self.wait_colour(x11, 1)

    def test_what_is_none(self):
        self.desktop(Xvfb)
        cases = ((b"", "no recording of Parclose's"), (b"PARCLREC" * 20, "version"),
                 (pcr.header(320, 200)[:-1] + b"\0", "header is damaged"),
                 (pcr.header(0, 200), "header is damaged"), (pcr.header(9000, 200), "header is damaged"))
        for data, words in cases:
            self.write(data)
            done = self.cli("replay", self.file, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(words, done.stderr)
            self.assertIn(self.file, done.stderr)
        self.assertIn("No such file", self.cli("replay", "/nowhere", check=False).stderr)
        fifo = os.path.join(self.dir, "fifo")
        os.mkfifo(fifo)
        for odd in (fifo, self.dir, "/dev/zero"):
            done = self.cli("replay", odd, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("not a file", done.stderr)
        for wrong in ([], ["a", "b"], ["--json", "a"], ["--nonsense"]):
            self.assertEqual(self.cli("replay", *wrong, check=False).returncode, 2)

    def test_without_a_desktop(self):
        self.write(pcr.header(320, 200), pcr.info(), pcr.end(SECOND))
        done = self.cli("replay", self.file, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no desktop", done.stderr)

    def test_one_that_is_being_written(self):
        x11 = self.desktop(Xvfb)
        self.record({"action": "type", "text": "going on"})
        self.replay(x11)
        self.wait_caption(x11, "is still being written")
        x11.xdotool("key", "n", "n")
        self.wait_caption(x11, "type “going on”")


@unittest.skipUnless(os.path.exists(VIEWER), "built without the viewer")
class LyingPlayer(ViewerTest):
    """A player that a file took over says what it likes to the window."""

    def start(self, *messages, recording=True):
        x11 = self.desktop(Xvfb)
        supervisor = self.told_nothing()
        supervisor.hello(name="x")
        if recording:
            supervisor.send(REPLAY, struct.pack("<QQI", 10 * SECOND, 1700000000, 1))
        options = ["--replay"]
        x11.spawn(VIEWER, "--fd", str(supervisor.viewer_fd), *options, pass_fds=[supervisor.viewer_fd])
        os.close(supervisor.viewer_fd)
        for kind, payload in messages:
            supervisor.send(kind, payload)
        return x11, supervisor

    def told_nothing(self):
        from fake_supervisor import Supervisor  # pylint: disable=import-outside-toplevel
        supervisor = Supervisor(400, 260)
        self.supervisors.append(supervisor)
        return supervisor

    def state(self, holder=1, flags=0, clipboard=1):
        return struct.pack("<6IQQ", holder, flags, 1, clipboard, 1, 0, 0, 0)

    def test_what_it_may_not_say(self):
        cases = (
            (4, self.state(HUMAN, MINE)),  # a state: types and clicks would come here
            (4, self.state(1, 2)),
            (4, self.state(clipboard=4)),  # or what is copied
            (8, bytes(16)),
            (NOTICE, struct.pack("<I248s", 1, b"The viewer's own words?")),
            (5, struct.pack("<192s64s", b"title", b"app")),
            (REPLAY, struct.pack("<QQI", SECOND, 0, 1)),
            (MARKS, struct.pack("<II", 1000, 100)),
            (MARKS, struct.pack("<II", 0, 241)),
            (MARKS, struct.pack("<II", 0, 0)),
            (MARKS, struct.pack("<II240s", 0, 1, b"\x10")),
            (POSITION, struct.pack("<QIII", 10 * SECOND + 1, 0, 100, 0)),
            (POSITION, struct.pack("<QIII", 0, 4, 100, 0)),
            (POSITION, struct.pack("<QIII", 0, 0, 0, 0)),
            (POSITION, struct.pack("<QIII", 0, 0, 100, 2)),
            (CAPTION, struct.pack("<QI236s", 11 * SECOND, 1, b"x")),
            (CAPTION, struct.pack("<QI236s", 0, 16, b"x")),
            (CAPTION, struct.pack("<QI236s", 0, 1, b"x" * 236)),
        )
        for kind, payload in cases:
            x11, supervisor = self.start((4, self.state()), (kind, payload))
            wait_for(lambda: "The recording cannot be shown any further" in  # pylint: disable=cell-var-from-loop
                     [node["name"] for node in x11.accessible("tree", APPLICATION)], 20, f"{kind} {payload[:16]}")
            with self.assertRaises((EOFError, ConnectionError)):
                supervisor.heard(5)
            x11.close()

    def test_a_session_is_no_recording_and_none_a_session(self):
        x11, _ = self.start((4, self.state()), recording=False)
        wait_for(lambda: "The recording cannot be shown any further" in
                 [node["name"] for node in x11.accessible("tree", APPLICATION)], 20, "the end")
        supervisor = self.told()
        other = self.desktop(Xvfb)
        self.view(other, supervisor)
        supervisor.send(REPLAY, struct.pack("<QQI", SECOND, 0, 1))
        wait_for(lambda: "The connection was closed" in
                 [node["name"] for node in other.accessible("tree", APPLICATION)], 20, "the end")

    def test_a_player_that_reads_nothing(self):
        x11, supervisor = self.start((4, self.state()))
        supervisor.frame(pattern(400, 260))
        wait_for(lambda: any(node["name"] == "Play" for node in x11.accessible("tree", APPLICATION)), 20, "the window")
        for _ in range(30):
            x11.xdotool("key", "--delay", 1, *["period", "n", "space", "Right"] * 10)
        self.assertTrue(x11.accessible("tree", APPLICATION))  # it answers
