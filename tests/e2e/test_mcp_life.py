"""`parclose mcp` as a process: when sessions begin and end with it, and the script in the documentation."""

import json
import os
import re
import select
import signal
import subprocess
import time

from harness import PARCLOSE, REPO, SessionTest, kill, wait_for

INITIALIZE = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}


class Life(SessionTest):
    def serve(self, *args, initialize=True):
        process = self.spawn("mcp", *args, stdin=subprocess.PIPE, text=False, bufsize=0)
        process.rest, process.count = b"", 0
        if initialize:
            self.say(process, INITIALIZE)
            self.assertEqual(self.answer(process)["result"]["protocolVersion"], "2025-11-25")
        return process

    def say(self, process, *messages):
        process.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def answer(self, process, seconds=20):
        """The next message; None at the end of the stream."""
        deadline = time.monotonic() + seconds
        while b"\n" not in process.rest:
            ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
            self.assertTrue(ready, "no answer")
            more = os.read(process.stdout.fileno(), 1 << 20)
            if not more:
                self.assertEqual(process.rest, b"")
                return None
            process.rest += more
        line, process.rest = process.rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, process, tool, **arguments):
        process.count += 1
        self.say(process, {"jsonrpc": "2.0", "id": process.count, "method": "tools/call",
                           "params": {"name": tool, "arguments": arguments}})
        return process.count

    def call(self, process, tool, **arguments):
        number = self.ask(process, tool, **arguments)
        message = self.answer(process)
        self.assertEqual(message["id"], number)
        return message["result"]

    def sessions(self):
        listed = json.loads(self.cli("list", "--json").stdout)
        return {one["name"]: one for one in listed}

    def test_begins_with_the_first_need_and_ends_with_input(self):
        process = self.serve("--name", "m", "--", "foot")
        self.assertEqual(self.call(process, "session")["structuredContent"]["state"], "none")
        self.assertEqual(self.sessions(), {})
        picture = self.call(process, "screenshot")
        self.assertEqual([block["type"] for block in picture["content"]], ["text", "image"])
        pids = self.pids(self.inspect("m"))
        self.assertEqual(len(self.inspect("m")["windows"]), 1)  # it was waited for
        process.stdin.close()
        self.assertEqual(process.wait(5), 0)
        self.assert_gone(pids)
        self.assertEqual(self.sessions(), {})
        self.assertEqual(process.stderr.read(), b"")

    def test_input_that_ends_at_once_is_still_answered(self):
        calls = [INITIALIZE] + [
            {"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
            for i, (name, arguments) in enumerate([
                ("screenshot", {}), ("computer", {"action": "type", "text": "x", "image": "none"}),
                ("computer", {"action": "wait", "duration": 60})], 1)]
        begun = time.monotonic()
        done = self.cli("mcp", "--", "foot", stdin="".join(json.dumps(call) + "\n" for call in calls))
        answers = {answer["id"]: answer["result"] for answer in map(json.loads, done.stdout.splitlines())}
        self.assertEqual(sorted(answers), [0, 1, 2, 3])
        self.assertEqual([answers[i]["isError"] for i in (1, 2, 3)], [False, False, True])
        # The last one would take longer than anybody waits.
        self.assertIn("the session ended", answers[3]["content"][0]["text"])
        self.assertLess(time.monotonic() - begun, 20)

    def test_what_was_asked_of_a_session_of_somebody_else_is_still_answered(self):
        self.detach("foot", name="other")
        self.wait_window("other")
        calls = [INITIALIZE] + [
            {"jsonrpc": "2.0", "id": i, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
            for i, (name, arguments) in enumerate([
                ("screenshot", {}), ("computer", {"action": "type", "text": "x"}),
                ("computer", {"action": "wait", "duration": 60})], 1)]
        for count in (1, 3, 4):
            begun = time.monotonic()
            done = self.cli("mcp", "--session", "other",
                            stdin="".join(json.dumps(call) + "\n" for call in calls[:count]))
            answers = {answer["id"]: answer["result"] for answer in map(json.loads, done.stdout.splitlines())}
            self.assertEqual(sorted(answers), [0, 1, 2][:count])
            self.assertFalse(any(answers[i]["isError"] for i in answers if i > 0))
            self.assertLess(time.monotonic() - begun, 10)  # the last one would take longer than anybody waits
        self.assertEqual(self.inspect("other")["state"], "running")

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process = self.serve("--name", "m", "--", "foot")
            self.call(process, "screenshot")
            pids = self.pids(self.inspect("m"))
            process.send_signal(number)
            self.assertEqual(process.wait(5), 0)
            self.assert_gone(pids)
        process = self.serve("--name", "m", "--", "foot")
        self.call(process, "screenshot")
        pids = self.pids(self.inspect("m"))
        process.kill()
        self.assert_gone(pids)

    def test_a_session_that_breaks(self):
        process = self.serve("--name", "m", "--", "foot")
        self.call(process, "screenshot")
        kill(self.inspect("m")["compositor"]["pid"])
        wait_for(lambda: "m" not in self.sessions(), 5, "the session's end")
        broken = self.call(process, "screenshot")
        self.assertTrue(broken["isError"])
        self.assertIn("the compositor was killed by signal 9", broken["content"][0]["text"])
        self.assertIn("The next call starts a new one", broken["content"][0]["text"])
        self.assertFalse(self.call(process, "screenshot")["isError"])
        # A call under way says it itself.
        number = self.ask(process, "computer", action="wait", duration=60)
        time.sleep(0.2)
        kill(self.inspect("m")["compositor"]["pid"])
        broken = self.answer(process)
        self.assertEqual((broken["id"], broken["result"]["isError"]), (number, True))
        self.assertIn("the session ended: the compositor was killed", broken["result"]["content"][0]["text"])
        self.assertFalse(self.call(process, "screenshot")["isError"])
        # And who ends it knows.
        self.assertEqual(self.call(process, "session", action="stop")["structuredContent"]["state"], "stopping")
        wait_for(lambda: "m" not in self.sessions(), 5, "the session's end")
        self.assertFalse(self.call(process, "screenshot")["isError"])

    def test_its_command_ends(self):
        process = self.serve("--name", "m", "--", "foot", "-e", "true")
        self.call(process, "session")
        self.ask(process, "screenshot")
        self.answer(process)  # of a window that may be there or gone
        wait_for(lambda: "m" not in self.sessions(), 10, "the session's end")
        self.assertEqual(self.call(process, "session")["structuredContent"]["state"], "none")

    def test_a_program_is_launched(self):
        process = self.serve("--name", "m")
        shown = self.call(process, "launch", command=["foot"])
        self.assertEqual(shown["structuredContent"]["effect"], "changed")
        windows = self.call(process, "windows")["structuredContent"]["windows"]
        self.assertEqual([window["appId"] for window in windows], ["foot"])
        missing = self.call(process, "launch", command=["no-such-program"])
        self.assertTrue(missing["isError"])
        self.assertIn("no-such-program", missing["content"][0]["text"])
        failing = self.call(process, "launch", command=["false"])
        self.assertIn("exit code 1", failing["content"][0]["text"])

    def test_a_session_of_somebody_else(self):
        info = self.detach("foot", name="other")
        self.wait_window("other")
        process = self.serve("--session", "other")
        self.assertFalse(self.call(process, "computer", action="type", text="x")["isError"])
        self.assertEqual(self.call(process, "session")["structuredContent"]["name"], "other")
        process.stdin.close()
        self.assertEqual(process.wait(5), 0)
        self.assertEqual(self.inspect("other")["supervisor"]["pid"], info["supervisor"]["pid"])
        process = self.serve("--session", "other")
        self.cli("stop", "other")
        self.assertIsNone(self.answer(process))
        self.assertEqual(process.wait(5), 1)
        self.assertEqual(process.stderr.read(), b"parclose: the session other ended\n")

    def test_what_comes_in_is_bad(self):
        process = self.serve("--name", "m", "--", "foot")
        self.call(process, "screenshot")
        for bad, code in ((b"\xff\n", -32700), (b'{"a":1,"a":2}\n', -32700), (b"[" * 5000 + b"\n", -32700),
                          (b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n', -32600)):
            process.stdin.write(bad)
            self.assertEqual(self.answer(process)["error"]["code"], code)
        block = b"x" * (1 << 20)
        for _ in range(100):
            written = 0
            while written < len(block):  # unbuffered: a write may be short
                written += process.stdin.write(block[written:])
        process.stdin.write(b"\n")
        self.assertEqual(self.answer(process)["error"]["message"], "the message is longer than 1 MiB")
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            peak = int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])
        self.assertLess(peak, 200 * 1024)
        self.assertFalse(self.call(process, "screenshot")["isError"])

    def test_a_client_that_never_reads(self):
        process = self.serve("--name", "m", "--", "foot")
        self.call(process, "screenshot")
        pids = self.pids(self.inspect("m"))
        message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode() + b"\n"
        try:
            for _ in range(2000):
                process.stdin.write(message)
        except BrokenPipeError:
            pass
        process.wait(10)
        self.assert_gone(pids)

    def test_wrong_usage(self):
        for args, code, text in (
                (["--policy", "/nonexistent"], 1, "cannot open the policy"),
                (["--policy", "-"], 2, "standard input is the agent's"),
                (["--session", "none"], 1, "there is no session 'none'"),
                (["--session", "a", "--name", "b"], 2, "no policy, name or command"),
                (["--name", "a/b"], 2, "not a session's name")):
            done = self.cli("mcp", *args, check=False, timeout=5)
            self.assertEqual((done.returncode, done.stdout), (code, ""))
            self.assertIn(text, done.stderr)

    def test_the_script_in_the_documentation(self):
        path = os.path.join(REPO, "docs", "examples", "agent.py")
        with open(path, encoding="utf-8") as file:
            script = file.read()
        with open(os.path.join(REPO, "docs", "agents.md"), encoding="utf-8") as file:
            self.assertIn(f"```\n{script}```\n", file.read())
        env = {**self.env, "PATH": os.path.dirname(PARCLOSE) + ":" + self.env["PATH"]}
        done = subprocess.run(["python3", path], cwd=self.dir, env=env, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("'effect': 'changed'", done.stdout)
        with open(os.path.join(self.dir, "screen.png"), "rb") as file:
            self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")
        wait_for(lambda: self.sessions() == {}, 5, "the session's end")
