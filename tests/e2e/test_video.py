"""Recordings as video: what comes out is looked at by other people's decoders."""

import json
import os
import struct
import subprocess
import unittest

import pcr
from harness import BUILD, PARCLOSE, SessionTest, wait_for

SECOND = 1_000_000_000
VIDEO = os.path.join(BUILD, "video", "parclose-video")
FRAMES = os.path.join(BUILD, "tests", "helpers", "video-frames")


def boxes(data, at=0, end=None):
    """[(type, from, to)] of an ISO base media file (ISO/IEC 14496-12, 4.2)."""
    found, end = [], len(data) if end is None else end
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        size = end - at if size == 0 else struct.unpack_from(">Q", data, at + 8)[0] if size == 1 else size
        found.append((kind.decode("latin-1"), at, at + size))
        at += size
    return found


class Case(SessionTest):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.dir, "x.pcr")

    def write(self, *parts):
        with open(self.file, "wb") as file:
            file.write(b"".join(parts))

    def colours(self, width, height, count=4, step=SECOND):
        return [pcr.plain_frame(width, height, i * step, (40 + i * 60, 200 - i * 50, 90)) for i in range(count)]

    def export(self, *options, check=True, env=None):
        return self.cli("record", "export", *options, self.file, check=check, env=env)


@unittest.skipUnless(os.path.exists(VIDEO), "built without GStreamer")
class Video(Case):
    def decoded(self, file):
        """[(ms, width, height, red, green, blue)]"""
        out = subprocess.run([FRAMES, file], capture_output=True, text=True, check=True, timeout=60).stdout
        return [tuple(map(int, line.split())) for line in out.splitlines()]

    def test_webm(self):
        for width, height in ((320, 200), (101, 67), (1, 1)):
            self.write(pcr.header(width, height), pcr.info(), *self.colours(width, height), pcr.end(5 * SECOND))
            out = os.path.join(self.dir, "x.webm")
            self.assertEqual(self.export("--webm", out, "--fps", "10").stdout, "")
            frames = self.decoded(out)
            coded = tuple(max(16, side + side % 2) for side in (width, height))
            self.assertEqual({frame[1:3] for frame in frames}, {coded})
            for i, time in enumerate((0, 1000, 2000, 3000)):
                shown = [frame for frame in frames if frame[0] == time]
                self.assertEqual(len(shown), 1, frames)
                for got, wanted in zip(shown[0][3:], (40 + i * 60, 200 - i * 50, 90)):
                    self.assertAlmostEqual(got, wanted, delta=8)
            self.assertEqual(frames[-1][0], 5000)  # as long as the recording
            self.assertLess(len(frames), 10)  # what stands still costs next to nothing
            self.assertEqual(os.stat(out).st_mode & 0o777, 0o600)

    def test_mp4(self):
        self.write(pcr.header(321, 200), pcr.info(), *self.colours(321, 200), pcr.end(5 * SECOND))
        out = os.path.join(self.dir, "x.mp4")
        self.export("--mp4", out)
        with open(out, "rb") as file:
            data = file.read()
        top = boxes(data)
        self.assertEqual(top[0][0], "ftyp")
        self.assertEqual(top[-1][2], len(data))
        self.assertIn("mdat", [box[0] for box in top])
        moov = next(box for box in top if box[0] == "moov")
        mvhd = next(box for box in boxes(data, moov[1] + 8, moov[2]) if box[0] == "mvhd")
        version = data[mvhd[1] + 8]
        scale, length = struct.unpack_from(">II" if version == 0 else ">IQ", data, mvhd[1] + (20 if version == 0 else 28))
        self.assertAlmostEqual(length / scale, 5, delta=0.2)
        entry = data.index(b"avc1", moov[1])
        self.assertEqual(struct.unpack_from(">HH", data, entry + 28), (322, 200))

    def test_a_browser_shows_them(self):
        size = (320, 200)
        self.write(pcr.header(*size), pcr.info(), pcr.plain_frame(*size, 0, (220, 30, 30)),
                   pcr.plain_frame(*size, SECOND, (30, 30, 220)), pcr.end(2 * SECOND))
        page = os.path.join(self.dir, "pages")
        os.mkdir(page)
        for kind in ("webm", "mp4"):
            self.export("--" + kind, os.path.join(page, "x." + kind))
            os.chmod(os.path.join(page, "x." + kind), 0o644)
        with open(os.path.join(page, "x.html"), "w", encoding="utf-8") as file:
            file.write("<body style='margin:0;background:#fff'>" + "".join(
                f"<video muted src=x.{kind} style='width:320px;height:200px;display:block' "
                "onloadeddata='this.currentTime = 1.5' onerror='document.title = this.error.message'></video>"
                for kind in ("webm", "mp4")) + "</body>")
        policy = self.policy(process={"nestedSandbox": True}, filesystem={"readonlyPaths": [page]},
                             limits={"processes": 2048, "openFiles": 8192}, display={"width": 640, "height": 640})
        self.detach("sh", "-c", "exec chromium --ozone-platform=wayland --no-first-run --disable-gpu --kiosk "
                    f"--password-store=basic --user-data-dir=$HOME/profile file://{page}/x.html", policy=policy)
        self.wait_window(seconds=60)

        def blue(rows, y):
            red, green, low = rows[y][160 * 3:160 * 3 + 3]
            return red < 80 and green < 80 and low > 180

        def both():
            _, _, rows = self.screenshot("s", "--no-cursor")
            return blue(rows, 100) and blue(rows, 300)
        wait_for(both, 60, "two blue pictures")

    def middle(self):
        width, height, rows = self.screenshot("s", "--no-cursor")
        return rows[height // 2][width // 2 * 3:width // 2 * 3 + 3]

    def test_a_real_session(self):
        self.detach("foot", "-e", "sh", "-c", "printf '\\033[44m\\033[2J'; read x; printf '\\033[42m\\033[2J'; sleep 60")
        self.wait_window()
        wait_for(lambda: self.middle()[2] > 100 > self.middle()[0], 20, "blue")
        self.cli("record", "start", "s", self.file)
        self.cli("key", "s", "Return")
        wait_for(lambda: self.middle()[1] > 100 > self.middle()[2], 20, "green")
        self.cli("record", "stop", "s")
        out = os.path.join(self.dir, "x.webm")
        self.export("--webm", out)
        frames = self.decoded(out)
        self.assertEqual(frames[0][0], 0)
        self.assertGreater(frames[0][5], frames[0][4])  # the first picture is there from the beginning
        self.assertGreater(frames[-1][4], frames[-1][5])

    def test_a_damaged_one_is_shown_up_to_there(self):
        frames = self.colours(64, 64)
        frames[2] = frames[2][:-9] + bytes((frames[2][-9] ^ 255,)) + frames[2][-8:]
        self.write(pcr.header(64, 64), pcr.info(), *frames, pcr.end(5 * SECOND))
        out = os.path.join(self.dir, "x.webm")
        done = self.export("--webm", out, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("damaged at 2.000 s", done.stderr)
        self.assertLess(self.decoded(out)[-1][0], 2000)

    def test_where_an_element_is_missing(self):
        self.write(pcr.header(64, 64), pcr.info(), *self.colours(64, 64), pcr.end(5 * SECOND))
        for kind, words in (("webm", ("vp9enc and vp8enc is missing", "gstreamer1.0-plugins-good")),
                            ("mp4", ("x264enc and openh264enc is missing", "gstreamer1.0-plugins-ugly"))):
            out = os.path.join(self.dir, "x." + kind)
            # A folder of plugins without the encoders.
            some = os.path.join(self.dir, "plugins")
            os.makedirs(some, exist_ok=True)
            for name in ("app", "coreelements", "videoconvertscale", "matroska", "isomp4"):
                source = f"/usr/lib/{os.uname().machine}-linux-gnu/gstreamer-1.0/libgst{name}.so"
                if not os.path.exists(source):
                    self.skipTest("plugins are in another place here")
                if not os.path.exists(os.path.join(some, os.path.basename(source))):
                    os.symlink(source, os.path.join(some, os.path.basename(source)))
            env = {**self.env, "GST_PLUGIN_SYSTEM_PATH": some, "GST_PLUGIN_PATH": "",
                   "GST_REGISTRY": os.path.join(self.dir, "registry")}
            done = self.export("--" + kind, out, check=False, env=env)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            for word in words:
                self.assertIn(word, done.stderr)
            self.assertFalse(os.path.exists(out))

    def test_a_full_disk(self):
        self.write(pcr.header(640, 400), pcr.info(),
                   *(pcr.record(pcr.FRAME, i * SECOND // 10, self.noise(640, 400, i)) for i in range(20)),
                   pcr.end(3 * SECOND))
        small = os.path.join(self.dir, "small")
        os.mkdir(small)
        script = 'mount -t tmpfs -o size=64k none "$0" && "$1" record export --webm "$0/x.webm" "$2"; ' \
            'echo $?; ls "$0"'
        done = subprocess.run(["unshare", "-Urm", "sh", "-c", script, small, PARCLOSE, self.file], env=self.env,
                              capture_output=True, text=True, check=True, timeout=120)
        self.assertEqual(done.stdout, "1\n")
        self.assertIn("No space left", done.stderr)

    @staticmethod
    def noise(width, height, seed):
        import random  # pylint: disable=import-outside-toplevel
        import zlib  # pylint: disable=import-outside-toplevel
        tiles = -(-width // 32) * -(-height // 32)
        bits = bytes((1 << min(8, tiles - i)) - 1 for i in range(0, tiles, 8))
        return struct.pack("<QII", 1, 1, 0) + bits + zlib.compress(
            random.Random(seed).randbytes(width * height * 3), 1)

    def test_where_it_cannot_go(self):
        self.write(pcr.header(64, 64), pcr.info(), *self.colours(64, 64), pcr.end(SECOND))
        fifo = os.path.join(self.dir, "fifo")
        os.mkfifo(fifo)
        for where in ("/nowhere/x.webm", self.dir, fifo, "/dev/null"):
            done = self.export("--webm", where, check=False)
            self.assertEqual(done.returncode, 1, where)
            self.assertIn(where, done.stderr)
        self.assertTrue(os.path.exists("/dev/null"))
        for wrong in (["--webm", "a", "--mp4", "b"], ["--webm", "a", "--y4m", "-"], ["--webm", "a", "--fps", "0"], []):
            self.assertEqual(self.export(*wrong, check=False).returncode, 2)

    def test_the_encoder_alone_takes_nothing_else(self):
        for words in ([], ["webm"], ["webm", "0", "10"], ["avi", "10", "10"], ["webm", "9000", "10"]):
            self.assertEqual(subprocess.run([VIDEO, *words], stdin=subprocess.DEVNULL, capture_output=True,
                                            check=False).returncode, 1)
        for data in (b"", b"x" * 10, struct.pack("<QII", 0, 0, 0) + b"x" * 100,
                     struct.pack("<QII", 1 << 63, 0, 0) + bytes(400),
                     (struct.pack("<QII", 5, 0, 0) + bytes(400)) * 2):
            with open(os.path.join(self.dir, "out"), "wb+") as out:
                done = subprocess.run(["sh", "-c", 'exec "$0" webm 10 10 3<>out', VIDEO], input=data, cwd=self.dir,
                                      capture_output=True, text=False, check=False, timeout=30)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"too early", done.stderr)


class Without(Case):
    """A Parclose that was built without GStreamer."""

    def test_it_says_so(self):
        self.write(pcr.header(64, 64), pcr.info(), *self.colours(64, 64), pcr.end(SECOND))
        lone = os.path.join(self.dir, "bin")
        os.mkdir(lone)
        copy = os.path.join(lone, "parclose")
        subprocess.run(["cp", PARCLOSE, copy], check=True)
        done = subprocess.run([copy, "record", "export", "--webm", os.path.join(self.dir, "x.webm"), self.file],
                              env=self.env, capture_output=True, text=True, check=False, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("built without GStreamer", done.stderr)
        info = subprocess.run([copy, "record", "info", "--json", self.file], env=self.env, capture_output=True,
                              text=True, check=True, timeout=30)
        self.assertEqual(json.loads(info.stdout)["frames"], 4)
