"""What an act does to a program, event by event, and whether its answer is true."""

import re
import subprocess

import apps
import witness
from desk import Desk
from harness import PARCLOSE, read_png, wait_for
from witness import ALT, CONTROL, SHIFT, SUPER, Witness

LEFT, RIGHT, MIDDLE, BACK, FORWARD = 0x110, 0x111, 0x112, 0x113, 0x114 # linux/input-event-codes.h; SIDE, EXTRA


class Heard(Desk):
    """Events as the witness hears them."""

    def begin(self, *options, **sections):
        self.detach("sleep", "600", policy=witness.policy(self, **sections))
        window = Witness(self, *options)
        self.stable()
        window.forget()
        return window

    def test_click(self):
        window = self.begin()
        for name, code in (("left", LEFT), ("right", RIGHT), ("middle", MIDDLE), ("back", BACK), ("forward", FORWARD)):
            with self.subTest(button=name):
                window.forget()
                self.click("s", 100, 200, button=name)
                buttons = window.wait_count("button", 2)
                self.assertEqual([(e["button"], e["state"]) for e in buttons], [(code, 1), (code, 0)])
                heard = [e["event"] for e in window.events()]
                # Each change is whole, and so told of, before the next.
                self.assertEqual(heard[-4:], ["button", "frame", "button", "frame"])
        self.assertEqual([(e["x"], e["y"]) for e in window.all() if e["event"] == "motion"][-1], (100, 200))

    def test_click_without_a_place_is_where_the_pointer_is(self):
        window = self.begin()
        self.done("s", "move", x=321, y=123)
        self.done("s", "click")
        window.wait_count("button", 2)
        self.assertEqual([(e["x"], e["y"]) for e in window.events("motion")], [(321, 123)])
        self.assertEqual(self.done("s", "cursor_position")["cursor"], {"x": 321, "y": 123})

    def test_clicks_are_counted_by_toolkits(self):
        """Several clicks are near in time and at one place."""
        window = self.begin()
        for count in (2, 3, 10):
            with self.subTest(count=count):
                window.forget()
                self.click("s", 50, 60, count=count)
                buttons = window.wait_count("button", 2 * count)
                self.assertEqual([e["state"] for e in buttons], [1, 0] * count)
                self.assertLess(buttons[2]["time"] - buttons[0]["time"], 250)

    def test_keys_held_with_a_click(self):
        window = self.begin()
        for keys, mask in (("shift", SHIFT), ("ctrl+alt", CONTROL | ALT), ("cmd", SUPER)):
            with self.subTest(keys=keys):
                window.forget()
                self.click("s", 10, 10, keys=keys)
                window.wait(lambda events: events and events[-1]["event"] == "modifiers" and not
                            events[-1]["depressed"] and any(e["event"] == "button" for e in events), "all of it")
                held, seen = 0, []
                for event in window.events():
                    if event["event"] == "modifiers":
                        held = event["depressed"]
                    elif event["event"] == "button":
                        seen.append((event["state"], held))
                self.assertEqual(seen, [(1, mask), (0, mask)])
                self.assertEqual(held, 0)

    def test_press_and_release(self):
        window = self.begin()
        self.done("s", "press", x=30, y=40, keys="shift")
        window.wait_count("button", 1)
        self.done("s", "move", x=300, y=400)
        self.done("s", "release", x=310, y=410)
        window.wait_count("button", 2)
        window.wait(lambda events: [e for e in events if e["event"] == "modifiers"][-1]["depressed"] == 0, "Shift up")
        order = [(e["event"], e.get("state")) for e in window.events("button", "motion")]
        self.assertEqual(order[0], ("motion", None))
        down, up = order.index(("button", 1)), order.index(("button", 0))
        self.assertIn(("motion", None), order[down:up])
        last = [e for e in window.events("motion")][-1]
        self.assertEqual((last["x"], last["y"]), (310, 410))

    def test_drag(self):
        window = self.begin()
        self.done("s", "drag", path=[[100, 100], [400, 300]])
        window.wait_count("button", 2)
        events = window.events("button", "motion")
        down = next(i for i, e in enumerate(events) if e.get("state") == 1)
        up = next(i for i, e in enumerate(events) if e.get("state") == 0)
        self.assertEqual((events[down - 1]["x"], events[down - 1]["y"]), (100, 100))
        way = [(e["x"], e["y"]) for e in events[down + 1:up]]
        # Thresholds are 8 pixels in GTK and 10 in Qt: a step across, and more steps than one.
        self.assertGreaterEqual(len(way), 3)
        self.assertEqual(way[-1], (400, 300))
        self.assertEqual(way, sorted(way))
        for x, y in way:
            self.assertAlmostEqual((x - 100) * 2 / 3, y - 100, delta=2)

    def test_scroll(self):
        window = self.begin()
        for fields, axis, notches in (({"dy": 3}, 0, 3), ({"dy": -2}, 0, -2), ({"dx": 4}, 1, 4), ({"dx": -1}, 1, -1)):
            with self.subTest(fields=fields):
                window.forget()
                self.done("s", "scroll", x=200, y=200, **fields)
                window.wait(lambda events, n=notches: sum(
                    e["value"] for e in events if e["event"] == "axis-value120") == 120 * n, "all notches")
                self.assertEqual({e["axis"] for e in window.events("axis", "axis-value120")}, {axis})
                self.assertEqual(sum(e["value"] for e in window.events("axis")), 15 * notches)
                self.assertEqual({e["source"] for e in window.events("axis-source")}, {0})
        # A wheel of 120 steps a notch, of which programs make about a pixel each (input/seat.c).
        window.forget()
        self.done("s", "scroll", x=200, y=200, dx=37, dy=-250, unit="pixels")
        window.wait(lambda events: sum(
            e["value"] for e in events if e["event"] == "axis-value120" and e["axis"] == 0) <= -250, "all pixels")
        window.wait(lambda events: sum(
            e["value"] for e in events if e["event"] == "axis-value120" and e["axis"] == 1) >= 37, "all pixels")
        for axis, pixels in ((0, -250), (1, 37)):
            for kind, each in (("axis-value120", 1), ("axis", 15 / 120)):
                self.assertEqual(sum(e["value"] for e in window.events(kind) if e["axis"] == axis), pixels * each)

    def test_chords(self):
        window = self.begin()
        for keys, mask, sym in (("ctrl+a", CONTROL, "a"), ("Return", 0, "Return"), ("enter", 0, "Return"),
                                ("ArrowLeft", 0, "Left"), ("CTRL+SHIFT+T", CONTROL | SHIFT, "T"), ("cmd+c", SUPER, "c"),
                                ("alt+F4", ALT, "F4"), ("Page_Down", 0, "Next"), ("esc", 0, "Escape"),
                                ("ctrl+plus", CONTROL | SHIFT, "plus"), ("space", 0, "space"), ("BackSpace", 0, "BackSpace")):
            with self.subTest(keys=keys):
                window.forget()
                self.key("s", keys)
                window.wait(lambda events, s=sym: any(e["event"] == "key" and e["sym"] == s and e["state"] == 0
                                                      for e in events), sym)
                window.wait(lambda events: not [e for e in events if e["event"] == "modifiers"] or
                            [e for e in events if e["event"] == "modifiers"][-1]["depressed"] == 0, "modifiers up")
                held, seen, down = 0, None, 0
                for event in window.events("key", "modifiers"):
                    if event["event"] == "modifiers":
                        held = event["depressed"]
                    else:
                        down += 1 if event["state"] else -1
                        if event["sym"] == sym and event["state"]:
                            seen = held
                self.assertEqual(seen, mask)
                self.assertEqual(down, 0)

    def test_several_chords_in_one(self):
        window = self.begin()
        self.key("s", "a b ctrl+c")
        keys = window.wait_count("key", 8)
        self.assertEqual([e["sym"] for e in keys if e["state"]], ["a", "b", "Control_L", "c"])

    def test_hold(self):
        window = self.begin()
        self.done("s", "hold", keys="w", ms=600)
        keys = window.wait_count("key", 2)
        self.assertEqual([(e["sym"], e["state"]) for e in keys], [("w", 1), ("w", 0)])
        self.assertGreaterEqual(keys[1]["time"] - keys[0]["time"], 595)

    def test_key_down_and_up(self):
        window = self.begin()
        self.done("s", "key_down", keys="shift")
        self.done("s", "key", keys="a")
        self.done("s", "key_up", keys="shift")
        keys = window.wait_count("key", 4)
        self.assertEqual([(e["sym"], e["state"]) for e in keys],
                         [("Shift_L", 1), ("A", 1), ("A", 0), ("Shift_L", 0)])

    def test_touch(self):
        window = self.begin()
        self.done("s", "touch", path=[[10, 20]])
        window.wait_count("touch-up", 1)
        down = window.events("touch-down")
        self.assertEqual([(e["x"], e["y"]) for e in down], [(10, 20)])
        window.forget()
        self.done("s", "touch", path=[[10, 20], [210, 120]])
        window.wait_count("touch-up", 1)
        way = window.events("touch-down", "touch-motion")
        self.assertGreaterEqual(len(way), 4)
        self.assertEqual((way[-1]["x"], way[-1]["y"]), (210, 120))

    def test_what_cannot_be_done_does_nothing(self):
        window = self.begin()
        for action, fields, effect, word in (
                ("click", {"x": 1280, "y": 10}, "failed", "1280"), ("click", {"x": -1, "y": 10}, "failed", "-1"),
                ("move", {"x": 10, "y": 800}, "failed", "800"),
                ("drag", {"path": [[10, 10], [5000, 10]]}, "failed", "5000"),
                ("key", {"keys": "NoSuchKey"}, "unsupported", "NoSuchKey"),
                ("key", {"keys": "ctrl+NoSuchKey"}, "unsupported", "NoSuchKey")):
            with self.subTest(action=action, fields=fields):
                answer = self.act("s", action, **fields)
                self.assertEqual(answer["effect"], effect, answer)
                self.assertIn(word, answer["message"])
        # In order: had any of it come, it would have come before this.
        self.click("s", 640, 400)
        window.wait_count("button", 2)
        self.assertEqual(len(window.events("button")), 2)
        self.assertEqual(window.events("key"), [])
        self.assertFalse([e for e in window.events("motion") if (e["x"], e["y"]) != (640, 400)])


    def test_a_program_that_goes_or_hangs_in_the_middle_of_a_text(self):
        window = self.begin()
        text = "a" * 200000
        client = self.client("s", "none")
        number = client.start("parclose/act", {"actions": [{"action": "type", "text": text}], "settle": False})
        window.wait_count("key", 100)
        window.process.kill()
        outcome = client.result(number)["results"][0]
        self.assertEqual(outcome["effect"], "failed", outcome)
        self.assertLess(outcome.get("characters", 0), len(text))
        self.assertIn("window", outcome["message"])
        self.end()
        self.begin("--hang")
        self.click("s", 5, 5)
        outcome = self.act("s", "type", text=text)
        self.assertEqual(outcome["effect"], "failed", outcome)
        self.assertIn("answer", outcome["message"])
        # The others in the session go on.
        window = Witness(self)
        self.assertEqual(self.done("s", "type", text="b")["characters"], 1)
        window.wait(lambda events: window.text() == "b", "the letter")


class Seen(Desk):
    """What an answer says of the picture."""

    def begin(self, *options):
        self.detach("sleep", "600", policy=witness.policy(self))
        window = Witness(self, *options)
        self.stable()
        return window

    def test_nothing_changed(self):
        self.begin("--draw", "never")
        answer = self.click("s", 100, 100, wait=20000)
        self.assertEqual(answer["effect"], "nothing_changed", answer)
        self.assertNotIn("changed", answer)
        self.assertTrue(answer["settled"])

    def test_changed_and_where(self):
        self.begin("--draw", "click", "--size", "400x300", "--delay", "40")
        box = self.wait_window()[0]
        before = self.screenshot("s", "--no-cursor")[2]
        answer = self.click("s", 640, 400, wait=20000)
        self.assertEqual(answer["effect"], "changed", answer)
        self.assertEqual(answer["changed"], {key: box[key] for key in ("x", "y", "width", "height")})
        after = self.screenshot("s", "--no-cursor")[2]
        self.assertNotEqual(before[400], after[400])
        self.assertEqual(before[10], after[10])

    def test_the_picture_in_the_answer_is_the_settled_one(self):
        self.begin("--draw", "click", "--delay", "60")
        picture, answer = self.picture("s", "left_click", coordinate=[300, 300])
        self.assertEqual(answer["effect"], "changed", answer)
        width, height, rows = picture
        self.assertEqual((width, height), (1280, 800))
        self.assertEqual(rows, self.screenshot("s")[2])

    def test_a_caret_does_not_block(self):
        for kind in ("caret", "spinner"):
            with self.subTest(kind=kind):
                window = self.begin("--draw", kind)
                window.wait(lambda events: sum(e["event"] == "drawn" for e in events) > 3, "some blinking")
                answer = self.done("s", "wait_stable", timeoutMs=8000)
                self.assertTrue(answer["settled"], answer)
                self.assertIn(answer["reason"], ("quiet", "repeating"))
                self.assertLess(answer["settled_ms"], 4000)
                self.end()

    def test_an_animation_does_not_rest(self):
        self.detach("sleep", "600", policy=witness.policy(self))
        Witness(self, "--draw", "animation")
        answer = self.done("s", "wait_stable", timeoutMs=500)
        self.assertFalse(answer["settled"], answer)
        self.assertEqual(answer["reason"], "timeout")
        self.assertGreaterEqual(answer["settled_ms"], 495)

    def test_a_program_that_hangs_is_told(self):
        self.begin("--hang")
        answer = self.click("s", 100, 100, wait=3000)
        self.assertEqual(answer["reason"], "unresponsive", answer)

    def test_frames_are_counted(self):
        self.begin("--draw", "click")
        serials = [self.click("s", 100, 100, wait=20000)["frame"] for _ in range(3)]
        self.assertEqual(serials, sorted(set(serials)))


class Programs(Desk):
    """The same in programs that people use."""

    def test_chromium(self):
        app = apps.Chromium(self)
        app.start()
        with self.subTest("clicks"):
            for count in (1, 2, 3):
                # Apart, as programs count clicks that are near to each other on.
                self.click("s", *self.at(app, 690 + 50 * count, 120), count=count)
            app.wait_event(lambda e: e["event"] == "click" and e["count"] == 3 and e["on"] == "pad", "a triple click")
            self.assertEqual(len(app.events("dblclick")), 2)
            self.click("s", *self.at(app, 790, 120), button="right", keys="ctrl")
            event = app.wait_event(lambda e: e["event"] == "contextmenu", "a right click")
            self.assertEqual((event["held"], event["x"], event["y"]), ("ctrl", 790, 120))
        with self.subTest("drag and drop"):
            self.done("s", "drag", path=[self.at(app, 690, 490), self.at(app, 890, 490)])
            drop = app.wait_event(lambda e: e["event"] == "drop", "the drop")
            self.assertEqual((drop["on"], drop["data"]), ("target", "the item"))
            app.wait_event(lambda e: e["event"] == "dragend" and e["effect"] != "none", "the end of the drag")
        with self.subTest("scroll"):
            place = dict(zip("xy", self.at(app, 790, 340)))
            for fields in ({"dy": 3}, {"dx": 2}):
                self.done("s", "scroll", **place, **fields)
            for key in ("dx", "dy"):
                app.wait_event(lambda e, k=key: e["event"] == "wheel" and e[k] > 0, f"a wheel with {key}")
            wheels = app.events("wheel")
            self.assertEqual(sum(e["notch"] for e in wheels if e["dy"]), -360)
            self.assertEqual(sum(e["notch"] for e in wheels if e["dx"]), -240)
            wait_for(lambda: app.events("scroll")[-1]["left"] > 0 and app.events("scroll")[-1]["top"] > 0, 10,
                     "scrolled both ways")
        with self.subTest("touch"):
            self.done("s", "touch", path=[self.at(app, 700, 60), self.at(app, 800, 160)])
            app.wait_event(lambda e: e["event"] == "pointerup" and e["pointer"] == "touch", "the finger going up")
            touches = [e for e in app.events("pointerdown", "pointermove", "pointerup") if e["pointer"] == "touch"]
            self.assertEqual((touches[0]["event"], touches[0]["x"], touches[0]["y"]), ("pointerdown", 700, 60))
            self.assertEqual((touches[-1]["x"], touches[-1]["y"]), (800, 160))
            self.assertIn("pointermove", [e["event"] for e in touches])
        with self.subTest("chords"):
            self.click("s", *self.at(app, 100, 100))
            self.type("s", "copy me")
            for chord in ("ctrl+a", "ctrl+c", "End", "ctrl+v"):
                self.key("s", chord)
            self.assertEqual(app.text("copy mecopy me"), "copy mecopy me")

    def at(self, app, x, y):
        """A point of the page on the display: the page is below the browser's own bars, which are not its business."""
        if not hasattr(app, "origin"):
            self.done("s", "click", x=700, y=300)
            seen = app.wait_event(lambda e: e["event"] == "mousedown", "a first click")
            app.origin = (700 - seen["x"], 300 - seen["y"])
        return [x + app.origin[0], y + app.origin[1]]

    def test_gtk_scrolls_there_and_back(self):
        text = "".join(f"line {n}\\n" for n in range(2000))
        self.detach("sh", "-c", f"printf '{text}' >/tmp/long.txt; mousepad /tmp/long.txt", policy=self.policy())
        self.wait_window()
        self.stable()
        self.done("s", "move", x=640, y=400)
        self.stable()
        before = self.screenshot("s", "--no-cursor", "--region", "0,100,600x600")
        down = self.done("s", "scroll", x=640, y=400, dy=10, wait=20000)
        self.assertEqual(down["effect"], "changed")
        self.stable()
        self.assertNotEqual(self.screenshot("s", "--no-cursor", "--region", "0,100,600x600"), before)
        self.done("s", "scroll", x=640, y=400, dy=-10, wait=20000)
        self.stable()
        self.assertEqual(self.screenshot("s", "--no-cursor", "--region", "0,100,600x600"), before)

    def test_windows_closed_by_keys(self):
        self.detach("sh", "-c", "zenity --entry; sleep 600", policy=self.policy())
        self.wait_window()
        self.stable()
        self.key("s", "Escape")
        wait_for(lambda: not self.inspect()["windows"], 20, "the dialog to go")
