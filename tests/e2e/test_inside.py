"""The attacks of tests/hostile/inside.c, run as the command of real sessions."""

import os
import pty
import socket
import subprocess

from harness import HOSTILE, PARCLOSE, SessionTest


class Inside(SessionTest):
    def setUp(self):
        super().setUp()
        # What exists outside and must not be reached.
        self.secret = os.path.join(self.dir, "secret")
        with open(self.secret, "w", encoding="utf-8") as file:
            file.write("canary\n")
        self.path_socket = socket.socket(socket.AF_UNIX)
        self.path_socket.bind(self.dir + "/socket")
        self.path_socket.listen()
        self.abstract = f"parclose-test-{os.getpid()}"
        self.abstract_socket = socket.socket(socket.AF_UNIX)
        self.abstract_socket.bind("\0" + self.abstract)
        self.abstract_socket.listen()
        self.outer = subprocess.Popen(["sleep", "600"])
        self.addCleanup(self.outer.wait)
        self.addCleanup(self.outer.kill)
        self.addCleanup(self.path_socket.close)
        self.addCleanup(self.abstract_socket.close)

    def arguments(self, pids=True):
        sockets = [self.dir + "/socket", "/run/dbus/system_bus_socket", "/var/run/docker.sock",
                   f"/run/user/{os.getuid()}/bus", "/tmp/.X11-unix/X0", f"/run/user/{os.getuid()}/wayland-1",
                   self.env["XDG_RUNTIME_DIR"] + "/parclose/s/control.sock"]
        files = [self.secret, "/etc/shadow", "/root/.bashrc", self.env["HOME"], "/var/lib/dpkg/status",
                 "/sys/kernel/uevent_seqnum", self.env["XDG_RUNTIME_DIR"], PARCLOSE]
        args = [HOSTILE + "/inside", "--abstract", self.abstract, "--abstract", "/tmp/.X11-unix/X0"]
        if pids:
            args += ["--pid", str(self.outer.pid)]
        for path in sockets:
            args += ["--socket", path]
        for path in files:
            args += ["--file", path]
        return args

    def attack(self, policy, *more):
        done = self.cli("run", "--name", "s", "--policy", policy, "--", *self.arguments(), *more, check=False)
        held = [line for line in done.stdout.splitlines() if line.startswith("held ")]
        broken = [line for line in done.stdout.splitlines() if not line.startswith("held ")]
        self.assertEqual(broken, [], done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(len(held), 60)
        self.assertIsNone(self.outer.poll(), "the process outside was killed")

    def grant(self):
        return {"readonlyPaths": [HOSTILE]}

    def test_process_layer(self):
        self.attack(self.process_policy(filesystem=self.grant()))

    def test_with_a_display(self):
        self.attack(self.policy(filesystem=self.grant()), "--env", "WAYLAND_DISPLAY", "--env",
                    "XDG_SESSION_TYPE")

    def test_nested_sandbox(self):
        self.attack(self.process_policy(filesystem=self.grant(), process={"nestedSandbox": True}), "--nested")

    def test_on_a_terminal(self):
        """TIOCSTI and TIOCLINUX mean something only on a terminal."""
        pid, master = pty.fork()
        if pid == 0:
            os.execve(PARCLOSE, [PARCLOSE, "run", "--policy", self.process_policy(filesystem=self.grant()), "--",
                                 *self.arguments(), "--env", "TERM"], {**self.env, "TERM": "xterm"})
        text = b""
        while True:
            try:
                more = os.read(master, 65536)
            except OSError:
                break
            text += more
        _, status = os.waitpid(pid, 0)
        os.close(master)
        broken = [line for line in text.decode(errors="replace").split("\r\n") if not line.startswith("held ")]
        self.assertEqual([line for line in broken if line], [])
        self.assertEqual(os.waitstatus_to_exitcode(status), 0)
        self.assertIn(b"held", text)

    def test_the_attacks_can_succeed(self):
        """Where nothing holds them the same attacks must break through, or they test nothing."""
        done = subprocess.run(["unshare", "-Urpfmin", "--mount-proc", "--kill-child", *self.arguments(pids=False)], env=self.env, capture_output=True, text=True, timeout=20,
                              check=False, stdin=subprocess.DEVNULL)
        broken = [line for line in done.stdout.splitlines() if line.startswith("broken ")]
        self.assertGreater(len(broken), 10, done.stdout + done.stderr)
