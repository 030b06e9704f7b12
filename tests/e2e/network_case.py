"""A test whose parclose runs on a machine of an internet made for it (internet.py)."""

import json
import os
import shutil
import tempfile

from harness import SessionTest
from internet import Internet

HTTPS = {"protocol": "tcp", "port": 443}
HTTP = {"protocol": "tcp", "port": 80}
WEB = [HTTP, HTTPS]


def to(*destinations):
    """Names as they are, addresses as ranges."""
    return [{"cidr" if d[0].isdigit() or ":" in d else "domain": d} for d in destinations]


def rule(*destinations, ports=None, **more):
    made = {"to": to(*destinations)} if destinations else {}
    if ports is not None:
        made["ports"] = [{"protocol": "tcp", "port": p} if isinstance(p, int) else p for p in ports]
    return {**made, **more}


def allow(*destinations, ports=(80, 443), **more):
    return {"egress": {"allow": [rule(*destinations, ports=ports, **more)]}}


class NetworkCase(SessionTest):
    """One internet for the whole class; each test begins with nothing seen."""

    @classmethod
    def setUpClass(cls):
        cls.internet_dir = tempfile.mkdtemp(prefix="parclose-internet-")
        os.chmod(cls.internet_dir, 0o755)
        cls.addClassCleanup(shutil.rmtree, cls.internet_dir, ignore_errors=True)
        cls.prepare_internet()
        cls.internet = Internet(cls.internet_dir)
        cls.addClassCleanup(cls.internet.close)

    @classmethod
    def prepare_internet(cls):
        """Files that hosts serve."""

    def setUp(self):
        super().setUp()
        self.internet.forget()

    def enter(self):  # pylint: disable=method-hidden
        self.internet.enter()

    def network_policy(self, network, **sections):
        return self.process_policy(network=network, **sections)

    def inside(self, network, *command, check=True, timeout=60, stdin=None, **sections):
        """Runs a command to its end in a session with this network."""
        done = self.cli("run", "--policy", self.network_policy(network, **sections), "--", *command, check=False,
                        timeout=timeout, stdin=stdin)
        if check and done.returncode != 0:
            self.fail(f"{command[0]}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def python(self, network, code, *args, check=True, timeout=60, **sections):
        """The same with a script of python, which finds `socket`, `time` and what connects in it."""
        return self.inside(network, "python3", "-c", PRELUDE + code, *args, check=check, timeout=timeout, **sections)

    def curl(self, network, *args, check=True, timeout=60):
        """Answers of internet-web.js, as objects where they are."""
        done = self.inside(network, "curl", "-sS", "--no-progress-meter", "-m", "20", *args, check=check, timeout=timeout)
        return done if not check else json.loads(done.stdout)

    def requests(self, **fields):
        return [a for a in self.internet.arrivals() if a["kind"] == "request" and
                all(a[key] == value for key, value in fields.items())]

    def assert_nothing_arrived(self):
        """Neither a lookup nor a connection has left."""
        self.assertEqual(self.internet.queries(), [])
        self.assertEqual(self.internet.arrivals(), [])

    def network_lines(self, session="s", /, **fields):
        """Lines of the audit log about the network."""
        return [line for line in self.log(session) if line["event"] == "network" and
                all(line.get(key) == value for key, value in fields.items())]


PRELUDE = r"""
import errno, json, os, socket, ssl, struct, sys, threading, time

def dial(host, port, seconds=10):
    return socket.create_connection((host, port), seconds)

def result(function, *args):
    'What came of it, in a word.'
    start = time.monotonic()
    try:
        said = function(*args)
    except socket.gaierror as error:
        said = 'gai ' + errno.errorcode.get(error.errno, str(error.errno))
    except ssl.SSLError as error:
        said = 'ssl'
    except OSError as error:
        said = errno.errorcode.get(error.errno, 'timeout' if isinstance(error, TimeoutError) else str(error))
    if time.monotonic() - start > 5:
        said = f'slow: {said}'
    return said

def whole(sock):
    'All that comes, or the word for how it broke off.'
    data = b''
    try:
        while True:
            more = sock.recv(65536)
            if not more:
                return data
            data += more
    except OSError:
        return data or b'broken'

def tls(sock, name, **more):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(sock, server_hostname=name, **more)
"""
