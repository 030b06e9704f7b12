"""What the clipboard costs: a megabyte from one program to another beside sway, an item put in and pasted beside
wl-copy, and whether anything grows."""

import json
import os
import statistics
import subprocess
import time

import acts
import peers

MEGABYTE = 1 << 20
COUNT = 200
TRANSFERS = 10000


def start(bench):
    folder = os.path.join(bench.build, "tests", "bench")
    policy = os.path.join(bench.dir, "clipboard.json")
    with open(policy, "w", encoding="utf-8") as file:
        json.dump({"parclose": 1, "ui": {"disable": False, "clipboard": "all"}, "clipboard": {"confirm": False},
                   "filesystem": {"readonlyPaths": [folder]}}, file)
    bench.quiet(bench.parclose, "stop", "--grace", "0", "b")
    if bench.quiet(bench.parclose, "run", "-d", "-n", "b", "-p", policy, "--", "sleep", "600") != 0:
        raise SystemExit("bench: cannot start a session")
    return os.path.join(folder, "copy")


def copied(command, env):
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise SystemExit("bench: " + done.stderr)
    return float(done.stdout)


def sway_with_keyboard(bench):
    sway = peers.Sway(bench.env)
    sway.start("wtype", "-k", "Shift_L", "-s", "600000", "-k", "Shift_L")
    peers.wait_for(lambda: "keyboard" in sway.run("swaymsg", "-r", "-t", "get_inputs").stdout, 20, "a keyboard")
    return sway


def among_programs(bench, copy):
    sway = sway_with_keyboard(bench)
    try:
        ours, theirs = bench.turns(
            5, lambda: copied([bench.parclose, "exec", "b", "--", copy, str(COUNT), str(MEGABYTE)], bench.env),
            lambda: copied([copy, str(COUNT), str(MEGABYTE)], sway.env))
    finally:
        sway.finish()
    bench.row("1 MiB from program to program", "ms", ours, "sway", theirs, "equal")


def pasted(reader, put):
    begun = time.perf_counter()
    put()
    line = acts.wait_line(reader)
    took = (time.perf_counter() - begun) * 1000
    if line != "11":
        raise SystemExit(f"bench: what was pasted has '{line}' bytes")
    return took


def in_and_pasted(bench, copy):
    def run(*command, env):
        def put():
            subprocess.run(command, env=env, input=b"hello world", check=True, stdout=subprocess.DEVNULL)
        return put
    inside = subprocess.Popen([bench.parclose, "exec", "b", "--", copy, "paste"], env=bench.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    sway = sway_with_keyboard(bench)
    try:
        other = sway.start(copy, "paste", stdout=subprocess.PIPE)
        for reader in (inside, other):
            if acts.wait_line(reader) != "ready":
                raise SystemExit("bench: nobody pastes")
        ours, theirs = bench.turns(
            20, lambda: pasted(inside, run(bench.parclose, "clipboard", "b", "put", env=bench.env)),
            lambda: pasted(other, run("wl-copy", env=sway.env)))
        bench.row("an item put in and pasted, the whole command", "ms", ours, "wl-copy on sway", theirs)
        client = acts.control(bench, "b")
        direct = [pasted(inside, lambda: client.request("parclose/clipboard", {"verb": "put", "text": "hello world"}))
                  for _ in range(100)]
        bench.row("  the same through the control socket", "ms", statistics.median(direct))
        growth(bench, client, inside)
    finally:
        sway.finish()
        inside.kill()
        inside.communicate()


def private(pid):
    """Kilobytes of a process's own, which everybody may see."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))


def growth(bench, client, reader):
    info = bench.inspect()
    pids = (info["supervisor"]["pid"], info["compositor"]["pid"])
    begun = None
    for i in range(TRANSFERS + TRANSFERS // 10):
        if i == TRANSFERS // 10:  # what a first use needs is there
            begun = [private(pid) for pid in pids]
        pasted(reader, lambda: client.request("parclose/clipboard", {"verb": "put", "text": "hello world"}))
    grown = [private(pid) - before for pid, before in zip(pids, begun)]
    bench.row(f"memory grown over {TRANSFERS} transfers, supervisor", "KiB", grown[0], goal="0")
    bench.row("  compositor", "KiB", grown[1], goal="0")


def measure(bench):
    copy = start(bench)
    among_programs(bench, copy)
    in_and_pasted(bench, copy)
