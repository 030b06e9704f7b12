#!/usr/bin/env python3
"""Holds protocols/policy.schema.json and the loader to the same keys, words and defaults.

usage: policy-schema-test.py SCHEMA POLICY-LOAD
"""
import json
import subprocess
import sys

schema_path, loader = sys.argv[1:]
with open(schema_path, encoding="utf-8") as file:
    schema = json.load(file)
failures = []


def load(document):
    run = subprocess.run([loader], input=json.dumps(document), capture_output=True, text=True)
    return run.returncode == 0, run.stdout.strip()


def resolved(node):
    if "$ref" in node:
        target = schema
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        node = {**target, **node}
    return node


def check(ok, *what):
    if not ok:
        failures.append(" ".join(map(str, what)))


def document_with(path, value):
    """A policy with `value` at `path`, where "[]" stands for the one entry of an array."""
    for name in reversed(path):
        value = [value] if name == "[]" else {name: value}
    return {"parclose": 1, **value}


def visit(node, path):
    """Calls for each object of the schema: the loader's own list of keys is in its message."""
    node = resolved(node)
    if node.get("type") == "array" and "items" in node:
        visit(node["items"], [*path, "[]"])
    if node.get("type") != "object":
        return
    keys = set(node["properties"])
    ok, message = load(document_with(path, {"qqqqqqqqqqqqqqqqqqqqqqqq": 1}))
    check(not ok and "known here: " in message, path, "takes an unknown key:", message)
    known = set(message.partition("known here: ")[2].split(", "))
    check(known == keys, path, "differ:", sorted(known ^ keys))
    check(node.get("additionalProperties") is False, path, "is open in the schema")
    for name, child in node["properties"].items():
        child = resolved(child)
        here = [*path, name]
        if "[]" not in path and "default" in child:
            ok, message = load(document_with(here, child["default"]))
            check(ok, here, "default is refused:", message)
        for number, low in ((child.get("minimum"), -1), (child.get("maximum"), 1)):
            if number is not None and "[]" not in path:
                check(load(document_with(here, number))[0], here, number, "is refused")
                check(not load(document_with(here, number + low))[0], here, number + low, "is taken")
        for word in child.get("enum", []):
            ok, message = load(document_with(here, word))
            check("is not known" not in message, here, message)
        visit(child, here)


def defaults(node):
    node = resolved(node)
    if "properties" in node:
        return {name: defaults(child) for name, child in node["properties"].items()
                if not name.startswith(("$", "_"))}
    return node.get("default", node.get("const"))


visit(schema, [])

# What an empty policy means is what the schema gives as defaults.
ok, text = load({"parclose": 1})
check(ok, text)
expected = defaults(schema)
expected["limits"]["tmp"] = 512 << 20
check(json.loads(text) == expected, "defaults differ:", text, "schema:", json.dumps(expected))

print("\n".join(failures) or "the schema and the loader agree")
sys.exit(1 if failures else 0)
