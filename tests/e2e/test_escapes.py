"""Ways out that were found by attacking: each of these once worked."""

import os
import time

from harness import SessionTest, wait_for


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Decoys(SessionTest):
    """An agent may not move what is denied to it out from under its rule, for the next session to see."""

    def setUp(self):
        super().setUp()
        self.work = os.path.join(self.dir, "work")
        os.makedirs(self.work + "/project/deep")
        write(self.work + "/project/deep/secret", "canary\n")
        write(self.work + "/project/deep/config", "original\n")
        self.rules = self.process_policy(filesystem={
            "readwritePaths": [self.work], "readonlyPaths": [self.work + "/project/deep/config"],
            "deniedPaths": [self.work + "/project/deep/secret"]})

    def sh(self, script):
        return self.cli("run", "--policy", self.rules, "--", "sh", "-c", f"cd {self.work}\n{script}",
                        check=False)

    def test_a_directory_above_a_rule_stays_where_it_is(self):
        for script in ("mv project moved && mkdir -p project/deep && echo x > project/deep/secret && "
                       "echo x > project/deep/config",
                       "mv project/deep project/moved && mkdir project/deep && "
                       "echo x > project/deep/secret && echo x > project/deep/config"):
            self.assertNotEqual(self.sh(script).returncode, 0)
        done = self.sh("cat $(find . -name secret); for f in $(find . -name config); do echo evil > $f; done")
        self.assertNotIn("canary", done.stdout)
        self.assertEqual(read(self.work + "/project/deep/config"), "original\n")

    def test_a_link_in_a_writable_directory_is_not_followed_to_another_entry(self):
        outside = os.path.join(self.dir, "outside")
        os.makedirs(outside + "/deep")
        write(outside + "/deep/config", "canary\n")
        grant = self.process_policy(filesystem={"readwritePaths": [self.work]})
        self.cli("run", "--policy", grant, "--", "sh", "-c",
                 f"cd {self.work} && mv project moved && ln -s {outside} project")
        rules = self.process_policy(filesystem={
            "readwritePaths": [self.work], "readonlyPaths": [self.work + "/project/deep/config"]})
        done = self.cli("run", "--policy", rules, "--", "cat", self.work + "/project/deep/config", check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("symbolic link", done.stderr)
        self.assertNotIn("canary", done.stdout)

    def test_the_rest_of_the_directory_is_writable_as_ever(self):
        done = self.sh("echo a > top && echo b > project/one && mv project/one project/two && "
                       "mkdir project/deep/new && echo c > project/deep/new/file && mv top project/top && "
                       "cat project/top project/two project/deep/new/file")
        self.assertEqual(done.stdout, "a\nb\nc\n", done.stderr)
        self.assertEqual(read(self.work + "/project/top"), "a\n")


class Executables(SessionTest):
    def test_memory_is_not_executed(self):
        policy = self.process_policy(process={"executables": ["/usr/bin/python3"]})
        script = ("import os\n"
                  "fd = os.memfd_create('x', 0)\n"
                  "os.write(fd, open('/usr/bin/echo', 'rb').read())\n"
                  "os.execve(fd, ['echo', 'executed'], {})\n")
        done = self.cli("run", "--policy", policy, "--", os.path.realpath("/usr/bin/python3"), "-c", script,
                        check=False)
        self.assertNotIn("executed", done.stdout)


class Terminal(SessionTest):
    def test_a_terminal_beside_a_redirection_is_not_handed_in(self):
        script = ("import os, sys\n"
                  "print([os.isatty(i) for i in range(3)], sys.stdin.readline().strip())\n"
                  "print('on the terminal', file=sys.stderr)\n")
        policy = self.process_policy()
        self.detach(policy=policy)
        for verb in (("run", "--policy", policy, "--"), ("exec", "s", "--")):
            ours, theirs = os.openpty()
            os.write(ours, b"typed\n")
            process = self.spawn(*verb, "python3", "-c", script, stdin=theirs, stderr=theirs)
            out, _ = process.communicate(timeout=30)
            os.close(theirs)
            self.assertEqual((process.returncode, out), (0, "[False, False, False] typed\n"))
            self.assertIn(b"on the terminal", os.read(ours, 4096))
            os.close(ours)


class Endings(SessionTest):
    def test_a_second_stop_is_not_bound_by_the_grace_of_the_first(self):
        policy = self.process_policy()
        info = self.detach("sh", "-c", "trap '' TERM; while :; do sleep 1; done", policy=policy)
        time.sleep(0.3)
        slow = self.spawn("stop", "--grace", "300", "s")
        wait_for(lambda: self.inspect()["state"] == "stopping", what="stopping")
        self.cli("stop", "--grace", "0", "s", timeout=10)
        slow.communicate(timeout=10)
        self.assert_gone({info["init"]["pid"]})

    def test_a_command_held_before_its_start_holds_nothing_up(self):
        # A process that an agent stops before it has become its command keeps pid 1 waiting for it.
        hunter = ("import os, signal, time\n"
                  "me = os.getpid()\n"
                  "print('ready', flush=True)\n"
                  "while True:\n"
                  "    for pid in range(me + 1, me + 40):\n"
                  "        try: os.kill(pid, signal.SIGSTOP)\n"
                  "        except OSError: pass\n")
        info = self.detach("python3", "-c", hunter, policy=self.process_policy())
        wait_for(lambda: "ready" in self.cli("log", "--output", "s").stdout)
        big = ["x" * 60000]
        for _ in range(12):
            self.spawn("exec", "s", "--", "true", *big)
        time.sleep(1)
        self.cli("stop", "--grace", "0", "s", timeout=10)
        self.assert_gone({info["init"]["pid"]})
