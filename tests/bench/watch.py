"""What watching and recording cost the agent: its frame rate with viewers, and what a recording takes."""

import json
import os
import subprocess
import sys
import time

WATCH = """
import os, sys
sys.path.insert(0, sys.argv[1])
from view_channel import Viewer
viewer = Viewer(os.environ, "b")
print("ready", flush=True)
while viewer.read(60) is not None:
    pass
"""


def ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def frames_in(bench, seconds):
    before, start = bench.inspect()["display"]["frames"], time.monotonic()
    time.sleep(seconds)
    return (bench.inspect()["display"]["frames"] - before) / (time.monotonic() - start)


def start(bench):
    """A session that draws the whole of 1280x800 as often as it may; the supervisor's pid."""
    unit = os.path.join(bench.build, "tests", "unit")
    policy = os.path.join(bench.dir, "animate.json")
    with open(policy, "w", encoding="utf-8") as file:
        json.dump({"parclose": 1, "ui": {"disable": False}, "filesystem": {"readonlyPaths": [unit]}}, file)
    bench.quiet(bench.parclose, "stop", "--grace", "0", "b")
    bench.quiet(bench.parclose, "run", "--detach", "--name", "b", "--policy", policy, "--", unit + "/animate")
    time.sleep(2)
    return bench.inspect()["supervisor"]["pid"]


def measure(bench):
    pid = start(bench)
    viewers, rates = [], {}
    helpers = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e")
    for count in (0, 1, 4):
        while len(viewers) < count:
            viewers.append(subprocess.Popen([sys.executable, "-c", WATCH, helpers], env=bench.env, text=True,
                                            stdout=subprocess.PIPE))
            viewers[-1].stdout.readline()
        before = ticks(pid)
        rates[count] = frames_in(bench, 5)
        bench.row(f"agent's frame rate, {count} viewers", "Hz", rates[count], "none", rates[0], "equal")
        bench.row(f"  supervisor's CPU a second, {count} viewers", "ms", (ticks(pid) - before) * 200)
    for viewer in viewers:
        viewer.kill()
        viewer.wait()
    file = os.path.join(bench.dir, "bench.pcr")
    bench.quiet(bench.parclose, "record", "start", "b", file)
    before = ticks(pid)
    rate = frames_in(bench, 10)
    bench.row("agent's frame rate while it is recorded", "Hz", rate, "not recorded", rates[0], "equal")
    bench.row("recording a busy 1280x800 screen, CPU a second", "ms", (ticks(pid) - before) * 100, goal="<= 250")
    bench.row("  bytes a minute", "MiB", os.path.getsize(file) * 6 / 1048576)
    bench.quiet(bench.parclose, "record", "stop", "b")
    bench.quiet(bench.parclose, "stop", "--grace", "0", "b")
