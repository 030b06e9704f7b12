"""Desktops of a user, without a monitor, and how they are looked at: what a window is shown on."""

import json
import mmap
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib

from harness import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))


def unfilter(raw, width, height, channels):
    """The rows of a PNG's inflated data (PNG specification, 9.2)."""
    stride, rows = width * channels, []
    previous = bytes(stride)
    for y in range(height):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        if kind == 1:
            for i in range(channels, stride):
                row[i] = (row[i] + row[i - channels]) & 255
        elif kind == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, previous))
        elif kind == 3:
            for i in range(stride):
                left = row[i - channels] if i >= channels else 0
                row[i] = (row[i] + (left + previous[i]) // 2) & 255
        elif kind == 4:
            for i in range(stride):
                left = row[i - channels] if i >= channels else 0
                corner = previous[i - channels] if i >= channels else 0
                above = previous[i]
                a, b, c = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
                row[i] = (row[i] + (left if a <= b and a <= c else above if b <= c else corner)) & 255
        previous = bytes(row)
        rows.append(previous)
    return rows


def read_any_png(path):
    """(width, height, rows of RGB)"""
    with open(path, "rb") as file:
        data = file.read()
    at, idat, header = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            header = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            idat += body
        at += 12 + length
    width, height, depth, colour = header
    channels = {2: 3, 6: 4}[colour]
    assert depth == 8
    rows = unfilter(zlib.decompress(idat), width, height, channels)
    if channels == 4:
        rows = [drop_fourth(row) for row in rows]
    return width, height, rows


def drop_fourth(row):
    out = bytearray(len(row) // 4 * 3)
    out[0::3], out[1::3], out[2::3] = row[0::4], row[1::4], row[2::4]
    return bytes(out)


def rgb_of_bgrx(row):
    out = bytearray(len(row) // 4 * 3)
    out[0::3], out[1::3], out[2::3] = row[2::4], row[1::4], row[0::4]
    return bytes(out)


def write_png(path, width, rows):
    """RGB rows as a PNG, for people to look at."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    raw = b"".join(b"\0" + row for row in rows)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), 8, 2, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


class Desktop:
    """One desktop with its own run-time directory and message bus. `env` is for programs on it."""

    name = ""
    needs = ()

    @classmethod
    def is_there(cls):
        return all(shutil.which(program) for program in cls.needs)

    def __init__(self, width=1000, height=760, scale=1):
        self.width, self.height, self.scale = width, height, scale
        self.dir = tempfile.mkdtemp(prefix="desktop-")
        os.chmod(self.dir, 0o700)
        self.processes = []
        self.log = open(os.path.join(self.dir, "log"), "wb")  # pylint: disable=consider-using-with
        keep = {key: os.environ[key] for key in ("PATH", "LANG", "ASAN_OPTIONS") if key in os.environ}
        self.env = {**keep, "HOME": self.dir, "XDG_RUNTIME_DIR": self.dir, "XDG_STATE_HOME": self.dir + "/state",
                    "XDG_CONFIG_HOME": self.dir + "/config", "XDG_CACHE_HOME": self.dir + "/cache",
                    "GSETTINGS_BACKEND": "memory", "GSK_RENDERER": "cairo", "NO_AT_BRIDGE": "0"}
        try:
            self.start_bus()
            self.start()
        except BaseException:
            self.close()
            raise

    def spawn(self, *command, **kwargs):
        kwargs = {"stdin": subprocess.DEVNULL, "stdout": self.log, "stderr": self.log, "env": self.env, **kwargs}
        process = subprocess.Popen(command, **kwargs)  # pylint: disable=consider-using-with
        self.processes.append(process)
        return process

    def run(self, *command, check=True):
        done = subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def remember(self, size, **values):
        """What the viewer finds of windows that showed screens of `size`, as "640x400"."""
        os.makedirs(os.path.dirname(self.windows_file()), exist_ok=True)
        with open(self.windows_file(), "w", encoding="utf-8") as file:
            file.write(f"[{size}]\n" + "".join(f"{key}={value}\n" for key, value in values.items()))

    def windows_file(self):
        return os.path.join(self.env["XDG_STATE_HOME"], "parclose-viewer", "windows")

    def start_bus(self):
        address = "unix:path=" + self.dir + "/bus"
        self.spawn("dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=" + address)
        wait_for(lambda: os.path.exists(self.dir + "/bus"), 10, "a message bus")
        self.env["DBUS_SESSION_BUS_ADDRESS"] = address

    def start(self):
        raise NotImplementedError

    def screenshot(self):
        """(width, height, rows of RGB), in physical pixels."""
        raise NotImplementedError

    def what_was_said(self):
        self.log.flush()
        with open(os.path.join(self.dir, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdout, process.stdin):
                if stream:
                    stream.close()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    # What the desktop's assistive technologies see, asked in a process of its own: the library reads the bus's
    # address once.
    def accessible(self, *arguments):
        out = self.run(sys.executable, os.path.join(HERE, "accessible.py"), *arguments)
        return json.loads(out)


class Weston(Desktop):
    """Has neither keyboard nor pointer, and no scale but whole ones, of which its size is without."""

    name = "weston"
    needs = ("weston", "weston-screenshooter")
    options = ()

    def start(self):
        self.spawn("weston", "--backend=headless", "--renderer=pixman", f"--width={self.width}",
                   f"--height={self.height}", f"--scale={self.scale}", "--shell=desktop", "--no-config",
                   "--idle-time=0", "--debug", "--socket=parent", *self.options)
        self.env["WAYLAND_DISPLAY"] = "parent"
        wait_for(lambda: os.path.exists(self.dir + "/parent"), 20, "weston")
        time.sleep(0.5)

    def screenshot(self):
        folder = tempfile.mkdtemp(dir=self.dir)
        subprocess.run(["weston-screenshooter"], cwd=folder, env=self.env, check=True, timeout=20,
                       stdout=subprocess.DEVNULL)
        return read_any_png(os.path.join(folder, os.listdir(folder)[0]))


class Sway(Desktop):
    name = "sway"
    needs = ("sway", "grim", "wtype", "swaymsg")

    def __init__(self, floating=True, config="", **options):
        self.config = ('for_window [app_id=".*"] floating enable\n' if floating else "") + config
        super().__init__(**options)

    def start(self):
        config = os.path.join(self.dir, "sway.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"output HEADLESS-1 mode {self.width}x{self.height} position 0 0 scale {self.scale}\n"
                       "output * bg #345678 solid_color\nxwayland disable\nfocus_follows_mouse no\n"
                       "default_border none\n" + self.config)
        env = {**self.env, "WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1"}
        self.spawn("sway", "-c", config, env=env)
        found = wait_for(lambda: [name for name in os.listdir(self.dir) if re.fullmatch(r"wayland-\d+", name)] and
                         [name for name in os.listdir(self.dir) if name.startswith("sway-ipc")], 20, "sway")
        self.env["SWAYSOCK"] = os.path.join(self.dir, found[0])
        self.env["WAYLAND_DISPLAY"] = next(name for name in os.listdir(self.dir) if re.fullmatch(r"wayland-\d+", name))

    def msg(self, *words):
        return json.loads(self.run("swaymsg", "-r", *words))

    def screenshot(self):
        path = os.path.join(self.dir, "shot.ppm")
        self.run("grim", "-t", "ppm", path)
        with open(path, "rb") as file:
            data = file.read()
        width, height = map(int, re.match(rb"P6\n(\d+) (\d+)\n255\n", data).groups())
        at = len(data) - width * height * 3
        return width, height, [data[at + y * width * 3:at + (y + 1) * width * 3] for y in range(height)]


class Xvfb(Desktop):
    name = "xvfb"
    needs = ("Xvfb", "xdotool", "openbox", "setxkbmap")

    def start(self):
        read_end, write_end = os.pipe()
        self.spawn("Xvfb", "-displayfd", str(write_end), "-screen", "0", f"{self.width}x{self.height}x24",
                   "-fbdir", self.dir, "-nolisten", "tcp", "-noreset", pass_fds=[write_end])
        os.close(write_end)
        with os.fdopen(read_end) as display:
            self.env["DISPLAY"] = ":" + display.readline().strip()
        self.env["GDK_BACKEND"] = "x11"
        self.spawn("openbox")
        wait_for(lambda: self.run("xdotool", "get_desktop", check=False), 10, "a window manager")
        self.xdotool("mousemove", 0, 0)  # the pointer is part of this desktop's picture

    def screenshot(self):
        with open(os.path.join(self.dir, "Xvfb_screen0"), "rb") as file:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                header = struct.unpack(">25I", data[:100])
                at = header[0] + header[19] * 12
                width, height, stride = header[4], header[5], header[12]
                return width, height, [rgb_of_bgrx(data[at + y * stride:at + y * stride + width * 4])
                                       for y in range(height)]

    def xdotool(self, *words):
        return self.run("xdotool", *map(str, words))
