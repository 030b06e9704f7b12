"""The windows of the programs of one name as assistive technologies see them: accessible.py tree|press|focused APPLICATION [NAME]."""

import json
import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402 pylint: disable=wrong-import-position


def applications(name):
    """Every program of that name that is on the bus: one a window."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        desktop = Atspi.get_desktop(0)
        children = [desktop.get_child_at_index(i) for i in range(desktop.get_child_count())]
        found = [child for child in children if child is not None and child.get_name() == name]
        if found:
            return found
        time.sleep(0.1)
    raise SystemExit(f"no application {name} is on the bus of assistive technologies")


def is_in(states, name):
    return states.contains(getattr(Atspi.StateType, name))


def walk(node, depth=0):
    """Every node that is shown, from the top."""
    if node is None or depth > 30:
        return
    states = node.get_state_set()
    if depth > 0 and not is_in(states, "SHOWING") and node.get_role_name() not in ("frame", "window", "dialog"):
        return
    yield node, states
    for i in range(node.get_child_count()):
        yield from walk(node.get_child_at_index(i), depth + 1)


def describe_all(nodes):
    """What goes while it is looked at is not there."""
    for node, states in nodes:
        try:
            yield describe(node, states)
        except GLib.GError:
            pass


def describe(node, states):
    return {"role": node.get_role_name(), "name": node.get_name() or "", "description": node.get_description() or "",
            "focusable": is_in(states, "FOCUSABLE"), "sensitive": is_in(states, "SENSITIVE"),
            "checked": is_in(states, "CHECKED") or is_in(states, "PRESSED"), "focused": is_in(states, "FOCUSED")}


def main():
    verb, name, *rest = sys.argv[1:]
    nodes = [pair for found in applications(name) for pair in walk(found)]
    if verb == "tree":
        print(json.dumps(list(describe_all(nodes))))
        return
    if verb == "press":
        for node, states in nodes:
            action = node.get_action_iface()
            if node.get_name() == rest[0] and is_in(states, "SENSITIVE") and action and action.get_n_actions() > 0:
                if action.do_action(0):
                    print("true")
                    return
        raise SystemExit(f"there is no button {rest[0]} that can be pressed: " +
                         json.dumps([describe(*pair) for pair in nodes if "button" in pair[0].get_role_name()]))


main()
