"""Picture files for tests: good ones, and such as a program inside might make."""

import struct
import zlib


def chunk(kind, body, crc=None):
    crc = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


SIGNATURE = b"\x89PNG\r\n\x1a\n"


def header(width, height, depth=8, colour=6, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def png(width, height, rows, colour=6, extra=b"", tail=b""):
    """Rows of RGBA (colour 6) or RGB (2). `extra`: chunks before the pixels."""
    raw = b"".join(b"\0" + row for row in rows)
    return (SIGNATURE + header(width, height, colour=colour) + extra + chunk(b"IDAT", zlib.compress(raw, 9)) +
            chunk(b"IEND", b"") + tail)


def rows_of(width, height, alpha=True):
    """Pixels of which each differs from those around it."""
    return [b"".join(bytes((x * 7 & 255, y * 11 & 255, (x ^ y) & 255) + ((x + y) & 255,) * alpha)
                     for x in range(width)) for y in range(height)]


def chunks(data):
    """{kind: [bodies]}; fails when anything is not a whole chunk, or is behind the end."""
    assert data[:8] == SIGNATURE
    at, found = 8, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(kind + body)
        assert b"IEND" not in found
        found.setdefault(kind, []).append(body)
        at += 12 + size
    assert b"IEND" in found
    return found


def bomb(width, height):
    """A small file of very many pixels."""
    row = zlib.compressobj(9)
    data = bytearray()
    for _ in range(height):
        data += row.compress(bytes(1 + width * 4))
    data += row.flush()
    return SIGNATURE + header(width, height) + chunk(b"IDAT", bytes(data)) + chunk(b"IEND", b"")


def broken():
    """(name, bytes) of files that are no picture, each in its own way."""
    good = png(8, 8, rows_of(8, 8))
    yield "nothing but its signature", SIGNATURE
    yield "cut", good[:-30]
    yield "a checksum that is wrong", SIGNATURE + chunk(b"IHDR", b"\0" * 13, 1) + good[33:]
    yield "no pixels", SIGNATURE + header(8, 8) + chunk(b"IEND", b"")
    yield "no width", SIGNATURE + header(0, 8) + good[33:]
    yield "too few pixels", png(8, 8, rows_of(8, 2))
    yield "a depth that is none", SIGNATURE + header(8, 8, depth=3) + good[33:]
    yield "pixels that do not unpack", SIGNATURE + header(8, 8) + chunk(b"IDAT", b"garbage") + chunk(b"IEND", b"")
    yield "a JPEG of nothing", b"\xff\xd8\xff\xe0" + b"\0" * 100
    yield "a page", b"<html><script>alert(1)</script></html>"
    yield "a program", b"\x7fELF" + b"\0" * 100
