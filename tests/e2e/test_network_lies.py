"""A network broker that was taken over, or dies: it can end its own session and nothing else."""

import json
import os
import shutil
import signal

from harness import HOSTILE, PARCLOSE, SessionTest, wait_for

LIES = ("short-message", "long-message", "unknown-type", "supervisors-type", "ready-twice", "control-in-name",
        "name-without-end", "reason-unknown", "kind-unknown", "updated-unasked", "needs-too-many",
        "need-of-another-family")


class NetworkLies(SessionTest):
    def setUp(self):
        super().setUp()
        os.makedirs(self.dir + "/build/cli")
        os.makedirs(self.dir + "/build/network")
        self.binary = shutil.copy(PARCLOSE, self.dir + "/build/cli/parclose")
        shutil.copy(HOSTILE + "/lying-broker", self.dir + "/build/network/parclose-network")
        self.allowing = self.process_policy(network={"egress": {"allow": [
            {"to": [{"domain": "example.org"}], "ports": [{"protocol": "tcp", "port": 443}]}]}})

    def cli(self, *args, **kwargs):
        import harness
        harness.PARCLOSE, kept = self.binary, harness.PARCLOSE
        try:
            return super().cli(*args, **kwargs)
        finally:
            harness.PARCLOSE = kept

    def lie(self, lie):
        with open(self.dir + "/build/network/lie", "w", encoding="utf-8") as file:
            file.write(lie)

    def run_lie(self, lie, *command):
        self.lie(lie)
        return self.cli("run", "--policy", self.allowing, "--name", "s", "--", *(command or ("sleep", "60")),
                        check=False, timeout=30)

    def test_every_lie_ends_the_session_with_a_reason(self):
        for lie in LIES:
            with self.subTest(lie=lie):
                done = self.run_lie(lie)
                self.assertEqual(done.returncode, 125, done.stderr)
                self.assertIn("the network broker sent a message that cannot be", done.stderr)

    def test_its_end_is_the_session_s(self):
        for lie, words in (("exit", "the network broker exited with status 42"),
                           ("abort", "the network broker was killed by signal"),
                           ("fatal", "the network broker cannot go on: the dog ate it")):
            with self.subTest(lie=lie):
                done = self.run_lie(lie)
                self.assertEqual(done.returncode, 125, done.stderr)
                self.assertIn(words, done.stderr)

    def test_killed(self):
        self.lie("deaf")
        info = self.detach("sleep", "60", policy=self.allowing)
        broker = info["network"]["broker"]["pid"]
        pids = self.pids(info) | {broker}
        os.kill(broker, signal.SIGKILL)
        self.assert_gone(pids)
        self.assertIn("the network broker was killed by signal 9", self.log()[-1]["reason"])

    def test_it_does_not_outlive_the_supervisor(self):
        self.lie("deaf")
        info = self.detach("sleep", "60", policy=self.allowing)
        pids = self.pids(info) | {info["network"]["broker"]["pid"]}
        os.kill(info["supervisor"]["pid"], signal.SIGKILL)
        self.assert_gone(pids)

    def test_one_that_does_not_stop_is_stopped(self):
        done = self.run_lie("deaf", "sh", "-c", "sleep 0.3; exit 7")
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertEqual(self.log()[-1]["event"], "ended")

    def test_connections_end_with_it(self):
        """Nobody serves the sockets any more: what is inside is refused, and does not get out some other way."""
        done = self.run_lie("deaf", "python3", "-c", "import socket, sys\n"
                            "s = socket.create_connection(('198.18.0.1', 443), 5)\n"
                            "s.settimeout(0.5)\n"
                            "try: s.recv(1)\n"
                            "except TimeoutError: sys.exit(9)")
        self.assertEqual(done.returncode, 9, done.stderr)

    def test_flood(self):
        self.lie("flood")
        self.detach("sleep", "60", policy=self.allowing)
        info = wait_for(lambda: (lambda i: i["network"]["denied"] == 20000 and i)(self.inspect()), 20, "all of it")
        self.assertLessEqual(len(info["network"]["lastDenied"]), 16)
        self.cli("stop", "s")
        lines = [e for e in self.log() if e["event"] == "network"]
        self.assertLess(len(lines), 2000)
        left_out = [e for e in self.log() if e["event"] == "network-left-out"]
        self.assertEqual(len(lines) + sum(e["denied"] for e in left_out), 20000)

    def test_chatter_does_not_fill_the_log(self):
        self.lie("chatter")
        self.detach("sleep", "60", policy=self.allowing)
        wait_for(lambda: len([e for e in self.log() if e["event"] == "network-broker"]) >= 1000, 10, "its chatter")
        lines = [e for e in self.log() if e["event"] == "network-broker"]
        self.assertLessEqual(len(lines), 1000)
        self.assertNotIn("\x1b", json.dumps(lines, ensure_ascii=False))

    def test_a_descriptor_is_dropped(self):
        self.lie("descriptor")
        info = self.detach("sleep", "60", policy=self.allowing)
        wait_for(lambda: self.inspect()["network"]["denied"] == 1, 5, "the decision")
        before = len(os.listdir(f"/proc/{info['supervisor']['pid']}/fd"))
        self.inspect()
        self.assertEqual(len(os.listdir(f"/proc/{info['supervisor']['pid']}/fd")), before)

    def test_not_started_without_need(self):
        self.lie("exit")
        done = self.cli("run", "--policy", self.process_policy(), "--name", "s", "--", "true", check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_missing(self):
        os.remove(self.dir + "/build/network/parclose-network")
        done = self.cli("run", "--policy", self.allowing, "--", "true", check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("cannot find the program parclose-network", done.stderr)
