"""The displays that other tools act on: sway without a screen, and Xvfb with a window manager."""

import os
import shutil
import signal
import subprocess
import tempfile
import time


def wait_for(check, seconds, what):
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: {what}: not within {seconds} s")
        time.sleep(0.02)


class Peer:
    """A display of its own; everything started on it ends with it."""

    def __init__(self, env):
        self.dir = tempfile.mkdtemp(prefix="parclose-peer-")
        self.env = {**env, "HOME": self.dir}
        self.processes = []

    def start(self, *command, **kwargs):
        kwargs = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
                  "env": self.env, "start_new_session": True, **kwargs}
        self.processes.append(subprocess.Popen(command, **kwargs))
        return self.processes[-1]

    def run(self, *command, check=True):
        return subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=check, timeout=120)

    def hold(self, still=True):
        """Stops all of it where it stands, or lets it go on, so that it takes nothing from what is measured."""
        for process in self.processes:
            os.killpg(process.pid, signal.SIGSTOP if still else signal.SIGCONT)

    def finish(self):
        for process in reversed(self.processes):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.communicate()
        shutil.rmtree(self.dir, ignore_errors=True)


class Sway(Peer):
    """Where grim and wtype work."""

    def __init__(self, env, width=1280, height=800):
        super().__init__({**env, "WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1"})
        run = os.path.join(self.dir, "run")
        os.mkdir(run, 0o700)
        config = os.path.join(self.dir, "config")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"output HEADLESS-1 resolution {width}x{height}\nxwayland disable\n"
                       f"default_border none\n")
        self.env["XDG_RUNTIME_DIR"] = run
        self.start("sway", "-c", config)
        wait_for(lambda: any(name.startswith("wayland-") and not name.endswith(".lock") for name in os.listdir(run)) and
                 any(name.startswith("sway-ipc") for name in os.listdir(run)), 20, "sway")
        self.env["WAYLAND_DISPLAY"] = next(n for n in os.listdir(run) if n.startswith("wayland-") and "." not in n)
        self.env["SWAYSOCK"] = os.path.join(run, next(n for n in os.listdir(run) if n.startswith("sway-ipc")))

    def wait_window(self, app):
        wait_for(lambda: f'"app_id": "{app}"' in self.run("swaymsg", "-r", "-t", "get_tree").stdout, 30, app)


class Xvfb(Peer):
    """Where xdotool and scrot work."""

    def __init__(self, env, width=1280, height=800):
        super().__init__(env)
        read, write = os.pipe()
        self.start("Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp",
                   pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as file:
            number = file.readline().strip()
        if not number:
            raise SystemExit("bench: Xvfb does not start")
        self.env = {**self.env, "DISPLAY": ":" + number, "GDK_BACKEND": "x11"}
        self.env.pop("WAYLAND_DISPLAY", None)
        self.start("openbox")
        wait_for(lambda: self.run("xdotool", "getwindowfocus", check=False).returncode == 0, 20, "openbox")

    def wait_window(self, name):
        wait_for(lambda: self.run("xdotool", "search", "--onlyvisible", "--name", name, check=False).stdout, 30, name)
