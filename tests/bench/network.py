"""Filtered egress beside what else there is: pasta, slirp4netns with iptables, and no sandbox at all.

Everything runs on a machine of its own (tests/e2e/internet.py). The server is on an address of that machine, so that
what is measured is the way out of the sandbox, and not a network behind it.
"""

import json
import os
import resource
import shutil
import stat
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from internet import Internet  # pylint: disable=wrong-import-position

ADDRESS, PORT = "203.0.113.200", 5001
SECONDS = 3 # of each run, as the client below says

SERVER = """
import os, socket, sys, threading
block = bytes(1 << 20)
def swallow(s, until_end=True):
    buffer, count = bytearray(1 << 20), 0
    while n := s.recv_into(buffer):
        count += n
    return count
def pour(s):
    try:
        while True:
            s.sendall(block)
    except OSError:
        pass
def serve(s):
    try:
        what = s.recv(2)
        if what == b"o\\n":
            swallow(s)
        elif what == b"i\\n":
            pour(s)
        elif what == b"b\\n":
            threading.Thread(target=pour, args=(s,), daemon=True).start()
            swallow(s)
        else:
            while what:
                s.sendall(what)
                what = s.recv(100)
    except OSError:
        pass
    s.close()
listener = socket.create_server(("", 5001), backlog=4096)
print("ready", flush=True)
while True:
    s = listener.accept()[0]
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(s,), daemon=True).start()
"""

# usage: client HOST out|in|both|latency|idle; prints bytes a second, seconds, or waits
CLIENT = """
import resource, socket, sys, threading, time
host, what = sys.argv[1:3]
address = socket.getaddrinfo(host, 5001, socket.AF_INET, socket.SOCK_STREAM)[0][4]
block, seconds = bytes(1 << 20), 3 # SECONDS
def dial():
    s = socket.create_connection(address)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.settimeout(5) # some peers stall
    return s
def pour(s, end):
    count = 0
    try:
        while time.monotonic() < end:
            count += s.send(block)
    except TimeoutError:
        pass
    return count
def swallow(s, end):
    buffer, count = bytearray(1 << 20), 0
    try:
        while time.monotonic() < end:
            count += s.recv_into(buffer)
    except TimeoutError:
        pass
    return count
if what == "latency":
    times = []
    for _ in range(400):
        start = time.perf_counter()
        s = dial()
        s.sendall(b"x\\n")
        s.recv(10)
        times.append(time.perf_counter() - start)
        s.close()
    print(sorted(times)[200])
elif what == "idle":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    held = []
    for _ in range(1000):
        s = dial()
        s.sendall(b"x\\n")
        s.recv(10)
        held.append(s)
    print("ready", flush=True)
    sys.stdin.read()
else:
    s = dial()
    s.sendall({"out": b"o\\n", "in": b"i\\n", "both": b"b\\n"}[what])
    start = time.monotonic()
    end, counts = start + seconds, []
    jobs = [f for f, modes in ((pour, ("out", "both")), (swallow, ("in", "both"))) if what in modes]
    threads = [threading.Thread(target=lambda f=f: counts.append(f(s, end))) for f in jobs]
    for t in threads: t.start()
    for t in threads: t.join()
    print(sum(counts) / (time.monotonic() - start), flush=True)
    import os
    os._exit(0)
"""

SLIRP = """
set -e
cd "$1"; shift
rm -f pid go ready; mkfifo pid go ready
unshare -Urn sh -c 'echo $$ >pid; read -r word <go; iptables-restore <rules; exec "$@"' sh "$@" &
command=$!
read -r inner <pid
slirp4netns --configure --mtu=65520 --disable-host-loopback --ready-fd=3 "$inner" tap0 3>ready >/dev/null 2>&1 &
slirp=$!
read -r -n 1 word <ready
echo go >go
wait $command; code=$?
kill $slirp
wait $slirp || true
exit $code
"""

RULES = f"""*filter
:OUTPUT DROP [0:0]
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -d {ADDRESS} -p tcp --dport {PORT} -j ACCEPT
COMMIT
"""


def make_tun():
    """As root, before it stops being root: the peers need the device, and a private /dev may not have it."""
    if not os.path.exists("/dev/net/tun"):
        try:
            os.makedirs("/dev/net", exist_ok=True)
            os.mknod("/dev/net/tun", 0o666 | stat.S_IFCHR, os.makedev(10, 200))
            os.chmod("/dev/net/tun", 0o666)
        except OSError:
            pass


class Machine:
    def __init__(self, bench):
        self.bench = bench
        self.dir = tempfile.mkdtemp(prefix="parclose-internet-")
        os.chmod(self.dir, 0o755)
        self.internet = Internet(self.dir, "routed")
        self.server = self.start(sys.executable, "-c", SERVER)
        assert self.server.stdout.readline() == "ready\n"
        with open(os.path.join(self.dir, "rules"), "w", encoding="ascii") as file:
            file.write(RULES)

    def finish(self):
        self.server.kill()
        self.server.communicate()
        self.internet.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, *command, **kwargs):
        return subprocess.Popen(command, preexec_fn=self.internet.enter, stdout=subprocess.PIPE, text=True,
                                env=self.bench.env, **kwargs)

    def ticks(self):
        """CPU seconds of the server, and of all that has ended here."""
        with open(f"/proc/{self.server.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + used.ru_utime + used.ru_stime

    def run(self, *command):
        done = subprocess.run(command, preexec_fn=self.internet.enter, capture_output=True, text=True, check=False,
                              env=self.bench.env, timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stderr[-300:]}")
        return done.stdout

    def policy(self, name, network):
        path = os.path.join(self.bench.dir, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"parclose": 1, "containment": "process", "network": network}, file)
        return path


def ways(machine):
    """{who: command in front of another command}, of those that work here."""
    bench = machine.bench
    to = [{"domain": "bench.example.org"}, {"cidr": ADDRESS}]
    one = machine.policy("one-port", {"egress": {"allow": [{"to": to, "ports": [{"protocol": "tcp", "port": PORT}]}]}})
    found = {"parclose": [bench.parclose, "run", "-p", one, "--"]}
    peers = {
        "pasta": ["pasta", "--quiet", "--config-net", "-t", "none", "-u", "none", "-T", "none", "-U", "none", "--"],
        "slirp4netns + iptables": ["bash", "-c", SLIRP, "bash", machine.dir],
    }
    for name, command in peers.items():
        try:
            machine.run(*command, "/bin/true")
            found[name] = command
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            print(f"bench: {name} does not run here: {error}", file=sys.stderr)
    return found


def measure_start(machine, found):
    bench = machine.bench
    every = machine.policy("every-port", {"egress": {"default": "allow"}})
    commands = {"none": [bench.parclose, "run", "-p", bench.process, "--"], **found,
                "every": [bench.parclose, "run", "-p", every, "--"]}
    joined = []
    for command in commands.values():
        joined += [*([":::"] if joined else []), *command, "/bin/true"]
    times = [float(line) / 1000 for line in machine.run(bench.turns_program, "30", "-1", *joined).split()]
    took = dict(zip(commands, times))
    bench.row("start with filtered egress", "ms", took["parclose"], "parclose without a network", took["none"], "<= 2")
    bench.row("  with every port open", "ms", took["every"], "parclose without a network", took["none"], "<= 2")
    for name in found:
        if name != "parclose":
            bench.row("  start with filtered egress", "ms", took["parclose"], name, took[name], "<= 0.1")


def measure_traffic(machine, found):
    """The rate, and what it costs: on a busy machine the cost says more. It counts both ends and what is between."""
    bench = machine.bench
    host = {"parclose": "bench.example.org"}
    plain = {"no sandbox, by loopback": []}
    everybody = {**found, **plain}
    for what, title in (("out", "throughput out"), ("in", "throughput in"), ("both", "throughput both ways at once")):
        rates = {name: [] for name in everybody}
        costs = {name: [] for name in everybody}
        for _ in range(3):
            for name, command in everybody.items():
                before = machine.ticks()
                said = float(machine.run(*command, "python3", "-c", CLIENT, host.get(name, ADDRESS), what))
                rates[name].append(said / 1e6)
                costs[name].append((machine.ticks() - before) / (said * SECONDS / 1e9) * 1000)
        ours, cost = statistics.median(rates.pop("parclose")), statistics.median(costs.pop("parclose"))
        for name, values in rates.items():
            bench.row(title, "MB/s", ours, name, statistics.median(values), "" if name in plain else ">= 3")
        for name, values in costs.items():
            bench.row("  its CPU time a gigabyte", "ms", cost, name, statistics.median(values))
    times = {name: [] for name in everybody}
    for _ in range(3):
        for name, command in everybody.items():
            times[name].append(float(machine.run(*command, "python3", "-c", CLIENT, host.get(name, ADDRESS), "latency")) * 1e6)
    ours = statistics.median(times.pop("parclose"))
    for name, values in times.items():
        bench.row("connection, one message and its answer", "us", ours, name, statistics.median(values))


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def measure_idle(machine, found):
    """The broker's own pages. What the kernel keeps for sockets is the same for whoever relays."""
    bench = machine.bench
    command = found["parclose"]
    process = machine.start(command[0], "run", "-n", "idle", *command[2:], "python3", "-c", CLIENT, "bench.example.org",
                            "idle", stdin=subprocess.PIPE)
    assert process.stdout.readline() == "ready\n"
    time.sleep(1)
    pid = json.loads(machine.run(bench.parclose, "inspect", "--json", "idle"))["network"]["broker"]["pid"]
    full = resident(pid)
    process.stdin.close()
    process.wait()
    process.stdout.close()
    process = machine.start(command[0], "run", "-n", "idle", *command[2:], "cat", stdin=subprocess.PIPE)
    time.sleep(1)
    pid = json.loads(machine.run(bench.parclose, "inspect", "--json", "idle"))["network"]["broker"]["pid"]
    empty = resident(pid)
    process.stdin.close()
    process.wait()
    process.stdout.close()
    bench.row("broker, memory (RSS) without connections", "MiB", empty)
    bench.row("  more for 1,000 idle connections", "MiB", full - empty)


def measure(bench):
    machine = Machine(bench)
    try:
        found = ways(machine)
        measure_start(machine, found)
        measure_traffic(machine, found)
        measure_idle(machine, found)
    finally:
        machine.finish()
