"""Programs inside that mean harm by the clipboard: nothing blocks, nothing grows, and everybody else is served."""

import os
import time
import unittest

from harness import HOSTILE, wait_for
from test_clipboard import ClipboardTest


def memory(pid):
    """Kilobytes that a process has at most had."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


class HostileTest(ClipboardTest):
    def begin(self, **clipboard):
        self.detach("sleep", "1000", policy=self.policy(
            ui={"disable": False, "clipboard": "all"}, clipboard={"confirm": False, **clipboard},
            filesystem={"readonlyPaths": [HOSTILE]}))
        info = self.inspect()
        self.supervisor, self.compositor = info["supervisor"]["pid"], info["compositor"]["pid"]
        self.fds = None

    def start(self, mode):
        self.cli("exec", "s", "--", "sh", "-c",
                 f"{HOSTILE}/hostile-clipboard-client {mode} > /tmp/{mode} 2>&1 & sleep 0.1")
        wait_for(lambda: "ready" in self.said(mode), 20, f"{mode} is ready")

    def said(self, mode):
        return self.cli("exec", "s", "--", "cat", f"/tmp/{mode}", check=False).stdout

    def end(self):
        self.cli("exec", "s", "--", "pkill", "-KILL", "hostile-clipboa", check=False)

    def all_is_well(self):
        """The session serves: copies, pastes, puts in and takes out, quickly."""
        start = time.monotonic()
        self.copy("fine")
        self.assertEqual(self.get().stdout, "fine")
        self.put("put in")
        self.assertEqual(self.paste(), b"put in")
        self.assertLess(time.monotonic() - start, 5)
        self.assertEqual(self.inspect()["state"], "running")

    def times(self):
        """How long other requests take, in seconds, at most of ten."""
        worst = 0
        for _ in range(10):
            start = time.monotonic()
            self.inspect()
            worst = max(worst, time.monotonic() - start)
        return worst

    def refused_in_time(self, mode, words, seconds=4):
        self.start(mode)
        start = time.monotonic()
        process = self.spawn("clipboard", "s", "get")
        slowest = self.times()
        out, err = process.communicate(timeout=30)
        self.assertLess(time.monotonic() - start, seconds)
        self.assertLess(slowest, 1)
        self.assertEqual((process.returncode, out), (1, ""))
        self.assertIn(words, err)
        self.end()
        self.all_is_well()

    def test_silent(self):
        self.begin()
        self.refused_in_time("silent", "within two seconds")

    def test_a_byte_a_second(self):
        self.begin()
        self.refused_in_time("slow", "within two seconds")

    def test_a_gigabyte(self):
        self.begin(maxBytes=1 << 20)
        before = memory(self.supervisor)
        self.refused_in_time("gigabyte", "more than the 1048576 bytes")
        self.assertLess(memory(self.supervisor), before + (16 << 10))
        self.assertLess(memory(self.compositor), 200 << 10)

    def test_it_closes_early(self):
        """Nobody can tell a beginning from a whole item: what there is crosses, and nothing is made up."""
        self.begin()
        self.start("early")
        self.assertEqual(self.get().stdout, "the beg")
        self.end()
        self.all_is_well()

    def test_it_dies_meanwhile(self):
        self.begin()
        self.start("dies")
        self.assertEqual(self.get().stdout, "the beginning of")
        self.refused(self.get(check=False), "empty")
        self.all_is_well()

    def test_two_at_once(self):
        """One in flight a direction; the other direction goes on."""
        self.begin()
        self.start("silent")
        process = self.spawn("clipboard", "s", "get")
        time.sleep(0.5)
        self.refused(self.get(check=False), "at this moment")
        process.wait(20)
        self.end()

    def test_in_the_background(self):
        self.begin()
        self.cli("exec", "s", "--", "sh", "-c", "foot -e sleep 1000 > /dev/null 2>&1 &")
        self.wait_window()
        self.copy("of somebody else")
        self.start("background")
        # What it set itself, without the focus and by a serial that it never got, is nobody's item.
        self.assertEqual(self.paste(), b"of somebody else")
        for n in range(3):
            self.copy(f"secret {n}")
            self.put(f"the user's {n}")
            self.assertEqual(self.paste(), f"the user's {n}".encode())
        self.assertNotIn("offers", self.said("background").replace("offers 0", ""))

    def test_a_flood(self):
        self.begin()
        self.start("flood")
        self.all_is_well()
        lines = [line for line in self.log() if line["event"] == "compositor" and "too often" in str(line)]
        self.assertGreaterEqual(len(lines), 1)
        self.assertLess(len(lines), 60)

    def test_it_never_reads(self):
        self.begin()
        def descriptors():
            try:
                return len(os.listdir(f"/proc/{self.compositor}/fd"))
            except PermissionError:  # it is nobody's to look into but root's
                return 0
        fds = descriptors()
        self.put("x" * 65000)
        self.start("reader")
        time.sleep(2.5)  # ITEM_DEADLINE_MS
        self.cli("clipboard", "s", "clear", check=False)
        self.all_is_well()
        self.assertEqual(self.cli("exec", "s", "--", "stat", "-c", "%s", "/tmp/regular").stdout, "0\n")
        self.end()
        wait_for(lambda: descriptors() <= fds + 4, 10, "no descriptor is kept")

    def test_types(self):
        self.begin()
        for mode in ("types", "name"):
            with self.subTest(mode):
                before = memory(self.compositor)
                self.start(mode)
                wait_for(lambda: "disconnected" in self.said(mode), 10, "it is thrown out")  # pylint: disable=cell-var-from-loop
                self.all_is_well()
                self.assertLess(memory(self.compositor), before + (16 << 10))
                self.end()

    def test_nothing_grows(self):
        self.begin()
        self.all_is_well()

        def resident():
            found = []
            for pid in (self.supervisor, self.compositor):
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    found.append(next(int(line.split()[1]) for line in file if line.startswith("VmRSS")))
            return found
        for n in range(40):
            self.put(f"{n} " + "x" * 60000)
            if n == 10:
                before = resident()
        after = resident()
        for one, other in zip(before, after):
            self.assertLess(other, one + 1024)


if __name__ == "__main__":
    unittest.main()
