"""Writes recordings (protocols/recording.md), also such as no session would make."""

import json
import struct
import zlib

INFO, FRAME, CURSOR, EVENT, END = range(1, 6)
TILE = 32


def header(width, height, begun_ns=1_700_000_000_000_000_000):
    head = struct.pack("<8s4IQI24x", b"PARCLREC", 1, 64, width, height, begun_ns, TILE)
    return head + struct.pack("<I", zlib.crc32(head))


def record(kind, time_ns, payload):
    head = struct.pack("<IIQI", kind, len(payload), time_ns, zlib.crc32(payload))
    return head + struct.pack("<I", zlib.crc32(head)) + payload


def info(name="made up", command="nothing"):
    return record(INFO, 0, json.dumps({"name": name, "command": command}, separators=(",", ":"), ensure_ascii=False).encode())


def plain_frame(width, height, time_ns, colour, key=True):
    """All of it in one colour, (red, green, blue)."""
    tiles = -(-width // TILE) * -(-height // TILE)
    bits = bytearray((1 << min(8, tiles - i)) - 1 for i in range(0, tiles, 8))
    pixels = zlib.compress(bytes(colour) * (width * height), 1)
    return record(FRAME, time_ns, struct.pack("<QII", 1, 1 if key else 0, 0) + bytes(bits) + pixels)


def event(time_ns, **fields):
    return record(EVENT, time_ns, json.dumps(fields, ensure_ascii=False).encode())


def end(time_ns, reason="over"):
    return record(END, time_ns, json.dumps({"reason": reason}).encode())
