// What both clients do: lists the tools, then calls those that it is told to, and prints what came of it as JSON.
//
//   node legacy.mjs|modern.mjs MODE STEPS COMMAND [ARGUMENT…]
//
// STEPS: a JSON array of {tool, arguments, abortMs}.

export function parameters() {
	const [mode, steps, command, ...args] = process.argv.slice(2);
	return { mode, steps: JSON.parse(steps), server: { command, args, env: { ...process.env }, stderr: "inherit" } };
}

async function attempt(call) {
	const begun = Date.now();
	try {
		return { result: await call(), ms: Date.now() - begun };
	} catch (error) {
		return { error: { name: error.name, code: error.code ?? null, message: String(error.message) }, ms: Date.now() - begun };
	}
}

export async function run(client, steps, call, more) {
	const report = { tools: (await client.listTools()).tools, steps: [], ...more };
	for (const step of steps) {
		const abort = new AbortController();
		const timer = step.abortMs ? setTimeout(() => abort.abort("enough"), step.abortMs) : null;
		report.steps.push(await attempt(() => call({ name: step.tool, arguments: step.arguments ?? {} }, {
			signal: abort.signal, timeout: 120000,
		})));
		clearTimeout(timer);
	}
	await client.close();
	process.stdout.write(JSON.stringify(report));
}
