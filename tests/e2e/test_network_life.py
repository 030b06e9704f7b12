"""What leads in, this machine's loopback, the proxy; what is written down, learned, and changed while a session runs."""

import json
import os
import pty
import re
import subprocess
import sys
import time
import urllib.request

from harness import PARCLOSE, wait_for
from internet import HERE
from network_case import NetworkCase, allow, rule

ORG = allow("example.org", "*.example.org")


class Machine(NetworkCase):
    """Between the session and the loopback of the machine that it runs on."""

    def on_machine(self, *command, **kwargs):
        return subprocess.run(command, preexec_fn=self.internet.enter, capture_output=True, text=True, timeout=30,
                              env=self.env, check=False, **kwargs)

    def test_published_ports(self):
        network = {"ingress": {"publish": [{"host": 18080, "port": 3000}, {"host": 18081, "port": 3001}]}}
        page = "import http.server as h; h.ThreadingHTTPServer(('{0}', {1}), h.SimpleHTTPRequestHandler).serve_forever()"
        self.detach("sh", "-c", "cd /tmp; echo from inside >index.html; "
                    f"python3 -c \"{page.format('127.0.0.1', 3000)}\" & "
                    "exec sleep 600", policy=self.network_policy(network))

        def get(host, port):
            done = self.on_machine("curl", "-sS", "-m", "5", f"http://{host}:{port}/")
            return done.stdout if done.returncode == 0 else None
        wait_for(lambda: get("127.0.0.1", 18080) == "from inside\n", 20, "the page inside")
        self.assertEqual(get("[::1]", 18080), "from inside\n")
        # Nobody else's: not by another address of the machine, and not where nothing listens inside.
        self.assertIsNone(get("198.51.100.2", 18080))
        start = time.monotonic()
        self.assertIsNone(get("127.0.0.1", 18081))
        self.assertLess(time.monotonic() - start, 3)
        line = wait_for(lambda: self.network_lines(kind="published", port=3000), 5, "a line")[0]
        self.assertEqual(line["rule"], "/network/ingress/publish/0")
        # What leads in leads nowhere out.
        done = self.cli("exec", "s", "--", "curl", "-sS", "-m", "5", "http://example.org/", check=False)
        self.assertNotEqual(done.returncode, 0)
        big = self.on_machine("sh", "-c", "head -c 1000000 /dev/zero | curl -sS -m 10 -T - http://127.0.0.1:18080/x -o /dev/null")
        self.assertEqual(big.returncode, 0, big.stderr)

    def test_a_published_port_that_is_taken(self):
        network = {"ingress": {"publish": [{"host": 80, "port": 3000}]}}  # the machine's own web server has it
        done = self.cli("run", "--policy", self.network_policy(network), "--", "true", check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("80", done.stderr)

    def test_this_machines_loopback(self):
        one = {"ingress": {"hostLoopback": [{"port": 80}]}}
        answer = self.curl(one, "http://host.parclose.internal/")
        self.assertEqual((answer["server"], answer["port"]), ("machine", 80))
        for url in ("https://host.parclose.internal/", "http://host.parclose.internal:8080/", "http://127.0.0.1/",
                    "http://localhost/", "http://example.org/", "http://a.host.parclose.internal/"):
            self.assertNotEqual(self.curl(one, url, check=False).returncode, 0, url)
        every = {"ingress": {"hostLoopback": "allow"}}
        self.assertEqual(self.curl(every, "https://host.parclose.internal:8443/")["server"], "machine")
        self.assertEqual(self.curl(every, "http://host.parclose.internal:8080/")["server"], "machine")
        self.assertNotEqual(self.curl(every, "http://127.0.0.1:8080/", check=False).returncode, 0)
        self.assertEqual({a["at"] for a in self.internet.arrivals()}, {"machine"})
        self.assertEqual(self.internet.queries(), [])

    def test_the_proxy_alone(self):
        proxy = subprocess.Popen([sys.executable, os.path.join(HERE, "inside", "proxy.py"), "18888"],
                                 preexec_fn=self.internet.enter, stdout=subprocess.PIPE, text=True)
        self.addCleanup(proxy.stdout.close)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.kill)
        self.assertEqual(proxy.stdout.readline(), "ready\n")
        policy = self.process_policy(network={"egress": {"default": "deny"}},
                                     runtimeConfig={"networkProxy": "http://127.0.0.1:18888"})

        def run(*command):
            return self.cli("run", "--policy", policy, "--", *command, check=False)
        done = run("sh", "-c", "env | grep -i _proxy | sort; curl -sS https://evil.example/; curl -sS http://evil.example/")
        self.assertEqual(done.stdout.count('"server":"other"'), 2, done.stdout + done.stderr)
        self.assertIn("https_proxy=http://127.0.0.1:18888", done.stdout)
        self.assertIn("HTTP_PROXY=http://127.0.0.1:18888", done.stdout)
        for url in ("http://127.0.0.1/", "http://example.org/", "http://203.0.113.10/", "http://[::1]/",
                    "http://host.parclose.internal/"):
            self.assertNotEqual(run("curl", "-sS", "-m", "5", "--noproxy", "*", url).returncode, 0, url)
        self.assertEqual([a for a in self.internet.arrivals() if a["at"] == "machine"], [])


class Records(NetworkCase):
    def test_every_decision_is_a_line(self):
        network = {"egress": {"allow": [rule("example.org", ports=[80, 443])], "deny": [rule("evil.example")]}}
        self.detach("sh", "-c", "curl -sS http://example.org/big?bytes=100000 >/dev/null; curl -sS https://evil.example/; "
                    "curl -sS http://unknown.example/; curl -sS http://example.org/ -H 'Host: evil.example'; sleep 600",
                    policy=self.network_policy(network))
        lines = wait_for(lambda: self.network_lines(reason="http-other-host") and self.network_lines(), 20, "the last line")
        allowed = [line for line in lines if line["kind"] == "connect" and line["allowed"]][0]
        self.assertEqual((allowed["name"], allowed["port"], allowed["protocol"], allowed["rule"]),
                         ("example.org", 80, "tcp", "/network/egress/allow/0"))
        self.assertIn(allowed["address"], ("203.0.113.10", "2001:db8:10::10"))
        closed = [line for line in lines if line["kind"] == "closed" and line["id"] == allowed["id"]][0]
        self.assertGreater(closed["bytesIn"], 100000)
        self.assertGreater(closed["bytesOut"], 50)
        self.assertIn("ms", closed)
        denied = [line for line in lines if line["kind"] == "lookup" and not line["allowed"]]
        self.assertEqual({(line["name"], line["rule"]) for line in denied},
                         {("evil.example", "/network/egress/deny/0"), ("unknown.example", "/network/egress/default")})
        request = [line for line in lines if line["reason"] == "http-other-host"][0]
        self.assertEqual((request["allowed"], request["name"], request["detail"]), (False, "example.org", "evil.example"))
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")
        shown = self.inspect()["network"]
        self.assertEqual(shown["rules"]["egress"]["deny"], [{"to": [{"domain": "evil.example"}]}])
        self.assertIn("unknown.example", json.dumps(shown["lastDenied"]))
        self.assertGreaterEqual(shown["denied"], 3)

    def test_connections_by_address_that_are_denied_are_seen(self):
        self.detach("sh", "-c", "curl -sS -m 5 http://203.0.113.66/; curl -sS -m 5 'http://[2001:db8:66::66]/'; sleep 600",
                    policy=self.network_policy(allow("example.org", "203.0.113.0/24", ports=[443])))
        time.sleep(2)
        self.assertEqual(self.internet.arrivals(), [])

    def test_following_the_log(self):
        self.detach("sh", "-c", "sleep 1; curl -sS http://evil.example/; sleep 600", policy=self.network_policy(ORG))
        follow = self.spawn("log", "--follow", "s")
        os.set_blocking(follow.stdout.fileno(), False)
        seen = [""]

        def look():
            try:
                seen[0] += os.read(follow.stdout.fileno(), 65536).decode()
            except BlockingIOError:
                pass
            return "evil.example" in seen[0]
        wait_for(look, 15, "the denied name in the log")
        follow.terminate()

    def test_a_flood_fills_no_disk(self):
        done = self.python(ORG, """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.53", 53))
s.settimeout(5)
for i in range(20000):
    name = b"n%05d" % i
    s.send(struct.pack(">HHHHHH", i & 0xffff, 0x100, 1, 0, 0, 0) + bytes([6]) + name + b"\\4evil\\7example\\0" +
           struct.pack(">HH", 1, 1))
    s.recv(600)
""", timeout=120)
        self.assertEqual(done.returncode, 0)
        name = [entry["name"] for entry in json.loads(self.cli("list", "--all", "--json").stdout)][0]
        lines = [line for line in self.log(name) if line["event"].startswith("network")]
        self.assertLess(len(lines), 3000)
        self.assertIn("20000", str(sum(line.get("denied", 0) for line in lines if "kind" not in line) +
                                   sum(1 for line in lines if line.get("kind") == "lookup")))

    def test_hostile_names_in_the_log(self):
        """What goes to a terminal or a log is text that cannot write there."""
        self.detach("python3", "-c", r"""
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for label in (b"\x1b[31mred", b"a\nb", b'"}', b"\xff\xfe", b"x" * 63):
    s.sendto(struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + bytes([len(label)]) + label + b"\4evil\0" + struct.pack(">HH", 1, 1),
             ("127.0.0.53", 53))
c = socket.create_connection(("example.org", 80))
c.sendall(b"GET / HTTP/1.1\r\nHost: \x1b]0;title\x07evil\r\n\r\n")
time.sleep(600)
""", policy=self.network_policy(ORG))
        wait_for(lambda: len(self.network_lines(allowed=False)) >= 5, 10, "lines")
        raw = self.cli("log", "s").stdout + self.cli("inspect", "s").stdout + self.cli("inspect", "--json", "s").stdout
        self.assertIsNone(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", raw))


class Learning(NetworkCase):
    def learn(self, network, *command, **sections):
        path = os.path.join(self.dir, "learned.json")
        done = self.cli("run", f"--learn={path}", "--policy", self.network_policy(network, **sections), "--", *command,
                        check=False)
        self.assertTrue(os.path.exists(path), done.stderr)
        with open(path, encoding="utf-8") as file:
            return done, json.load(file), path

    def test_the_least_policy_that_would_have_sufficed(self):
        script = ("curl -sS https://example.org/ && curl -sS http://www.evil.example:8080/ && "
                  "python3 -c 'import socket; s = socket.create_connection((\"203.0.113.66\", 2525)); print(s.recv(10))'")
        done, proposal, path = self.learn({}, "sh", "-c", script)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("PROPOSAL", done.stderr)
        egress = proposal["network"]["egress"]
        self.assertEqual(egress.get("default", "deny"), "deny")
        told = json.dumps(egress)
        for part in ("example.org", "www.evil.example", "443", "8080", "203.0.113.66", "2525"):
            self.assertIn(part, told)
        self.assertNotIn("*", told)
        # It loads, and with it the same run does the same.
        self.assertIn("valid", self.cli("policy", "check", path).stdout)
        again = self.cli("run", "--policy", path, "--", "sh", "-c", script, check=False)
        self.assertEqual((again.returncode, again.stdout), (0, done.stdout))
        other = self.cli("run", "--policy", path, "--", "curl", "-sS", "-m", "5", "http://example.org/", check=False)
        self.assertNotEqual(other.returncode, 0)

    def test_this_machine_is_not_opened_by_learning(self):
        done, proposal, _ = self.learn({}, "sh", "-c", "for u in http://loop.example.org/ http://meta.example.org/ "
                                       "http://169.254.169.254/ http://127.0.0.1/ http://host.parclose.internal/; do "
                                       "curl -sS -m 5 $u; done; true")
        self.assertNotIn('"server"', done.stdout)
        self.assertNotIn("169.254", json.dumps(proposal))
        self.assertEqual([a for a in self.internet.arrivals() if a["at"] in ("machine", "lan")], [])


class Updates(NetworkCase):
    def update(self, network, *options, check=True):
        return self.cli("policy", "update", *options, "s", self.network_policy(network), check=check)

    def holding(self, network):
        """A session with two connections that say a line whenever they are asked to."""
        self.detach("python3", "-c", """
import os, socket, time
held = [socket.create_connection(("example.org", 7)), socket.create_connection(("evil.example", 7))]
while True:
    said = []
    for s in held:
        try:
            s.sendall(b"x\\n")
            said.append("open" if s.recv(10) == b"x\\n" else "closed")
        except OSError:
            said.append("closed")
    with open("/tmp/state.new", "w") as file:
        file.write(" ".join(said))
    os.rename("/tmp/state.new", "/tmp/state")
    time.sleep(0.1)
""", policy=self.network_policy(network))
        self.wait_state("open open")

    def wait_state(self, state):
        wait_for(lambda: self.cli("exec", "s", "--", "cat", "/tmp/state", check=False).stdout == state, 10, state)

    def try_curl(self, url):
        return self.cli("exec", "s", "--", "curl", "-sS", "-m", "5", url, check=False)

    def test_tightening_holds_at_once_and_cuts(self):
        self.holding(allow("example.org", "evil.example", ports=[7, 80]))
        done = self.update(allow("example.org", ports=[7, 80]))
        self.wait_state("open closed")
        self.assertEqual(self.try_curl("http://example.org/").returncode, 0)
        self.assertNotEqual(self.try_curl("http://evil.example/").returncode, 0)
        cut = self.network_lines(kind="closed", name="evil.example")
        self.assertEqual(cut[0]["reason"], "policy-changed")
        self.assertEqual([line["event"] for line in self.log() if line["event"].startswith("policy-update")],
                         ["policy-update"])
        self.assertEqual(self.inspect()["network"]["rules"]["egress"]["allow"][0]["to"], [{"domain": "example.org"}])
        self.assertEqual(done.returncode, 0)

    def test_loosening_is_asked_about(self):
        self.detach("sleep", "600", policy=self.network_policy(allow("example.org")))
        more = allow("example.org", "evil.example")
        # Nobody to ask: refused, and nothing has changed.
        done = self.update(more, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("evil.example", done.stderr)
        self.assertNotEqual(self.try_curl("http://evil.example/").returncode, 0)
        for answer, holds in (("n\n", False), ("y\n", True)):
            pid, terminal = pty.fork()
            if pid == 0:
                self.internet.enter()
                os.execve(PARCLOSE, [PARCLOSE, "policy", "update", "s", self.network_policy(more)], self.env)
            said = b""
            while b"?" not in said:
                said += os.read(terminal, 4096)
            os.write(terminal, answer.encode())
            try:
                while data := os.read(terminal, 4096):
                    said += data
            except OSError:
                pass
            os.close(terminal)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            self.assertIn(b"evil.example", said)
            self.assertEqual(status == 0, holds, said)
            self.assertEqual(self.try_curl("http://evil.example/").returncode == 0, holds)

    def test_loosening_without_a_question(self):
        self.detach("sleep", "600", policy=self.network_policy(allow("example.org", ports=[80, 443])))
        self.assertNotEqual(self.try_curl("http://www.example.org/").returncode, 0)
        self.update(allow("*.example.org", ports=[80, 443]), "--yes")
        self.assertEqual(self.try_curl("http://www.example.org/").returncode, 0)
        self.assertNotEqual(self.try_curl("http://example.org/").returncode, 0)

    def test_ports_that_the_session_was_not_started_with(self):
        """Either they work from then on, or it is said that they cannot: never a rule that does nothing."""
        self.detach("sleep", "600", policy=self.network_policy(allow("example.org", ports=[443])))
        done = self.update(allow("example.org", ports=[80, 443]), "--yes", check=False)
        if done.returncode == 0:
            self.assertEqual(self.try_curl("http://example.org/").returncode, 0)
        else:
            self.assertIn("port 80", done.stderr)
            self.assertNotEqual(self.try_curl("http://example.org/").returncode, 0)

    def test_nothing_but_the_network_changes(self):
        self.detach("sleep", "600", policy=self.network_policy(ORG))
        path = self.policy(containment="process", ui={"disable": True}, network=ORG, limits={"processes": 99})
        self.assertNotEqual(self.cli("policy", "update", "--yes", "s", path, check=False).returncode, 0)
        bad = os.path.join(self.dir, "bad.json")
        with open(bad, "w", encoding="utf-8") as file:
            file.write('{"parclose": 1, "network": 7}')
        self.assertNotEqual(self.cli("policy", "update", "s", bad, check=False).returncode, 0)
        self.assertEqual(self.try_curl("http://example.org/").returncode, 0)

    def test_publishing_more_and_less(self):
        self.detach("python3", "-m", "http.server", "3000", "--bind", "127.0.0.1",
                    policy=self.network_policy({"ingress": {"publish": [{"host": 18080, "port": 3000}]}}))

        def reached(port):
            return subprocess.run(["curl", "-sS", "-m", "5", "-o", "/dev/null", f"http://127.0.0.1:{port}/"], check=False,
                                  preexec_fn=self.internet.enter, capture_output=True).returncode == 0
        wait_for(lambda: reached(18080), 10, "the page inside")
        self.update({"ingress": {"publish": [{"host": 18080, "port": 3000}, {"host": 18081, "port": 3000}]}}, "--yes")
        self.assertTrue(reached(18081))
        self.update({"ingress": {"publish": [{"host": 18081, "port": 3000}]}})
        self.assertFalse(reached(18080))
        self.assertTrue(reached(18081))
