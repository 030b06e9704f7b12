import base64, json, subprocess
mcp = subprocess.Popen(["parclose", "mcp", "--", "foot"], stdin=-1, stdout=-1, text=True)
speaks = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
def call(tool, **arguments):
    params = {"name": tool, "arguments": arguments, "_meta": speaks}
    print(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}), file=mcp.stdin, flush=True)
    return json.loads(mcp.stdout.readline())["result"]
print(call("computer", action="type", text="echo hello\n")["structuredContent"])
open("screen.png", "wb").write(base64.b64decode(call("screenshot")["content"][-1]["data"]))
mcp.stdin.close()
