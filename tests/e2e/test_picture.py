"""Pictures of a session's screen: parts, sizes, formats."""

import json
import os
import struct

from harness import SessionTest, wait_for


def jpeg_size(data):
    """Width and height from the frame header (ITU-T T.81, B.2.2)."""
    assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9", "not a JPEG"
    at = 2
    while data[at + 1] != 0xc0:
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    return struct.unpack(">HH", data[at + 5:at + 9])[::-1]


class Picture(SessionTest):
    def setUp(self):
        super().setUp()
        # Columns of colour, and no caret that blinks.
        self.detach("foot", "-o", "cursor.blink=no", "-e", "sh", "-c",
                    "printf '\\033[?25l\\033[41m\\033[2J'; sleep 60")
        self.wait_window()
        wait_for(lambda: self.red(self.screenshot("s", "--no-cursor")), 20, "a red terminal")

    @staticmethod
    def red(picture):
        row = picture[2][400]
        return sum(row[i] > 150 and row[i + 1] < 90 for i in range(0, len(row), 3)) > 1000

    def shot(self, name, *options):
        """The answer as JSON, and the file's bytes."""
        path = os.path.join(self.dir, name)
        info = json.loads(self.cli("screenshot", "--json", *options, "s", path).stdout)
        with open(path, "rb") as file:
            data = file.read()
        self.assertEqual(info["bytes"], len(data))
        return info, data

    def test_formats_agree(self):
        width, height, rows = self.screenshot("s", "--no-cursor", "--region", "200,300,40x30")
        info, raw = self.shot("a.raw", "--no-cursor", "--region", "200,300,40x30", "--format", "raw")
        self.assertEqual((info["format"], info["width"], info["height"], info["stride"]), ("raw", 40, 30, 160))
        for y in range(height):
            line = raw[y * 160:(y + 1) * 160]
            rgb = b"".join(line[i + 2:i + 3] + line[i + 1:i + 2] + line[i:i + 1] for i in range(0, 160, 4))
            self.assertEqual(rgb, rows[y])
        info, jpeg = self.shot("a.jpg")
        self.assertEqual((info["format"], info["width"], info["height"]), ("jpeg", 1280, 800))
        self.assertEqual(jpeg_size(jpeg), (1280, 800))
        coarse = self.shot("b.jpg", "--quality", "5")[1]
        self.assertLess(len(coarse), len(jpeg))

    def test_scale(self):
        width, height, rows = self.screenshot("s", "--no-cursor", "--scale", "0.5")
        self.assertEqual((width, height), (640, 400))
        whole = self.screenshot("s", "--no-cursor")[2]
        for x, y in ((0, 0), (320, 200), (639, 399)):
            for c in range(3):
                four = [whole[2 * y + v][(2 * x + u) * 3 + c] for u in (0, 1) for v in (0, 1)]
                self.assertAlmostEqual(rows[y][x * 3 + c], sum(four) / 4, delta=1)
        self.assertEqual(self.screenshot("s", "--region", "5,5,10x10", "--scale", "0.05")[:2], (1, 1))

    def test_wrong_usage(self):
        for options in (("--scale", "2"), ("--scale", "0"), ("--scale", "x"), ("--quality", "0"),
                        ("--quality", "101"), ("--quality", "1.5"), ("--format", "gif"),
                        ("--wait-stable=0",), ("--wait-stable=x",)):
            with self.subTest(options=options):
                self.assertEqual(self.cli("screenshot", *options, "s", check=False).returncode, 2)
        self.assertFalse(os.path.exists("s.png"))

    def test_region_outside(self):
        done = self.cli("screenshot", "--region", "1270,0,11x10", "s", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not inside the display", done.stderr)
