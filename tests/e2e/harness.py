"""What the end-to-end tests share: the real binary, private directories, and a look at the kernel's view."""

import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

BUILD = os.environ["PARCLOSE_BUILD"]
PARCLOSE = os.path.join(BUILD, "cli", "parclose")
HOSTILE = os.path.join(BUILD, "tests", "unit")
REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def wait_for(check, seconds=10.0, what="condition"):
    """Polls `check` until it gives something true, which is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def processes():
    """{pid: (ppid, comm)} of everything that can be seen."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    text = stat.read()
            except OSError:
                continue
            comm = text[text.index("(") + 1:text.rindex(")")]
            state, ppid = text[text.rindex(")") + 2:].split()[:2]
            if state != "Z":
                found[int(entry)] = (int(ppid), comm)
    return found


def descendants(root):
    """Every living process beneath `root`."""
    every = processes()
    known = {root}
    grown = True
    while grown:
        more = {pid for pid, (ppid, _) in every.items() if ppid in known} - known
        known |= more
        grown = bool(more)
    return known - {root}


def alive(pid):
    return pid in processes()


def read_png(path):
    with open(path, "rb") as file:
        return read_png_bytes(file.read())


def read_png_bytes(data):
    """(width, height, rows) of a PNG as this project writes it; checks every checksum."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"
    at, idat, size = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        elif kind == b"IDAT":
            idat += body
        at += 12 + length
    raw = zlib.decompress(idat)
    stride = 1 + size[0] * 3
    assert len(raw) == stride * size[1]
    rows = []
    for y in range(size[1]):
        kind, row = raw[y * stride], raw[y * stride + 1:(y + 1) * stride]
        assert kind == 0 or (kind == 2 and not any(row)), "a filter this project does not use"
        rows.append(row if kind == 0 else rows[-1])
    return size[0], size[1], rows


def colours(rows):
    """How many different pixels a picture has: an empty screen has very few."""
    return len({row[i:i + 3] for row in rows[::4] for i in range(0, len(row), 12)})


class SessionTest(unittest.TestCase):
    """A test with its own runtime, state and configuration directories, and nothing left behind."""
    enter = None # called in each process of parclose before it begins

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="parclose-test-")
        os.chmod(self.dir, 0o755)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": os.path.join(self.dir, "home"),
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": os.path.join(self.dir, "run"),
            "XDG_STATE_HOME": os.path.join(self.dir, "state"),
            "XDG_CONFIG_HOME": os.path.join(self.dir, "config"),
            "SECRET_TOKEN": "canary-of-the-environment",
        }
        for key in ("HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            os.mkdir(self.env[key], 0o700)
        self.started = []

    def tearDown(self):
        self.cli("stop", "--all", "--grace", "0", check=False)
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        shutil.rmtree(self.dir, ignore_errors=True)

    def cli(self, *args, check=True, stdin=None, timeout=60, env=None):
        """Runs a verb to its end. With `check` it must succeed."""
        done = subprocess.run([PARCLOSE, *args], env=env or self.env, input=stdin, timeout=timeout,
                              capture_output=True, text=True, errors="replace", preexec_fn=self.enter,
                              stdin=None if stdin is not None else subprocess.DEVNULL)
        if check and done.returncode != 0:
            self.fail(f"parclose {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def spawn(self, *args, **kwargs):
        """Starts an attached `run` and does not wait."""
        kwargs = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                  "text": True, "env": self.env, "preexec_fn": self.enter, **kwargs}
        process = subprocess.Popen([PARCLOSE, *args], **kwargs)
        self.started.append(process)
        return process

    def policy(self, **sections):
        """Writes a policy file: a display, and whatever sections say."""
        document = {"parclose": 1, "ui": {"disable": False}, **sections}
        path = os.path.join(self.dir, f"policy-{len(os.listdir(self.dir))}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        return path

    def process_policy(self, **sections):
        """The same without a display: the process layer alone."""
        return self.policy(containment="process", ui={"disable": True}, **sections)

    def detach(self, *command, name="s", policy=None):
        args = ["run", "--detach", "--name", name]
        if policy:
            args += ["--policy", policy]
        self.cli(*args, *(["--", *command] if command else []))
        return self.inspect(name)

    def inspect(self, name="s"):
        return json.loads(self.cli("inspect", "--json", name).stdout)

    def wait_window(self, name="s", seconds=30, count=1):
        return wait_for(lambda: (lambda w: len(w) >= count and w)(self.inspect(name)["windows"]),
                        seconds, f"{count} window(s) in {name}")

    def screenshot(self, name="s", *options):
        path = os.path.join(self.dir, "shot.png")
        self.cli("screenshot", *options, name, path)
        return read_png(path)

    def wait_drawn(self, name="s", least=8, seconds=20):
        """Waits until the picture has content; returns it."""
        def look():
            picture = self.screenshot(name)
            return picture if colours(picture[2]) >= least else None
        return wait_for(look, seconds, "something drawn")

    def log(self, name="s"):
        return [json.loads(line) for line in self.cli("log", name).stdout.splitlines()]

    def pids(self, info):
        """Every process of a session, from outside."""
        found = {info["supervisor"]["pid"], info["init"]["pid"]}
        if info["compositor"]:
            found.add(info["compositor"]["pid"])
        return found | descendants(info["supervisor"]["pid"])

    def assert_gone(self, pids, seconds=5):
        wait_for(lambda: not any(alive(pid) for pid in pids), seconds,
                 "processes " + str({pid: processes().get(pid) for pid in pids}))


def kill(pid, number=signal.SIGKILL):
    os.kill(pid, number)
