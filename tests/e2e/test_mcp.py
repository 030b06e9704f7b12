"""The MCP server as clients see it that are not ours, over standard streams and over sockets."""

import json
import os
import shutil
import socket
import subprocess
import textwrap
import time

import mcp
import witness
from desk import Desk
from harness import BUILD, PARCLOSE, REPO, read_png_bytes, wait_for
from witness import Witness

CLIENTS = os.path.join(REPO, "tests", "e2e", "mcp-clients")
PACKAGES = os.path.join(BUILD, "mcp-clients", "node_modules")
TOOLS = ["computer", "computer_batch", "computer_openai", "computer_gemini", "screenshot", "wait_stable", "windows",
         "clipboard", "launch", "ask_user", "session"]


class Clients(Desk):
    """The two clients from npm. Both check each answer against the tool's schema, and fail if it does not fit."""

    def run_client(self, script, mode, steps, *server):
        if not os.path.isdir(PACKAGES):
            self.fail(f"{PACKAGES} is not there; ./dev test test_mcp installs it from npm")
        place = os.path.join(self.dir, "clients")
        if not os.path.isdir(place):
            shutil.copytree(CLIENTS, place)
            os.symlink(PACKAGES, os.path.join(place, "node_modules"))
        done = subprocess.run(["node", os.path.join(place, script), mode, json.dumps(steps), PARCLOSE, "mcp", *server],
                              env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=170,
                              check=False)
        if done.returncode != 0:
            self.fail(f"{script}: exit {done.returncode}\n{done.stderr[-3000:]}")
        return json.loads(done.stdout)

    def check_client(self, script, mode):
        policy = witness.policy(self)
        steps = [
            {"tool": "session"},
            {"tool": "wait_stable", "arguments": {"timeoutMs": 20000}},
            {"tool": "computer", "arguments": {"action": "left_click", "coordinate": [300, 200]}},
            {"tool": "computer", "arguments": {"action": "left_click", "coordinate": [9000, 200]}},
            {"tool": "computer_batch", "arguments": {"image": "none", "actions": [
                {"action": "mouse_move", "coordinate": [10, 10]}, {"action": "key", "text": "NoSuchKey"},
                {"action": "type", "text": "never"}]}},
            {"tool": "computer_openai", "arguments": {"image": "jpeg", "actions": [
                {"type": "click", "x": 30, "y": 40, "button": "left"}, {"type": "wait"}]}},
            {"tool": "computer_gemini", "arguments": {"name": "click_at", "args": {"x": 500, "y": 500}}},
            {"tool": "screenshot", "arguments": {"region": {"x": 0, "y": 0, "width": 100, "height": 50}}},
            {"tool": "windows"},
            {"tool": "launch", "arguments": {"command": ["foot", "-e", "sleep", "60"]}},
            {"tool": "no_such_tool"},
            {"tool": "computer", "arguments": {"action": "wait", "duration": 60}, "abortMs": 300},
            {"tool": "windows"},
            {"tool": "session", "arguments": {"action": "stop"}},
        ]
        report = self.run_client(script, mode, steps, "--policy", policy, "--name", "m", "--", witness.PROGRAM,
                                 "--draw", "click")
        self.assertEqual([tool["name"] for tool in report["tools"]], TOOLS)
        for step, outcome in zip(steps, report["steps"]):
            if step["tool"] != "no_such_tool" and "abortMs" not in step:
                self.assertIn("result", outcome, (step, outcome))
        results = [outcome.get("result") for outcome in report["steps"]]
        click, outside, batch, openai, gemini, shot, windows, launched = results[2:10]
        self.assertEqual(click["structuredContent"]["effect"], "changed")
        data, kind = mcp.picture(click)
        self.assertEqual((kind, read_png_bytes(data)[:2]), ("image/png", (1280, 800)))
        # The same again as text, for models whose client shows them nothing else.
        self.assertEqual(json.loads(click["content"][0]["text"]), click["structuredContent"])
        self.assertTrue(outside["isError"])
        self.assertIn("9000", outside["content"][0]["text"])
        self.assertTrue(batch["isError"])
        self.assertEqual([batch["structuredContent"][key] for key in ("completed", "skipped")], [1, 1])
        self.assertFalse([block for block in batch["content"] if block["type"] == "image"])
        self.assertEqual(openai["structuredContent"]["completed"], 2)
        self.assertEqual(mcp.picture(openai)[1], "image/jpeg")
        self.assertEqual(mcp.picture(openai)[0][:3], b"\xff\xd8\xff")
        self.assertEqual(gemini["structuredContent"]["cursor"], {"x": 640, "y": 400})
        self.assertEqual(read_png_bytes(mcp.picture(shot)[0])[:2], (100, 50))
        self.assertEqual([w["appId"] for w in windows["structuredContent"]["windows"]], ["witness"])
        self.assertEqual(launched["structuredContent"]["effect"], "changed")
        unknown, aborted, after = report["steps"][10:13]
        self.assertEqual((unknown["error"]["code"], "no_such_tool" in unknown["error"]["message"]), (-32602, True))
        self.assertIn("error", aborted)
        self.assertLess(aborted["ms"], 10000)
        self.assertLess(after["ms"], 20000)
        self.assertEqual({w["appId"] for w in after["result"]["structuredContent"]["windows"]}, {"foot", "witness"})
        wait_for(lambda: self.cli("list").stdout == "", 10, "the session to end with its client")
        return report

    def test_legacy_client(self):
        report = self.check_client("legacy.mjs", "legacy")
        self.assertEqual(report["server"]["name"], "parclose")
        self.assertIn("tools", report["capabilities"])

    def test_modern_client_insists_on_the_modern_revision(self):
        report = self.check_client("modern.mjs", mcp.MODERN)
        self.assertEqual(report["revision"], mcp.MODERN)

    def test_modern_client_finds_out(self):
        self.assertEqual(self.run_client("modern.mjs", "auto", [{"tool": "session"}])["revision"], mcp.MODERN)

    def test_modern_client_as_a_legacy_one(self):
        report = self.run_client("modern.mjs", "legacy", [{"tool": "session"}])
        self.assertEqual(report["revision"], mcp.LEGACY)


class Sockets(Desk):
    def begin(self, *options, **sections):
        self.detach("sleep", "600", policy=witness.policy(self, **sections))
        window = Witness(self, *options)
        self.stable()
        window.forget()
        return window

    def test_tools_are_few_and_well_described(self):
        self.begin()
        for era in ("legacy", "modern"):
            tools = self.client("s", era).tools()
            self.assertEqual(list(tools), TOOLS)
            for tool in tools.values():
                for schema in (tool["inputSchema"], tool["outputSchema"]):
                    self.assertEqual(schema["type"], "object")
                    for name in schema.get("required", ()):
                        self.assertIn(name, schema["properties"])
                self.assertLess(len(tool["description"]), 500)
                self.assertIsInstance(tool["annotations"]["readOnlyHint"], bool)
            for name in ("screenshot", "wait_stable"):
                self.assertTrue(tools[name]["annotations"]["readOnlyHint"])
            for name in TOOLS[:4]:
                self.assertTrue(tools[name]["annotations"]["destructiveHint"])
            # A model reads all of it in each of its turns.
            self.assertLess(len(json.dumps(list(tools.values()))), 20000)

    def test_the_picture_is_the_display(self):
        self.begin("--draw", "click")
        result = self.client("s").tool("screenshot", cursor=False)
        self.assertEqual(read_png_bytes(mcp.picture(result)[0]), self.screenshot("s", "--no-cursor"))

    def test_eras_on_one_connection(self):
        self.begin()
        client = self.client("s", "legacy")
        self.assertEqual(client.hello["protocolVersion"], mcp.LEGACY)
        self.assertNotIn("resultType", client.request("tools/list"))
        self.assertEqual(client.request("ping"), {})
        client.era = "modern"
        listed = client.request("tools/list")
        self.assertEqual(listed["resultType"], "complete")
        self.assertIsInstance(listed["ttlMs"], int)
        found = client.request("server/discover")
        self.assertIn(mcp.MODERN, found["supportedVersions"])
        with self.assertRaises(mcp.RpcError) as caught:
            client.request("ping")
        self.assertEqual(caught.exception.code, -32601)

    def test_cancelled(self):
        """What is pressed goes up, and what waits behind goes on."""
        window = self.begin()
        client = self.client("s")
        begun = time.monotonic()
        number = client.start("tools/call", {"name": "computer", "arguments": {
            "action": "hold_key", "text": "shift+w", "duration": 60}})
        window.wait_count("key", 2)
        client.notify("notifications/cancelled", {"requestId": number})
        keys = window.wait_count("key", 4)
        self.assertEqual({e["sym"] for e in keys if e["state"] == 0}, {"W", "Shift_L"})
        self.assertEqual(client.computer("left_click", coordinate=[5, 5])["effect"], "nothing_changed")
        self.assertLess(time.monotonic() - begun, 30)
        self.assertNotIn(number, client.answers)

    def test_ten_thousand_actions(self):
        window = self.begin()
        client = self.client("s")
        actions = [{"action": "left_click", "coordinate": [5, 5]}] * 10000
        result = client.tool("computer_batch", actions=actions)
        self.assertTrue(result["isError"])
        self.assertIn("10000 actions", result["content"][0]["text"])
        self.assertEqual(window.events("button"), [])
        # As many as may be: all of them.
        actions[10:100] = [{"action": "cursor_position"}] * 90
        result = client.tool("computer_batch", actions=actions[:100], image="none", seconds=120)
        self.assertEqual(result["structuredContent"]["completed"], 100)
        self.assertEqual(len(window.wait_count("button", 20)), 20)

    def test_a_batch_stops_at_the_first_error(self):
        window = self.begin()
        result = self.client("s").tool("computer_batch", actions=[
            {"action": "left_click", "coordinate": [5, 5]}, {"action": "key", "text": "a"},
            {"action": "left_click", "coordinate": [5, 5000]}, {"action": "key", "text": "b"}])
        self.assertTrue(result["isError"])
        said = result["structuredContent"]
        self.assertEqual((said["completed"], said["skipped"], len(said["results"])), (2, 1, 3))
        self.assertIn("5000", result["content"][0]["text"])
        self.click("s", 5, 5)
        window.wait_count("button", 4)
        self.assertEqual([e["sym"] for e in window.events("key")], ["a", "a"])

    def test_while_somebody_else_holds_the_session(self):
        window = self.begin()
        client = self.client("s")
        # A key of the agent's is down; it goes up when the session is taken.
        client.computer("left_mouse_down")
        window.wait_count("button", 1)
        self.cli("takeover", "s")
        window.wait_count("button", 2)
        window.forget()
        for tool, arguments in (("computer", {"action": "left_click", "coordinate": [5, 5]}),
                                ("computer", {"action": "type", "text": "text"}),
                                ("computer_openai", {"actions": [{"type": "click", "x": 1, "y": 1, "button": "left"}]}),
                                ("computer_gemini", {"name": "click_at", "args": {"x": 1, "y": 1}}),
                                ("launch", {"command": ["foot"]}), ("windows", {"action": "cycle"})):
            with self.subTest(tool=tool):
                result = client.tool(tool, **arguments)
                self.assertTrue(result["isError"])
                self.assertEqual(result["structuredContent"]["effect"], "refused")
                self.assertIn("user", result["content"][0]["text"])
        # To look is allowed.
        self.assertFalse(client.tool("screenshot")["isError"])
        self.assertEqual(client.tool("session")["structuredContent"]["holder"], "human")
        self.assertEqual(window.events("button", "key", "motion"), [])
        self.cli("release", "s")
        client.computer("left_click", coordinate=[5, 5])
        window.wait_count("button", 2)

    def test_bad_bytes(self):
        window = self.begin()
        client = self.client("s")
        for bad, code in ((b"\xff\xfe\n", -32700), (b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"a":"\\ud800"}}\n',
                          -32700), (b"{}\n", -32600), (b"null\n", -32600), (b"[]\n", -32600), (b"\0\n", -32700)):
            with self.subTest(bad=bad):
                client.send_bytes(bad)
                self.assertEqual(client.line()["error"]["code"], code)
        # 100 MiB in one line are refused once; what comes behind the newline is read.
        block = b" " * (1 << 20)
        for _ in range(100):
            client.send_bytes(block)
        client.send_bytes(b"\n")
        self.assertEqual(client.line()["error"]["code"], -32600)
        self.assertEqual(client.computer("left_click", coordinate=[5, 5])["effect"], "nothing_changed")
        window.wait_count("button", 2)

    def test_a_client_that_never_reads(self):
        window = self.begin()
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.control())
        sock.settimeout(20)
        client = mcp.Client(sock, sock)
        with self.assertRaises(OSError):
            for _ in range(100000):
                client.start("tools/list")
        sock.close()
        # Everybody else goes on.
        self.assertEqual(self.click("s", 5, 5)["effect"], "delivered")
        window.wait_count("button", 2)

    def test_a_client_that_is_gone_lets_go(self):
        window = self.begin()
        client = mcp.over_socket(self.control())
        client.start("tools/call", {"name": "computer", "arguments": {"action": "hold_key", "text": "w", "duration": 60}})
        window.wait_count("key", 1)
        client.socket.close()
        self.assertEqual([e["state"] for e in window.wait_count("key", 2)], [1, 0])

    def test_a_client_that_is_gone_lets_go_of_what_it_left_pressed(self):
        window = self.begin()
        for era in ("modern", "legacy"):
            client = mcp.over_socket(self.control(), era=era)
            for action in ("left_mouse_down", "left_mouse_up", "left_mouse_down"):
                self.assertFalse(client.tool("computer", action=action)["isError"])
            self.assertFalse(client.tool("computer_gemini", name="key_down", args={"key": "shift"})["isError"])
            window.wait_count("button", 3)
            window.wait_count("key", 1)
            mcp.over_socket(self.control()).socket.close() # lets go of nothing that is not its own
            time.sleep(0.3)
            self.assertEqual([e["state"] for e in window.events("button", "key")], [1, 0, 1, 1])
            client.socket.close()
            window.wait_count("button", 4)
            window.wait_count("key", 2)
            self.assertEqual([e["state"] for e in window.events("button", "key")], [1, 0, 1, 1, 0, 0])
            window.forget()

    def test_two_clients_take_turns(self):
        window = self.begin()
        clients = [mcp.over_socket(self.control(), era=era) for era in ("modern", "legacy")]
        try:
            numbers = [[client.start("tools/call", {"name": "computer", "arguments": {
                "action": "type", "text": letter * 20, "image": "none"}}) for _ in range(5)]
                for client, letter in zip(clients, "ab")]
            for client, own in zip(clients, numbers):
                for number in own:
                    self.assertFalse(client.result(number)["isError"])
        finally:
            for client in clients:
                client.socket.close()
        text = window.text()
        self.assertEqual(sorted(text), sorted("a" * 100 + "b" * 100))
        # Each action is whole.
        self.assertEqual({text[i:i + 20] for i in range(0, 200, 20)}, {"a" * 20, "b" * 20})

    # In a sandbox, by a program that is not ours: what it says to $PARCLOSE_SOCKET, and hears.
    TALK = textwrap.dedent("""
        import os, socket, sys
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(os.environ["PARCLOSE_SOCKET"])
        lines = sock.makefile("rw")
        for line in sys.stdin:
            print(line, end="", file=lines, flush=True)
            print(lines.readline(), end="", flush=True)
    """)

    def test_inside(self):
        window = self.begin(ui={"disable": False, "injection": True})
        process = self.spawn("exec", "s", "--", "python3", "-c", self.TALK, stdin=subprocess.PIPE, text=False, bufsize=0)
        client = mcp.Client(process.stdout, process.stdin)
        self.assertEqual(list(client.tools()), [name for name in TOOLS if name != "launch"])
        self.assertEqual(client.computer("left_click", coordinate=[7, 9])["effect"], "nothing_changed")
        window.wait_count("button", 2)
        result = client.tool("session", action="stop")
        self.assertTrue(result["isError"])
        with self.assertRaises(mcp.RpcError):
            client.tool("launch", command=["foot"])
        self.cli("takeover", "s")
        self.assertTrue(client.tool("computer", action="left_click", coordinate=[7, 9])["isError"])

    def test_not_inside_unless_allowed(self):
        self.begin()
        done = self.cli("exec", "s", "--", "sh", "-c", "echo ${PARCLOSE_SOCKET-none}; ls -A $XDG_RUNTIME_DIR")
        self.assertEqual(done.stdout.split(), ["none", "wayland-0"])


class Streams(Desk):
    def test_on_standard_streams(self):
        """One line each way for everything, and nothing else on them."""
        client = mcp.over_stdio([PARCLOSE, "mcp", "--name", "m", "--", "foot", "-e", "cat"], self.env)
        self.started.append(client.process)
        self.assertEqual(list(client.tools()), TOOLS)
        self.assertEqual(client.tool("session")["structuredContent"]["state"], "none")
        self.assertEqual(client.computer("type", text="hello\n")["effect"], "changed")
        info = self.inspect("m")
        pids = self.pids(info)
        client.process.stdin.close()
        self.assertIsNone(client.line())
        self.assertEqual(client.process.wait(10), 0)
        self.assert_gone(pids | {client.process.pid})
        self.assertEqual(self.cli("list").stdout, "")
