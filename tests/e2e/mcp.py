"""A client of MCP that trusts nobody: JSON-RPC, a message a line, over a process's standard streams or a socket."""

import base64
import json
import os
import select
import socket
import subprocess
import time

VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
MODERN = "2026-07-28"
LEGACY = "2025-11-25"


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = error.get("code")
        self.data = error.get("data")


class Client:
    """`read` and `write` are sockets or files without a buffer; they stay the caller's."""

    def __init__(self, read, write, era="modern", seconds=60):
        self.read, self.write, self.era, self.seconds = read, write, era, seconds
        self.rest, self.id = b"", 0
        self.notifications, self.answers = [], {}
        if era == "legacy":
            self.hello = self.request("initialize", {
                "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}})
            self.notify("notifications/initialized")

    def send_bytes(self, data):
        while data:
            _, ready, _ = select.select([], [self.write], [], self.seconds)
            assert ready, "the other side does not read"
            try:
                done = _write(self.write, data)
            except BlockingIOError:
                continue
            data = data[done:]

    def send(self, message):
        self.send_bytes(json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")

    def line(self, seconds=None):
        """The next message, or None at the end of the stream."""
        deadline = time.monotonic() + (seconds or self.seconds)
        while b"\n" not in self.rest:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.read], [], [], max(0, left))
            if not ready:
                raise AssertionError("no answer in time")
            try:
                data = _read(self.read)
            except ConnectionError:
                data = b""
            if not data:
                assert self.rest == b"", f"the stream ends within a message: {self.rest[:200]}"
                return None
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line.decode("utf-8"))

    def _params(self, params):
        params = dict(params or {})
        if self.era == "modern":
            params["_meta"] = {VERSION_KEY: MODERN, "io.modelcontextprotocol/clientCapabilities": {},
                               "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"}}
        return params

    def start(self, method, params=None):
        """Sends a request and returns its id; result() waits for the answer."""
        self.id += 1
        self.send({"jsonrpc": "2.0", "id": self.id, "method": method, "params": self._params(params)})
        return self.id

    def result(self, number, seconds=None):
        while number not in self.answers:
            message = self.line(seconds)
            assert message is not None, "the connection was closed instead of an answer"
            if "id" in message and "method" not in message:
                self.answers[message["id"]] = message
            else:
                assert "id" not in message, f"a server must not ask: {message}"
                self.notifications.append(message)
        answer = self.answers.pop(number)
        assert answer.get("jsonrpc") == "2.0", answer
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    def request(self, method, params=None, seconds=None):
        return self.result(self.start(method, params), seconds)

    def notify(self, method, params=None):
        self.send({"jsonrpc": "2.0", "method": method, "params": self._params(params)})

    def tools(self):
        return {tool["name"]: tool for tool in self.request("tools/list")["tools"]}

    def tool(self, tool_name, seconds=None, **arguments):
        return self.request("tools/call", {"name": tool_name, "arguments": arguments}, seconds)

    def computer(self, action, seconds=None, **arguments):
        """One action that must be done; returns its structured answer."""
        result = self.tool("computer", seconds, action=action, **arguments)
        assert not result.get("isError"), result["content"][:1]
        return result.get("structuredContent")


def picture(result):
    """The bytes and the kind of a tool's only picture."""
    blocks = [block for block in result["content"] if block["type"] == "image"]
    assert len(blocks) == 1, [block["type"] for block in result["content"]]
    return base64.b64decode(blocks[0]["data"], validate=True), blocks[0]["mimeType"]


def _read(file):
    return file.recv(1 << 20) if isinstance(file, socket.socket) else os.read(file.fileno(), 1 << 20)


def _write(file, data):
    return file.send(data) if isinstance(file, socket.socket) else os.write(file.fileno(), data[:1 << 16])


def over_socket(path, **options):
    """A client on a unix socket; `.socket` is closed by the caller."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    client = Client(sock, sock, **options)
    client.socket = sock
    return client


def over_stdio(command, env, **options):
    """A client of a process; `.process` is ended by closing its standard input."""
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    client = Client(process.stdout, process.stdin, **options)
    client.process = process
    return client
