// The client of the revisions that begin with `initialize`.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { parameters, run } from "./steps.mjs";

const { steps, server } = parameters();
const client = new Client({ name: "tests", version: "1" });
await client.connect(new StdioClientTransport(server));
await run(client, steps, (params, options) => client.callTool(params, undefined, options), {
	server: client.getServerVersion(), capabilities: client.getServerCapabilities(), instructions: client.getInstructions(),
});
