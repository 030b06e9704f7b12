"""A test that acts in sessions, through the control socket and MCP, as an agent outside does."""

import os

import mcp
from harness import SessionTest, read_png_bytes


class Desk(SessionTest):
    def setUp(self):
        super().setUp()
        self.clients = {}

    def tearDown(self):
        for client in self.clients.values():
            client.socket.close()
        super().tearDown()

    def end(self, name="s"):
        """Ends a session, so that another may have its name."""
        for key in [key for key in self.clients if key[0] == name]:
            self.clients.pop(key).socket.close()
        self.cli("stop", "--grace", "0", name)

    def control(self, name="s"):
        return os.path.join(self.env["XDG_RUNTIME_DIR"], "parclose", name, "control.sock")

    def client(self, name="s", era="modern"):
        """A connection of its own to a session."""
        key = (name, era)
        if key not in self.clients:
            self.clients[key] = mcp.over_socket(self.control(name), era=era)
        return self.clients[key]

    def act(self, name, action, wait=0, **fields):
        """One action of our own vocabulary (docs/agents.md); its outcome, whatever its effect.

        `wait`: milliseconds in which the picture may come to rest after it.
        """
        settle = {"timeoutMs": wait} if wait else False
        report = self.client(name, "none").request(
            "parclose/act", {"actions": [{"action": action, **fields}], "settle": settle}, 130)
        self.assertEqual(len(report["results"]), 1, report)
        return report["results"][0]

    def picture(self, name, action, **arguments):
        """One action of Anthropic's vocabulary over MCP: the picture in its answer, and its outcome."""
        result = self.client(name).tool("computer", action=action, **arguments)
        self.assertFalse(result["isError"], result["content"][:1])
        data, kind = mcp.picture(result)
        self.assertEqual(kind, "image/png")
        return read_png_bytes(data), result["structuredContent"]

    def done(self, name, action, **fields):
        """The same for one that must be delivered."""
        answer = self.act(name, action, **fields)
        self.assertIn(answer["effect"], ("changed", "nothing_changed", "delivered"), answer)
        return answer

    def type(self, name, text, wait=20000):
        return self.done(name, "type", text=text, wait=wait)

    def key(self, name, keys):
        return self.done(name, "key", keys=keys)

    def click(self, name, x, y, **fields):
        return self.done(name, "click", x=x, y=y, **fields)

    def stable(self, name="s", quiet=120):
        """Waits until the picture rests for `quiet` milliseconds."""
        return self.done(name, "wait_stable", quietMs=quiet, timeoutMs=60000)
