"""Sessions that stand still and go on."""

import os
import pty
import select
import subprocess
import time

from harness import BUILD, HOSTILE, PARCLOSE, SessionTest, descendants, kill, wait_for
from view_channel import AGENT, FRAME, HUMAN, KEYCODE, MINE, MOVE, PAUSE, PAUSED, RESUME, TAKE_OVER, Control, Viewer


def stat_fields(pid):
    """The fields of /proc/PID/stat after the name; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def cpu(pids):
    """Ticks that each of these has run."""
    found = {pid: stat_fields(pid) for pid in pids}
    return {pid: int(fields[11]) + int(fields[12]) for pid, fields in found.items() if fields}


# timer_create(CLOCK_MONOTONIC) with SIGCONT, 50 times a second, then work.
WAKES = """
import ctypes, signal, struct
signal.signal(signal.SIGCONT, lambda *_: None)
libc = ctypes.CDLL(None)
timer = ctypes.c_void_p()
event = ctypes.create_string_buffer(struct.pack("=Qii", 0, 18, 0), 64)
assert libc.timer_create(1, event, ctypes.byref(timer)) == 0
assert libc.timer_settime(timer, 0, struct.pack("=qqqq", 0, 20000000, 0, 20000000), None) == 0
while True:
    pass
"""


class Pause(SessionTest):
    def inside(self, name="s"):
        """Everything inside but pid 1."""
        return descendants(self.inspect(name)["init"]["pid"])

    def assert_still(self, name="s", seconds=1.0):
        pids = self.inside(name)
        before = cpu(pids)
        time.sleep(seconds)
        self.assertEqual(self.inside(name), pids, "processes came or went")
        self.assertEqual(cpu(pids), before, "something ran")
        return pids

    def assert_runs(self, name="s", seconds=10):
        before = sum(cpu(self.inside(name)).values())
        wait_for(lambda: sum(cpu(self.inside(name)).values()) > before + 5, seconds, "work")

    def busy(self, *options, policy=None):
        self.cli("run", "--detach", "--name", "s", "--policy", policy or self.process_policy(), *options, "--",
                 "sh", "-c", "while :; do :; done & while :; do :; done")
        self.assert_runs()

    def test_nothing_runs(self):
        self.busy()
        self.assertIsNone(self.inspect()["pausedSince"])
        self.cli("pause", "s")
        info = self.inspect()
        self.assertEqual(info["holder"], "paused")
        self.assertRegex(info["pausedSince"], r"^20..-..-..T..:..:..Z$")
        self.assert_still()
        self.cli("pause", "s")
        self.assert_still(seconds=0.3)
        self.assertEqual(self.inspect()["pausedSince"], info["pausedSince"])
        self.cli("resume", "s")
        self.assert_runs()
        self.cli("resume", "s")
        self.assert_runs()
        info = self.inspect()
        self.assertEqual((info["holder"], info["pausedSince"]), ("agent", None))
        self.assertEqual([line["event"] for line in self.log() if line["event"] in ("paused", "resumed")],
                         ["paused", "resumed"])
        self.assertGreater(next(line for line in self.log() if line["event"] == "resumed")["pausedMs"], 1200)

    def test_a_program_that_wakes_itself(self):
        """A timer that sends SIGCONT undoes a stop by signals, never a frozen cgroup."""
        self.cli("run", "--detach", "--name", "s", "--policy", self.process_policy(), "--", "python3", "-c", WAKES)
        self.assert_runs()
        self.cli("pause", "s")
        if self.inspect()["enforced"]["pause"] == "cgroup v2":
            self.assert_still()
        else:
            self.assertEqual(self.inspect()["enforced"]["pause"], "signals")
            self.assert_runs()
        self.cli("resume", "s")
        self.assert_runs()

    def test_nothing_is_started_or_signalled_on(self):
        self.busy()
        self.cli("pause", "s")
        done = self.cli("exec", "s", "--", "true", check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("parclose resume s", done.stderr)
        control = Control(self.env, "s")
        self.cli("resume", "s")
        null = os.open("/dev/null", os.O_RDWR)
        answer, _ = control.call("parclose/exec", fds=[null] * 3, argv=["sh", "-c", "while :; do :; done"])
        command = answer["result"]["id"]
        self.cli("pause", "s")
        self.assertIn("paused", control.call("parclose/signal", id=command, signal=18)[0]["error"]["message"])
        self.assertIn("result", control.call("parclose/signal", id=command, signal=15)[0])
        count = len(self.assert_still(seconds=0.5))
        self.cli("resume", "s")
        wait_for(lambda: len(self.inside()) < count, what="the end by the signal that waited")
        control.close()
        os.close(null)

    def test_what_waits_for_a_name(self):
        self.assertEqual(self.cli("pause", check=False).returncode, 2)
        self.assertEqual(self.cli("resume", "--all", "s", check=False).returncode, 2)
        self.assertEqual(self.cli("pause", "nobody", check=False).returncode, 1)
        self.cli("pause", "--all")
        self.busy()
        self.cli("pause", "--all")
        self.assert_still(seconds=0.3)
        self.cli("resume", "--all")
        self.assert_runs()

    def test_programs_are_unharmed(self):
        page = os.path.join(self.dir, "page.html")
        with open(page, "w", encoding="utf-8") as file:
            file.write("<title>0</title><script>let n=0;setInterval(()=>document.title=String(++n),100)</script>")
        os.chmod(page, 0o644)
        policy = self.policy(filesystem={"readonlyPaths": [page]},
                             process={"nestedSandbox": True, "env": ["LIBGL_ALWAYS_SOFTWARE=1"]})
        self.detach("chromium", "--no-first-run", "--disable-gpu", "--ozone-platform=wayland", page, policy=policy)
        self.cli("exec", "s", "--", "sh", "-c", "gtk4-widget-factory >/dev/null 2>&1 &")
        self.cli("exec", "s", "--", "sh", "-c",
                 "foot -T foot-0 sh -c 'n=0; while :; do n=$((n+1)); printf \"\\033]0;foot-$n\\007\"; sleep 0.1; "
                 "done' >/dev/null 2>&1 &")

        def title(app):
            found = [w["title"] for w in self.inspect()["windows"] if app in w["appId"]]
            return found[0] if found else ""
        wait_for(lambda: title("chrom") > "1" and title("foot") > "foot-1", 60, "programs that count")
        windows = {w["id"]: w["pid"] for w in self.wait_window(count=3, seconds=60)}
        pids = self.inside()
        self.cli("pause", "s")
        before = title("chrom"), title("foot")
        self.assert_still(seconds=6)
        self.assertEqual((title("chrom"), title("foot")), before)
        self.assertEqual(self.screenshot()[:2], (1280, 800))
        done = self.cli("windows", "s", "cycle", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("paused", done.stderr)
        self.cli("resume", "s")
        wait_for(lambda: title("chrom") != before[0] and title("foot") != before[1], 10, "both count on")
        self.assertEqual({w["id"]: w["pid"] for w in self.inspect()["windows"]}, windows)
        self.assertGreater(len(pids & self.inside()), len(pids) // 2)

    def test_frames_stop_and_come_again(self):
        policy = self.policy(filesystem={"readonlyPaths": [HOSTILE]}, display={"width": 640, "height": 480})
        self.detach(HOSTILE + "/animate", policy=policy)
        self.wait_window()
        viewer = Viewer(self.env)
        viewer.newest()
        for _ in range(3):
            viewer.send(PAUSE)
            state = viewer.state_with(lambda state: state["holder"] == PAUSED)
            self.assertLess(abs(state["paused_since"] / 1e9 - time.monotonic()), 5)
            time.sleep(0.2)
            frames = self.inspect()["display"]["frames"]
            time.sleep(0.5)
            self.assertEqual(self.inspect()["display"]["frames"], frames)
            while viewer.read(0) is not None:
                pass
            viewer.send(RESUME)
            state = viewer.state_with(lambda state: state["holder"] == AGENT)
            self.assertEqual(state["paused_since"], 0)
            viewer.until(lambda kind, _: kind == FRAME)
        self.assertEqual([line["by"] for line in self.log() if line["event"] == "paused"], ["a viewer"] * 3)
        viewer.close()

    def test_nothing_is_delivered_and_nothing_saved_up(self):
        """However long it lasts: no event waits for the programs, so none of their buffers fills."""
        helpers = os.path.join(BUILD, "tests", "helpers")
        self.detach(helpers + "/witness", "--size", "640x480", policy=self.policy(
            filesystem={"readonlyPaths": [helpers]}, display={"width": 640, "height": 480}))
        self.wait_window()
        viewer = Viewer(self.env)
        viewer.send(TAKE_OVER, bytes(4))
        viewer.state_with(lambda state: state["flags"] & MINE)

        def heard():
            path = os.path.join(self.env["XDG_STATE_HOME"], "parclose", "s", "output.log")
            with open(path, encoding="utf-8") as file:
                return [line for line in file if '"key"' in line or '"motion"' in line or '"button"' in line]
        viewer.input(KEYCODE, 30, 1)
        wait_for(lambda: len(heard()) == 1, 10, "a key that is down")
        self.cli("pause", "s")
        for number in range(2000):
            viewer.input(KEYCODE, 31, 1 - number % 2)
            viewer.input(MOVE, x=number % 640, y=10)
            while viewer.read(0) is not None:
                pass
        for verb in (("type", "s", "a"), ("click", "s", "5,5"), ("windows", "s", "cycle")):
            self.assertEqual(self.cli(*verb, check=False).returncode, 1)
        time.sleep(1)
        self.cli("resume", "s")
        viewer.state_with(lambda state: state["holder"] == HUMAN and state["flags"] & MINE)
        viewer.input(KEYCODE, 48, 1)
        viewer.input(KEYCODE, 48, 0)
        wait_for(lambda: '"code":48' in "".join(heard()).replace(" ", ""), 10, "the first key after it")
        codes = [line for line in heard() if '"code":31' in line.replace(" ", "") or '"motion"' in line]
        self.assertEqual(codes, [])
        viewer.close()

    def test_a_fork_bomb_stands(self):
        policy = self.process_policy(limits={"processes": 150})
        self.cli("run", "--detach", "--name", "s", "--policy", policy, "--",
                 "python3", "-c", "import os\nwhile True:\n try: os.fork()\n except OSError: pass")
        wait_for(lambda: len(self.inside()) > 100, 20, "many processes")
        info = self.inspect()
        for _ in range(3):
            self.cli("pause", "s")
            self.assert_still(seconds=0.5)
            self.cli("resume", "s")
            self.assert_runs()
        self.cli("pause", "s")
        pids = self.pids(info)
        start = time.monotonic()
        self.cli("stop", "s")
        self.assertLess(time.monotonic() - start, 3)
        self.assert_gone(pids)

    def test_what_was_stopped_stays_so_and_handlers_live(self):
        shared = os.path.join(self.dir, "shared")
        os.mkdir(shared, 0o777)
        os.chmod(shared, 0o777)
        policy = self.process_policy(filesystem={"readwritePaths": [shared]})
        self.detach("sh", "-c", f"sleep 1000 & kill -STOP $!; trap 'echo again >> {shared}/said' CONT; "
                    f"echo $! > {shared}/ready; while :; do sleep 0.05; done", policy=policy)
        wait_for(lambda: os.path.exists(shared + "/ready"))

        def stopped():
            return [pid for pid in self.inside() if (stat_fields(pid) or "?")[0] == "T"]
        before = wait_for(stopped)
        self.assertEqual(len(before), 1)
        for _ in range(3):
            self.cli("pause", "s")
            self.assert_still(seconds=0.3)
            self.cli("resume", "s")
            wait_for(lambda: stopped() == before)
        time.sleep(0.3)
        self.assertEqual(stopped(), before)
        self.assertEqual(self.inspect()["state"], "running")

    def test_a_shell_keeps_its_job_in_the_foreground(self):
        master, slave = pty.openpty()
        run = subprocess.Popen([PARCLOSE, "run", "--name", "s", "--policy", self.process_policy(), "--",
                                "bash", "--norc", "-i"], stdin=slave, stdout=slave, stderr=slave,
                               env={**self.env, "TERM": "dumb"}, start_new_session=True)
        self.started.append(run)
        os.close(slave)
        said = b""

        def read(until, seconds=15):
            nonlocal said
            deadline = time.monotonic() + seconds
            while until not in said:
                self.assertLess(time.monotonic(), deadline, said)
                if select.select([master], [], [], 0.2)[0]:
                    said += os.read(master, 4096)
        read(b"$ ")
        os.write(master, b"cd /; sleep 4; echo the-end-$?\n")
        wait_for(lambda: len(self.inside()) == 2)
        for _ in range(5):
            self.cli("pause", "s")
            time.sleep(0.2)
            self.cli("resume", "s")
            time.sleep(0.1)
        read(b"the-end-0")
        self.assertNotIn(b"Stopped", said)
        os.write(master, b"exit 7\n")
        self.assertEqual(run.wait(10), 7)
        os.close(master)

    def test_the_supervisor_is_killed_while_paused(self):
        self.busy()
        self.cli("pause", "s")
        info = self.inspect()
        pids = self.pids(info)
        kill(info["supervisor"]["pid"])
        self.assert_gone(pids)

    def test_a_paused_session_that_is_stopped_runs_no_further(self):
        shared = os.path.join(self.dir, "shared")
        os.mkdir(shared, 0o777)
        os.chmod(shared, 0o777)
        policy = self.process_policy(filesystem={"readwritePaths": [shared]})
        self.detach("sh", "-c", f"trap 'echo > {shared}/ran; exit' TERM; echo > {shared}/ready; "
                    "while :; do sleep 0.05; done", policy=policy)
        wait_for(lambda: os.path.exists(shared + "/ready"))
        pids = self.pids(self.inspect())
        self.cli("pause", "s")
        self.cli("stop", "s")
        self.assert_gone(pids)
        self.assertFalse(os.path.exists(shared + "/ran"))

    def test_the_time_limit_waits(self):
        start = time.monotonic()
        run = self.spawn("run", "--name", "s", "--policy", self.process_policy(), "--timeout", "2", "--", "sleep", "60")
        wait_for(lambda: self.cli("inspect", "s", check=False).returncode == 0)
        self.cli("pause", "s")
        time.sleep(3)
        self.assertIsNone(run.poll())
        self.cli("resume", "s")
        self.assertEqual(run.wait(10), 124)
        self.assertGreater(time.monotonic() - start, 4.9)
