"""Real programs on the session's own display."""

import json
import os
import subprocess

from harness import PARCLOSE, REPO, SessionTest, colours, descendants, wait_for


class Desktop(SessionTest):
    def test_foot(self):
        info = self.detach("foot", "-e", "sh", "-c", "printf '\\033[41m\\033[2J'; sleep 60")
        window = self.wait_window()[0]
        self.assertEqual((window["x"], window["y"], window["width"], window["height"]), (0, 0, 1280, 800))
        self.assertEqual(window["appId"], "foot")
        self.assertTrue(window["focused"])

        def mostly_red():
            _, _, rows = self.screenshot("s", "--no-cursor")
            row = rows[400]
            return sum(row[i] > 150 and row[i + 1] < 90 for i in range(0, len(row), 3)) > 1000
        wait_for(mostly_red, 20, "a red terminal")
        self.assertEqual(info["display"]["width"], 1280)

    def test_screenshot_region_and_errors(self):
        self.detach("foot", "-e", "sleep", "60")
        self.wait_window()
        whole = wait_for(lambda: (lambda s: s[:2] == (1280, 800) and s)(self.screenshot("s", "--no-cursor")))
        part = self.screenshot("s", "--no-cursor", "--region", "100,50,300x20")
        self.assertEqual(part[:2], (300, 20))
        self.assertEqual(len(part[2][0]), 900)
        self.assertEqual(whole[0], 1280)
        done = self.cli("screenshot", "--region", "1200,0,100x10", "s", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("1280x800", done.stderr)
        self.assertEqual(self.cli("screenshot", "--region", "a,b", "s", check=False).returncode, 2)
        done = self.cli("screenshot", "s", "/no/such/dir/x.png", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/no/such/dir/x.png", done.stderr)
        raw = subprocess.run([PARCLOSE, "screenshot", "s", "-"], env=self.env, capture_output=True, check=True)
        self.assertTrue(raw.stdout.startswith(b"\x89PNG"))

    def test_screenshot_without_display(self):
        self.detach("sleep", "60", policy=self.process_policy())
        self.assertIn("no display", self.cli("screenshot", "s", check=False).stderr)

    def test_display_size(self):
        policy = self.policy(display={"width": 801, "height": 600})
        self.detach("foot", "-e", "sleep", "60", policy=policy)
        self.wait_window()
        self.assertEqual(wait_for(lambda: self.screenshot()[:2]), (801, 600))

    def test_gtk(self):
        self.detach("gtk4-widget-factory")
        window = self.wait_window()[0]
        self.assertIn("widget-factory", window["appId"])
        width, _, rows = self.wait_drawn(least=60)
        self.assertEqual(width, 1280)

    def test_zenity_dialog_is_centred_and_its_answer_comes_back(self):
        process = self.spawn("run", "--name", "s", "--", "zenity", "--question", "--text", "Is it?")
        wait_for(lambda: self.cli("inspect", "s", check=False).returncode == 0)
        window = self.wait_window()[0]
        self.assertLess(window["width"], 1280)
        self.assertAlmostEqual(window["x"] + window["width"] / 2, 640, delta=30)
        self.cli("windows", "s", "close", str(window["id"]))
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 1) # zenity's word for a closed question

    def test_mousepad(self):
        self.detach("mousepad")
        self.wait_window()
        self.wait_drawn(least=20)

    def test_two_windows_raise_and_cycle(self):
        self.detach("sh", "-c", "foot -a first -e sleep 60 & foot -a second -e sleep 60 & wait")
        windows = self.wait_window(count=2)
        back = next(w for w in windows if not w["focused"])
        self.cli("windows", "s", "raise", str(back["id"]))
        wait_for(lambda: next(w for w in self.inspect()["windows"] if w["id"] == back["id"])["focused"])
        self.cli("windows", "s", "cycle")
        wait_for(lambda: not next(w for w in self.inspect()["windows"] if w["id"] == back["id"])["focused"])
        self.assertEqual(self.cli("windows", "s", "raise", "9999", check=False).returncode, 1)

    def test_app_sees_exactly_the_allowed_globals(self):
        with open(os.path.join(REPO, "tests", "golden", "globals.txt"), encoding="utf-8") as file:
            golden = [line.split() for line in file if line.strip() and not line.startswith("#")]
        self.detach(policy=self.policy())
        text = self.cli("exec", "s", "wayland-info").stdout
        seen = sorted(line.split("'")[1] for line in text.splitlines() if line.startswith("interface:"))
        self.assertEqual(seen, sorted(entry[0] for entry in golden))

    def test_socket_is_only_inside(self):
        self.detach("sleep", "60", policy=self.policy())
        self.assertIn("wayland-0", self.cli("exec", "s", "ls", "/run/user/1000").stdout)
        with open("/proc/net/unix", encoding="utf-8") as file:
            outside = file.read()
        for root, _, files in os.walk(self.env["XDG_RUNTIME_DIR"]):
            self.assertFalse([f for f in files if "wayland" in f], root)
        self.assertNotIn(self.env["XDG_RUNTIME_DIR"] + "/wayland", outside)

    def test_ui_disabled_means_no_socket(self):
        self.detach("sleep", "60", policy=self.policy(ui={"disable": True}))
        done = self.cli("exec", "s", "--", "sh", "-c", "ls -A /run/user/1000; echo d=$WAYLAND_DISPLAY")
        self.assertEqual(done.stdout, "d=\n")

    def test_browser_keeps_its_own_sandbox(self):
        page = os.path.join(self.dir, "page")
        os.mkdir(page)
        with open(page + "/index.html", "w", encoding="utf-8") as file:
            file.write("<title>parclose page</title><body style='background:#10a030'>"
                       "<h1>Chromium inside</h1></body>")
        policy = self.policy(process={"nestedSandbox": True}, filesystem={"readonlyPaths": [page]},
                             limits={"processes": 2048, "openFiles": 8192})
        info = self.detach("chromium", "--ozone-platform=wayland", "--no-first-run", "--disable-gpu",
                           "--password-store=basic", "--user-data-dir=/home/agent/profile",
                           f"file://{page}/index.html", policy=policy)
        wait_for(lambda: any("parclose page" in w["title"] for w in self.inspect()["windows"]), 90,
                 "the page's title")

        def green():
            _, _, rows = self.screenshot("s", "--no-cursor")
            row = rows[600]
            return sum(row[i:i + 3] == b"\x10\xa0\x30" for i in range(0, len(row), 3)) > 1000
        wait_for(green, 30, "the page's colour")
        renderers = []
        for pid in descendants(info["supervisor"]["pid"]):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    command = file.read()
                with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                    status = file.read()
            except OSError:
                continue
            self.assertNotIn(b"--no-sandbox", command)
            if b"--type=renderer" in command:
                nspid = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
                seccomp = next(line for line in status.splitlines() if line.startswith("Seccomp_filters:"))
                renderers.append((len(nspid) - 1, int(seccomp.split()[1])))
        self.assertTrue(renderers)
        # One pid namespace deeper than ours, and with a filter more than ours: Chromium's own sandbox.
        depth = min(d for d, _ in renderers)
        filters = min(f for _, f in renderers)
        plain = self.cli("exec", "s", "grep", "Seccomp_filters", "/proc/self/status").stdout.split()[1]
        self.assertGreaterEqual(depth, 3 if self.outer_depth() == 1 else self.outer_depth() + 2)
        self.assertGreater(filters, int(plain))

    @staticmethod
    def outer_depth():
        with open("/proc/self/status", encoding="utf-8") as file:
            return len(next(line for line in file if line.startswith("NSpid:")).split()) - 1


class Json(SessionTest):
    def test_verbs_speak_json(self):
        info = json.loads(self.cli("run", "--detach", "--json", "--name", "s", "--", "foot", "-e", "sleep", "60").stdout)
        self.assertEqual(info["name"], "s")
        self.wait_window()
        shot = json.loads(self.cli("screenshot", "--json", "s", self.dir + "/a.png").stdout)
        self.assertEqual((shot["width"], shot["height"], shot["format"]), (1280, 800, "png"))
        window = json.loads(self.cli("windows", "--json", "s").stdout)[0]
        self.assertEqual(window["appId"], "foot")
        self.assertIn(f"pid {window['pid']} foot", self.cli("windows", "s").stdout)
        doctor = json.loads(self.cli("doctor", "--json").stdout)
        self.assertTrue(doctor["able"], doctor)
        self.assertTrue(colours(self.screenshot()[2]) > 1)
        inspected = self.inspect()
        for key in ("name", "state", "supervisor", "compositor", "init", "policy", "enforced", "holder"):
            self.assertIn(key, inspected)
        self.assertGreaterEqual(inspected["enforced"]["landlock"]["abi"], 6)
        self.assertTrue(inspected["enforced"]["seccomp"])
