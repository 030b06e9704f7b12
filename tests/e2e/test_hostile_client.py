"""A program that means harm to its display: at worst its own session ends, cleanly and with a reason."""

from harness import HOSTILE, SessionTest, alive, wait_for

MODES = ("shm-truncate", "shm-lie", "many-surfaces", "many-windows", "many-pools", "huge-surface", "huge-numbers",
         "bad-requests", "wrong-order", "deep-subsurfaces", "never-read", "selection-flood", "big-title",
         "bad-title", "configure-storm")


class HostileClient(SessionTest):
    def test_the_session_beside_it_never_notices(self):
        policy = self.policy(filesystem={"readonlyPaths": [HOSTILE]})
        other = self.detach("foot", "-e", "sleep", "600", name="other")
        self.wait_window("other")
        before = self.inspect("other")
        for mode in MODES:
            with self.subTest(mode=mode):
                self.detach("foot", "-e", "sleep", "600", name="s", policy=policy)
                self.wait_window()
                info = self.inspect()
                pids = self.pids(info)
                self.cli("exec", "s", "--", "timeout", "-s", "KILL", "30", HOSTILE + "/hostile-wayland-client", mode,
                         check=False, timeout=60)
                after = self.cli("inspect", "--json", "s", check=False)
                if after.returncode == 0:
                    # It lived: then the other program in it still has its window, and can be looked at.
                    self.assertTrue([w for w in self.wait_window() if w["appId"] == "foot"])
                    self.assertEqual(self.screenshot()[:2], (1280, 800))
                    self.cli("stop", "--grace", "0", "s")
                else:
                    self.assertIn("compositor", self.log()[-1]["reason"])
                self.assert_gone(pids)
        now = self.inspect("other")
        self.assertEqual(now["compositor"], before["compositor"])
        self.assertTrue(alive(other["compositor"]["pid"]))
        self.assertEqual(len(now["windows"]), 1)

    def test_one_program_does_not_take_another_down(self):
        """What a single client can be blamed for costs that client alone, not the session."""
        policy = self.policy(filesystem={"readonlyPaths": [HOSTILE]})
        self.detach("foot", "-e", "sleep", "600", policy=policy)
        self.wait_window()
        for mode in ("shm-truncate", "bad-requests", "wrong-order", "huge-surface", "many-surfaces", "big-title"):
            with self.subTest(mode=mode):
                self.cli("exec", "s", "--", "timeout", "-s", "KILL", "30", HOSTILE + "/hostile-wayland-client", mode,
                         check=False, timeout=60)
                wait_for(lambda: [w["appId"] for w in self.inspect()["windows"]] == ["foot"], 5, "foot alone")
