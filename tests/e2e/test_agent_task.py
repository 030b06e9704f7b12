"""A task from beginning to end by tool calls alone, as an agent does it: no model, but nothing that a model could not do.

What came of it is looked at from outside, in files and in what the page recorded.
"""

import json
import os

import apps
import mcp
from harness import PARCLOSE, SessionTest, read_png_bytes, wait_for

NAME = "Ada Lövelace 👩🏽‍💻"
NOTE = "Dear diary,\n„heute“ wird gerechnet: "


class AgentTask(SessionTest):
    def setUp(self):
        super().setUp()
        policy = self.policy(process={"nestedSandbox": True}, filesystem={"readonlyPaths": [apps.INSIDE]},
                             limits={"processes": 2048, "openFiles": 8192, "tmp": "1G"})
        self.agent = mcp.over_stdio([PARCLOSE, "mcp", "--policy", policy, "--name", "task"], self.env, seconds=100)
        self.started.append(self.agent.process)

    # ---- what an agent can do

    def call(self, tool, **arguments):
        result = self.agent.tool(tool, **arguments)
        self.assertFalse(result["isError"], result["content"][:1])
        return result

    def computer(self, action, **arguments):
        return self.call("computer", action=action, **arguments)["structuredContent"]

    def click(self, x, y):
        return self.computer("left_click", coordinate=[x, y])

    def windows(self):
        return self.call("windows", image="none")["structuredContent"]["windows"]

    def wait_for_window(self, text):
        """Looks until a window's title or program has `text`, and the picture rests."""
        window = wait_for(lambda: next((w for w in self.windows() if text in w["title"] or text in w["appId"]), None),
                          90, f"a window with {text}")
        self.call("wait_stable", timeoutMs=60000, image="none")
        return window

    def look_for(self, colour):
        """The top left corner of what has a colour, in a picture from now."""
        data, _ = mcp.picture(self.call("screenshot", waitStable=True, cursor=False))
        _, _, rows = read_png_bytes(data)
        for y, row in enumerate(rows):
            at = row.find(colour)
            while at >= 0 and at % 3 != 0:
                at = row.find(colour, at + 1)
            if at >= 0:
                return at // 3, y
        self.fail("the agent does not see what it looks for")

    # ---- what it should come to

    def file(self, path):
        done = self.cli("exec", "task", "--", "cat", path, check=False)
        return done.stdout if done.returncode == 0 else None

    def test_form_document_and_calculation(self):
        # A form in a browser.
        self.call("launch", image="none", command=[
            "sh", "-c", f"python3 {apps.INSIDE}/server.py 8000 /tmp/report.json &"
            f"exec {apps.Chromium.program} http://127.0.0.1:8000/page"])
        self.wait_for_window("ready")
        x, y = self.look_for(bytes.fromhex("ddeeff") * 20)
        x, y = x - 640, y - 20 # of the page's corner: its coloured box is the way to find it
        self.assertEqual(self.click(x + 100, y + 360)["effect"], "changed")
        typed = self.computer("type", text=NAME)
        self.assertEqual((typed["effect"], typed["characters"]), ("changed", len(NAME)))
        self.computer("key", text="Tab")
        self.computer("type", text="gr")
        sent = self.click(x + 100, y + 460)
        self.assertEqual(sent["effect"], "changed")
        report = json.loads(wait_for(lambda: (lambda t: t if t and '"submit"' in t else None)(
            self.file("/tmp/report.json")), 20, "the form"))
        fields = [event["fields"] for event in report if event["event"] == "submit"]
        self.assertEqual(fields, [{"name": NAME, "colour": "green"}])
        # Chromium's answer is below the button: what changed is told to be there.
        box = sent["changed"]
        self.assertLess(box["y"], y + 510)
        self.assertGreater(box["y"] + box["height"], y + 490)

        # A document in an editor.
        self.call("launch", command=["mousepad"], image="none")
        editor = self.wait_for_window("mousepad")
        self.computer("type", text=NOTE)
        self.computer("key", text="ctrl+s")
        dialog = wait_for(lambda: next((w for w in self.windows() if w.get("parent") == editor["id"]), None), 20,
                          "the dialog for saving")
        self.call("wait_stable", timeoutMs=20000, image="none")
        self.computer("key", text="ctrl+a")
        self.computer("type", text="/tmp/diary.txt")

        def saved():
            # The button can be pressed only when the folder was read, which the dialog does not wait for.
            self.computer("key", text="Return")
            return dialog["id"] not in [w["id"] for w in self.windows()]
        wait_for(saved, 20, "the dialog to go")
        wait_for(lambda: self.file("/tmp/diary.txt") == NOTE, 20, "the document, which is now " + repr(self.file("/tmp/diary.txt")))

        # A result from a calculator into the document.
        self.call("launch", command=["galculator"], image="none")
        self.wait_for_window("galculator")
        before = self.call("screenshot", region={"x": 0, "y": 30, "width": 1280, "height": 60}, cursor=False)
        self.assertEqual(self.computer("type", text="12*34=")["effect"], "changed")
        after = self.call("screenshot", region={"x": 0, "y": 30, "width": 1280, "height": 60}, cursor=False)
        self.assertNotEqual(mcp.picture(before), mcp.picture(after))
        self.computer("key", text="ctrl+c")
        self.call("windows", action="raise", id=editor["id"], image="none")
        self.computer("key", text="ctrl+End")
        self.assertEqual(self.computer("key", text="ctrl+v")["effect"], "changed")
        self.computer("key", text="ctrl+s")
        wait_for(lambda: self.file("/tmp/diary.txt") == NOTE + "408", 20,
                 "12 times 34 in the document, which has " + repr(self.file("/tmp/diary.txt")))

        pids = self.pids(self.inspect("task"))
        self.agent.process.stdin.close()
        self.assertEqual(self.agent.process.wait(20), 0)
        self.assert_gone(pids, 10)
        self.assertFalse(os.listdir(os.path.join(self.env["XDG_RUNTIME_DIR"], "parclose")))
