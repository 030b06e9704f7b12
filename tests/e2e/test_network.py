"""The network with real programs: without a proxy setting, allowed names work as everywhere, and nothing else does."""

import json
import os
import subprocess
import time

from harness import wait_for
from internet import WEB
from network_case import NetworkCase, allow, rule

ORG = allow("example.org", "*.example.org")


class Names(NetworkCase):
    def test_no_proxy_is_set_and_there_is_only_lo(self):
        done = self.inside(ORG, "sh", "-c", "env | grep -i proxy; cat /proc/net/dev; cat /etc/resolv.conf")
        self.assertNotIn("roxy", done.stdout)
        self.assertEqual([line.split(":")[0].strip() for line in done.stdout.splitlines() if ":" in line], ["lo"])
        self.assertIn("nameserver 127.0.0.53", done.stdout)

    def test_allowed_names_are_reached(self):
        for url, want in (
                ("http://example.org/a?b", {"host": "example.org", "path": "/a?b", "version": "1.1", "sni": None}),
                ("https://example.org/", {"host": "example.org", "version": "2.0", "alpn": "h2", "sni": "example.org"}),
                ("https://www.example.org/", {"host": "www.example.org", "sni": "www.example.org"}),
                ("https://WWW.Example.ORG./", {"sni": "www.example.org"}),
                ("https://deep.er.example.org/", {"sni": "deep.er.example.org"}),
                ("https://alias.example.org/", {"sni": "alias.example.org"}),
                ("https://v6.example.org/", {"address": WEB[1]}),
                ("https://v4.example.org/", {"address": WEB[0]})):
            with self.subTest(url=url):
                answer = self.curl(ORG, url)
                self.assertEqual({key: answer[key] for key in want}, want)

    def test_both_families_inside(self):
        for option in ("-4", "-6"):
            self.assertEqual(self.curl(ORG, option, "https://example.org/")["sni"], "example.org")

    def test_a_dead_address_does_not_hide_the_living_one(self):
        start = time.monotonic()
        self.assertEqual(self.curl(ORG, "https://happy.example.org/")["address"], WEB[0])
        self.assertLess(time.monotonic() - start, 5)

    def test_a_name_outside_ascii(self):
        answer = self.curl(allow("bücher.example"), "http://bücher.example/")
        self.assertEqual(answer["host"], "xn--bcher-kva.example")

    def test_other_names_fail_at_once_and_no_lookup_leaves(self):
        for url in ("https://evil.example/", "http://example.com/", "https://example.org.evil.example/",
                    "https://notexample.org/"):
            with self.subTest(url=url):
                start = time.monotonic()
                done = self.curl(ORG, url, check=False)
                self.assertEqual(done.returncode, 6, done.stderr)
                self.assertLess(time.monotonic() - start, 2)
        self.assert_nothing_arrived()

    def test_other_ports_fail_at_once(self):
        start = time.monotonic()
        done = self.curl(ORG, "http://example.org:8080/", check=False)
        self.assertIn(done.returncode, (7, 52, 56), done.stderr)
        self.assertLess(time.monotonic() - start, 2)
        self.assertEqual(self.internet.arrivals(), [])

    def test_dig_and_host(self):
        script = """
            dig example.org A; dig example.org AAAA; dig +tcp example.org A; dig +bufsize=512 +dnssec example.org A
            dig +noedns example.org A; dig example.org MX; dig example.org TXT; dig example.org HTTPS; dig example.org ANY
            dig evil.example A; dig +tcp evil.example TXT; dig -x 203.0.113.10; dig . NS; dig example.org CH TXT
        """
        done = self.inside(ORG, "sh", "-c", script)
        answers = done.stdout.split("\n; <<>> DiG ")[1:]
        statuses = [part.split("status: ")[1].split(",")[0] for part in answers]
        self.assertEqual(statuses, ["NOERROR"] * 9 + ["REFUSED"] * 5, done.stdout)
        counts = [int(part.split("ANSWER: ")[1].split(",")[0]) for part in answers]
        self.assertEqual(counts[:5], [1, 1, 1, 1, 1])
        self.assertEqual(counts[5:8], [0, 0, 0])
        self.assertRegex(answers[0], r"example\.org\.\s+\d+\s+IN\s+A\s+198\.1[89]\.")
        self.assertRegex(answers[1], r"example\.org\.\s+\d+\s+IN\s+AAAA\s+fd70:6172:636c:6f73:")
        self.assertIn("EDNS: version: 0", answers[3])
        self.assertNotIn("EDNS", answers[4])
        self.assert_nothing_arrived()
        done = self.inside(ORG, "host", "example.org")
        self.assertIn("has address 198.1", done.stdout)
        self.assertIn("has IPv6 address fd70:", done.stdout)

    def test_the_name_that_does_not_exist(self):
        done = self.curl(ORG, "http://unheard-of.example.org/", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("unheard-of.example.org", self.internet.queries())

    def test_allowed_by_default(self):
        network = {"egress": {"default": "allow", "deny": [rule("*.evil.example")]}}
        self.assertEqual(self.curl(network, "https://example.org:8443/")["sni"], "example.org")
        self.assertEqual(self.curl(network, "https://evil.example/")["sni"], "evil.example")
        self.assertEqual(self.curl(network, "https://www.evil.example/", check=False).returncode, 6)
        self.assertNotIn("www.evil.example", self.internet.queries())

    def test_deny_wins(self):
        network = {"egress": {"allow": [rule("*.example.org", ports=[443])], "deny": [rule("www.example.org")]}}
        self.assertEqual(self.curl(network, "https://v4.example.org/")["sni"], "v4.example.org")
        self.assertEqual(self.curl(network, "https://www.example.org/", check=False).returncode, 6)

    def test_denied_addresses_of_an_allowed_name(self):
        network = {**ORG, "egress": {**ORG["egress"], "deny": [rule("203.0.113.0/24")]}}
        self.assertEqual(self.curl(network, "https://example.org/")["address"], WEB[1])
        self.assertNotEqual(self.curl(network, "https://v4.example.org/", check=False).returncode, 0)

    def test_port_ranges_and_every_port(self):
        network = {"egress": {"allow": [rule("example.org", ports=[{"protocol": "tcp", "port": 8000, "endPort": 8500}])]}}
        self.assertEqual(self.curl(network, "https://example.org:8443/")["port"], 8443)
        self.assertNotEqual(self.curl(network, "https://example.org/", check=False).returncode, 0)
        network = {"egress": {"allow": [rule("example.org")]}}
        for port in (8443, 443):
            self.assertEqual(self.curl(network, f"https://example.org:{port}/")["port"], port)
        self.assertEqual(self.curl(network, "http://example.org:8080/")["port"], 8080)


class Programs(NetworkCase):
    @classmethod
    def prepare_internet(cls):
        root = os.path.join(cls.internet_dir, "git")
        work = os.path.join(cls.internet_dir, "work")
        os.mkdir(root)
        script = f"""
            git init -q -b main {work} && cd {work}
            git config user.email nobody@example.org && git config user.name Nobody
            for n in 1 2 3 4 5; do seq 1 20000 | sed "s/^/$n /" >file-$n; git add . ; git commit -q -m "change $n"; done
            git clone -q --bare . {root}/project.git
        """
        subprocess.run(["sh", "-ec", script], check=True, env={"PATH": os.environ["PATH"], "HOME": cls.internet_dir},
                       capture_output=True)

    def test_git_over_https(self):
        done = self.inside(ORG, "sh", "-ec", "cd; git clone -q https://example.org/git/project.git; cd project; "
                           "git log --oneline | wc -l; wc -l <file-5; git fetch -q; git ls-remote origin | wc -l")
        self.assertEqual(done.stdout.split(), ["5", "20000", "2"], done.stderr)
        self.assertTrue(self.requests(sni="example.org"))

    def test_node(self):
        code = """
            const about = async (url, options) => (await fetch(url, options)).json();
            const main = async () => {
                const plain = await about("http://example.org/x");
                const secure = await about("https://www.example.org/y");
                const many = await Promise.all(Array.from({length: 50}, (_, i) => about("https://example.org/" + i)));
                let denied = "";
                await fetch("https://evil.example/").catch((error) => { denied = error.cause.code; });
                const socket = (url) => new Promise((resolve, reject) => {
                    const ws = new WebSocket(url), big = "b".repeat(100000);
                    const got = [];
                    ws.onopen = () => { ws.send("hello"); ws.send(big); };
                    ws.onmessage = (m) => { got.push(m.data.length); if (got.length === 2) ws.close(); };
                    ws.onclose = () => resolve(got);
                    ws.onerror = () => reject(new Error("websocket " + url));
                });
                console.log(JSON.stringify({plain: plain.host, secure: secure.sni, many: many.length, denied,
                    ws: await socket("ws://v4.example.org/"), wss: await socket("wss://example.org/")}));
            };
            main().catch((error) => { console.error(error); process.exit(1); });
        """
        done = self.inside(ORG, "node", "-e", code, process={"env": ["NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt"]})
        got = json.loads(done.stdout)
        self.assertIn(got.pop("denied"), ("ENOTFOUND", "EAI_AGAIN"))
        self.assertEqual(got, {"plain": "example.org", "secure": "www.example.org", "many": 50,
                               "ws": [5, 100000], "wss": [5, 100000]})
        self.assertEqual(len([a for a in self.internet.arrivals() if a["kind"] == "upgrade"]), 2)

    def test_http2_with_many_streams(self):
        code = """
            const http2 = require("node:http2");
            const client = http2.connect("https://example.org");
            let done = 0, bytes = 0;
            for (let i = 0; i < 90; i++) {
                const stream = client.request({":path": "/big?bytes=100000"});
                stream.on("data", (d) => { bytes += d.length; });
                stream.on("end", () => { if (++done === 90) { console.log(bytes); client.close(); } });
                stream.end();
            }
        """
        done = self.inside(ORG, "node", "-e", code, process={"env": ["NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt"]})
        self.assertEqual(int(done.stdout), 90 * 100000)
        self.assertEqual(len([a for a in self.internet.arrivals() if a["kind"] == "connection"]), 1)

    def test_python(self):
        done = self.python(ORG, """
import urllib.request
for url in ("http://example.org/p", "https://example.org/p"):
    print(json.load(urllib.request.urlopen(url))["host"])
request = urllib.request.Request("https://example.org/echo", data=b"z" * 3000000)
print(len(urllib.request.urlopen(request).read()))
print(result(lambda: urllib.request.urlopen("http://evil.example/")))
""")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:3], ["example.org", "example.org", "3000000"])

    def test_long_downloads_and_uploads(self):
        size = 400 * 1000 * 1000
        for url in (f"http://example.org/big?bytes={size}", f"https://example.org/big?bytes={size}"):
            done = self.inside(ORG, "sh", "-c", f"curl -sS --no-progress-meter '{url}' | wc -c", timeout=120)
            self.assertEqual(int(done.stdout), size)
        done = self.inside(ORG, "sh", "-c", "head -c 100000000 /dev/zero | curl -sS -T - http://example.org/echo | wc -c",
                           timeout=120)
        self.assertEqual(int(done.stdout), 100000000)

    def test_nothing_is_paced_inside(self):
        """Whatever congestion control the machine has for its networks: BBR would halve what comes through."""
        network = {"egress": {"allow": [{"to": [{"domain": "example.org"}, {"cidr": "203.0.113.0/24"}]}]}}
        for address in ("example.org", "203.0.113.10"):
            done = self.python(network, """
print(dial(sys.argv[1], 80).getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\\0").decode())
""", address)
            self.assertEqual(done.stdout, "reno\n")

    def test_an_answer_that_takes_its_time(self):
        done = self.inside(ORG, "curl", "-sS", "-N", "http://example.org/slow?lines=8&ms=500")
        self.assertEqual(done.stdout, "a line\n" * 8)

    def test_keep_alive_and_pipelining(self):
        done = self.python(ORG, """
s = dial("example.org", 80)
s.sendall(b"GET /1 HTTP/1.1\\r\\nHost: example.org\\r\\n\\r\\nGET /2 HTTP/1.1\\r\\nhost:example.org:80\\r\\n\\r\\n"
          b"POST /echo HTTP/1.1\\r\\nHost: EXAMPLE.org\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n0\\r\\n\\r\\n"
          b"GET /3 HTTP/1.1\\r\\nHost: example.org\\r\\nConnection: close\\r\\n\\r\\n")
print(whole(s).count(b"HTTP/1.1 200"))
""")
        self.assertEqual(done.stdout, "4\n")
        self.assertEqual([r["path"] for r in self.requests()], ["/1", "/2", "/echo", "/3"])

    def test_other_protocols(self):
        """A server that speaks first, an echo whose half-close is kept, and binary data both ways at once."""
        network = allow("example.org", ports=[2525, 7, 9])
        done = self.python(network, """
s = dial("example.org", 2525)
print(s.recv(100))
s.sendall(b"HELO\\r\\n")
print(whole(s))
s = dial("example.org", 7)
block = os.urandom(1 << 20)
got = bytearray()
reader = threading.Thread(target=lambda: got.extend(whole(s)))
reader.start()
for _ in range(20):
    s.sendall(block)
s.shutdown(socket.SHUT_WR)
reader.join(30)
print(bytes(got) == block * 20 + b"end\\n")
s = dial("example.org", 9)
s.sendall(bytes(50000000))
s.shutdown(socket.SHUT_WR)
print(whole(s))
""")
        self.assertEqual(done.stdout.splitlines(), ["b'220 a host that speaks first\\r\\n'", "b'250 you said HELO\\r\\n'",
                                                    "True", "b'50000000\\n'"])

    def test_a_few_letters_that_could_become_a_request(self):
        """What waits for an answer to them is answered: nothing is held back for ever."""
        done = self.python(allow("example.org", ports=[7]), """
for text in (b"a", b"GET", b"hello", b"hello world", b"12", b"x" * 250):
    s = dial("example.org", 7)
    s.settimeout(5)
    s.sendall(text)
    print(result(s.recv, 1000) == text)
""")
        self.assertEqual(done.stdout, "True\n" * 6)

    def test_back_pressure(self):
        """Who does not read is not sent to without end; the rest goes on."""
        network = allow("example.org", ports=[19, 80])
        done = self.python(network, """
slow = dial("example.org", 19)
time.sleep(2)
s = dial("example.org", 80)
s.sendall(b"GET / HTTP/1.0\\r\\nHost: example.org\\r\\n\\r\\n")
print(whole(s).split()[1])
slow.close()
""")
        self.assertEqual(done.stdout, "b'200'\n")
        sent = wait_for(lambda: [a for a in self.internet.arrivals() if a["kind"] == "chatty"], 10, "the end of it")
        self.assertLess(sent[0]["sent"], 64 << 20)

    def test_quic_fails_fast(self):
        done = self.python(ORG, """
address = socket.getaddrinfo("example.org", 443, socket.AF_INET)[0][4]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
def ask():
    s.connect(address)
    s.send(b"x" * 1200)
    return s.recv(10)
print(result(ask))
""")
        self.assertEqual(done.stdout, "ECONNREFUSED\n")
        start = time.monotonic()
        answer = self.curl(ORG, "--http3", "https://example.org/")
        self.assertEqual(answer["version"], "2.0")
        self.assertLess(time.monotonic() - start, 3)
        self.assertEqual([a for a in self.internet.arrivals() if a["kind"] == "datagram"], [])

    def test_many_connections_at_once(self):
        network = allow("example.org", ports=[7])
        done = self.python(network, """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
socks = [dial("example.org", 7) for _ in range(2000)]
for i, s in enumerate(socks):
    s.sendall(b"%d\\n" % i)
print(all(s.recv(10) == b"%d\\n" % i for i, s in enumerate(socks)))
""", limits={"openFiles": 4096}, timeout=120)
        self.assertEqual(done.stdout, "True\n")


class Browsers(NetworkCase):
    def browse(self, command, name):
        policy = self.policy(network=ORG, process={"nestedSandbox": True},
                             limits={"processes": 2048, "openFiles": 8192, "tmp": "1G"},
                             filesystem={"readonlyPaths": [os.path.join(self.internet_dir, "authority.pem")]})
        self.detach("sh", "-c", f"{command}\nexec sleep 600", policy=policy)
        wait_for(lambda: any("done" in w["title"] for w in self.inspect()["windows"]), 90, f"{name} has loaded the page")
        titles = [w["title"] for w in self.inspect()["windows"]]
        self.assertTrue(any("done 2.0 through the tunnel" in title for title in titles), titles)
        wait_for(lambda: [r for r in self.requests() if r["path"].startswith("/seen")], 20, "the script's own request")
        picture = self.wait_drawn()
        self.assertGreater(len(picture[2]), 0)
        self.assertEqual({r["host"] for r in self.requests()}, {"example.org"})
        # Whatever else a browser looks up and connects to at its start has not left.
        self.assertEqual([q for q in self.internet.queries() if not q.endswith("example.org")], [])
        self.assertEqual([a for a in self.internet.arrivals() if a["kind"] == "datagram"], [])

    def test_chromium(self):
        # It has a list of authorities of its own, and is told of this one by its key.
        key = subprocess.run(
            f"openssl x509 -in {self.internet_dir}/host.pem -pubkey -noout | openssl pkey -pubin -outform der | "
            "openssl dgst -sha256 -binary | openssl base64", shell=True, check=True, capture_output=True, text=True).stdout
        self.browse("chromium --ozone-platform=wayland --no-first-run --disable-gpu --password-store=basic "
                    "--user-data-dir=$HOME/profile "
                    f"--ignore-certificate-errors-spki-list={key.strip()} https://example.org/page", "Chromium")

    def test_firefox(self):
        from apps import INSIDE  # pylint: disable=import-outside-toplevel
        policy_dir = "$HOME/profile"
        self.browse(f"mkdir -p {policy_dir} && cp {INSIDE}/firefox.js {policy_dir}/user.js; "
                    "MOZ_ENABLE_WAYLAND=1 firefox-esr --no-remote --profile $HOME/profile https://example.org/page",
                    "Firefox")
