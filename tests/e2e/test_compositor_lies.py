"""A compositor that was taken over: whatever it says, it can end its own session and nothing else."""

import json
import os
import shutil

from harness import HOSTILE, PARCLOSE, SessionTest, wait_for

LIES = ("slot-out-of-range", "slot-given-twice", "box-outside", "box-negative", "box-overflows", "box-empty",
        "boxes-too-many", "serial-goes-back", "short-message", "long-message", "unknown-type",
        "supervisors-type", "reserved-set", "ready-twice", "cursor-too-large", "cursor-hotspot-far",
        "cursor-outside", "window-zero", "descriptor", "typed-unasked", "done-unasked", "settled-unasked",
        "clipboard-type-unasked", "clipboard-done-unasked", "clipboard-pasted-unasked")

ACT_LIES = ("act-typed-beyond", "act-typed-overflow", "act-typed-back", "act-typed-nothing", "act-typed-no-runs",
            "act-typed-runs", "act-typed-way", "act-typed-token", "act-typed-late", "act-done-token",
            "act-done-status", "act-done-step", "act-done-characters", "act-done-place", "act-done-reserved",
            "act-done-frame", "act-done-twice", "act-settled-early", "act-settled-token", "act-settled-reason",
            "act-settled-changed", "act-settled-box", "act-settled-no-box", "act-settled-unchanged",
            "act-settled-frame", "act-settled-late", "act-settled-twice")


class Lies(SessionTest):
    def setUp(self):
        super().setUp()
        os.makedirs(self.dir + "/build/cli")
        os.makedirs(self.dir + "/build/compositor")
        self.binary = shutil.copy(PARCLOSE, self.dir + "/build/cli/parclose")
        shutil.copy(HOSTILE + "/lying-compositor", self.dir + "/build/compositor/parclose-compositor")

    def cli(self, *args, **kwargs):
        import harness
        harness.PARCLOSE, kept = self.binary, harness.PARCLOSE
        try:
            return super().cli(*args, **kwargs)
        finally:
            harness.PARCLOSE = kept

    def lie(self, lie):
        with open(self.dir + "/build/compositor/lie", "w", encoding="utf-8") as file:
            file.write(lie)

    def test_every_lie_ends_the_session_with_a_reason(self):
        for lie in LIES:
            with self.subTest(lie=lie):
                self.lie(lie)
                done = self.cli("run", "--name", "s", "--", "sleep", "60", check=False, timeout=20)
                self.assertEqual(done.returncode, 125, done.stderr)
                self.assertIn("the compositor sent a message that cannot be", done.stderr)

    def test_every_lie_about_an_action_ends_the_session(self):
        for lie in ACT_LIES:
            with self.subTest(lie=lie):
                self.live(lie)
                done = self.cli("type", "s", "hello", check=False, timeout=20)
                if lie not in ("act-done-twice", "act-typed-late", "act-settled-twice"):  # told too late for it
                    self.assertEqual(done.returncode, 1, done.stdout)
                self.assert_over("the compositor sent a message that cannot be")

    def assert_over(self, reason, seconds=20):
        """The session ended by itself, and its log says why."""
        last = wait_for(lambda: (lambda e: e["event"] == "ended" and e)(self.log()[-1]), seconds, "its end")
        self.assertIn(reason, last["reason"])
        wait_for(lambda: not os.path.exists(self.env["XDG_RUNTIME_DIR"] + "/parclose/s"), 5, "its name")

    def test_silence_about_an_action_ends_the_session(self):
        self.live("act-silence")
        done = self.cli("click", "--no-wait", "s", "1,1", check=False, timeout=40)
        self.assertEqual(done.returncode, 1)
        self.assertIn("did not answer an action within 10 seconds", done.stderr)
        self.assert_over("did not answer an action within 10 seconds")

    def test_its_last_words_are_made_fit_to_be_shown(self):
        self.lie("fatal")
        done = self.cli("run", "--name", "s", "--", "sleep", "60", check=False, timeout=20)
        self.assertEqual(done.returncode, 125)
        self.assertIn("words \ufffd[31m of mine", done.stderr)
        self.assertNotIn("\x1b", done.stderr)

    def test_exit_before_it_is_ready(self):
        self.lie("exit")
        done = self.cli("run", "--name", "s", "--", "sleep", "60", check=False, timeout=20)
        self.assertEqual(done.returncode, 125)
        self.assertIn("the compositor exited with status 42", done.stderr)

    def live(self, lie):
        self.lie(lie)
        self.cli("run", "--detach", "--name", "s", "--", "sleep", "60")
        return wait_for(lambda: self.inspect()["windows"], 20, "its windows")

    def test_titles(self):
        self.live("titles")
        windows = wait_for(lambda: (lambda w: len(w) == 2 and w)(self.inspect()["windows"]))
        self.assertEqual(windows[1]["title"], "T" * 128)
        title = windows[0]["title"]
        self.assertTrue(title.startswith("a\ufffd]0;x\ufffd\ufffdb\ufffd"), repr(title))
        self.assertFalse(any(ord(c) < 32 or c == "\u202e" for c in title), repr(title))

    def test_window_flood_is_bounded(self):
        self.live("windows-flood")
        self.assertLessEqual(len(self.inspect()["windows"]), 512)

    def test_frame_memory_is_sealed(self):
        windows = self.live("shrink")
        self.assertEqual(windows[0]["title"], "sealed")
        self.assertEqual(self.screenshot()[:2], (1280, 800))

    def test_chatter_does_not_fill_the_log(self):
        self.live("chatter")
        lines = [e for e in self.log() if e["event"] == "compositor"]
        self.assertLessEqual(len(lines), 1000)
        self.assertNotIn("\x1b", json.dumps(lines, ensure_ascii=False))
