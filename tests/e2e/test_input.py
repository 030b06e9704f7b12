"""Doing something in a session from the command line: what arrives, and what is said when it cannot."""

import json
import os
import socket
import time

from harness import SessionTest, kill, wait_for

TEXT = "Gr\u00fc\u00dfe, \u4f60\u597d \u20ac 100% <a&b> \\ $HOME \U0001f469\u200d\U0001f52c e\u0301!"


class Input(SessionTest):
    def act(self, *actions, settle=False, sock=None, **params):
        """The report of `parclose/act`, over a connection of its own."""
        own = sock is None
        sock = sock or self.connect()
        self.send(sock, 1, actions, settle=settle, **params)
        answer = json.loads(sock.makefile().readline())
        if own:
            sock.close()
        return answer

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(60)
        here = os.getcwd()
        os.chdir(os.path.join(self.env["XDG_RUNTIME_DIR"], "parclose", "s"))
        try:
            sock.connect("control.sock")
        finally:
            os.chdir(here)
        return sock

    @staticmethod
    def send(sock, number, actions, **params):
        params["actions"] = list(actions)
        message = {"jsonrpc": "2.0", "id": number, "method": "parclose/act", "params": params}
        sock.sendall(json.dumps(message).encode() + b"\n")

    def terminal(self, script="cat > /tmp/typing; mv /tmp/typing /tmp/typed", **sections):
        """A terminal with a program in it, and a session that outlives both."""
        self.detach("sh", "-c", f"foot -e sh -c '{script}'; exec sleep 600", policy=self.policy(**sections))
        self.wait_window()
        self.wait_settled()

    def typed(self):
        """All that was typed, once its end was."""
        done = self.cli("exec", "s", "--", "cat", "/tmp/typed", check=False)
        return done.returncode == 0 and done.stdout

    def zenity(self, *options):
        process = self.spawn("run", "--name", "s", "--policy", self.policy(), "--", "zenity", *options)
        wait_for(lambda: self.cli("inspect", "s", check=False).returncode == 0, 20, "the session")
        self.wait_window()
        self.wait_settled()
        return process, self.inspect()["windows"][0]

    def wait_settled(self):
        """Until the picture rests and the program answers; on a busy machine that may take a while."""
        path = os.path.join(self.dir, "settled.png")
        wait_for(lambda: json.loads(self.cli("screenshot", "--wait-stable", "--json", "s", path).stdout)["settled"],
                 40, "a picture that rests")


class Words(Input):
    def test_typed_text_and_a_click_on_ok(self):
        process, window = self.zenity("--entry", "--text", "name")
        self.cli("type", "s", TEXT)
        # The two buttons share the window's foot.
        x, y = window["x"] + window["width"] * 3 // 4, window["y"] + window["height"] - 46
        self.cli("click", "s", f"{x},{y}")
        out, err = process.communicate(timeout=20)
        self.assertEqual((process.returncode, out), (0, TEXT + "\n"), err)

    def test_a_click_on_cancel(self):
        process, window = self.zenity("--entry", "--text", "name")
        x, y = window["x"] + window["width"] // 4, window["y"] + window["height"] - 46
        self.cli("click", "s", f"{x},{y}")
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 1)

    def test_standard_input_lines_and_keys(self):
        self.terminal()
        lines = "first\n\ttabbed \u2620\nlast\n"
        self.cli("type", "--no-wait", "s", "-", stdin=lines)
        self.cli("type", "--no-wait", "s", "--", "-x", "two  words")
        self.cli("key", "--no-wait", "s", "Return", "ctrl+d")
        self.assertEqual(wait_for(self.typed), lines + "-x two  words\n")

    def test_input_stops_at_the_first_that_fails(self):
        self.terminal()
        actions = [{"action": "type", "text": "before"}, {"action": "click", "x": 1280, "y": 0},
                   {"action": "type", "text": "after"}]
        done = self.cli("input", "--no-wait", "s", stdin=json.dumps(actions), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("action 2: the point 1280,0 is not on the display, which is 1280 x 800", done.stderr)
        self.assertIn("1 after it were not performed", done.stderr)
        report = json.loads(self.cli("input", "--json", "--vocabulary", "anthropic", "s", stdin=json.dumps(
            {"actions": [{"action": "key", "text": "Return"}, {"action": "key", "text": "ctrl+d"}]})).stdout)
        self.assertEqual((report["completed"], report["skipped"]), (2, 0))
        self.assertEqual(wait_for(self.typed), "before\n")

    def test_two_hundred_that_wait(self):
        self.terminal()
        with self.connect() as sock:
            for i in range(200):
                self.send(sock, i, [{"action": "type", "text": f"{i} "}], settle=False)
            with sock.makefile() as lines:
                answers = [json.loads(lines.readline()) for _ in range(200)]
        done = [a["id"] for a in answers if "result" in a]
        # How many may wait for one connection is bounded: what is too many is refused and not done.
        self.assertEqual(done, sorted(done))
        self.assertGreaterEqual(len(done), 32)
        self.assertTrue(all("wait for one" in a["error"]["message"] for a in answers if "error" in a))
        many = [{"action": "type", "text": f"{i} "} for i in range(1000, 1100)]
        with self.connect() as sock:
            self.send(sock, 1, many, settle=False)
            self.send(sock, 2, many, settle=False)
            with sock.makefile() as lines:
                self.assertEqual([json.loads(lines.readline())["result"]["completed"] for _ in "12"], [100, 100])
        self.cli("key", "--no-wait", "s", "Return", "ctrl+d")
        words = [int(word) for word in wait_for(self.typed).split()]
        self.assertEqual(words[:len(done)], done)
        self.assertEqual(sorted(words[len(done):]), sorted(2 * list(range(1000, 1100))))

    def test_scroll_and_drag_are_seen(self):
        self.terminal("seq 500; cat")
        for options in (("--up", "3"), ("--dy", "40")):
            report = json.loads(self.cli("scroll", "--json", *options, "s", "600,400").stdout)["results"][0]
            self.assertEqual(report["effect"], "changed")
            self.assertEqual(report["cursor"], {"x": 600, "y": 400})
        report = json.loads(self.cli("drag", "--json", "s", "20,100", "200,300").stdout)["results"][0]
        self.assertEqual(report["effect"], "changed")
        self.assertTrue(report["settled"])


    def test_another_layout(self):
        self.terminal(display={"keyboardLayout": "de(neo)"})
        self.cli("type", "--no-wait", "s", "Stra\u00dfe {zyx} \u20ac \u00e9 \u2211")
        self.cli("key", "--no-wait", "s", "Return", "ctrl+d")
        self.assertEqual(wait_for(self.typed), "Stra\u00dfe {zyx} \u20ac \u00e9 \u2211\n")


class Refusals(Input):
    def failed(self, *args, code=1, **kwargs):
        done = self.cli(*args, check=False, **kwargs)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stderr

    def test_what_makes_no_sense(self):
        self.terminal()
        self.assertIn("800,900 is not on the display", self.failed("click", "s", "800,900"))
        self.assertIn("FooBar", self.failed("key", "s", "FooBar"))
        self.assertIn("FooBar", self.failed("click", "--hold", "ctrl+FooBar", "s", "5,5"))
        self.assertIn("control character", self.failed("type", "s", "a\x07b"))
        self.assertIn("NUL", self.failed("type", "s", "-", stdin="a\0b"))
        self.assertIn("not a button", self.failed("click", "--button", "top", "s", "5,5"))
        self.assertIn("1 to 100 actions", self.failed(
            "input", "s", stdin=json.dumps([{"action": "click"}] * 10000)))
        self.assertIn("standard input:1:2", self.failed("input", "s", stdin="[nonsense"))
        self.assertIn("1 MiB", self.failed("input", "s", stdin=" " * (1 << 20) + "[]"))
        self.assertIn("vocabulary", self.failed("input", "--vocabulary", "x", "s", stdin="[{}]"))
        self.assertIn("no session", self.failed("click", "absent", "5,5"))
        self.assertEqual(self.act({"action": "move", "x": 1, "y": 1})["result"]["completed"], 1)

    def test_wrong_usage(self):
        for args in (("click",), ("click", "s", "5"), ("click", "s", "5,5", "6,6"), ("click", "--count", "11", "s"),
                     ("click", "--wait-stable=0", "s"), ("click", "--nonsense", "s"), ("type", "s"), ("key", "s"),
                     ("key", "--hold", "x", "s", "a"), ("scroll", "s", "5,5"), ("scroll", "--down", "x", "s"),
                     ("scroll", "--down", "1", "--up", "1", "s"), ("scroll", "--down", "1", "--dx", "1", "s"),
                     ("scroll", "--down", "-1", "s"), ("drag", "s", "5,5"), ("drag", "s", "5,5", "x"), ("input",),
                     ("takeover",), ("release", "a", "b")):
            with self.subTest(args=args):
                self.assertIn("--help", self.failed(*args, code=2))
        for verb in ("click", "type", "key", "scroll", "drag", "input", "takeover", "release"):
            self.assertIn("Usage: parclose " + verb, self.cli(verb, "--help").stdout)

    def test_no_window_and_no_display(self):
        self.detach("sleep", "600", policy=self.policy())
        self.assertIn("no window", self.failed("click", "s", "5,5"))
        self.assertIn("keyboard", self.failed("type", "s", "x"))
        self.cli("stop", "s", "--grace", "0")
        self.detach("sleep", "600", policy=self.process_policy())
        self.assertIn("no display", self.failed("click", "s", "5,5"))

    def test_takeover(self):
        self.terminal()
        with self.connect() as agent:
            self.send(agent, 1, [{"action": "hold", "keys": "z", "ms": 60000}], settle=False)
            time.sleep(0.3)
            self.cli("takeover", "s")
            answer = json.loads(agent.makefile().readline())["result"]["results"][0]
        self.assertEqual((answer["effect"], "taken over" in answer["message"]), ("refused", True))
        self.assertEqual(self.inspect()["holder"], "human")
        self.assertIn("the user has taken over", self.failed("type", "s", "agent"))
        self.cli("type", "--no-wait", "--human", "s", "human")
        self.cli("screenshot", "--wait-stable", "s", os.path.join(self.dir, "look.png"))  # is never refused
        self.cli("takeover", "--withhold", "s")
        self.assertIn("withholds pictures", self.failed("screenshot", "s", "-"))
        self.assertEqual(json.loads(self.cli("release", "--json", "s").stdout), {"holder": "agent"})
        self.assertEqual(self.inspect()["holder"], "agent")
        self.assertIn("take it over first", self.failed("type", "--human", "s", "x"))
        self.cli("key", "--no-wait", "s", "Return", "ctrl+d")
        self.assertEqual(wait_for(self.typed), "zhuman\n")
        holders = [e["holder"] for e in self.log() if e["event"] == "holder"]
        self.assertEqual(holders, ["human", "agent"])

    def test_a_layout_that_is_not_there(self):
        policy = self.policy(display={"keyboardLayout": "de(nope)"})
        for options in (("--detach",), ()):
            done = self.cli("run", *options, "--policy", policy, "--", "sleep", "60", check=False)
            self.assertEqual((done.returncode, done.stdout), (125, ""))
            self.assertIn('the keyboard layout "de(nope)" cannot be loaded', done.stderr)

    def test_nothing_sensitive_in_the_log(self):
        self.terminal()
        self.cli("type", "--sensitive", "s", "hunter2")
        self.cli("type", "s", "seen")
        acts = [e for e in self.log() if e["event"] == "act"]
        self.assertEqual([e.get("text") for e in acts], [None, "seen"])
        self.assertEqual(acts[0]["bytes"], 7)
        self.assertNotIn("hunter2", json.dumps(self.log()))


class Faults(Input):
    def test_who_goes_away_lets_go(self):
        self.terminal()
        sock = self.connect()
        self.send(sock, 1, [{"action": "hold", "keys": "z", "ms": 100000}], settle=False)
        time.sleep(0.3)
        sock.close()
        begun = time.monotonic()
        self.cli("type", "--no-wait", "s", "next")
        self.assertLess(time.monotonic() - begun, 5)
        self.cli("key", "--no-wait", "s", "Return", "ctrl+d")
        self.assertEqual(wait_for(self.typed), "znext\n")

    def test_the_compositor_is_killed_in_the_middle(self):
        self.terminal()
        info = self.inspect()
        with self.connect() as sock:
            self.send(sock, 1, [{"action": "hold", "keys": "z", "ms": 100000}], settle=False)
            time.sleep(0.3)
            kill(info["compositor"]["pid"])
            answer = json.loads(sock.makefile().readline())["result"]["results"][0]
        self.assertEqual(answer["effect"], "failed")
        self.assertIn("the compositor was killed by signal 9", answer["message"])
        self.assert_gone(self.pids(info))
        ended = wait_for(lambda: (lambda e: e["event"] == "ended" and e)(self.log()[-1]))
        self.assertIn("killed by signal 9", ended["reason"])
