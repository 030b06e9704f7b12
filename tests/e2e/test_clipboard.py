"""The clipboard: among programs inside, and through the gate that opens on purpose."""

import hashlib
import json
import os
import pty
import subprocess
import time
import unittest

from harness import PARCLOSE, SessionTest, wait_for

TEXT = "text/plain;charset=utf-8"


class ClipboardTest(SessionTest):
    def session(self, way="all", **clipboard):
        return self.detach("sleep", "1000", policy=self.policy(
            ui={"disable": False, "clipboard": way}, clipboard={"confirm": False, **clipboard}))

    def copy(self, text, *options):
        """Copies inside, as a program there does; returns when it holds the clipboard."""
        data = text if isinstance(text, bytes) else text.encode()
        options = options if "--type" in options else ("--type", "text/plain", *options)
        subprocess.run([PARCLOSE, "exec", "s", "--", "wl-copy", *options], input=data, env=self.env,
                       check=True, timeout=30, stdout=subprocess.DEVNULL)

    def paste(self, *options):
        done = subprocess.run([PARCLOSE, "exec", "s", "--", "wl-paste", "-n", *options], env=self.env,
                              capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
        return done.stdout

    def get(self, *options, check=True):
        return self.cli("clipboard", *options, "s", "get", check=check)

    def put(self, text, *options, check=True):
        return self.cli("clipboard", *options, "s", "put", stdin=text, check=check)

    def refused(self, done, *words):
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def crossings(self, event="clipboard"):
        return [line for line in self.log() if line["event"] == event]


class GateTest(ClipboardTest):
    def test_an_item_goes_in_once_and_out(self):
        self.session()
        self.put("grüße 🎉")
        self.assertEqual(self.paste().decode(), "grüße 🎉")
        wait_for(lambda: not self.paste(), what="pasted once")
        self.copy("from inside\n")
        self.assertEqual(self.get().stdout, "from inside\n")
        first, second = self.crossings()
        self.assertEqual([first["direction"], second["direction"]], ["in", "out"])
        self.assertEqual(second["sha256"], hashlib.sha256(b"from inside\n").hexdigest())
        self.assertEqual([second["bytes"], second["type"], second["allowed"]], [12, TEXT, "policy"])
        self.assertEqual(len(self.crossings("clipboard-pasted")), 1)
        self.assertNotIn("from inside", json.dumps(second))

    def test_each_direction_opens_by_itself(self):
        for way, goes_in, goes_out in (("none", False, False), ("read", True, False), ("write", False, True)):
            with self.subTest(way):
                self.session(way)
                self.copy("inside")
                done = self.get(check=False)
                if goes_out:
                    self.assertEqual((done.returncode, done.stdout), (0, "inside"))
                else:
                    self.refused(done, "nothing be taken out")
                    self.assertEqual(done.stdout, "")
                done = self.put("outside", check=False)
                if goes_in:
                    self.assertEqual(self.paste(), b"outside")
                else:
                    self.refused(done, "nothing be put in")
                    self.assertEqual(self.paste(), b"inside")
                    self.assertEqual(self.crossings("clipboard-refused")[-1]["direction"], "in")
                self.cli("stop", "s")

    def test_what_was_put_in_is_not_taken_out(self):
        self.session()
        self.put("mine")
        self.refused(self.get(check=False), "put in from outside")
        # Nor what a program copies from it with its mark.
        self.copy("mine", "--type", "application/x-parclose-outside")
        self.refused(self.get(check=False), "no type")
        self.cli("clipboard", "s", "clear")
        self.refused(self.get(check=False), "empty")

    def test_paste_injection(self):
        self.session()
        self.copy(b"a\x1b[201~; rm -rf /\r\nb\rc\xc2\x9bd\xe2\x80\xaee\x07\tf\n")
        done = json.loads(self.get("--json").stdout)
        self.assertEqual(done["text"], "a[201~; rm -rf /\nb\ncde\tf\n")
        self.assertEqual((done["removed"], done["lines"], done["endsLine"]), (4, 3, True))
        for bad, word in ((b"\xc0\xaf", "not UTF-8"), (b"\xed\xa0\x80", "not UTF-8"), (b"a\0b", "NUL"),
                          (b"\x1b\x1b", "nothing in it")):
            self.copy(bad, "--type", TEXT)
            self.refused(self.get(check=False), word)
            path = os.path.join(self.dir, "bad")
            with open(path, "wb") as file:
                file.write(bad)
            self.refused(self.cli("clipboard", "s", "put", path, check=False), word)

    def test_an_item_that_is_too_long_is_refused_whole(self):
        self.session(maxBytes=1000)
        self.copy("x" * 1001)
        done = self.get(check=False)
        self.refused(done, "more than the 1000 bytes")
        self.assertEqual(done.stdout, "")
        self.copy("x" * 1000)
        self.assertEqual(self.get().stdout, "x" * 1000)
        self.refused(self.put("y" * 1001, check=False), "maxBytes")
        self.put("y" * 1000)
        self.assertEqual(self.paste(), b"y" * 1000)

    def test_types(self):
        self.session(mimeTypes=[TEXT, "text/html"])
        self.copy("<b>x</b>", "--type", "text/html")
        self.assertEqual(json.loads(self.get("--json", "--type", "text/html").stdout)["type"], "text/html")
        self.refused(self.get("--type", "text/plain;charset=utf-16", check=False), "may not cross")
        self.copy("\x89PNG", "--type", "image/png")
        self.refused(self.get(check=False), "no type")
        self.put("<i>y</i>", "--type", "text/html")
        self.assertEqual(self.paste("--type", "text/html"), b"<i>y</i>")
        self.refused(self.put("y", "--type", "image/png", check=False), "may not cross")

    def test_a_password_is_not_taken_out(self):
        self.session()
        self.copy("hunter2", "--sensitive")
        self.refused(self.get(check=False), "password")

    def test_who_has_no_time_is_not_waited_for(self):
        self.session(maxBytes=65536)
        # A program that holds the clipboard, and is stopped: it never writes.
        self.copy("late")
        self.cli("exec", "s", "--", "pkill", "-STOP", "wl-copy")
        start = time.monotonic()
        self.refused(self.get(check=False), "within two seconds")
        self.assertLess(time.monotonic() - start, 4)
        self.cli("exec", "s", "--", "pkill", "-KILL", "wl-copy")
        # And one that goes on and on.
        self.cli("exec", "s", "--", "sh", "-c", "head -c 100M /dev/zero > /tmp/big; wl-copy -t text/plain < /tmp/big > /dev/null 2>&1")
        supervisor = self.inspect()["supervisor"]["pid"]
        done = self.get(check=False)
        self.refused(done, "more than the 65536 bytes")
        with open(f"/proc/{supervisor}/status", encoding="ascii") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        self.assertLess(peak, 64 << 10)

    def test_a_paused_session_and_one_without_a_display(self):
        self.session()
        self.copy("x")
        self.cli("pause", "s")
        self.refused(self.get(check=False), "paused")
        self.cli("resume", "s")
        self.assertEqual(self.get().stdout, "x")
        self.cli("stop", "s")
        self.detach("sleep", "1000", policy=self.process_policy())
        self.refused(self.get(check=False), "policy")


class ConfirmTest(ClipboardTest):
    def ask(self, verb, answer, stdin=None):
        """Runs `clipboard` on a terminal of its own; (exit code, what the terminal showed, standard output)."""
        pid, terminal = pty.fork()
        out = os.path.join(self.dir, "out")
        if pid == 0:
            fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(fd, 1)
            os.execve(PARCLOSE, [PARCLOSE, "clipboard", "s", *verb], self.env)
        shown = b""
        asked = False
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:
                break
            shown += part
            if b"[y/N]" in shown and not asked:
                asked = True
                if callable(answer):
                    answer = answer()
                os.write(terminal, answer)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        with open(out, "rb") as file:
            return status, shown.decode(), file.read()

    def test_out(self):
        self.session(confirm=True)
        self.copy("ls\u202e\x1b[2J\n")
        status, shown, out = self.ask(["get"], b"n\n")
        self.assertEqual((status, out), (1, b""))
        self.assertIn("ls⟨U+202E⟩␛[2J", shown)
        self.assertIn("2 control or formatting characters", shown)
        self.assertIn("ends with a newline", shown)
        self.assertNotIn("\x1b", shown)
        self.assertEqual(self.crossings(), [])
        status, _, out = self.ask(["get"], b"y\n")
        self.assertEqual((status, out), (0, b"ls[2J\n"))
        self.assertEqual(self.crossings()[0]["allowed"], "shown and confirmed")

    def test_what_was_shown_is_what_crosses(self):
        self.session(confirm=True)
        self.copy("harmless")

        def swap():
            self.copy("evil; rm -rf /")
            return b"y\n"
        status, shown, out = self.ask(["get"], swap)
        self.assertIn("harmless", shown)
        self.assertEqual((status, out), (0, b"harmless"))

    def test_in(self):
        self.session(confirm=True)
        path = os.path.join(self.dir, "item")
        with open(path, "w", encoding="utf-8") as file:
            file.write("one\ntwo")

        def swap():
            with open(path, "w", encoding="utf-8") as file:
                file.write("three")
            return b"y\n"
        status, shown, _ = self.ask(["put", path], b"\n")
        self.assertEqual(status, 1)
        self.assertEqual(self.paste(), b"")
        status, shown, _ = self.ask(["put", path], swap)
        self.assertEqual(status, 0)
        self.assertIn("| two", shown)
        self.assertEqual(self.paste(), b"one\ntwo")

    def test_nobody_to_ask(self):
        self.session(confirm=True)
        self.copy("x")
        done = subprocess.run([PARCLOSE, "clipboard", "s", "get"], env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, start_new_session=True, timeout=30)
        self.refused(done, "no terminal to ask on")
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.get("--yes").stdout, "x")

    def test_an_approval_is_of_one_item_and_its_connection(self):
        import socket
        self.session(confirm=True)
        self.copy("x")
        path = os.path.join(self.env["XDG_RUNTIME_DIR"], "parclose", "s", "control.sock")

        def call(sock, **params):
            sock.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "parclose/clipboard",
                                     "params": params}).encode() + b"\n")
            data, fds, _, _ = socket.recv_fds(sock, 65536, 4)
            for fd in fds:
                os.close(fd)
            return json.loads(data), fds
        with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
            one.connect(path)
            two.connect(path)
            shown, fds = call(one, verb="get")
            self.assertEqual(fds, [])
            digest = shown["result"]["sha256"]
            for sock, sha in ((two, digest), (one, "0" * 64)):
                answer, fds = call(sock, verb="get", approve=sha)
                self.assertIn("no such item", answer["error"]["message"])
                self.assertEqual(fds, [])
            answer, _ = call(one, verb="put", approve=digest)  # the other direction
            self.assertIn("error", answer)
            answer, fds = call(one, verb="get", approve=digest)
            self.assertEqual(len(fds), 1)
            answer, fds = call(one, verb="get", approve=digest)  # once
            self.assertIn("error", answer)
            for params in ({}, {"verb": "steal"}, {"verb": "get", "approve": 1}, {"verb": "get", "type": []}):
                answer, _ = call(one, **params)
                self.assertEqual(answer["error"]["code"], -32602)
            answer, _ = call(one, verb="put")
            self.assertIn("an item is needed", answer["error"]["message"])


class AgentTest(ClipboardTest):
    def call(self, process, **arguments):
        process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "clipboard", "arguments": arguments}}) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())["result"]

    def test_an_agent_has_the_sessions_own(self):
        self.session("none")
        process = self.spawn("mcp", "--session", "s", stdin=subprocess.PIPE)
        process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        self.assertTrue(self.call(process)["isError"])
        self.call(process, action="set", text="grüße\nyou")
        self.assertEqual(self.paste().decode(), "grüße\nyou")
        self.assertEqual(self.paste().decode(), "grüße\nyou")  # it stays
        self.copy("from a program")
        self.assertEqual(self.call(process)["structuredContent"]["text"], "from a program")
        self.call(process, action="clear")
        self.assertIn("empty", self.call(process)["structuredContent"]["message"])
        self.assertEqual(self.crossings(), [])
        self.cli("takeover", "s")
        self.copy("the user's")
        self.assertEqual(self.call(process)["structuredContent"]["effect"], "refused")
        process.stdin.close()
        process.wait(10)


if __name__ == "__main__":
    unittest.main()
