// The client of the revisions without a handshake. MODE: legacy, auto, or the revision to insist on.
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { parameters, run } from "./steps.mjs";

const { mode, steps, server } = parameters();
const client = new Client({ name: "tests", version: "1" }, {
	versionNegotiation: { mode: mode === "legacy" || mode === "auto" ? mode : { pin: mode } },
});
await client.connect(new StdioClientTransport(server));
await run(client, steps, (params, options) => client.callTool(params, options), {
	revision: client.getNegotiatedProtocolVersion(), server: client.getServerVersion(),
	capabilities: client.getServerCapabilities(), instructions: client.getInstructions(),
});
