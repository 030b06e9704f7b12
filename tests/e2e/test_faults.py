"""Whatever dies, in whatever order: the session ends, says why, and leaves nothing."""

import json
import os
import signal
import socket
import subprocess

from harness import SessionTest, kill, wait_for


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return len(file.readlines())


def cgroups():
    found = []
    for root, dirs, _ in os.walk("/sys/fs/cgroup"):
        found += [d for d in dirs if d.startswith("parclose-")]
    return found


class Deaths(SessionTest):
    def begin(self):
        info = self.detach("foot", "-e", "sleep", "60")
        self.wait_window()
        return info, self.pids(info)

    def assert_ended(self, pids, words):
        self.assert_gone(pids)
        ended = wait_for(lambda: json.loads(self.cli("list", "--all", "--json").stdout), 5, "the end in list")
        self.assertEqual(len(ended), 1, ended)
        self.assertIn(ended[0]["state"], ("ended", "lost"))
        self.assertIn(words, ended[0]["reason"])
        last = self.log()[-1]
        self.assertEqual(last["event"], "ended")
        self.assertIn("killed", last["reason"])
        self.assertEqual(os.listdir(self.env["XDG_RUNTIME_DIR"] + "/parclose"), [])

    def test_supervisor_killed(self):
        info, pids = self.begin()
        kill(info["supervisor"]["pid"])
        self.assert_gone(pids)
        self.assertIn("lost", self.cli("list").stdout)
        self.assert_ended(pids, "supervisor")

    def test_compositor_killed(self):
        info, pids = self.begin()
        kill(info["compositor"]["pid"])
        self.assert_ended(pids, "the compositor was killed by signal 9")

    def test_init_killed(self):
        info, pids = self.begin()
        kill(info["init"]["pid"])
        self.assert_ended(pids, "pid 1 of the sandbox was killed")

    def test_name_of_a_killed_session_is_free_again(self):
        info, pids = self.begin()
        kill(info["supervisor"]["pid"])
        self.assert_gone(pids)
        self.detach("sleep", "60", policy=self.process_policy())

    def test_stopped_parts_do_not_keep_a_session_from_ending(self):
        for part in ("compositor", "init"):
            with self.subTest(part=part):
                info, pids = self.begin()
                kill(info[part]["pid"], signal.SIGSTOP)
                self.cli("stop", "--grace", "0.2", "s")
                self.assert_gone(pids)

    def test_commands_that_ignore_everything_end_too(self):
        info = self.detach("sh", "-c", "trap '' HUP INT TERM; (setsid sleep 4000 &) ; while :; do sleep 1; done",
                           policy=self.process_policy())
        pids = self.pids(info)
        self.cli("stop", "--grace", "0.2", "s")
        self.assert_gone(pids)

    def test_attached_run_reports_a_broken_session(self):
        process = self.spawn("run", "--name", "s", "--", "foot", "-e", "sleep", "60")
        info = wait_for(lambda: (lambda d: d.returncode == 0 and json.loads(d.stdout))(
            self.cli("inspect", "--json", "s", check=False)))
        kill(info["compositor"]["pid"])
        _, err = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 125)
        self.assertIn("the compositor was killed by signal 9", err)


class Directories(SessionTest):
    def run_true(self, **env):
        return self.cli("run", "--policy", self.process_policy(), "--", "true", check=False,
                        env={k: v for k, v in {**self.env, **env}.items() if v is not None})

    def test_runtime_dir_missing(self):
        done = self.run_true(XDG_RUNTIME_DIR="/nowhere/at/all")
        self.assertEqual(done.returncode, 125)
        self.assertIn("/nowhere/at/all", done.stderr)
        self.assertIn("0700", done.stderr)

    def test_runtime_dir_relative_or_not_private(self):
        self.assertIn("not an absolute path", self.run_true(XDG_RUNTIME_DIR="relative").stderr)
        shared = os.path.join(self.dir, "shared")
        os.mkdir(shared)
        os.chmod(shared, 0o777)
        self.assertIn("0700", self.run_true(XDG_RUNTIME_DIR=shared).stderr)

    def test_runtime_dir_full(self):
        """A file system without a free inode, seen by an ordinary user."""
        script = ("mount -t tmpfs -o size=4k,nr_inodes=1,mode=700 none $XDG_RUNTIME_DIR && "
                  "exec unshare -U --map-user=1000 --map-group=1000 $0 run --policy $1 -- true")
        parclose = os.path.join(os.environ["PARCLOSE_BUILD"], "cli", "parclose")
        done = subprocess.run(["unshare", "-Urm", "sh", "-c", script, parclose, self.process_policy()],
                              env=self.env, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("No space left", done.stderr)

    def test_audit_log_on_a_full_disk(self):
        """A session that cannot write its log does not start."""
        script = ("mount -t tmpfs -o size=8k,mode=700 none $XDG_STATE_HOME && mkdir -p -m 700 $XDG_STATE_HOME/parclose/s || exit 1; "
                  "cat /dev/zero > $XDG_STATE_HOME/fill 2>/dev/null; "
                  "exec unshare -U --map-user=1000 --map-group=1000 $0 run --name s --policy $1 -- true")
        parclose = os.path.join(os.environ["PARCLOSE_BUILD"], "cli", "parclose")
        done = subprocess.run(["unshare", "-Urm", "sh", "-c", script, parclose, self.process_policy()],
                              env=self.env, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("session.jsonl", done.stderr)
        self.assertIn("No space left", done.stderr)

    def test_state_dir_unusable(self):
        file = os.path.join(self.dir, "file")
        with open(file, "w", encoding="utf-8"):
            pass
        done = self.run_true(XDG_STATE_HOME=file + "/under")
        self.assertEqual(done.returncode, 125)
        self.assertIn("XDG_STATE_HOME", done.stderr)

    def test_long_runtime_dir(self):
        """Longer than a socket address can hold."""
        long = os.path.join(self.dir, "d" * 100, "e" * 100)
        os.makedirs(long, mode=0o700)
        os.chmod(long, 0o700)
        self.env["XDG_RUNTIME_DIR"] = long
        self.detach("sleep", "60", policy=self.process_policy())
        self.assertEqual(self.inspect()["state"], "running")


class ControlSocket(SessionTest):
    def setUp(self):
        super().setUp()
        self.detach("sleep", "60", policy=self.process_policy())

    def connect(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        directory = os.open(self.env["XDG_RUNTIME_DIR"] + "/parclose/s", os.O_RDONLY)
        sock.connect(f"/proc/self/fd/{directory}/control.sock")
        os.close(directory)
        sock.settimeout(10)
        self.addCleanup(sock.close)
        return sock

    def ask(self, data):
        sock = self.connect()
        sock.sendall(data)
        return json.loads(sock.makefile().readline())

    def test_modes(self):
        directory = self.env["XDG_RUNTIME_DIR"] + "/parclose/s"
        self.assertEqual(os.stat(directory).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(directory + "/control.sock").st_mode & 0o777, 0o600)

    def test_malformed_messages(self):
        cases = [(b"nonsense\n", -32700), (b'{"a":1,"a":2}\n', -32700), (b"\xff\xfe\n", -32700),
                 (b"[]\n", -32600), (b"{}\n", -32600), (b'{"jsonrpc":"1.0","id":1,"method":"x"}\n', -32600),
                 (b'{"jsonrpc":"2.0","id":{},"method":"x"}\n', -32600),
                 (b'{"jsonrpc":"2.0","id":1,"method":"x"}\n', -32601),
                 (b'{"jsonrpc":"2.0","id":1,"method":"parclose/exec"}\n', -32602),
                 (b'{"jsonrpc":"2.0","id":1,"method":"parclose/exec","params":{"argv":[]}}\n', -32602),
                 (b'{"jsonrpc":"2.0","id":1,"method":"parclose/exec","params":{"argv":[1]}}\n', -32602),
                 (b'{"jsonrpc":"2.0","id":1,"method":"parclose/stop","params":{"graceMs":-1}}\n', -32602),
                 (b'{"jsonrpc":"2.0","id":1,"method":"parclose/screenshot"}\n', -32000),
                 (b'{"jsonrpc":"2.0","id":1,"method":"parclose/signal","params":{"id":1,"signal":9}}\n',
                  -32000)]
        for data, code in cases:
            with self.subTest(data=data):
                self.assertEqual(self.ask(data)["error"]["code"], code)
        self.assertEqual(self.inspect()["state"], "running")

    def test_oversized_message(self):
        sock = self.connect()
        for _ in range(1600):  # 100 MiB
            sock.sendall(b"x" * 65536)
        sock.sendall(b'\n{"jsonrpc":"2.0","id":1,"method":"parclose/inspect"}\n')
        lines = sock.makefile()
        self.assertIn("1 MiB", lines.readline())
        self.assertEqual(json.loads(lines.readline())["result"]["state"], "running")

    def test_reader_that_never_reads(self):
        sock = self.connect()
        sock.setblocking(False)
        request = b'{"jsonrpc":"2.0","id":1,"method":"parclose/inspect"}\n' * 64
        try:
            for _ in range(20000):
                sock.send(request)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            pass
        self.assertEqual(self.inspect()["state"], "running")

    def test_many_connections(self):
        socks = [self.connect() for _ in range(100)]
        for sock in socks:
            sock.close()
        self.assertEqual(self.inspect()["state"], "running")

    def test_another_users_process_is_refused(self):
        if os.geteuid() != 0:
            self.skipTest("needs a second user")
        # Even with the directory open to it: SO_PEERCRED decides.
        os.chmod(self.dir, 0o755)
        for path in ("", "/parclose", "/parclose/s", "/parclose/s/control.sock"):
            os.chmod(self.env["XDG_RUNTIME_DIR"] + path, 0o777)
        code = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
                "s.sendall(b'{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"parclose/inspect\"}\\n'); "
                "s.settimeout(5); print(repr(s.recv(100)))")
        done = subprocess.run(["setpriv", "--reuid", "4242", "--clear-groups", "python3", "-c", code,
                               self.env["XDG_RUNTIME_DIR"] + "/parclose/s/control.sock"],
                              capture_output=True, text=True, timeout=20)
        os.chmod(self.env["XDG_RUNTIME_DIR"], 0o700)
        os.chmod(self.env["XDG_RUNTIME_DIR"] + "/parclose", 0o700)
        self.assertNotIn("jsonrpc", done.stdout)
        self.assertTrue(done.stdout == "b''\n" or "Error" in done.stderr, done.stdout + done.stderr)


class Leaks(SessionTest):
    def test_200_sessions_leave_nothing(self):
        policy = self.process_policy()
        display = self.policy()
        before = (mounts(), len(cgroups()), sorted(os.listdir("/dev/shm")))
        for i in range(200):
            # Every tenth with a display, so that the compositor's half is counted too.
            self.cli("run", "--name", "s", "--policy", display if i % 10 == 0 else policy, "--", "true")
        after = (mounts(), len(cgroups()), sorted(os.listdir("/dev/shm")))
        self.assertEqual(before, after)
        self.assertEqual(os.listdir(self.env["XDG_RUNTIME_DIR"] + "/parclose"), [])
        self.assertEqual(os.listdir(self.env["XDG_STATE_HOME"] + "/parclose"), ["s"])

    def test_a_long_session_does_not_gather_descriptors(self):
        info = self.detach("sleep", "60", policy=self.process_policy())
        pid = info["supervisor"]["pid"]

        def count():
            return len(os.listdir(f"/proc/{pid}/fd"))
        self.cli("exec", "s", "true")
        before = count()
        for _ in range(100):
            self.cli("exec", "s", "true")
        wait_for(lambda: count() <= before, 5, "the same number of descriptors")
