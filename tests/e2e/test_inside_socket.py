"""The socket inside the sandbox: there only where the policy says so, and never for administration."""

import json
import textwrap

from harness import SessionTest

# Says each line of its arguments to the socket, prints the answers.
TALK = textwrap.dedent("""
    import os, socket, sys
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(os.environ["PARCLOSE_SOCKET"])
    lines = sock.makefile("rw")
    for line in sys.argv[1:]:
        lines.write(line + "\\n")
        lines.flush()
        print(lines.readline(), end="")
""")

MANY = textwrap.dedent("""
    import os, socket
    socks = []
    for _ in range(20):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(os.environ["PARCLOSE_SOCKET"])
        socks.append(sock)
    answered = 0
    for sock in socks:
        try:
            sock.sendall(b'{"jsonrpc":"2.0","id":1,"method":"parclose/inspect"}\\n')
            answered += bool(sock.recv(100))
        except (BrokenPipeError, ConnectionResetError):
            pass
    print(answered)
""")


class InsideSocket(SessionTest):
    def run_inside(self, policy, *command):
        return self.cli("run", "--policy", policy, "--", *command, timeout=60).stdout

    def drivable(self):
        return self.policy(ui={"disable": False, "injection": True})

    def test_there_only_where_allowed(self):
        show = "echo ${PARCLOSE_SOCKET-none}; ls $XDG_RUNTIME_DIR"
        self.assertEqual(self.run_inside(self.drivable(), "sh", "-c", show).split(),
                         ["/run/user/1000/parclose.sock", "parclose.sock", "wayland-0"])
        self.assertEqual(self.run_inside(self.policy(), "sh", "-c", show).split(), ["none", "wayland-0"])

    def test_no_administration(self):
        requests = [json.dumps({"jsonrpc": "2.0", "id": i, "method": "parclose/" + name, "params": {}})
                    for i, name in enumerate(("inspect", "stop", "exec", "takeover", "release", "screenshot",
                                              "window", "view", "act", "nonsense"))]
        out = self.run_inside(self.drivable(), "python3", "-c", TALK, *requests)
        answers = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([(a["id"], a["error"]["code"]) for a in answers],
                         [(i, -32601) for i in range(len(requests))])

    def test_few_connections(self):
        self.assertEqual(self.run_inside(self.drivable(), "python3", "-c", MANY), "8\n")
