"""An internet for the tests: hosts with addresses of their own, each in a network namespace, and a machine among them.

Nothing of it touches the network outside. A keeper process makes everything and waits; `Internet.enter` brings a
process into the machine: its mounts (a resolv.conf that names the internet's own name server, and this internet's
authority among those that are trusted) and its network. It works as root, and for everybody else in a user namespace.

    machine ── veth ── dns    192.0.2.53    the machine's resolver, which can lie
            ── veth ── web    203.0.113.10  example.org and its names: HTTP, TLS, HTTP/2, WebSocket, git
            ── veth ── other  203.0.113.66  evil.example and its names: the same
            ── veth ── lan    10.0.0.1, 100.64.0.1, 169.254.169.254, fd00:1::1: what no name should lead to
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_PRIVATE_REC, MS_BIND = 0x44000, 0x1000
libc = ctypes.CDLL(None, use_errno=True)

HOSTS = {
    "dns": ["192.0.2.53", "2001:db8:53::53"],
    "web": ["203.0.113.10", "2001:db8:10::10"],
    "other": ["203.0.113.66", "2001:db8:66::66"],
    "lan": ["10.0.0.1", "100.64.0.1", "169.254.169.254", "fd00:1::1"],
}
WEB, OTHER, LAN = HOSTS["web"], HOSTS["other"], HOSTS["lan"]

# What the machine's resolver answers: A and AAAA in one list; "cname NAME"; "flip": the first address at the first
# question, the second at every other one; "drop": nothing at all. A name that is not here does not exist.
ZONE = {
    "example.org": WEB,
    "www.example.org": WEB,
    "v4.example.org": WEB[:1],
    "v6.example.org": WEB[1:],
    "alias.example.org": ["cname www.example.org"],
    "deep.er.example.org": WEB,
    "other.example.org": OTHER,
    "slow.example.org": ["drop"],
    "dead.example.org": ["203.0.113.99"],
    "bench.example.org": ["203.0.113.200"],
    "happy.example.org": ["2001:db8:99::99", WEB[0]],
    "nowhere.example.org": [],
    "evil.example": OTHER,
    "www.evil.example": OTHER,
    "xn--bcher-kva.example": WEB,
    "corp.example.org": LAN[:1],
    # Lies.
    "loop.example.org": ["127.0.0.1"],
    "loop6.example.org": ["::1"],
    "zero.example.org": ["0.0.0.0"],
    "private.example.org": ["10.0.0.1"],
    "cgnat.example.org": ["100.64.0.1"],
    "meta.example.org": ["169.254.169.254"],
    "ula.example.org": ["fd00:1::1"],
    "mapped.example.org": ["::ffff:10.0.0.1"],
    "mapped-loop.example.org": ["::ffff:127.0.0.1"],
    "nat64.example.org": ["64:ff9b::a00:1"],
    "pool.example.org": ["198.18.0.1"],
    "both.example.org": ["10.0.0.1", "127.0.0.1", WEB[0]],
    "rebind.example.org": ["flip", WEB[0], "127.0.0.1"],
    "rebind-meta.example.org": ["flip", WEB[0], "169.254.169.254"],
}


def check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mount(source, target, flags):
    check(libc.mount(source and source.encode(), target.encode(), None, flags, None))


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def map_one(inside_uid, inside_gid, outside_uid, outside_gid):
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{inside_uid} {outside_uid} 1")
    write("/proc/self/gid_map", f"{inside_gid} {outside_gid} 1")


def die_with_parent():
    libc.prctl(1, signal.SIGKILL)


# ---- from the tests


class Internet:
    """Made by create(), ended by close()."""

    def __init__(self, directory, *options):
        """Option "routed": the machine has a way to everywhere (which leads to the web host), and 203.0.113.200."""
        self.directory = directory
        self.uid, self.gid = os.getuid(), os.getgid()
        make_certificates(directory)
        self.keeper = subprocess.Popen([sys.executable, os.path.abspath(__file__), "keep", directory, *options],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       start_new_session=True)
        line = self.keeper.stdout.readline()
        if line.strip() != "ready":
            self.close()
            raise RuntimeError(f"the internet did not come up: {line!r}")
        self.namespaces = {kind: os.open(f"/proc/{self.keeper.pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
                           for kind in (("user", "mnt", "net") if self.uid != 0 else ("mnt", "net"))}

    @property
    def authority(self):
        return os.path.join(self.directory, "authority.pem")

    def enter(self):
        """For preexec_fn: this process becomes one of the machine's, as the user it was."""
        for kind in self.namespaces:
            os.setns(self.namespaces[kind], 0)
        if self.uid != 0:
            os.unshare(CLONE_NEWUSER)
            map_one(self.uid, self.gid, 0, 0)

    def queries(self):
        """The names that the resolver was asked for, in order: each a message that left."""
        with open(os.path.join(self.directory, "queries"), encoding="ascii") as file:
            return [line.split()[0] for line in file]

    def arrivals(self):
        """What came to a host: [{"at": the host, "kind", …}]."""
        found = []
        for name in [*HOSTS, "machine"]:
            path = os.path.join(self.directory, f"arrivals-{name}")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    found += [{"at": name, **json.loads(line)} for line in file]
        return found

    def forget(self):
        for name in os.listdir(self.directory):
            if name == "queries" or name.startswith("arrivals-"):
                os.truncate(os.path.join(self.directory, name), 0)

    def close(self):
        for fd in getattr(self, "namespaces", {}).values():
            os.close(fd)
        self.namespaces = {}
        self.keeper.stdin.close()
        try:
            self.keeper.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.keeper.pid, signal.SIGKILL)
            self.keeper.wait()
        self.keeper.stdout.close()


def openssl(directory, *args):
    subprocess.run(["openssl", *args], cwd=directory, check=True, capture_output=True)


def make_certificates(directory):
    """An authority, and one certificate for each web host that is good for every name of the zone at that host."""
    for file in ("queries",):
        write(os.path.join(directory, file), "")
    openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-keyout", "authority.key", "-out", "authority.pem", "-subj", "/CN=Parclose test authority",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    names = ["example.org", "*.example.org", "*.er.example.org", "evil.example", "*.evil.example",
             "xn--bcher-kva.example", "host.parclose.internal", "localhost"]
    alternative = ",".join([f"DNS:{name}" for name in names] +
                           [f"IP:{address}" for host in ("web", "other", "lan") for address in HOSTS[host]])
    openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-CA", "authority.pem", "-CAkey", "authority.key", "-keyout", "host.key", "-out", "host.pem",
            "-subj", "/CN=example.org", "-addext", f"subjectAltName={alternative}",
            "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth")


# ---- the keeper, and what it starts


def ip(*args):
    subprocess.run(["ip", *args], check=True, stdin=subprocess.DEVNULL)


def prefix(address):
    return f"{address}/128" if ":" in address else f"{address}/32"


def settle_link(name):
    """No link-local addresses, and no waiting for others that might have the same ones."""
    ip("link", "set", name, "addrgenmode", "none")
    ip("link", "set", name, "up")


class Keeper:
    def __init__(self, directory, *options):
        self.directory, self.options = directory, options
        self.children = []

    def start(self, *command, new_network=False, **kwargs):
        """With `new_network` the command waits in it for a line on its standard input."""
        def prepare():
            die_with_parent()
            if new_network:
                os.unshare(CLONE_NEWNET)
        child = subprocess.Popen(command, preexec_fn=prepare, text=True, **kwargs)
        self.children.append(child)
        return child

    def add_host(self, number, name):
        host = self.start(sys.executable, os.path.abspath(__file__), "host", name, self.directory,
                          new_network=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert host.stdout.readline() == "waiting\n"
        link = f"to-{name}"
        ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(host.pid))
        settle_link(link)
        ip("address", "add", f"198.51.100.{number}/32", "dev", link)
        ip("address", "add", f"2001:db8:ffff::{number}/128", "dev", link, "nodad")
        for address in HOSTS[name]:
            source = f"2001:db8:ffff::{number}" if ":" in address else f"198.51.100.{number}"
            ip("route", "add", prefix(address), "dev", link, "src", source)
        host.stdin.write("go\n")
        host.stdin.flush()
        return host

    def change_files(self):
        """A resolver and an authority for the machine, in mounts of its own."""
        for target, text in (("/etc/resolv.conf", f"nameserver {HOSTS['dns'][0]}\noptions timeout:1 attempts:2\n"),
                             ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")):
            path = os.path.join(self.directory, os.path.basename(target))
            write(path, text)
            os.chmod(path, 0o644)
            mount(path, os.path.realpath(target), MS_BIND)
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        path = os.path.join(self.directory, "bundle.pem")
        with open(path, "wb") as out:
            for source in (bundle, os.path.join(self.directory, "authority.pem")):
                with open(source, "rb") as file:
                    out.write(file.read())
        os.chmod(path, 0o644)
        mount(path, bundle, MS_BIND)
        browser = "/usr/lib/firefox-esr/distribution"
        if os.path.isdir(browser):
            path = os.path.join(self.directory, "distribution")
            os.mkdir(path, 0o755)
            write(os.path.join(path, "policies.json"), json.dumps({"policies": {
                "Certificates": {"Install": [os.path.join(self.directory, "authority.pem")]},
                "DisableAppUpdate": True, "DisableTelemetry": True, "OverrideFirstRunPage": "",
                "DontCheckDefaultBrowser": True}}))
            mount(path, browser, MS_BIND)

    def run(self):
        uid, gid = os.getuid(), os.getgid()
        if uid != 0:
            os.unshare(CLONE_NEWUSER)
            map_one(0, 0, uid, gid)
        os.unshare(CLONE_NEWNS | CLONE_NEWNET)
        mount(None, "/", MS_PRIVATE_REC)
        ip("link", "set", "lo", "up")
        self.change_files()
        hosts = [self.add_host(number, name) for number, name in enumerate(HOSTS, 1)]
        if "routed" in self.options:
            ip("route", "add", "default", "dev", "to-web", "src", "198.51.100.2")
            ip("address", "add", "203.0.113.200/32", "dev", "lo")
        # What listens on this machine's own loopback, and must not be reached.
        hosts.append(self.start(sys.executable, os.path.abspath(__file__), "host", "machine", self.directory,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        hosts[-1].stdin.write("go\n")
        hosts[-1].stdin.flush()
        for host in hosts:
            line = host.stdout.readline()
            while line == "waiting\n":
                line = host.stdout.readline()
            assert line == "ready\n", line
        print("ready", flush=True)
        sys.stdin.read()
        for child in self.children:
            child.kill()


def main():
    what, *rest = sys.argv[1:]
    if what == "keep":
        Keeper(*rest).run()
    elif what == "host":
        import internet_host  # pylint: disable=import-outside-toplevel
        internet_host.run(*rest)


if __name__ == "__main__":
    die_with_parent()
    main()
