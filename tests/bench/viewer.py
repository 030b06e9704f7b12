"""What the window costs, and how late it is: parclose-viewer on a desktop without a monitor."""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))


def seconds_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(build, row):
    """Calls row(name, unit, figure, goal=…) for each figure."""
    os.environ.setdefault("PARCLOSE_BUILD", build)
    from desktops import Sway  # pylint: disable=import-outside-toplevel
    from view_channel import Control  # pylint: disable=import-outside-toplevel
    viewer_program = os.path.join(build, "viewer", "parclose-viewer")
    parclose = os.path.join(build, "cli", "parclose")
    if not (os.path.exists(viewer_program) and Sway.is_there()):
        print("bench: viewer: not built, or there is no sway", file=sys.stderr)
        return
    desktop = Sway(width=1400, height=1000)
    try:
        for key in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            os.makedirs(desktop.env[key], exist_ok=True)
        policy = os.path.join(desktop.dir, "policy.json")
        with open(policy, "w", encoding="utf-8") as file:
            json.dump({"parclose": 1, "ui": {"disable": False},
                       "filesystem": {"readonlyPaths": [os.path.join(build, "tests")]}}, file)
        animate = os.path.join(build, "tests", "unit", "animate")
        rates = []
        for viewers in (0, 1, 4):
            desktop.run(parclose, "run", "-d", "-n", "b", "-p", policy, "--", animate)
            time.sleep(1)
            started = [watch(desktop, viewer_program, Control) for _ in range(viewers)]
            time.sleep(3)
            before, frames, began = [seconds_of(v.pid) for v in started], frames_of(desktop, parclose), time.time()
            time.sleep(8)
            took = time.time() - began
            rates.append((frames_of(desktop, parclose) - frames) / took)
            if viewers == 1:
                row("viewer: CPU, all of 1280x800 changes 60 times a second", "%",
                    100 * (seconds_of(started[0].pid) - before[0]) / took)
            desktop.run(parclose, "stop", "--grace", "0", "b")
            for viewer in started:
                viewer.terminate()
            said = [json.loads(viewer.communicate(timeout=20)[0]) for viewer in started]
            if viewers == 1:
                row("viewer: commit to taken for drawing, median", "ms", said[0]["drawn"]["medianMs"])
                row("viewer: commit to taken for drawing, 99th percentile", "ms", said[0]["drawn"]["p99Ms"])
                if said[0]["presented"]:  # where the desktop tells
                    row("viewer: commit to presented, median", "ms", said[0]["presented"]["medianMs"])
                    row("viewer: commit to presented, 99th percentile", "ms", said[0]["presented"]["p99Ms"])
        measure_rest(desktop, parclose, viewer_program, Control, row)
        for viewers, rate in zip((0, 1, 4), rates):
            row(f"viewer: the agent's frames, {viewers} watching", "/s", rate, goal="60")
    finally:
        desktop.run(parclose, "stop", "--all", "--grace", "0", check=False)
        desktop.close()


def measure_rest(desktop, parclose, program, control_of, row):
    """What a window costs on a screen that stands still."""
    desktop.run(parclose, "run", "-d", "-n", "b", "--", "foot", "-e", "sleep", "1000")
    viewer = watch(desktop, program, control_of)
    time.sleep(5)
    before = seconds_of(viewer.pid), wakeups_of(viewer.pid)
    time.sleep(10)
    row("viewer: CPU at rest, in ten seconds", "ms", 1000 * (seconds_of(viewer.pid) - before[0]), goal="0")
    row("viewer: wake-ups at rest, in ten seconds", "", wakeups_of(viewer.pid) - before[1], goal="0")
    desktop.run(parclose, "stop", "--grace", "0", "b")
    viewer.terminate()
    viewer.communicate(timeout=20)


def wakeups_of(pid):
    """Of all its threads."""
    count = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
            count += sum(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt"))
    return count


def watch(desktop, program, control_of):
    control = control_of(desktop.env, "b")
    _, fds = control.call("parclose/view")
    control.close()
    viewer = desktop.spawn(program, "--fd", str(fds[0]), "--statistics", pass_fds=fds, stdout=subprocess.PIPE)
    os.close(fds[0])
    return viewer


def frames_of(desktop, parclose):
    return json.loads(desktop.run(parclose, "inspect", "--json", "b"))["display"]["frames"]
