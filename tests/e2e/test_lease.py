"""Who has the wheel: a viewer takes it, drives, and hands it back."""

import ctypes
import fcntl
import ctypes
import json
import os
import struct
import time

from harness import HOSTILE, SessionTest, wait_for
from view_channel import (AGENT, BUTTON, FRAME, HAND_BACK, HUMAN, KEYCODE, KEYMAP, MINE, MOVE, NOTICE, PAUSE, PAUSED,
                          RELEASE, RESUME, SCROLL, TAKE_OVER, TOUCH, WITHHELD, Control, Viewer)

HELPERS = os.path.join(os.path.dirname(HOSTILE), "helpers")
KEY_A, KEY_LEFTSHIFT, KEY_Y, KEY_Z = 30, 42, 21, 44


def memory_file(data, sealing=True):
    fd = os.memfd_create("keymap", os.MFD_ALLOW_SEALING if sealing else 0)
    os.write(fd, data)
    return fd


class RuleNames(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("rules", "model", "layout", "variant", "options")]


def keymap_text(layout):
    """A keymap as a user's desktop would send it."""
    xkb = ctypes.CDLL("libxkbcommon.so.0")
    for name in ("xkb_context_new", "xkb_keymap_new_from_names", "xkb_keymap_get_as_string"):
        getattr(xkb, name).restype = ctypes.c_void_p
    context = ctypes.c_void_p(xkb.xkb_context_new(0))
    names = RuleNames(b"evdev", b"pc105", layout.encode(), b"", b"")
    keymap = ctypes.c_void_p(xkb.xkb_keymap_new_from_names(context, ctypes.byref(names), 0))
    return ctypes.string_at(xkb.xkb_keymap_get_as_string(keymap, 1))


class Lease(SessionTest):
    def setUp(self):
        super().setUp()
        self.viewers = []
        policy = self.policy(filesystem={"readonlyPaths": [HELPERS]})
        self.detach(HELPERS + "/witness", policy=policy)
        self.wait_window()

    def tearDown(self):
        for viewer in self.viewers:
            viewer.close()
        super().tearDown()

    def view(self):
        viewer = Viewer(self.env, "s")
        self.viewers.append(viewer)
        viewer.until(lambda kind, _: kind == FRAME)
        return viewer

    def take(self, viewer, withhold=False):
        viewer.send(TAKE_OVER, struct.pack("=I", withhold))
        return viewer.state_with(lambda state: state["holder"] == HUMAN and state["flags"] & MINE)

    def heard(self, *kinds):
        """What the witness heard, of these kinds."""
        with open(os.path.join(self.env["XDG_STATE_HOME"], "parclose", "s", "output.log"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file.read().splitlines() if line.startswith("{")]
        for line in lines:
            line["pressed"] = line.get("state") == 1
        return [line for line in lines if line["event"] in kinds]

    def wait_heard(self, check, *kinds):
        return wait_for(lambda: (lambda events: check(events) and events)(self.heard(*kinds)), 10, f"{kinds}")

    def holder(self):
        return self.inspect()["holder"]

    def test_a_viewer_drives(self):
        viewer = self.view()
        before = len(self.heard("motion", "button", "key"))
        viewer.input(MOVE, x=300.5, y=200.25)
        viewer.input(BUTTON, 0x110, 1, x=300.5, y=200.25)
        viewer.input(KEYCODE, KEY_A, 1)
        time.sleep(0.3)
        self.assertEqual(len(self.heard("motion", "button", "key")), before, "input of one who only watches")
        self.take(viewer)
        self.assertEqual(self.holder(), "human")
        viewer.input(MOVE, x=100, y=100)
        viewer.input(BUTTON, 0x111, 1, x=300.5, y=200.25)
        viewer.input(BUTTON, 0x111, 0, x=300.5, y=200.25)
        viewer.input(KEYCODE, KEY_LEFTSHIFT, 1)
        viewer.input(KEYCODE, KEY_A, 1)
        viewer.input(KEYCODE, KEY_A, 0)
        viewer.input(KEYCODE, KEY_LEFTSHIFT, 0)
        viewer.input(SCROLL, 0, 0, x=0, y=1)
        viewer.input(SCROLL, 0, 1, x=-15.5, y=0)
        viewer.input(TOUCH, 3, 1, x=50, y=60)
        viewer.input(TOUCH, 3, 2, x=70, y=60)
        viewer.input(TOUCH, 3, 0, x=70, y=60)
        self.wait_heard(lambda events: events, "touch-up")
        moved = self.heard("motion")[-1]
        self.assertEqual((moved["x"], moved["y"]), (300.5, 200.25))
        self.assertEqual([(e["button"], e["pressed"]) for e in self.heard("button")], [(0x111, True), (0x111, False)])
        keys = [(e["code"], e["pressed"]) for e in self.heard("key")]
        self.assertEqual(keys, [(42, True), (30, True), (30, False), (42, False)])
        self.assertEqual([e["text"] for e in self.heard("key") if e["code"] == 30 and e["pressed"]], ["A"])
        self.assertEqual(len(self.heard("axis")), 2)
        self.assertEqual([e["id"] for e in self.heard("touch-down", "touch-up")], [3, 3])
        viewer.until(lambda kind, f: "image" in f and f["x"] == 300)

    def test_losing_the_wheel_releases_all_that_is_pressed(self):
        for end in ("hand-back", "release", "pause", "closed", "other"):
            with self.subTest(end):
                viewer = self.view()
                self.take(viewer)
                count = len(self.heard("key", "button"))
                viewer.input(BUTTON, 0x110, 1, x=10, y=10)
                viewer.input(KEYCODE, KEY_A, 1)
                self.wait_heard(lambda events: len(events) == count + 2, "key", "button")
                if end == "hand-back":
                    viewer.send(HAND_BACK)
                elif end == "release":
                    viewer.input(RELEASE)
                elif end == "pause":
                    viewer.send(PAUSE)
                    viewer.state_with(lambda state: state["holder"] == PAUSED)
                    viewer.send(RESUME)
                    viewer.state_with(lambda state: state["holder"] == HUMAN)
                elif end == "closed":
                    self.viewers.remove(viewer)
                    viewer.close()
                else:
                    self.take(self.view())
                events = self.wait_heard(lambda events: len(events) == count + 4, "key", "button")
                self.assertEqual({(e.get("code", e.get("button")), e["pressed"]) for e in events[-2:]},
                                 {(30, False), (0x110, False)})
                self.cli("release", "s")

    def test_the_users_own_layout_comes_and_goes(self):
        viewer = self.view()
        german = keymap_text("de")
        self.assertIn(b"xkb_keymap", german)
        fd = memory_file(german)

        def typed(code):
            count = len(self.heard("key"))
            viewer.input(KEYCODE, code, 1)
            viewer.input(KEYCODE, code, 0)
            return self.wait_heard(lambda events: len(events) >= count + 2, "key")[count]["text"]
        viewer.send(KEYMAP, struct.pack("=III", len(german), 0, 0), [fd])  # without the wheel it is nothing
        self.take(viewer)
        self.assertEqual(typed(KEY_Y), "y")
        viewer.send(KEYMAP, struct.pack("=III", len(german), 0, 0), [fd])
        self.assertEqual(typed(KEY_Y), "z")
        viewer.send(KEYMAP, struct.pack("=III", len(german), 0, 1), [fd])
        self.assertEqual(typed(KEY_Y), "Z")
        two = keymap_text("us,de")
        both = memory_file(two)
        viewer.send(KEYMAP, struct.pack("=III", len(two), 1, 0), [both])
        self.assertEqual(typed(KEY_Z), "y")
        viewer.send(KEYMAP, struct.pack("=III", len(two), 3, 0), [both])  # it has no fourth layout
        viewer.send(KEYMAP, struct.pack("=III", 100, 0, 0), [memory_file(b"x" * 100)])  # it is no keymap
        self.assertEqual(typed(KEY_Z), "y")
        viewer.input(RELEASE)
        self.assertEqual(typed(KEY_Z), "y")
        viewer.send(PAUSE)
        viewer.send(RESUME)
        viewer.state_with(lambda state: state["holder"] == HUMAN)
        self.assertEqual(typed(KEY_Z), "y")
        viewer.send(HAND_BACK)
        viewer.state_with(lambda state: state["holder"] == AGENT)
        self.take(viewer)
        self.assertEqual(typed(KEY_Y), "y")
        self.assertEqual([(e["rate"] > 0) for e in self.heard("repeat-info")][-4:], [False, True, False, True])

    def test_a_keymap_that_is_no_memory_file_ends_the_viewer(self):
        read, write = os.pipe()
        short = memory_file(b"short")
        null = os.open("/dev/zero", os.O_RDONLY)
        file = os.open(os.path.join(self.dir, "file"), os.O_RDWR | os.O_CREAT)
        os.truncate(file, 1000)
        for fd in (read, short, null, file):
            viewer = self.view()
            self.take(viewer)
            viewer.send(KEYMAP, struct.pack("=III", 100, 0, 0), [fd])
            while viewer.read(5) is not None:
                pass
            self.cli("release", "s")
        self.assertEqual(self.inspect()["state"], "running")
        for fd in (read, write, short, null, file):
            os.close(fd)

    def test_the_wheel_of_a_viewer_that_dies_stays_with_the_user(self):
        first, second = self.view(), self.view()
        self.take(first)
        self.viewers.remove(first)
        first.close()
        self.assertTrue(second.until(lambda kind, _: kind == NOTICE)[0])
        second.send(RESUME)
        state = second.state_with(lambda state: state["viewers"] == 1)
        self.assertEqual((state["holder"], state["flags"] & MINE), (HUMAN, 0))
        self.assertEqual(self.holder(), "human")
        second.send(HAND_BACK)
        second.state_with(lambda state: state["holder"] == AGENT)
        events = [line["event"] for line in self.log() if line["event"] in ("taken-over", "handed-back")]
        self.assertEqual(events, ["taken-over", "handed-back"])

    def test_never_two_viewers_at_once(self):
        first, second = self.view(), self.view()
        self.take(first)
        self.take(second)
        first.state_with(lambda state: state["holder"] == HUMAN and not state["flags"] & MINE)
        before = len(self.heard("key"))
        first.input(KEYCODE, KEY_A, 1)
        second.input(KEYCODE, KEY_Y, 1)
        second.input(KEYCODE, KEY_Y, 0)
        events = self.wait_heard(lambda events: len(events) >= before + 2, "key")[before:]
        self.assertEqual([e["code"] for e in events], [KEY_Y, KEY_Y])

    def test_pictures_are_withheld(self):
        viewer = self.view()
        self.take(viewer, withhold=True)
        self.assertTrue(viewer.state["flags"] & WITHHELD)
        done = self.cli("screenshot", "s", os.path.join(self.dir, "x.png"), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("withholds", done.stderr)
        viewer.send(TAKE_OVER, struct.pack("=I", 0))
        viewer.state_with(lambda state: state["holder"] == HUMAN and not state["flags"] & WITHHELD)
        self.screenshot()
        self.take(viewer, withhold=True)
        viewer.send(HAND_BACK)
        viewer.state_with(lambda state: state["holder"] == AGENT and not state["flags"] & WITHHELD)
        self.screenshot()

    def act(self, *actions, who="agent"):
        control = Control(self.env, "s")
        answer, _ = control.call("parclose/act", actions=list(actions), settle=False, **{"as": who})
        control.close()
        self.assertIn("result", answer)
        return answer["result"]["results"][-1]

    def test_the_agent_is_refused_and_told(self):
        click = {"action": "click", "x": 20, "y": 20}
        viewer = self.view()
        first = self.act(click)
        self.assertEqual(first["effect"], "delivered")
        self.assertNotIn("user_had_control_ms", first)
        self.wait_heard(lambda events: len(events) == 2, "button")
        self.take(viewer)
        count = 2
        self.assertEqual(self.act(click)["effect"], "refused")
        self.assertIn("taken over", self.act(click)["message"])
        self.assertIn("two hands", self.act(click, who="human")["message"])
        viewer.send(PAUSE)
        viewer.state_with(lambda state: state["holder"] == PAUSED)
        self.assertIn("paused", self.act(click)["message"])
        viewer.send(HAND_BACK)  # counts when the pause ends
        viewer.send(RESUME)
        viewer.state_with(lambda state: state["holder"] == AGENT)
        self.assertEqual(len(self.heard("button")), count)
        after = self.act(click)
        self.assertEqual(after["effect"], "delivered")
        self.assertGreater(after["user_had_control_ms"], 0)
        self.assertIn("look again", after["note"])
        self.assertNotIn("user_had_control_ms", self.act(click))
        self.cli("takeover", "s")
        self.assertEqual(self.act(click, who="human")["effect"], "delivered")
        self.cli("pause", "s")
        self.cli("release", "s")
        self.assertEqual(self.holder(), "paused")
        self.cli("resume", "s")
        self.assertEqual(self.holder(), "agent")

    def test_the_agents_keys_go_up_when_the_user_takes_over(self):
        self.assertEqual(self.act({"action": "key_down", "keys": ["shift"]},
                                  {"action": "press", "x": 5, "y": 5})["effect"], "delivered")
        self.wait_heard(lambda events: len(events) == 2, "key", "button")
        self.take(self.view())
        events = self.wait_heard(lambda events: len(events) == 4, "key", "button")
        self.assertFalse(any(event["pressed"] for event in events[2:]))

    def test_a_flood_of_input_harms_nobody(self):
        viewer = self.view()
        self.take(viewer)
        for i in range(20000):
            viewer.input(MOVE, x=i % 1280, y=i % 800)
            viewer.input(KEYCODE, KEY_A, i % 2)
        viewer.input(RELEASE)
        self.assertEqual(self.inspect()["state"], "running")
        wait_for(lambda: (lambda keys: keys and not keys[-1]["pressed"])(self.heard("key")), 20, "the key up")
