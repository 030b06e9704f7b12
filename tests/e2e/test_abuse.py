"""Programs inside that try to hold up, fill or wear out what is outside of their limits."""

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
        sock.sendmsg([sys.argv[3].encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [tcp.fileno()]))])
        socks.append(sock)
    tcp.close()
    print("given", flush=True)
    for sock in socks:
        sock.close()
    time.sleep(600)
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
