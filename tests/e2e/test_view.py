"""Those who watch: the view channel of real sessions."""

import os
import signal
import struct
import subprocess
import sys
import time

from harness import HOSTILE, SessionTest, wait_for
from view_channel import (AGENT, CURSOR, FRAME, HELLO, HAND_BACK, KEYMAP, MOVE, NOTICE, RECORD, SIZE, STOP, STOPPING,
                          TAKE_OVER, Viewer, can_map_writable)

# A viewer of its own process, which a test may stop: says "ready", then reads for good.
WATCH = """
import os, sys
sys.path.insert(0, sys.argv[1])
from view_channel import Viewer
viewer = Viewer(os.environ, sys.argv[2])
print("ready", flush=True)
while viewer.read(60) is not None:
    pass
"""


class View(SessionTest):
    def setUp(self):
        super().setUp()
        self.viewers = []

    def tearDown(self):
        for viewer in self.viewers:
            viewer.close()
        super().tearDown()

    def view(self, name="s"):
        viewer = Viewer(self.env, name)
        self.viewers.append(viewer)
        return viewer

    def animated(self, *size, **display):
        policy = self.policy(filesystem={"readonlyPaths": [HOSTILE]}, **display)
        self.detach(HOSTILE + "/animate", *size, policy=policy)
        self.wait_window()

    def watch_elsewhere(self):
        """A viewer in a process of its own."""
        process = subprocess.Popen([sys.executable, "-c", WATCH, os.path.dirname(os.path.abspath(__file__)), "s"],
                                   env=self.env, stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def test_what_a_viewer_is_told_first(self):
        self.detach("foot", "-T", "a title\u202eelbon", "-e", "sleep", "60", policy=self.policy(
            ui={"disable": False, "clipboard": "none"}))
        self.wait_window()
        viewer = self.view()
        self.assertEqual((viewer.version, viewer.width, viewer.height, viewer.refresh), (1, 1280, 800, 60))
        self.assertEqual(viewer.name, "s")
        self.assertTrue(viewer.command.startswith("foot -T a title\ufffdelbon"), viewer.command)
        viewer.until(lambda kind, _: kind == FRAME)
        self.assertEqual(viewer.state["holder"], AGENT)
        self.assertEqual(viewer.state["flags"], 0)
        self.assertEqual((viewer.state["network"], viewer.state["clipboard"]), (1, 1))
        self.assertEqual(viewer.state["viewers"], 1)
        self.assertLess(abs(viewer.state["begun"] - time.time()), 60)
        self.assertEqual(viewer.title, ("a title\ufffdelbon", "foot"))
        self.assertIsNotNone(viewer.cursor)

    def test_which_network_it_reaches_and_what_it_was_refused(self):
        def network(*names, **egress):
            return {"egress": {"allow": [{"to": [{"domain": name}], "ports": [{"protocol": "tcp", "port": 443}]}
                                         for name in names], **egress}}
        self.detach("sleep", "60", policy=self.policy(network=network("one.example", "two.example")))
        viewer = self.view()
        state = viewer.state_with(lambda s: True)
        self.assertEqual((state["network"], state["rules"], state["denied"], state["reserved"]), (2, 2, 0, 0))
        for name in ("other.example", "other.example"):
            self.cli("exec", "s", "--", "getent", "ahosts", name, check=False)
        denied = self.inspect()["network"]["denied"]
        self.assertGreaterEqual(denied, 2)
        viewer.state_with(lambda s: s["denied"] == denied)
        notices = [words for _, words in viewer.notices]
        if not notices:
            notices = [viewer.until(lambda kind, _: kind == NOTICE)[1]]
        self.assertTrue(notices[0].startswith("Network, denied: the name other.example: "), notices)
        # The same again is counted, and not said again.
        self.assertEqual(len(set(notices)), len(notices))
        self.cli("policy", "update", "--yes", "s", self.policy(network={"egress": {"default": "allow"}}))
        self.assertEqual(viewer.state_with(lambda s: s["network"] == 3)["rules"], 0)

    def test_the_picture_is_the_screenshot(self):
        self.detach("gtk4-widget-factory")
        self.wait_window()
        self.wait_drawn(least=60)
        viewer = self.view()
        _, pixels = viewer.newest()
        width, height, rows = self.screenshot("s", "--no-cursor")
        self.assertEqual((width, height), (viewer.width, viewer.height))
        seen = [b"".join(pixels[at + 2:at + 3] + pixels[at + 1:at + 2] + pixels[at:at + 1]
                         for at in range(y * width * 4, (y + 1) * width * 4, 4)) for y in range(0, height, 97)]
        self.assertEqual(seen, rows[::97])

    def test_frames_follow_and_are_never_torn(self):
        self.animated()
        viewer = self.view()
        whole = torn = 0
        for _ in range(120):
            frame = viewer.until(lambda kind, _: kind == FRAME)
            pixels = viewer.copy(frame)
            if pixels is None:
                torn += 1
            else:
                whole += 1
                self.assertEqual(pixels, pixels[:4] * (len(pixels) // 4))
        self.assertGreater(whole, 60, f"{torn} were thrown away")

    def test_damage_of_frames_that_were_not_told_comes_with_the_next(self):
        self.animated("100x100")
        viewer = self.view()
        viewer.newest()
        before = self.inspect()["display"]["frame"]
        wait_for(lambda: self.inspect()["display"]["frame"] > before + 60)
        # What waits in the socket is a few frames; then comes one that stands for all the others.
        serials = [viewer.until(lambda kind, _: kind == FRAME)["serial"] for _ in range(40)]
        steps = [b - a for a, b in zip(serials, serials[1:])]
        self.assertGreater(max(steps), 10, serials)
        self.assertEqual(serials, sorted(serials))

    def test_a_viewer_can_write_nothing(self):
        self.detach("sleep", "60")
        viewer = self.view()
        for fd in viewer.fds:
            self.assertFalse(can_map_writable(fd))
            with self.assertRaises(OSError):
                os.write(fd, b"x")
        # Opened anew: of the slots the seal holds, of the frames the mode, which is nothing to root.
        anew = os.open(f"/proc/self/fd/{viewer.fds[1]}", os.O_RDWR)
        self.assertFalse(can_map_writable(anew))
        with self.assertRaises(PermissionError):
            os.write(anew, b"x")
        os.close(anew)
        if os.geteuid() != 0:
            with self.assertRaises(PermissionError):
                os.open(f"/proc/self/fd/{viewer.fds[0]}", os.O_RDWR)

    def test_bad_messages_end_that_viewer_alone(self):
        self.detach("foot", "-e", "sleep", "60")
        self.wait_window()
        good = self.view()
        null = os.open("/dev/null", os.O_RDONLY)
        cases = {
            "unknown": lambda v: v.send(63), "supervisors": lambda v: v.send(HELLO), "beyond": lambda v: v.send(72),
            "reserved": lambda v: v.send(HAND_BACK, reserved=1),
            "short": lambda v: v.channel.send(bytes(SIZE - 1)), "long": lambda v: v.channel.send(bytes(SIZE + 1)),
            "empty": lambda v: v.channel.send(b""),
            "fd": lambda v: v.send(HAND_BACK, fds=[null]), "fds": lambda v: v.send(KEYMAP, struct.pack("=I", 1),
                                                                                   fds=[null, null]),
            "no-fd": lambda v: v.send(KEYMAP, struct.pack("=I", 100)),
            "no-bytes": lambda v: v.send(KEYMAP, fds=[null]),
            "many-bytes": lambda v: v.send(KEYMAP, struct.pack("=I", 256 * 1024 + 1), fds=[null]),
            "withhold": lambda v: v.send(TAKE_OVER, struct.pack("=I", 2)),
            "record": lambda v: v.send(RECORD, struct.pack("=I", 2)),
            "kind": lambda v: v.input(0), "kinds": lambda v: v.input(7),
            "left": lambda v: v.input(MOVE, x=-1), "right": lambda v: v.input(MOVE, x=1280),
            "below": lambda v: v.input(2, 0x110, 1, y=800), "button": lambda v: v.input(2, 0x109, 1),
            "up-down": lambda v: v.input(2, 0x110, 2), "key": lambda v: v.input(4, 248, 1),
            "no-key": lambda v: v.input(4, 0, 1), "key-value": lambda v: v.input(4, 30, 2),
            "scroll": lambda v: v.input(3, 0, 2), "far": lambda v: v.input(3, 0, 0, y=100001),
            "finger": lambda v: v.input(5, 10, 1), "touch": lambda v: v.input(5, 0, 3),
        }
        for name, say in cases.items():
            with self.subTest(name):
                viewer = Viewer(self.env)
                say(viewer)
                deadline = time.monotonic() + 5
                while viewer.read(5) is not None:
                    self.assertLess(time.monotonic(), deadline)
                viewer.close()
        os.close(null)
        good.state_with(lambda state: state["viewers"] == 1)
        self.assertEqual(self.inspect()["state"], "running")

    def test_input_of_one_that_only_watches_is_nothing(self):
        self.detach("foot", "-e", "sh", "-c", "read x; echo typed >&2")
        self.wait_window()
        viewer = self.view()
        viewer.until(lambda kind, _: kind == CURSOR)
        for _ in range(200):
            viewer.input(MOVE, x=10, y=10)
            viewer.input(4, 28, 1)
            viewer.input(4, 28, 0)
        time.sleep(0.5)
        self.assertEqual(self.inspect()["state"], "running")
        while viewer.read(0) is not None:
            pass
        self.assertNotEqual((viewer.cursor["x"], viewer.cursor["y"]), (10, 10))

    def test_sixteen_and_no_more(self):
        self.detach("foot", "-e", "sleep", "60")
        for _ in range(16):
            self.view()
        with self.assertRaisesRegex(ConnectionError, "too many viewers"):
            Viewer(self.env)
        self.viewers.pop().close()
        wait_for(lambda: self.view_or_none(), 5, "room for another")

    def view_or_none(self):
        try:
            return self.view()
        except ConnectionError:
            return None

    def test_without_a_display(self):
        self.detach("sleep", "60", policy=self.process_policy())
        with self.assertRaisesRegex(ConnectionError, "no display"):
            Viewer(self.env)

    def test_stop_and_the_last_words(self):
        self.detach("foot", "-e", "sh", "-c", "trap 'sleep 0.5; exit' TERM; while :; do sleep 0.1; done")
        self.wait_window()
        first, second = self.view(), self.view()
        first.send(STOP)
        for viewer in (first, second):
            viewer.state_with(lambda state: state["flags"] & STOPPING)
            while viewer.read(10) is not None:
                pass
            self.assertIsNotNone(viewer.ended)
            self.assertIn("stopped by a viewer", viewer.ended[1])

    def frames_in(self, seconds):
        before, start = self.inspect()["display"]["frames"], time.monotonic()
        time.sleep(seconds)
        return (self.inspect()["display"]["frames"] - before) / (time.monotonic() - start)

    def test_no_viewer_makes_the_agent_wait(self):
        self.animated(display={"width": 640, "height": 480})
        time.sleep(0.5)
        alone = self.frames_in(2)
        self.assertGreater(alone, 40)
        stopped = self.watch_elsewhere()
        stopped.send_signal(signal.SIGSTOP)
        with_stopped = self.frames_in(3)
        others = [self.watch_elsewhere() for _ in range(3)]
        with_four = self.frames_in(2)
        self.assertGreater(with_stopped, alone * 0.9)
        self.assertGreater(with_four, alone * 0.8)
        for process in others:
            process.kill()
        stopped.send_signal(signal.SIGCONT)
        viewer = self.view()
        viewer.state_with(lambda state: state["viewers"] == 2)
        stopped.kill()
        viewer.state_with(lambda state: state["viewers"] == 1)
        self.assertGreater(self.frames_in(1), alone * 0.8)
