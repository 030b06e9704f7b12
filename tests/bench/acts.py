"""What acting costs: clicks, typing, pictures in a call of MCP, and coming to rest, beside the tools that act on sway
and X11."""

import difflib
import os
import select
import statistics
import subprocess
import sys
import time

import peers

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
import mcp  # pylint: disable=wrong-import-position

TEXT = ("The quick brown fox jumps over 13 lazy dogs; \"Zoe\" & co. do not (yet). " * 20)[:1000]
ENTRY = ("zenity", "--entry", "--title=entry", "--text=type", "--width=600")


def ms_since(begun):
    return (time.perf_counter() - begun) * 1000


def wait_line(process, seconds=30):
    """What the program prints, up to its first newline."""
    found = b""
    deadline = time.monotonic() + seconds
    while not found.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
        data = os.read(process.stdout.fileno(), 65536) if ready else b""
        if not data:
            break
        found += data
    return found.decode("utf-8", "replace")[:-1]


def control(bench, name):
    return mcp.over_socket(os.path.join(bench.env["XDG_RUNTIME_DIR"], "parclose", name, "control.sock"), era="plain")


def act(client, action, settle=False):
    return client.request("parclose/act", {"actions": [action], "settle": settle})["results"][0]


def wait_window(bench, name):
    peers.wait_for(lambda: bench.inspect(name).get("windows"), 60, "a window in the session")
    time.sleep(1)


def wrong(got):
    """Characters of TEXT that did not arrive in their order, or others that did."""
    same = difflib.SequenceMatcher(None, got, TEXT, autojunk=False).get_matching_blocks()
    return max(len(got), len(TEXT)) - sum(block.size for block in same)


def click(bench):
    bench.session("foot", "-e", "sleep", "600")
    client = control(bench, "b")
    display = peers.Xvfb(bench.env)
    try:
        display.start("zenity", "--info", "--title=peer", "--text=x")
        display.wait_window("peer")
        place = iter(range(10 ** 6))

        def ours():
            n = next(place)
            begun = time.perf_counter()
            done = act(client, {"action": "click", "x": 100 + n % 200, "y": 300})
            took = ms_since(begun)
            if done["effect"] != "delivered":
                raise SystemExit(f"bench: a click was not delivered: {done}")
            return took

        def command():
            n = next(place)
            return bench.wall(bench.parclose, "click", "--no-wait", "b", f"{100 + n % 200},300")()

        def theirs():
            n = next(place)
            return bench.wall("xdotool", "mousemove", str(10 + n % 200), "10", "click", "1", env=display.env)()
        socket_ms, command_ms, peer_ms = bench.turns(50, ours, command, theirs)
    finally:
        display.finish()
        client.socket.close()
    bench.row("click to acknowledged, on the control socket", "ms", socket_ms, "xdotool mousemove click", peer_ms, "<= 2 ms")
    bench.row("  the same, whole command", "ms", command_ms, "xdotool mousemove click", peer_ms)


def typing(bench):
    """A thousand characters and Return into a GTK entry, until typing is over and until the program has printed them.
    GTK itself lets a quarter of a second pass between Return and what the button does: what one character takes tells."""
    def ours(text=TEXT):
        bench.quiet(bench.parclose, "stop", "--grace", "0", "t")
        process = subprocess.Popen([bench.parclose, "run", "-n", "t", "--", *ENTRY], env=bench.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        wait_window(bench, "t")
        client = control(bench, "t")
        begun = time.perf_counter()
        act(client, {"action": "type", "text": text + "\n"})
        typed = ms_since(begun)
        got = wait_line(process)
        took = ms_since(begun)
        client.socket.close()
        bench.quiet(bench.parclose, "stop", "--grace", "0", "t")
        process.communicate()
        return typed, took, wrong(got)

    def on(display_class, commands):
        def measure():
            display = display_class(bench.env)
            try:
                process = display.start(*ENTRY, stdout=subprocess.PIPE)
                display.wait_window("zenity" if display_class is peers.Sway else "entry")
                time.sleep(1)
                begun = time.perf_counter()
                for command in commands:
                    display.run(*command)
                typed = ms_since(begun)
                got = wait_line(process, 3)
                for _ in range(5): # a Return of its own may be lost, which is not the text's fault
                    if got or process.poll() is not None:
                        break
                    display.run(*commands[-1])
                    got = wait_line(process, 3)
                return typed, ms_since(begun), wrong(got)
            finally:
                display.finish()
        return measure
    found = [[], [], []]
    one = []
    for _ in range(3):
        one.append(ours("x")[1])
        for values, measure in zip(found, (
                ours, on(peers.Sway, (("wtype", "--", TEXT), ("wtype", "-k", "Return"))),
                on(peers.Xvfb, (("xdotool", "type", "--", TEXT), ("xdotool", "key", "Return"))))):
            values.append(measure())
    typed, printed = ([statistics.median(value[i] for value in values) for values in found] for i in (0, 1))
    errors = [sum(value[2] for value in values) for values in found]
    for index, peer in ((1, "wtype on sway"), (2, "xdotool on Xvfb")):
        bench.row("1,000 characters typed into a GTK entry", "ms", typed[0], peer, typed[index])
        bench.row("  until the program printed them", "ms", printed[0], peer, printed[index])
        bench.row("  wrong or missing, of 3,000", "", errors[0], peer, errors[index], "0")
    bench.row("1,000 characters until printed, beyond what one takes", "ms", printed[0] - statistics.median(one),
              goal="<= 60 ms")


def pictures(bench):
    """A screenshot inside one call of MCP, from the request to the answer read as JSON, beside whole commands. Each
    display has an animated program, and two of the three are held still while the third is measured."""
    client = mcp.over_stdio([bench.parclose, "mcp", "--", "gtk4-widget-factory"], bench.env)
    sway, display = peers.Sway(bench.env), peers.Xvfb(bench.env)
    out = os.path.join(bench.dir, "shot.png")
    try:
        client.tool("screenshot", waitStable=True)
        name = client.tool("session", action="info")["structuredContent"]["name"]
        sway.start("gtk4-widget-factory")
        sway.wait_window("gtk4-widget-factory")
        display.start("gtk4-widget-factory")
        display.wait_window("GTK Widget Factory")
        time.sleep(3)

        def hold_ours(still=True):
            bench.quiet(bench.parclose, "pause" if still else "resume", name)
        holds = [hold_ours, sway.hold, display.hold]
        for hold in holds:
            hold()

        def alone(hold, function):
            def measure():
                hold(False)
                time.sleep(0.3)
                try:
                    return function()
                finally:
                    hold()
            return measure

        def ours(kind):
            def measure():
                begun = time.perf_counter()
                answer = client.tool("screenshot", format=kind)
                took = ms_since(begun)
                mcp.picture(answer)
                return took
            return alone(hold_ours, measure)
        png, jpeg, grim, scrot = bench.turns(
            20, ours("png"), ours("jpeg"), alone(sway.hold, bench.wall("grim", out, env=sway.env)),
            alone(display.hold, bench.wall("scrot", "-o", out, env=display.env)))
    finally:
        sway.finish()
        display.finish()
        client.process.stdin.close()
        client.process.wait()
    bench.row("screenshot 1280x800 png in one call of MCP", "ms", png, "grim on sway", grim, "<= 10 ms")
    bench.row("screenshot 1280x800 png in one call of MCP", "ms", png, "scrot on Xvfb", scrot)
    bench.row("screenshot 1280x800 jpeg in one call of MCP", "ms", jpeg, "grim on sway", grim, "<= 5 ms")


def settled(bench):
    """One call that acts and answers with the picture at rest, beside acting, sleeping 2 s and looking."""
    client = mcp.over_stdio([bench.parclose, "mcp", "--", "foot"], bench.env)
    try:
        client.tool("wait_stable", timeoutMs=10000)

        def ours():
            begun = time.perf_counter()
            result = client.tool("computer", action="type", text="a")
            took = ms_since(begun)
            if result["structuredContent"]["effect"] != "changed":
                raise SystemExit(f"bench: typing changed nothing: {result['structuredContent']}")
            mcp.picture(result)
            return took

        def asleep():
            begun = time.perf_counter()
            client.tool("computer", action="type", text="b", image="none")
            time.sleep(max(0, 2 - (time.perf_counter() - begun)))
            mcp.picture(client.tool("screenshot"))
            return ms_since(begun)
        mine, other = bench.turns(5, ours, asleep)
    finally:
        client.process.stdin.close()
        client.process.wait()
    bench.row("act to picture at rest, in one call of MCP", "ms", mine, "a fixed sleep of 2 s", other)
