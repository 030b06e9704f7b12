"""What tests of the window share: parclose-viewer on a desktop without a monitor, told by a test."""

import os
import time
import unittest

from desktops import rgb_of_bgrx, write_png
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

    def told(self, width=400, height=260, **hello):
        """A supervisor that has greeted."""
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

    def heard(self, supervisor, seconds=5.0, until=None):
        """What the viewer says: until `until` of it is true, or else for that long."""
        found = []

        def look():
            found.extend(supervisor.heard())
            return until is None or until(found)
        if until is None:
            time.sleep(seconds)
        try:
            wait_for(look, seconds, "what the viewer should say")
        except AssertionError as error:
            raise AssertionError(f"{error}; it said {found}") from None
        return found

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
