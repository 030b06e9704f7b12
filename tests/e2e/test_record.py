"""Recordings of real sessions, and what becomes of them in bad times."""

import json
import os
import resource
import struct
import subprocess
import time

from harness import HOSTILE, PARCLOSE, SessionTest, kill, read_png, wait_for
from view_channel import HUMAN, NOTICE, RECORD, RECORDING, TAKE_OVER, Control, Viewer


class Record(SessionTest):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.dir, "x.pcr")

    def info(self, file=None):
        return json.loads(self.cli("record", "info", "--json", file or self.file).stdout)

    def export(self, *options, file=None):
        """[(seconds, path)] of the pictures, and the events."""
        out = os.path.join(self.dir, f"frames-{len(os.listdir(self.dir))}")
        self.cli("record", "export", "--frames", out, *options, file or self.file)
        names = sorted(name for name in os.listdir(out) if name.endswith(".png"))
        with open(os.path.join(out, "events.jsonl"), encoding="utf-8") as events:
            return ([(float(name[:-4]), os.path.join(out, name)) for name in names],
                    [json.loads(line) for line in events])

    def animated(self):
        policy = self.policy(filesystem={"readonlyPaths": [HOSTILE]}, display={"width": 640, "height": 480})
        self.detach(HOSTILE + "/animate", policy=policy)
        self.wait_window()

    def colours(self, path):
        """The colours of a picture of animate's, but for the pointer."""
        _, _, rows = read_png(path)
        return {row[i:i + 3] for row in rows[:200] for i in range(0, len(row), 3)}

    def test_the_picture_and_what_was_done(self):
        self.detach("foot", "-e", "sh", "-c", "read x; printf '\\033[44m\\033[2J'; sleep 60")
        self.wait_window()
        self.wait_drawn(least=3)
        self.assertIsNone(self.inspect()["recording"])
        out = self.cli("record", "start", "s", self.file).stdout
        self.assertEqual(out.strip(), self.file)
        self.assertEqual(self.inspect()["recording"]["file"], self.file)
        control = Control(self.env, "s")
        self.assertIn("result", control.call("parclose/act", actions=[
            {"action": "type", "text": "something"}, {"action": "type", "text": "secret word", "sensitive": True},
            {"action": "key", "keys": "Return"}])[0])
        control.close()

        def blue(rows):
            return rows[400][1200 * 3 + 2] > 100 and rows[400][1200 * 3] < 60
        wait_for(lambda: blue(self.screenshot("s", "--no-cursor")[2]), 10, "a blue terminal")
        shot = self.screenshot("s")
        time.sleep(0.5)
        done = json.loads(self.cli("record", "stop", "--json", "s").stdout)
        self.assertEqual(done["file"], self.file)
        self.assertEqual(done["bytes"], os.path.getsize(self.file))
        self.assertIsNone(self.inspect()["recording"])
        info = self.info()
        self.assertEqual((info["name"], info["width"], info["height"], info["whole"]), ("s", 1280, 800, True))
        self.assertTrue(info["command"].startswith("foot -e sh"))
        self.assertGreater(info["frames"], 1)
        pictures, events = self.export("--every", "0")
        self.assertEqual(read_png(pictures[-1][1])[2], shot[2])
        self.assertFalse(blue(read_png(pictures[0][1])[2]))
        acts = [event for event in events if event["event"] == "act"]
        self.assertEqual([act["action"] for act in acts], ["type", "type", "key"])
        self.assertEqual(acts[0]["text"], "something")
        self.assertNotIn("text", acts[1])
        self.assertTrue(all(0 <= event["seconds"] <= info["seconds"] for event in events))
        turned = next(seconds for seconds, path in pictures if blue(read_png(path)[2]))
        self.assertGreater(turned, acts[0]["seconds"])
        with open(self.file, "rb") as file:
            self.assertNotIn(b"secret word", file.read())
        # At rest nothing is written, and one picture a second is few.
        self.assertLessEqual(len(self.export("--every", "1")[0]), info["seconds"] + 2)

    def test_frames_are_whole_and_merged(self):
        self.animated()
        self.cli("record", "start", "s", self.file)
        time.sleep(3)
        self.cli("record", "stop", "s")
        pictures, _ = self.export("--every", "0")
        self.assertGreater(len(pictures), 20)
        self.assertLess(len(pictures), 60)
        seen = [self.colours(path) for _, path in pictures]
        self.assertEqual([len(colours) for colours in seen], [1] * len(seen), "a torn frame")
        self.assertGreater(len(set(map(frozenset, seen))), 15)

    def test_video_for_an_encoder(self):
        self.animated()
        self.cli("record", "start", "s", self.file)
        time.sleep(1.5)
        self.cli("record", "stop", "s")
        seconds = self.info()["seconds"]
        raw = subprocess.run([PARCLOSE, "record", "export", "--y4m", "-", "--fps", "5", self.file], env=self.env,
                             capture_output=True, check=True).stdout
        head, rest = raw.split(b"\n", 1)
        self.assertEqual(head, b"YUV4MPEG2 W640 H480 F5:1 Ip A1:1 C444")
        frame = 6 + 640 * 480 * 3
        self.assertEqual(len(rest) % frame, 0)
        self.assertEqual(len(rest) // frame, int(seconds * 5) + 1)
        self.assertTrue(rest.startswith(b"FRAME\n"))

    def test_the_policy_records_from_the_beginning(self):
        policy = self.policy(session={"record": True})
        self.cli("run", "--name", "s", "--policy", policy, "--", "sh", "-c", "sleep 1; exit 3", check=False)
        state = os.path.join(self.env["XDG_STATE_HOME"], "parclose", "s")
        files = [name for name in os.listdir(state) if name.endswith(".pcr")]
        self.assertEqual(len(files), 1)
        self.assertRegex(files[0], r"^recording-20\d{6}T\d{6}Z\.pcr$")
        file = os.path.join(state, files[0])
        self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)
        info = self.info(file)
        self.assertTrue(info["whole"])
        self.assertGreater(info["frames"], 0)
        _, events = self.export(file=file)
        self.assertEqual([e["event"] for e in events if e["event"] in ("exec", "exited")], ["exec", "exited"])
        self.assertEqual(events[-1]["reason"], "the command exited with status 3")
        done = self.cli("policy", "check", self.policy(session={"record": True}, containment="process",
                                                       ui={"disable": True}), check=False)
        self.assertIn("no", done.stderr)
        self.assertEqual(done.returncode, 1)

    def test_a_viewer_records(self):
        self.detach("foot", "-e", "sleep", "60")
        self.wait_window()
        viewer = Viewer(self.env)
        viewer.send(RECORD, struct.pack("=I", 1))
        viewer.state_with(lambda state: state["flags"] & RECORDING)
        file = self.inspect()["recording"]["file"]
        self.assertTrue(file.startswith(os.path.join(self.env["XDG_STATE_HOME"], "parclose", "s", "recording-")))
        self.assertIn(file, self.cli("record", "start", "s", check=False).stderr)
        viewer.send(RECORD, struct.pack("=I", 0))
        viewer.state_with(lambda state: not state["flags"] & RECORDING)
        self.assertEqual(self.cli("record", "stop", "s", check=False).returncode, 1)
        viewer.close()
        self.assertTrue(self.info(file)["whole"])

    def test_withheld_is_not_recorded(self):
        self.animated()
        viewer = Viewer(self.env)
        self.cli("record", "start", "s", self.file)
        time.sleep(0.5)
        viewer.send(TAKE_OVER, struct.pack("=I", 1))
        viewer.state_with(lambda state: state["holder"] == HUMAN)
        time.sleep(0.3)
        frames = self.inspect()["recording"]["frames"]
        time.sleep(0.7)
        self.assertEqual(self.inspect()["recording"]["frames"], frames)
        self.cli("release", "s")
        wait_for(lambda: self.inspect()["recording"]["frames"] > frames)
        self.cli("record", "stop", "s")
        viewer.close()
        _, events = self.export()
        self.assertTrue(next(e for e in events if e["event"] == "taken-over")["withheld"])

    def test_the_supervisor_is_killed(self):
        self.animated()
        self.cli("record", "start", "s", self.file)
        wait_for(lambda: self.inspect()["recording"]["frames"] > 5)
        kill(self.inspect()["supervisor"]["pid"])
        self.assertFalse(self.info()["whole"])
        pictures, _ = self.export("--every", "0")
        self.assertGreater(len(pictures), 5)
        # Cut in the middle of the last record, and in every part of the header.
        size = os.path.getsize(self.file)
        os.truncate(self.file, size - 5)
        self.assertFalse(self.info()["whole"])
        for length in (100, 64, 63, 8, 0):
            os.truncate(self.file, length)
            done = self.cli("record", "info", self.file, check=False)
            self.assertEqual(done.returncode, 0 if length >= 64 else 1, done.stderr)

    def test_a_full_disk_ends_the_recording_alone(self):
        self.animated()
        small = os.path.join(self.dir, "small")
        os.mkdir(small)
        viewer = Viewer(self.env)
        # The descriptor is what the session gets: the file system it is on need not be seen by it.
        script = 'mount -t tmpfs -o size=200k none "$0" && exec "$1" record start s "$0/x.pcr"'
        subprocess.run(["unshare", "-Urm", "sh", "-c", script, small, PARCLOSE], env=self.env, check=True,
                       stdout=subprocess.DEVNULL)
        notice = viewer.until(lambda kind, _: kind == NOTICE, 60, "a notice")
        self.assertIn("the disk is full", notice[1])
        viewer.close()
        self.assertIsNone(self.inspect()["recording"])
        self.assertEqual(self.inspect()["state"], "running")
        failed = [line for line in self.log() if line["event"] == "recording-failed"]
        self.assertEqual(len(failed), 1)

    def test_a_limit_on_file_sizes_ends_the_recording_alone(self):
        self.animated()
        self.cli("record", "start", "s", self.file)
        resource.prlimit(self.inspect()["supervisor"]["pid"], resource.RLIMIT_FSIZE, (150000, 150000))
        wait_for(lambda: any(line["event"] == "recording-failed" for line in self.log()), 60, "the end of the recording")
        self.assertEqual(self.inspect()["state"], "running")
        pictures, _ = self.export("--every", "0")
        self.assertGreater(len(pictures), 10)

    def test_what_cannot_be_recorded_to(self):
        self.detach("foot", "-e", "sleep", "60")
        with open(self.file, "w", encoding="utf-8") as file:
            file.write("mine")
        self.assertIn("exists", self.cli("record", "start", "s", self.file, check=False).stderr)
        with open(self.file, encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")
        self.assertIn("no recording", self.cli("record", "info", self.file, check=False).stderr)
        control = Control(self.env, "s")
        read, write = os.pipe()
        full = os.open(self.file, os.O_RDWR)
        for fd in (read, write, full):
            self.assertIn("empty file", control.call("parclose/record", fds=[fd], on=True, path="x")[0]["error"]["message"])
        for params, fds in (({"on": 1}, []), ({}, []), ({"on": True, "path": "x"}, []), ({"on": True}, [full]),
                            ({"on": True, "path": 7}, [])):
            self.assertEqual(control.call("parclose/record", fds=fds, **params)[0]["error"]["code"], -32602)
        for fd in (read, write, full):
            os.close(fd)
        control.close()
        self.cli("stop", "s")
        self.detach("sleep", "60", policy=self.process_policy(), name="t")
        self.assertIn("no display", self.cli("record", "start", "t", check=False).stderr)
