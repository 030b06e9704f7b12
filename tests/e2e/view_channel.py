"""A viewer as the tests see it: session/view-channel.h in Python."""

import ctypes
import json
import mmap
import os
import select
import socket
import struct
import time

SIZE = 264
HELLO, FRAME, CURSOR, STATE, TITLE, NOTICE, ENDED = range(1, 8)
TAKE_OVER, HAND_BACK, PAUSE, RESUME, STOP, INPUT, KEYMAP, RECORD = range(64, 72)
AGENT, HUMAN, PAUSED = 1, 2, 3
MINE, RECORDING, WITHHELD, STOPPING = 1, 2, 4, 8
MOVE, BUTTON, SCROLL, KEYCODE, TOUCH, RELEASE = range(1, 7)


def text(raw):
    return raw.split(b"\0", 1)[0].decode()


class Control:
    """A connection to a session's control socket."""

    def __init__(self, env, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(os.path.join(env["XDG_RUNTIME_DIR"], "parclose", name, "control.sock"))
        self.rest = b""
        self.id = 0

    def call(self, method, fds=(), **params):
        """(answer, descriptors that came with it)"""
        self.id += 1
        request = {"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}
        socket.send_fds(self.socket, [json.dumps(request).encode() + b"\n"], list(fds))
        received = []
        while b"\n" not in self.rest:
            data, more, _, _ = socket.recv_fds(self.socket, 65536, 4)
            if not data:
                raise ConnectionError("the session closed the connection")
            self.rest += data
            received += more
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line), received

    def close(self):
        self.socket.close()


class Viewer:
    def __init__(self, env, name="s"):
        control = Control(env, name)
        answer, fds = control.call("parclose/view")
        control.close()
        if "error" in answer:
            raise ConnectionError(answer["error"]["message"])
        self.channel = socket.socket(fileno=fds[0])
        self.channel.setblocking(True)
        data, self.fds, _, _ = socket.recv_fds(self.channel, SIZE + 1, 4)
        assert len(data) == SIZE and len(self.fds) == 2, (len(data), self.fds)
        kind, _, self.version, self.width, self.height, self.refresh, name, command = struct.unpack_from(
            "=IIIIII64s160s", data)
        assert kind == HELLO
        self.name, self.command = text(name), text(command)
        self.memory = mmap.mmap(self.fds[0], 0, mmap.MAP_SHARED, mmap.PROT_READ)
        self.slots = mmap.mmap(self.fds[1], 0, mmap.MAP_SHARED, mmap.PROT_READ)
        self.slot_bytes = (self.width * 4 * self.height + 4095) & ~4095
        self.state = self.title = self.cursor = None
        self.notices = []
        self.ended = None

    def close(self):
        self.channel.close()
        self.slots.close()
        self.memory.close()
        for fd in self.fds:
            os.close(fd)

    def read(self, seconds=5.0):
        """The next message as (type, fields); None when there is none for so long or the channel is closed."""
        if not select.select([self.channel], [], [], seconds)[0]:
            return None
        data = self.channel.recv(SIZE + 1)
        if not data:
            return None
        assert len(data) == SIZE, len(data)
        kind, reserved = struct.unpack_from("=II", data)
        assert reserved == 0
        if kind == FRAME:
            slot, boxes_len, serial, generation, when = struct.unpack_from("=IIQQQ", data, 8)
            assert slot < 4 and 1 <= boxes_len <= 8
            boxes = [struct.unpack_from("=iiii", data, 40 + 16 * i) for i in range(boxes_len)]
            for x, y, width, height in boxes:
                assert x >= 0 and y >= 0 and width > 0 and height > 0
                assert x + width <= self.width and y + height <= self.height
            return kind, {"slot": slot, "serial": serial, "generation": generation, "time": when, "boxes": boxes}
        if kind == CURSOR:
            names = ("x", "y", "visible", "image", "width", "height", "hot_x", "hot_y")
            self.cursor = dict(zip(names, struct.unpack_from("=iiIIIIii", data, 8)))
            return kind, self.cursor
        if kind == STATE:
            names = ("holder", "flags", "network", "clipboard", "viewers", "denied", "begun", "paused_since",
                     "rules", "reserved")
            self.state = dict(zip(names, struct.unpack_from("=IIIIIIQQII", data, 8)))
            return kind, self.state
        if kind == TITLE:
            self.title = tuple(map(text, struct.unpack_from("=192s64s", data, 8)))
            return kind, self.title
        assert kind in (NOTICE, ENDED), kind
        urgency, words = struct.unpack_from("=I248s", data, 8)
        notice = (urgency, text(words))
        if kind == ENDED:
            self.ended = notice
        else:
            self.notices.append(notice)
        return kind, notice

    def until(self, check, seconds=10.0, what="a message"):
        """Reads on until `check(kind, fields)` is true; returns the fields."""
        deadline = time.monotonic() + seconds
        while True:
            message = self.read(max(0.0, deadline - time.monotonic()))
            if message is None:
                raise AssertionError(f"{what}: not within {seconds} s")
            if check(*message):
                return message[1]

    def state_with(self, check, seconds=10.0):
        return self.until(lambda kind, fields: kind == STATE and check(fields), seconds, "a state")

    def copy(self, frame):
        """The frame's pixels, or None when the slot was given back meanwhile."""
        start = self.slot_bytes * frame["slot"]
        pixels = self.memory[start:start + self.width * self.height * 4]
        return pixels if self.generation(frame["slot"]) == frame["generation"] else None

    def generation(self, slot):
        return struct.unpack_from("=Q", self.slots, 8 * slot)[0]

    def newest(self, seconds=10.0):
        """A whole picture: reads what waits, then the first frame that can be copied."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            frame = self.until(lambda kind, _: kind == FRAME, seconds, "a frame")
            pixels = self.copy(frame)
            if pixels is not None:
                return frame, pixels
        raise AssertionError(f"no frame could be copied in {seconds} s")

    def send(self, kind, payload=b"", fds=(), reserved=0):
        data = struct.pack("=II", kind, reserved) + payload
        data += bytes(SIZE - len(data))
        socket.send_fds(self.channel, [data], list(fds))

    def input(self, kind, code=0, value=0, x=0.0, y=0.0):
        self.send(INPUT, struct.pack("=IIIii", kind, code, value, int(x * 256), int(y * 256)))


def can_map_writable(fd):
    """Does the kernel let this process write through a descriptor, opened anew or not?"""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    return libc.mmap(None, 4096, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, 0) != ctypes.c_void_p(-1).value
