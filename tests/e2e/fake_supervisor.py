"""The supervisor's end of the view channel (session/view-channel.h), for a viewer that is looked at alone."""

import array
import fcntl
import mmap
import os
import socket
import struct
import time

from view_channel import (AGENT, CURSOR, ENDED, FRAME, HAND_BACK, HELLO, INPUT, KEYMAP, NOTICE, PAUSE, RECORD, RESUME,
                          SIZE, STATE, STOP, TAKE_OVER, TITLE)

SLOTS, CURSOR_MAX = 4, 128
NAMES = {TAKE_OVER: "take_over", HAND_BACK: "hand_back", PAUSE: "pause", RESUME: "resume", STOP: "stop",
         INPUT: "input", KEYMAP: "keymap", RECORD: "record"}

F_ADD_SEALS, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW = 1033, 1, 2, 4


def memory(name, size, seals=F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW):
    fd = os.memfd_create(name, os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.ftruncate(fd, size)
    if seals:
        fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


class Supervisor:
    """Its frame memory, and the socket to one viewer. `viewer_fd` is the viewer's end, closed by the caller."""

    def __init__(self, width=640, height=400):
        self.width, self.height = width, height
        self.slot_bytes = (width * height * 4 + 4095) & ~4095
        self.socket, viewer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.setblocking(False)
        self.viewer_fd = viewer.detach()
        self.memory_fd = memory("frames", self.slot_bytes * SLOTS + CURSOR_MAX * CURSOR_MAX * 4)
        self.slots_fd = memory("slots", 8 * SLOTS)
        self.memory = mmap.mmap(self.memory_fd, 0)
        self.slots = mmap.mmap(self.slots_fd, 8 * SLOTS)
        self.serial = 0
        self.state_sent = None

    def close(self):
        self.socket.close()
        self.memory.close()
        self.slots.close()
        os.close(self.memory_fd)
        os.close(self.slots_fd)

    def send(self, kind, payload=b"", fds=(), reserved=0, size=SIZE):
        """True: sent. False: there is no room. BrokenPipeError: the viewer hung up."""
        data = (struct.pack("<II", kind, reserved) + payload).ljust(SIZE, b"\0")[:size]
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            return self.socket.sendmsg([data], rights) == len(data)
        except BlockingIOError:
            return False

    def hello(self, name="web", command="chromium https://www.debian.org", version=1, fds=None, size=None):
        width, height = size or (self.width, self.height)
        self.send(HELLO, struct.pack("<4I64s160s", version, width, height, 60, name.encode(), command.encode()),
                  (self.memory_fd, self.slots_fd) if fds is None else fds)

    def state(self, holder=AGENT, flags=0, network=1, clipboard=1, viewers=1, denied=0, begun=None, rules=0):
        begun = int(time.time() - 754 if begun is None else begun)
        self.send(STATE, struct.pack("<6IQQII", holder, flags, network, clipboard, viewers, denied, begun, 0, rules, 0))

    def title(self, title, app_id="app"):
        data = title if isinstance(title, bytes) else title.encode()
        self.send(TITLE, struct.pack("<192s64s", data[:191], app_id.encode()))

    def notice(self, text, urgency=0, kind=NOTICE):
        self.send(kind, struct.pack("<I248s", urgency, text.encode()[:247]))

    def cursor(self, x, y, visible=1, image_serial=0, width=0, height=0, hot_x=0, hot_y=0):
        self.send(CURSOR, struct.pack("<iiIIIIii", x, y, visible, image_serial, width, height, hot_x, hot_y))

    def cursor_image(self, pixels, width):
        """Rows of BGRA bytes."""
        at = self.slot_bytes * SLOTS
        for y in range(len(pixels) // (width * 4)):
            row = pixels[y * width * 4:(y + 1) * width * 4]
            self.memory[at + y * CURSOR_MAX * 4:at + y * CURSOR_MAX * 4 + len(row)] = row

    def draw(self, pixels, slot=None):
        """Puts a whole frame (BGRX bytes) into a slot that the viewer does not look at. Returns slot, generation."""
        slot = (self.serial + 1) % SLOTS if slot is None else slot
        generation = struct.unpack_from("<Q", self.slots, slot * 8)[0] + 1
        struct.pack_into("<Q", self.slots, slot * 8, generation)
        self.memory[slot * self.slot_bytes:slot * self.slot_bytes + len(pixels)] = pixels
        return slot, generation

    def frame(self, pixels, boxes=None):
        slot, generation = self.draw(pixels)
        return self.announce(slot, generation, boxes)

    def announce(self, slot, generation, boxes=None, boxes_len=None):
        self.serial += 1
        boxes = [(0, 0, self.width, self.height)] if boxes is None else boxes
        payload = struct.pack("<IIQQQ", slot, len(boxes) if boxes_len is None else boxes_len, self.serial,
                              generation, time.monotonic_ns())
        return self.send(FRAME, payload + b"".join(struct.pack("<4i", *box) for box in boxes))

    def heard(self, seconds=0.0):
        """What the viewer said so far, as dictionaries; waits up to `seconds` for a first message."""
        found, deadline = [], time.monotonic() + seconds
        while True:
            try:
                data, fds, flags, _ = socket.recv_fds(self.socket, SIZE + 1, 4)
            except BlockingIOError:
                if found or time.monotonic() >= deadline:
                    return found
                time.sleep(0.01)
                continue
            if not data:
                raise EOFError("the viewer hung up")
            assert len(data) == SIZE and not flags & socket.MSG_CTRUNC
            found.append(self.parse(data, fds))

    def parse(self, data, fds):
        kind, reserved = struct.unpack_from("<II", data)
        assert reserved == 0
        said = {"kind": NAMES[kind]}
        if kind == INPUT:
            names = ("input", "code", "value", "x", "y")
            said.update(zip(names, struct.unpack_from("<3I2i", data, 8)))
        elif kind == KEYMAP:
            size, said["group"], said["locks"] = struct.unpack_from("<3I", data, 8)
            assert len(fds) == 1 and 1 <= size <= 256 * 1024 and size == os.fstat(fds[0]).st_size
            said["text"] = os.pread(fds[0], size, 0).decode()
            os.close(fds.pop())
        elif kind in (TAKE_OVER, RECORD):
            said["value"] = struct.unpack_from("<I", data, 8)[0]
        assert not fds
        return said


def plain(width, height, red, green, blue):
    return bytes((blue, green, red, 0)) * (width * height)
