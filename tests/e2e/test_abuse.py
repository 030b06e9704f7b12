"""Programs inside that try to hold up, fill or wear out what is outside of their limits."""

import json
import textwrap
import time

from harness import SessionTest, wait_for

# A TCP connection whose other end reads nothing: with SO_LINGER whoever closes it last waits for an
# hour. It is given away over a socket of ours, unread.
LINGER = textwrap.dedent("""
    import array, os, socket, struct, sys, time
    listener = socket.create_server(("127.0.0.1", 0))
    tcp = socket.create_connection(listener.getsockname())
    peer = listener.accept()[0]
    tcp.setblocking(False)
    try:
        while True:
            tcp.send(bytes(65536))
    except BlockingIOError:
        pass
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
    socks = []
    for _ in range(int(sys.argv[2])):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(sys.argv[1])
        try:
            sock.sendmsg([sys.argv[3].encode()],
                         [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [tcp.fileno()]))])
        except BrokenPipeError:
            pass  # one too many
        socks.append(sock)
    tcp.close()
    print("given", flush=True)
    for sock in socks:
        sock.close()
    time.sleep(600)
""")

# So many connections at the inside socket, each asking for the same thing again and again for 8 s.
WEAR = textwrap.dedent("""
    import json, os, socket, sys, threading, time
    def say(number, method, params):
        return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\\n"
    def wear(tool, arguments):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(os.environ["PARCLOSE_SOCKET"])
        lines = sock.makefile("rb")
        sock.sendall(say(0, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}}))
        lines.readline()
        number, end = 0, time.monotonic() + 8
        while time.monotonic() < end:
            number += 1
            sock.sendall(say(number, *(("tools/call", {"name": tool, "arguments": arguments}) if tool
                                       else ("ping", {"x": [[]] * 200000}))))
            answers.append(json.loads(lines.readline()))
    answers = []
    threads = [threading.Thread(target=wear, args=(sys.argv[1], json.loads(sys.argv[2]))) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(len(answers), sum("error" in answer or answer["result"].get("isError", False) for answer in answers))
""")


class Abuse(SessionTest):
    def hold_up(self, *arguments, **sections):
        policy = self.policy(ui={"disable": False, **sections})
        process = self.spawn("run", "--name", "a", "--policy", policy, "--", "python3", "-c", LINGER, *arguments)
        wait_for(lambda: process.stdout.readline() == "given\n", what="the gift")
        for _ in range(3):
            time.sleep(0.2)
            self.cli("inspect", "a", timeout=5)
        self.cli("exec", "a", "--", "true", timeout=5)
        self.cli("stop", "a", "--grace", "0", timeout=5)

    def test_lingering_socket_to_the_inside_socket(self):
        self.hold_up("/run/user/1000/parclose.sock", "1", "{", injection=True)

    def test_lingering_socket_to_the_display(self):
        self.hold_up("/run/user/1000/wayland-0", "300", "x")

    def wear(self, tool, arguments):
        """What it costs the supervisor, in seconds of CPU time; how many were answered, and how many refused."""
        policy = self.policy(ui={"disable": False, "injection": True})
        process = self.spawn("run", "--name", "a", "--policy", policy, "--", "python3", "-c", WEAR, tool, arguments)
        wait_for(lambda: "running" in self.cli("list", check=False).stdout, what="the session")
        pid = self.inspect("a")["supervisor"]["pid"]

        def spent():
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                return sum(int(ticks) for ticks in stat.read().rsplit(") ", 1)[1].split()[11:13]) / 100
        begun = spent()
        time.sleep(6)
        cost = spent() - begun
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        return (cost, *map(int, out.split()))

    # A quarter of six seconds, half a second ahead, and what reading and writing themselves take.
    def test_pictures_cost_a_part_of_a_core(self):
        cost, answered, refused = self.wear("screenshot", "{}")
        self.assertLess(cost, 2.4)
        self.assertGreater(answered, 20)
        self.assertEqual(refused, 0)  # they wait, all the same

    def test_messages_cost_a_part_of_a_core(self):
        cost, answered, refused = self.wear("", "{}")
        self.assertLess(cost, 2.4)
        self.assertGreater(answered, 10)
        self.assertEqual(refused, 0)

    def test_vain_acts_fill_no_disk(self):
        _, answered, refused = self.wear("computer", json.dumps({"action": "key", "text": "a"}))
        self.assertGreater(refused, 1000)
        self.assertEqual(refused, answered)
        self.assertLess(len(self.log("a")), 400)
