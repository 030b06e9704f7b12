"""`run`, attached and detached: standard streams, signals, exit codes, names."""

import json
import os
import pty
import signal
import subprocess
import time

from harness import PARCLOSE, SessionTest, alive, wait_for


class Run(SessionTest):
    def run_process(self, *command, stdin=None, options=(), **sections):
        return self.cli("run", "--policy", self.process_policy(**sections), *options, "--", *command,
                        check=False, stdin=stdin)

    def test_streams_and_exit_code(self):
        done = self.run_process("sh", "-c", "cat; echo err >&2; exit 7", stdin="through\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, "through\n", "err\n"))

    def test_killed_command_exits_128_plus_signal(self):
        self.assertEqual(self.run_process("sh", "-c", "kill -KILL $$").returncode, 137)

    def test_command_not_found(self):
        done = self.run_process("no-such-program-here")
        self.assertEqual(done.returncode, 127)
        self.assertIn("no-such-program-here", done.stderr)

    def test_command_not_executable(self):
        done = self.run_process("/etc/passwd")
        self.assertEqual(done.returncode, 126)
        self.assertIn("/etc/passwd", done.stderr)

    def test_command_line_of_the_policy_runs_by_sh(self):
        path = self.process_policy(process={"commandLine": "echo $((6*7)); exit 3"})
        done = self.cli("run", "--policy", path, check=False)
        self.assertEqual((done.returncode, done.stdout), (3, "42\n"))

    def test_policy_from_standard_input(self):
        text = '{"parclose":1,"containment":"process","process":{"commandLine":"echo in"}}'
        self.assertEqual(self.cli("run", "--policy", "-", stdin=text).stdout, "in\n")

    def test_timeout(self):
        begun = time.monotonic()
        done = self.run_process("sleep", "60", options=("--timeout", "0.3"))
        self.assertEqual(done.returncode, 124)
        self.assertIn("time limit", done.stderr)
        self.assertLess(time.monotonic() - begun, 20)

    def test_timeout_of_a_command_that_ignores_sigterm(self):
        done = self.run_process("sh", "-c", "trap '' TERM; while :; do sleep 1; done",
                                options=("--timeout", "0.2"))
        self.assertEqual(done.returncode, 124)

    def test_signal_is_forwarded(self):
        process = self.spawn("run", "--policy", self.process_policy(), "--", "sh", "-c",
                             "trap 'echo got; exit 9' USR1; echo ready; while :; do sleep 0.1; done")
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(process.communicate(timeout=20)[0], "got\n")
        self.assertEqual(process.returncode, 9)

    def test_sigterm_ends_the_session(self):
        process = self.spawn("run", "--policy", self.process_policy(), "--", "sleep", "60")
        info = wait_for(lambda: next((s for s in json.loads(self.cli("list", "--json").stdout)
                                      if s["state"] == "running"), None))
        pids = self.pids(info)
        process.terminate()
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 143)
        self.assert_gone(pids)

    def test_wrong_usage(self):
        for args in (["run", "--no-such-option"], ["run", "--timeout", "soon", "--", "true"], ["nonsense"],
                     ["exec"], ["inspect"], ["screenshot"], ["stop"], ["policy", "bless"], []):
            with self.subTest(args=args):
                self.assertEqual(self.cli(*args, check=False).returncode, 2)

    def test_help_of_every_verb(self):
        for verb in ("run", "exec", "list", "inspect", "screenshot", "windows", "stop", "log", "policy",
                     "doctor"):
            with self.subTest(verb=verb):
                self.assertIn("Usage: parclose " + verb, self.cli(verb, "--help").stdout)

    def test_environment_is_an_allow_list(self):
        done = self.run_process("env", process={"env": ["OWN=1"]})
        names = {line.split("=")[0] for line in done.stdout.splitlines()}
        self.assertIn("OWN", names)
        self.assertNotIn("SECRET_TOKEN", names)
        self.assertNotIn("canary", done.stdout)
        self.assertIn("HOME=/home/agent", done.stdout.splitlines())

    def test_static_binary_and_script(self):
        self.assertEqual(self.run_process("/bin/busybox", "echo", "static").stdout, "static\n")
        work = os.path.join(self.dir, "work")
        os.mkdir(work)
        script = os.path.join(work, "script.sh")
        with open(script, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho script $1\n")
        os.chmod(script, 0o755)
        done = self.run_process(script, "runs", filesystem={"readonlyPaths": [work]})
        self.assertEqual(done.stdout, "script runs\n", done.stderr)

    def test_terminal(self):
        """With a terminal the command gets one of the sandbox's own, and job control works in it."""
        policy = self.process_policy()
        pid, master = pty.fork()
        if pid == 0:
            os.execve(PARCLOSE, [PARCLOSE, "run", "--policy", policy, "--", "sh", "-c",
                                 "test -t 0 && tty && stty size; read line; echo got=$line; exit 5"],
                      self.env)
        time.sleep(0.5)
        os.write(master, b"hello\n")
        text = b""
        while True:
            try:
                more = os.read(master, 4096)
            except OSError:
                break
            if not more:
                break
            text += more
        _, status = os.waitpid(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 5, text)
        self.assertIn(b"/dev/pts/0", text)
        self.assertIn(b"got=hello", text)
        os.close(master)


class Detached(SessionTest):
    def test_lifecycle(self):
        info = self.detach("sleep", "60", policy=self.process_policy())
        self.assertEqual((info["name"], info["state"], info["holder"]), ("s", "running", "agent"))
        listed = json.loads(self.cli("list", "--json").stdout)
        self.assertEqual([item["name"] for item in listed], ["s"])
        self.assertIn("sleep 60", self.cli("list").stdout)
        pids = self.pids(info)
        self.assertGreaterEqual(len(pids), 3)
        self.cli("stop", "s")
        self.assert_gone(pids)
        self.assertEqual(os.listdir(self.env["XDG_RUNTIME_DIR"] + "/parclose"), [])
        ended = json.loads(self.cli("list", "--all", "--json").stdout)
        self.assertEqual([(e["name"], e["state"]) for e in ended], [("s", "ended")])
        self.assertIn("stopped by", ended[0]["reason"])

    def test_start_failure_is_reported(self):
        done = self.cli("run", "--detach", "--policy", self.process_policy(), "--", "no-such-program",
                        check=False)
        self.assertEqual(done.returncode, 127)
        self.assertIn("no-such-program", done.stderr)
        self.assertEqual(json.loads(self.cli("list", "--json").stdout), [])

    def test_output_is_kept(self):
        self.detach("sh", "-c", "echo words; echo more >&2; sleep 60", policy=self.process_policy())
        wait_for(lambda: self.cli("log", "--output", "s").stdout == "words\nmore\n", 5, "output.log")

    def test_name_in_use(self):
        self.detach("sleep", "60", policy=self.process_policy())
        done = self.cli("run", "--name", "s", "--policy", self.process_policy(), "--", "true", check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("'s' is in use", done.stderr)
        self.assertIn("parclose stop s", done.stderr)

    def test_names_are_checked_and_made(self):
        done = self.cli("run", "--name", "../x", "--policy", self.process_policy(), "--", "true", check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("is not a session name", done.stderr)
        first = self.cli("run", "-d", "--policy", self.process_policy(), "--", "sleep", "60").stdout
        second = self.cli("run", "-d", "--policy", self.process_policy(), "--", "sleep", "60").stdout
        self.assertEqual((first, second), ("sleep\n", "sleep-2\n"))

    def test_exec(self):
        self.detach("sleep", "60", policy=self.process_policy())
        done = self.cli("exec", "s", "--", "sh", "-c", "cat; echo e >&2; exit 4", check=False, stdin="in\n")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (4, "in\n", "e\n"))
        done = self.cli("exec", "s", "no-such", check=False)
        self.assertEqual(done.returncode, 127)
        self.assertIn("no-such", done.stderr)
        done = self.cli("exec", "--cwd", "/usr", "--env", "A=b", "s", "--", "sh", "-c", "pwd; echo $A")
        self.assertEqual(done.stdout, "/usr\nb\n")
        self.assertEqual(self.cli("exec", "nobody", "true", check=False).returncode, 125)

    def test_exec_shares_the_sandbox_and_may_signal_in_it(self):
        self.detach("sleep", "4321", policy=self.process_policy())
        done = self.cli("exec", "s", "--", "sh", "-c",
                        "for p in /proc/[0-9]*; do grep -qa 4321 $p/cmdline 2>/dev/null && "
                        "case $(tr '\\0' ' ' < $p/cmdline) in 'sleep 4321 ') kill ${p#/proc/};; esac; done; "
                        "sleep 5", check=False)
        self.assertNotEqual(done.returncode, 0)
        wait_for(lambda: self.cli("inspect", "s", check=False).returncode == 1, 5, "the session's end")

    def test_commands_ignore_no_signal(self):
        """Neither what the supervisor ignores nor what whoever started it does, as nohup(1)."""
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            self.detach("sleep", "60", policy=self.process_policy())
            for command in (("run", "--policy", self.process_policy()), ("exec", "s")):
                done = self.cli(*command, "--", "sh", "-c", "grep SigIgn /proc/self/status; yes | head -n 1")
                self.assertEqual(done.stdout, "SigIgn:\t0000000000000000\ny\n")
                self.assertEqual(done.stderr, "")
        finally:
            signal.signal(signal.SIGHUP, before)

    def test_exec_caller_killed(self):
        """The command of an `exec` whose caller dies hears SIGHUP."""
        self.detach("sleep", "60", policy=self.process_policy())
        process = self.spawn("exec", "s", "--", "sh", "-c", "echo on; exec sleep 777")
        self.assertEqual(process.stdout.readline(), "on\n")
        process.kill()
        process.wait()

        def nobody():
            return "777" not in self.cli("exec", "s", "--", "sh", "-c",
                                         "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout.replace(
                                             "777'", "")
        wait_for(nobody, 5, "the end of the orphaned command")

    def test_empty_session_waits_for_exec(self):
        info = self.detach(policy=self.process_policy())
        self.assertEqual(info["state"], "running")
        self.assertEqual(self.cli("exec", "s", "--", "echo", "here").stdout, "here\n")

    def test_log_tells_the_story(self):
        self.cli("run", "--name", "s", "--policy", self.process_policy(), "--", "sh", "-c", "exit 3",
                 check=False)
        events = self.log()
        self.assertEqual([e["event"] for e in events], ["starting", "exec", "running", "exited", "ended"])
        self.assertEqual(events[1]["argv"], ["sh", "-c", "exit 3"])
        self.assertEqual(events[-1]["exitCode"], 3)

    def test_when_stop_returns_the_name_is_free(self):
        for _ in range(15):
            self.detach("sleep", "600")
            self.cli("stop", "--grace", "0", "s")

    def test_supervisor_of_attached_run_holds_no_extra_process(self):
        process = self.spawn("run", "--name", "s", "--policy", self.process_policy(), "--", "sleep", "60")
        info = wait_for(lambda: (lambda d: d.returncode == 0 and json.loads(d.stdout))(
            self.cli("inspect", "--json", "s", check=False)))
        self.assertEqual(info["supervisor"]["pid"], process.pid)
        self.assertTrue(alive(info["init"]["pid"]))
