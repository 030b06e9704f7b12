"""Pictures through the gate: made anew by a program that holds nothing, whatever they were."""

import base64
import hashlib
import json
import os
import subprocess
import time
import unittest

import gi

from harness import PARCLOSE, wait_for
from pictures import SIGNATURE, bomb, broken, chunk, chunks, header, png, rows_of
from test_clipboard import ClipboardTest

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, GLib  # noqa: E402 pylint: disable=wrong-import-position,wrong-import-order

TYPES = ["image/png", "image/jpeg"]


def pixels(data):
    """(width, height, channels, rows) by another decoder than ours."""
    loader = GdkPixbuf.PixbufLoader()
    loader.write(data)
    loader.close()
    pixbuf = loader.get_pixbuf()
    stride, channels = pixbuf.get_rowstride(), pixbuf.get_n_channels()
    raw = pixbuf.get_pixels()
    return (pixbuf.get_width(), pixbuf.get_height(), channels,
            [raw[y * stride:y * stride + pixbuf.get_width() * channels] for y in range(pixbuf.get_height())])


def jpeg(width, height, rows):
    raw = GLib.Bytes.new(b"".join(rows))
    pixbuf = GdkPixbuf.Pixbuf.new_from_bytes(raw, GdkPixbuf.Colorspace.RGB, False, 8, width, height, width * 3)
    ok, data = pixbuf.save_to_bufferv("jpeg", ["quality"], ["95"])
    assert ok
    return bytes(data)


class PictureTest(ClipboardTest):
    def pictures(self, way="all", **clipboard):
        return self.session(way, **{"mimeTypes": TYPES, "maxBytes": 1 << 20, **clipboard})

    def take(self, check=True):
        done = subprocess.run([PARCLOSE, "clipboard", "s", "get"], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60)
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def put_picture(self, data, kind="image/png", check=True):
        path = os.path.join(self.dir, "picture")
        with open(path, "wb") as file:
            file.write(data)
        return self.cli("clipboard", "--type", kind, "s", "put", path, check=check)

    def is_refused(self, done, *words):
        self.assertEqual(done.returncode, 1, done.stdout)
        text = done.stderr if isinstance(done.stderr, str) else done.stderr.decode()
        for word in words:
            self.assertIn(word, text)
        self.assertFalse(done.stdout)

    def test_the_same_pixels_and_nothing_else(self):
        self.pictures()
        width, height = 61, 43
        rows = rows_of(width, height)
        secret = b"Comment\0place: 52.5 N 13.4 E"
        data = png(width, height, rows, tail=b"PK\x03\x04 an archive behind it", extra=b"".join((
            chunk(b"tEXt", secret), chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + secret),
            chunk(b"eXIf", b"II*\0" + secret), chunk(b"prVt", secret), chunk(b"acTL", b"\0\0\0\2\0\0\0\0"))))
        self.copy(data, "--type", "image/png")
        out = self.take().stdout
        self.assertEqual(sorted(set(chunks(out)) - {b"gAMA", b"sRGB", b"cHRM"}), [b"IDAT", b"IEND", b"IHDR"])
        self.assertNotIn(b"place", out)
        self.assertNotIn(b"archive", out)
        self.assertEqual(pixels(out), (width, height, 4, rows))
        line = self.crossings()[-1]
        self.assertEqual((line["type"], line["bytes"], line["sha256"]),
                         ("image/png", len(out), hashlib.sha256(out).hexdigest()))
        # Without transparency there is no fourth channel.
        rows = rows_of(width, height, alpha=False)
        self.copy(png(width, height, rows, colour=2), "--type", "image/png")
        self.assertEqual(pixels(self.take().stdout), (width, height, 3, rows))

    def test_in(self):
        self.pictures()
        rows = rows_of(20, 30)
        self.put_picture(png(20, 30, rows, extra=chunk(b"tEXt", b"Author\0me")))
        types = self.paste("--list-types").decode().split()
        self.assertEqual(sorted(types), ["application/x-parclose-outside", "image/png"])
        data = self.paste("--type", "image/png")
        self.assertNotIn(b"Author", data)
        self.assertEqual(pixels(data), (20, 30, 4, rows))
        wait_for(lambda: not self.paste("--list-types"), what="pasted once")

    def test_a_jpeg_becomes_a_png(self):
        self.pictures()
        rows = [b"".join(bytes((x * 4, y * 4, 128)) for x in range(64)) for y in range(48)]
        data = jpeg(64, 48, rows)
        data = data[:2] + b"\xff\xe1\x00\x10Exif\0\0canary!!" + data[2:]
        self.copy(data, "--type", "image/jpeg")
        out = self.take().stdout
        self.assertNotIn(b"canary", out)
        width, height, channels, found = pixels(out)
        self.assertEqual((width, height, channels), (64, 48, 3))
        worst = max(abs(a - b) for row, want in zip(found, rows) for a, b in zip(row, want))
        self.assertLess(worst, 40)
        self.cli("clipboard", "s", "clear")
        self.put_picture(data, "image/jpeg")
        self.assertEqual(self.paste("--type", "image/png")[:8], SIGNATURE)

    def test_what_is_no_picture(self):
        info = self.pictures()
        pid = info["supervisor"]["pid"]
        self.take(check=False)  # what a first request opens is there from then on
        time.sleep(0.2)
        fds = len(os.listdir(f"/proc/{pid}/fd"))
        for name, data in broken():
            with self.subTest(name):
                self.copy(data, "--type", "image/png")
                self.is_refused(self.take(check=False), "picture")
                self.is_refused(self.put_picture(data, check=False), "picture")
        self.assertEqual(self.crossings(), [])
        self.assertLessEqual(len(os.listdir(f"/proc/{pid}/fd")), fds)

    def test_very_many_pixels(self):
        self.pictures(maxBytes=16 << 20)
        for width, height in ((16385, 1), (1, 16385), (8192, 4096), (1000000, 1000000), (2**31 - 1, 2**31 - 1)):
            with self.subTest(f"{width}x{height}"):
                data = bomb(width, height) if width * height < 1 << 26 else \
                    SIGNATURE + header(width, height) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
                start = time.monotonic()
                self.copy(data, "--type", "image/png")
                self.is_refused(self.take(check=False), "picture")
                self.assertLess(time.monotonic() - start, 10)
        # As many as there may be.
        self.copy(bomb(4096, 4096), "--type", "image/png")
        self.assertEqual(pixels(self.take().stdout)[:2], (4096, 4096))

    def test_it_is_refused_whole_when_it_is_too_large_anew(self):
        self.pictures(maxBytes=20000)
        rows = [os.urandom(90 * 4) for _ in range(90)]
        self.copy(png(90, 90, rows), "--type", "image/png")
        self.is_refused(self.take(check=False), "more than the 20000 bytes")
        smooth = [bytes((x * 7 ^ y * 13) * x >> 3 & 255 for x in range(400) for _ in range(3)) for y in range(300)]
        data = jpeg(400, 300, [bytes(row) for row in smooth])[:20000]
        data = jpeg(120, 120, [os.urandom(360) for _ in range(120)])
        if len(data) <= 20000:
            self.copy(data, "--type", "image/jpeg")
            self.is_refused(self.take(check=False), "made anew", "maxBytes")

    def test_only_where_the_policy_has_it(self):
        self.session()
        data = png(8, 8, rows_of(8, 8))
        self.copy(data, "--type", "image/png")
        self.is_refused(self.take(check=False), "no type")
        self.is_refused(self.put_picture(data, check=False), "may not cross")
        self.cli("stop", "s")
        self.pictures(mimeTypes=["image/png"])
        self.copy(data, "--type", "image/jpeg")
        self.is_refused(self.take(check=False), "no type")

    def test_a_text_that_says_it_is_a_picture_and_the_other_way(self):
        self.pictures(mimeTypes=TYPES + ["text/plain;charset=utf-8"])
        self.copy("not a picture", "--type", "image/png")
        self.is_refused(self.take(check=False), "picture")
        self.copy(png(8, 8, rows_of(8, 8)), "--type", "text/plain;charset=utf-8")
        self.is_refused(self.take(check=False), "UTF-8")

    def test_what_decodes_it_holds_nothing(self):
        info = self.pictures(maxBytes=16 << 20)
        self.copy(bomb(4096, 4096), "--type", "image/png")
        process = self.spawn("clipboard", "s", "get", stdout=subprocess.DEVNULL)
        status = {}

        def look():
            for entry in os.listdir("/proc"):
                try:
                    with open(f"/proc/{entry}/comm", encoding="ascii") as file:
                        if not file.read().startswith("parclose-pictur"):
                            continue
                    with open(f"/proc/{entry}/status", encoding="ascii") as file:
                        found = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
                except (OSError, ValueError):
                    continue
                if found.get("Seccomp") == "2" and found["PPid"] == str(info["supervisor"]["pid"]):
                    status.update(found, net=os.readlink(f"/proc/{entry}/ns/net"))
                    return True
            return False
        wait_for(look, 10, "the program that decodes it")
        self.assertEqual(process.wait(30), 0)
        self.assertEqual((int(status["CapEff"], 16), status["NoNewPrivs"]), (0, "1"))
        self.assertNotEqual(status["net"], os.readlink("/proc/self/ns/net"))

    def test_the_helper_is_killed(self):
        info = self.pictures(maxBytes=16 << 20)
        self.copy(bomb(4096, 4096), "--type", "image/png")
        process = self.spawn("clipboard", "s", "get")
        supervisor = info["supervisor"]["pid"]

        def end():
            with open(f"/proc/{supervisor}/task/{supervisor}/children", encoding="ascii") as file:
                for pid in file.read().split():
                    with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                        if comm.read().startswith("parclose-pictur"):
                            os.kill(int(pid), 9)
                            return True
            return False
        wait_for(end, 10, "the program that decodes it")
        self.assertIn("crashed", process.communicate(timeout=30)[1])
        self.copy(png(8, 8, rows_of(8, 8)), "--type", "image/png")
        self.take()

    def test_confirmed(self):
        self.pictures(confirm=True)
        rows = rows_of(30, 20)
        self.copy(png(30, 20, rows), "--type", "image/png")
        done = json.loads(self.cli("clipboard", "--yes", "--type", "image/png", "--json", "s", "get").stdout)
        self.assertEqual((done["type"], done["width"], done["height"]), ("image/png", 30, 20))
        self.assertEqual(pixels(base64.b64decode(done["base64"])), (30, 20, 4, rows))
        self.assertEqual(json.dumps([line["allowed"] for line in self.crossings()]), '["shown and confirmed"]')


if __name__ == "__main__":
    unittest.main()
