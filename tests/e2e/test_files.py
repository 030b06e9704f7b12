"""Files into a session and out of it: by the gate of the clipboard, and past every trap on the way."""

import hashlib
import json
import os
import pty
import signal
import subprocess
import threading
import time
import unittest

from harness import PARCLOSE, SessionTest, wait_for


class FileTest(SessionTest):
    def session(self, way="all", **clipboard):
        info = self.detach("sleep", "1000", policy=self.policy(
            ui={"disable": False, "clipboard": way}, clipboard={"confirm": False, **clipboard}))
        self.out = os.path.join(self.dir, "out")
        os.mkdir(self.out)
        return info

    def inside(self, script, check=True):
        done = subprocess.run([PARCLOSE, "exec", "s", "--", "sh", "-c", script], env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def own(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def put(self, *args, check=True):
        return self.cli("put", "s", *args, check=check)

    def get(self, *args, check=True):
        return self.cli("get", "--to", self.out, "s", *args, check=check)

    def taken(self, name):
        with open(os.path.join(self.out, name), "rb") as file:
            return file.read()

    def refused(self, done, *words):
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def assert_nothing_out(self):
        self.assertEqual(os.listdir(self.out), [])

    def crossings(self, event="clipboard"):
        return [line for line in self.log() if line["event"] == event]


class CarryTest(FileTest):
    def test_in_and_out(self):
        self.session()
        data = os.urandom(3 << 20)
        path = self.own("data.bin", data)
        self.put(path)
        self.assertEqual(self.inside("sha256sum < data.bin").split()[0].decode(), hashlib.sha256(data).hexdigest())
        self.assertEqual(self.inside("stat -c '%a %U' data.bin").split(), [b"644", b"agent"])
        self.inside("mkdir -p work/deep; cp data.bin work/deep/copy.bin; ls -A > /tmp/names")
        self.assertEqual(self.inside("cat /tmp/names").split(), [b"data.bin"] + [b"work"])
        done = self.cli("get", "--json", "--to", self.out, "s", "work/deep/copy.bin", "/tmp/names")
        first, _ = [json.loads(part + "}") for part in done.stdout.split("}\n") if part]
        self.assertEqual(first["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual(self.taken("copy.bin"), data)
        self.assertEqual(sorted(os.listdir(self.out)), ["copy.bin", "names"])
        self.put("--to", "/tmp", path)
        self.assertEqual(self.inside("cmp /tmp/data.bin data.bin && echo same"), b"same\n")
        lines = self.crossings()
        self.assertEqual([line["direction"] for line in lines], ["in", "out", "out", "in"])
        self.assertEqual(lines[0]["file"], "/home/agent/data.bin")
        self.assertEqual((lines[1]["bytes"], lines[1]["sha256"]), (len(data), first["sha256"]))
        # What carried them is no command of anybody's.
        self.assertEqual([line for line in self.crossings("exec") if "data.bin" in json.dumps(line["argv"][0])], [])

    def test_each_direction_opens_by_itself(self):
        for way, goes_in, goes_out in (("none", 0, 0), ("read", 1, 0), ("write", 0, 1)):
            with self.subTest(way):
                self.session(way)
                os.rmdir(self.out)
                os.mkdir(self.out)
                self.inside("echo inside > f")
                done = self.put(self.own("mine", b"outside"), check=False)
                if goes_in:
                    self.assertEqual(done.returncode, 0)
                else:
                    self.refused(done, "nothing be put in")
                    self.assertEqual(self.inside("ls mine || true"), b"")
                done = self.get("f", check=False)
                if goes_out:
                    self.assertEqual(self.taken("f"), b"inside\n")
                    os.unlink(os.path.join(self.out, "f"))
                else:
                    self.refused(done, "nothing be taken out")
                    self.assert_nothing_out()
                os.rmdir(self.out)
                self.cli("stop", "s")

    def test_links_are_not_followed(self):
        self.session()
        self.inside("echo real > real; ln -s real link; mkdir d; echo x > d/x; ln -s d dlink; ln -s /etc/passwd p; "
                    "mkfifo fifo; ln -s / up; ln -s loop loop")
        for path, word in (("link", "link"), ("dlink/x", "link"), ("p", "link"), ("up/etc/passwd", "link"),
                           ("loop", "link"), ("/proc/self/exe", "link"), ("/proc/self/root/etc/passwd", "link"),
                           ("/proc/self/cwd/real", "link"), ("/proc/thread-self/fd/0", "link"),
                           ("fifo", "no regular file"), ("/dev/zero", "no regular file"), ("d", "directory"),
                           ("d/../real", "'..'"), ("../../etc/shadow", "'..'"), (".", "name"), ("d/.", "name"),
                           ("real/x", "no directory"), ("none", "No such file"), ("/proc/1/environ", ""),
                           ("/run/user/1000/wayland-0", "no regular file")):
            with self.subTest(path):
                self.refused(self.get(path, check=False), word)
                self.assert_nothing_out()
        mine = self.own("mine", b"data")
        for to, word in (("dlink", "link"), ("/home/agent/dlink", "link"), ("/home/agent/up", "link"),
                         ("/proc/self/cwd", "link"), ("/home/agent/none", "No such file"),
                         ("/home/agent/real", "no directory"), ("/home/agent/d/..", "'..'"), ("/usr/bin", ""),
                         ("/etc", "")):
            with self.subTest(to):
                self.refused(self.put("--to", to, mine, check=False), word)
        self.assertEqual(self.inside("ls d"), b"x\n")

    def test_nothing_is_overwritten_without_being_told(self):
        self.session()
        self.inside("echo kept > mine; echo other > target; ln -s target l")
        mine = self.own("mine", b"new\n")
        self.refused(self.put(mine, check=False), "is there already", "--force")
        self.assertEqual(self.inside("cat mine"), b"kept\n")
        self.put("--force", mine)
        self.assertEqual(self.inside("cat mine"), b"new\n")
        # A link in the way is replaced, not followed.
        link = self.own("l", b"mine\n")
        self.refused(self.put(link, check=False), "is there already")
        self.put("--force", link)
        self.assertEqual(self.inside("cat target; cat l; readlink l || true"), b"other\nmine\n")

        secret = self.own("secret", b"secret")
        os.symlink(secret, os.path.join(self.out, "l"))
        self.refused(self.get("l", check=False), "is there already")
        self.cli("get", "--force", "--to", self.out, "s", "l")
        self.assertFalse(os.path.islink(os.path.join(self.out, "l")))
        with open(secret, "rb") as file:
            self.assertEqual(file.read(), b"secret")
        self.assertEqual(self.taken("l"), b"mine\n")
        self.assertEqual(os.listdir(self.out), ["l"])  # nothing else is left behind
        self.assertEqual(self.inside("ls -A").split(), [b"l", b"mine", b"target"])

    def test_the_destination_is_where_it_was_named(self):
        self.session()
        self.inside("echo x > x")
        self.assertEqual(self.cli("get", "s", "--to", self.out + "/none", "x", check=False).returncode, 1)
        # A name that would leave the directory is none.
        self.refused(self.get("d/..", check=False), "is no name")
        self.assertEqual(self.cli("get", "s", check=False).returncode, 2)
        self.assertEqual(self.cli("put", "s", check=False).returncode, 2)
        self.refused(self.put(self.dir, check=False), "directory")
        self.refused(self.put("/dev/zero", check=False), "no regular file")
        self.refused(self.put(os.path.join(self.dir, "none"), check=False), "No such file")

    def test_names_that_are_not_what_they_seem(self):
        self.session()
        self.inside("printf x > \"$(printf 'a\\033[2Jb')\"; printf x > \"$(printf 'a\\342\\200\\256gpj.exe')\"; ls")
        for name in ("a\x1b[2Jb", "a\u202egpj.exe", "a\nb", "a\u200bb"):
            self.refused(self.get(name, check=False), "not seen")
            self.refused(self.put(self.own(name, b"x"), check=False), "not seen")
        self.assert_nothing_out()

    def test_what_is_too_large_is_refused_whole(self):
        info = self.session(maxFileBytes=1 << 20)
        self.inside("head -c 1048576 /dev/zero > just; head -c 1048577 /dev/zero > over; truncate -s 1G sparse; : > none")
        self.get("just")
        self.assertEqual(len(self.taken("just")), 1 << 20)
        for name in ("over", "sparse"):
            self.refused(self.get(name, check=False), "more than the 1048576 bytes", "maxFileBytes")
        self.refused(self.get("none", check=False), "empty")
        self.assertEqual(os.listdir(self.out), ["just"])
        self.refused(self.put(self.own("over", b"x" * ((1 << 20) + 1)), check=False), "maxFileBytes")
        with open(f"/proc/{info['supervisor']['pid']}/status", encoding="ascii") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        self.assertLess(peak, 64 << 10)
        # Nobody inside is left who carries on.
        wait_for(lambda: b"parclose-file" not in self.inside("cat /proc/[0-9]*/comm"), 5, "the worker's end")

    def test_a_file_that_grows_and_shrinks_meanwhile(self):
        self.session(maxFileBytes=8 << 20)
        self.cli("exec", "s", "--", "sh", "-c",
                 "(while :; do head -c 100000 /dev/zero >> grows; truncate -s 0 shrinks; head -c 900000 /dev/zero "
                 "> shrinks; done) > /dev/null 2>&1 & sleep 0.2")
        for _ in range(5):
            for name in ("grows", "shrinks"):
                done = self.cli("get", "--force", "--to", self.out, "s", name, check=False)
                if done.returncode == 0:
                    digest = [line for line in self.crossings() if line["direction"] == "out"][-1]["sha256"]
                    self.assertEqual(hashlib.sha256(self.taken(name)).hexdigest(), digest)

    def test_a_name_that_is_swapped_again_and_again(self):
        self.session()
        self.inside("echo mine > mine; echo good > good")
        self.cli("exec", "s", "--", "sh", "-c",
                 "(while :; do ln -sfn /etc/hostname swap; ln -sfn /dev/zero swap; mkfifo f 2>/dev/null; mv -Tf f swap; "
                 "cp good g; mv -Tf g swap; done) > /dev/null 2>&1 & sleep 0.2")
        start = time.monotonic()
        for _ in range(30):
            done = self.cli("get", "--force", "--to", self.out, "s", "swap", check=False)
            if done.returncode == 0:
                self.assertEqual(self.taken("swap"), b"good\n")
        self.assertLess(time.monotonic() - start, 25)

    def test_what_carries_is_killed_or_stopped_by_the_agent(self):
        self.session(maxFileBytes=256 << 20)
        self.inside("head -c 200M /dev/zero > big")
        self.cli("exec", "s", "--", "sh", "-c",
                 "(while :; do for p in /proc/[0-9]*; do read c < $p/comm && [ \"$c\" = parclose-file ] && "
                 "kill -KILL ${p#/proc/}; done; done) > /dev/null 2>&1 & sleep 0.2")
        done = self.get("big", check=False)
        self.refused(done, "was ended")
        self.assert_nothing_out()
        self.cli("stop", "s")

    def test_what_carries_is_stopped(self):
        self.session(maxFileBytes=256 << 20)
        self.inside("head -c 200M /dev/zero > big")
        self.cli("exec", "s", "--", "sh", "-c",
                 "(while :; do for p in /proc/[0-9]*; do read c < $p/comm && [ \"$c\" = parclose-file ] && "
                 "kill -STOP ${p#/proc/}; done; done) > /dev/null 2>&1 & sleep 0.2")
        start = time.monotonic()
        results = []
        thread = threading.Thread(target=lambda: results.append(self.get("big", check=False)))
        thread.start()
        time.sleep(1)
        # The session is there for everybody meanwhile, and a second file is refused, not queued.
        self.assertEqual(self.inspect()["state"], "running")
        self.refused(self.get("small", check=False), "at this moment")
        thread.join(60)
        self.refused(results[0], "within thirty seconds")
        self.assertLess(time.monotonic() - start, 40)
        self.assert_nothing_out()

    def test_a_full_disk_leaves_nothing(self):
        self.detach("sleep", "1000", policy=self.policy(
            ui={"disable": False, "clipboard": "all"}, clipboard={"confirm": False}, limits={"tmp": "2M"}))
        self.out = os.path.join(self.dir, "out")
        os.mkdir(self.out)
        self.refused(self.put("--to", "/tmp", self.own("large", b"x" * (4 << 20)), check=False), "No space")
        self.assertEqual(self.inside("ls -A /tmp"), b"")

    def test_a_paused_session_and_one_without_a_display(self):
        self.session()
        self.inside("echo x > x")
        self.cli("pause", "s")
        self.refused(self.get("x", check=False), "paused")
        self.refused(self.put(self.own("y", b"y"), check=False), "paused")
        self.cli("resume", "s")
        self.get("x")
        self.cli("stop", "s")
        self.detach("sleep", "1000", policy=self.process_policy())
        self.refused(self.get("y", check=False), "policy")

    def test_a_session_without_a_display(self):
        self.detach("sleep", "1000", policy=self.policy(
            containment="process", ui={"disable": True, "clipboard": "all"}, clipboard={"confirm": False}))
        self.out = os.path.join(self.dir, "out")
        os.mkdir(self.out)
        self.put(self.own("mine", b"data"))
        self.get("mine")
        self.assertEqual(self.taken("mine"), b"data")

    def test_granted_directories_and_denied_ones(self):
        work = os.path.join(self.dir, "work")
        os.makedirs(work + "/secret")
        os.chmod(work, 0o777)
        with open(work + "/secret/key", "w", encoding="utf-8") as file:
            file.write("canary")
        with open(work + "/report", "w", encoding="utf-8") as file:
            file.write("report")
        self.detach("sleep", "1000", policy=self.policy(
            ui={"disable": False, "clipboard": "all"}, clipboard={"confirm": False},
            filesystem={"readwritePaths": [work], "deniedPaths": [work + "/secret"]}))
        self.out = os.path.join(self.dir, "out")
        os.mkdir(self.out)
        self.get(work + "/report")
        self.refused(self.get(work + "/secret/key", check=False))
        self.assertEqual(os.listdir(self.out), ["report"])
        # Outside, links that a program inside made lead nowhere: they are its own view.
        self.inside(f"ln -s {self.dir}/policy-0.json {work}/leak")
        self.refused(self.get(work + "/leak", check=False), "link")


class ConfirmTest(FileTest):
    def ask(self, *args, answer=b"y\n"):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(PARCLOSE, [PARCLOSE, *args], self.env)
        shown, asked = b"", False
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:
                break
            shown += part
            if b"[y/N]" in shown and not asked:
                asked = True
                os.write(terminal, answer() if callable(answer) else answer)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        return status, shown.decode()

    def test_out(self):
        self.session(confirm=True)
        self.inside("printf 'one\\n\\033[2Jtwo' > f; cp /bin/true prog; printf '#!/bin/sh\\n' > script")

        def swap():
            self.inside("printf evil > f")
            return b"y\n"
        status, shown = self.ask("get", "--to", self.out, "s", "f", answer=b"n\n")
        self.assertEqual(status, 1)
        self.assert_nothing_out()
        self.assertIn("the file f, 11 bytes of text/plain", shown)
        self.assertIn("␛[2Jtwo", shown)
        self.assertNotIn("\x1b", shown)
        status, shown = self.ask("get", "--to", self.out, "s", "f", answer=swap)
        self.assertEqual((status, self.taken("f")), (0, b"one\n\x1b[2Jtwo"))
        self.assertEqual(self.crossings()[0]["allowed"], "shown and confirmed")
        self.assertIn("application/x-executable", self.ask("get", "--to", self.out, "s", "prog", answer=b"n\n")[1])
        self.assertIn("text/x-script", self.ask("get", "--to", self.out, "s", "script", answer=b"n\n")[1])

    def test_in(self):
        self.session(confirm=True)
        path = self.own("mine", b"what was shown")

        def swap():
            self.own("mine", b"something else")
            return b"y\n"
        status, _ = self.ask("put", "s", path, answer=b"\n")
        self.assertEqual(status, 1)
        self.assertEqual(self.inside("ls"), b"")
        status, shown = self.ask("put", "s", path, answer=swap)
        self.assertEqual(status, 0)
        self.assertIn("/home/agent/mine", shown)
        self.assertEqual(self.inside("cat mine"), b"what was shown")

    def test_nobody_to_ask(self):
        self.session(confirm=True)
        self.inside("echo x > x")
        done = subprocess.run([PARCLOSE, "get", "--to", self.out, "s", "x"], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, start_new_session=True, timeout=30)
        self.refused(done, "no terminal")
        self.assert_nothing_out()
        self.cli("get", "--yes", "--to", self.out, "s", "x")

    def test_who_goes_away_leaves_nothing_behind(self):
        info = self.session(confirm=True, maxFileBytes=256 << 20)
        self.inside("head -c 100M /dev/zero > big")
        pid = info["supervisor"]["pid"]
        before = len(os.listdir(f"/proc/{pid}/fd"))
        for delay in (0.02, 0.05, 0.1, 0.2):
            process = self.spawn("get", "--to", self.out, "s", "big", start_new_session=True)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.wait()
        wait_for(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before, 10, "what was held is let go")
        self.assert_nothing_out()


if __name__ == "__main__":
    unittest.main()
