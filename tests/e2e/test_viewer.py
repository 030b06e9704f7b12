"""The window: parclose-viewer on desktops without a monitor, told by a supervisor that is a test."""

import os
import unittest

from desktops import Sway, Weston, Xvfb, rgb_of_bgrx, write_png
from fake_supervisor import Supervisor
from harness import BUILD, REPO, wait_for

VIEWER = os.path.join(BUILD, "viewer", "parclose-viewer")
APPLICATION = "org.parclose.Viewer"


def pattern(width, height, seed=0):
    """A frame in which every pixel differs from those around it, so that one filtered wrongly is found."""
    rows = []
    for y in range(height):
        row = bytearray(width * 4)
        row[0::4] = bytes((x * 7 + y * 13 + seed) & 255 for x in range(width))
        row[1::4] = bytes((x * 31 ^ y * 5) & 255 for x in range(width))
        row[2::4] = bytes(255 if (x + y) % 2 else (x + seed) & 127 for x in range(width))
        rows.append(bytes(row))
    return b"".join(rows)


def find(picture, needle):
    """Where the row of pixels begins in a picture: (x, y), or None."""
    for y, row in enumerate(picture[2]):
        at = row.find(needle)
        while at >= 0 and at % 3:
            at = row.find(needle, at + 1)
        if at >= 0:
            return at // 3, y
    return None


@unittest.skipUnless(os.path.exists(VIEWER), "built without the viewer")
class ViewerTest(unittest.TestCase):
    def setUp(self):
        self.desktops, self.supervisors = [], []

    def tearDown(self):
        for desktop in self.desktops:
            desktop.close()
        for supervisor in self.supervisors:
            supervisor.close()

    def desktop(self, kind, **options):
        if not kind.is_there():
            self.skipTest(kind.name + " is not installed")
        desktop = kind(**options)
        self.desktops.append(desktop)
        return desktop

    def supervisor(self, width=400, height=260, **hello):
        supervisor = Supervisor(width, height)
        self.supervisors.append(supervisor)
        supervisor.hello(**hello)
        supervisor.state()
        return supervisor

    def view(self, desktop, supervisor, **env):
        viewer = desktop.spawn(VIEWER, "--fd", str(supervisor.viewer_fd), pass_fds=[supervisor.viewer_fd],
                               env={**desktop.env, **env})
        os.close(supervisor.viewer_fd)
        return viewer

    def wait_shown(self, desktop, supervisor, pixels, factor=1, seconds=20):
        """Waits until every pixel of the frame is on the desktop, `factor` times as large. Returns where."""
        width = supervisor.width
        rows = [rgb_of_bgrx(pixels[y * width * 4:(y + 1) * width * 4]) for y in range(supervisor.height)]
        rows = [b"".join(row[i:i + 3] * factor for i in range(0, len(row), 3)) for row in rows]
        rows = [row for row in rows for _ in range(factor)]

        def look():
            picture = desktop.screenshot()
            place = find(picture, rows[0])
            if place is None:
                return None
            x, y = place
            shown = [row[x * 3:x * 3 + len(rows[0])] for row in picture[2][y:y + len(rows)]]
            return place if shown == rows else None
        try:
            return wait_for(look, seconds, f"the frame on {desktop.name}")
        except AssertionError as error:
            self.keep(desktop)
            raise AssertionError(f"{error}\n{desktop.what_was_said()[-2000:]}") from None

    def keep(self, desktop):
        """What a failed test saw, for people to look at."""
        out = os.path.join(REPO, "out")
        if os.access(out, os.W_OK):
            width, _, rows = desktop.screenshot()
            write_png(os.path.join(out, self.id() + ".png"), width, rows)


class Frames(ViewerTest):
    def check_frames(self, kind, factor=1, mode=None, **options):
        desktop = self.desktop(kind, **options)
        if mode:
            desktop.remember(400, 260, scale=mode)
        supervisor = self.supervisor()
        first, second = pattern(400, 260), pattern(400, 260, 90)
        supervisor.frame(first)
        self.view(desktop, supervisor)
        place = self.wait_shown(desktop, supervisor, first, factor)
        # A second frame comes in parts.
        boxes = [(10, 20, 30, 40), (399, 0, 1, 260)]
        mixed = bytearray(first)
        for x, y, width, height in boxes:
            for line in range(y, y + height):
                at = (line * 400 + x) * 4
                mixed[at:at + width * 4] = second[at:at + width * 4]
        supervisor.frame(bytes(mixed), boxes)
        self.assertEqual(self.wait_shown(desktop, supervisor, bytes(mixed), factor), place)
        self.assertEqual(supervisor.heard(), [])

    def test_frames_on_weston(self):
        self.check_frames(Weston)

    def test_frames_on_weston_twice_as_large(self):
        self.check_frames(Weston, factor=2, scale=2, width=1800, height=1040)

    def test_frames_on_sway(self):
        self.check_frames(Sway)

    def test_frames_on_sway_with_a_fractional_scale(self):
        self.check_frames(Sway, scale=1.5, width=1500, height=1050, floating=False, mode="actual")

    def test_frames_on_x11(self):
        self.check_frames(Xvfb)
