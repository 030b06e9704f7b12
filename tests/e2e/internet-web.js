// The web of a host of internet.py: HTTP/1.1, HTTP/2 and WebSocket, plain and by TLS, and git.
//
// usage: node internet-web.js NAME DIRECTORY '{"addresses": […], "http": [80], "https": [443]}'
"use strict";
const child = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const http2 = require("node:http2");
const path = require("node:path");

const [name, directory, plan] = process.argv.slice(2);
const {addresses, http: plainPorts, https: tlsPorts} = JSON.parse(plan);

function note(kind, what) {
	fs.appendFileSync(path.join(directory, `arrivals-${name}`), JSON.stringify({kind, ...what}) + "\n");
}

const page = (title) => `<!doctype html><meta charset="utf-8"><title>${title}</title>
<style>body{margin:0;background:linear-gradient(90deg,#204060,#c08040);color:#fff;font:48px sans-serif;padding:80px}</style>
<h1>${title}</h1><p id="answer">…</p>
<script>
fetch("/about").then(r => r.json()).then(a => {
	document.getElementById("answer").textContent = a.version + " " + a.host;
	const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws");
	socket.onopen = () => socket.send("through the tunnel");
	socket.onmessage = (m) => {
		document.title = "done " + a.version + " " + m.data;
		fetch("/seen?by=script&version=" + a.version);
	};
});
</script>`;

function git(request, response, url) {
	const backend = child.spawn("git", ["http-backend"], {env: {
		PATH: process.env.PATH, GIT_PROJECT_ROOT: path.join(directory, "git"), GIT_HTTP_EXPORT_ALL: "1",
		PATH_INFO: url.pathname.slice(4), QUERY_STRING: url.search.slice(1), REQUEST_METHOD: request.method,
		CONTENT_TYPE: request.headers["content-type"] || "", HTTP_CONTENT_ENCODING: request.headers["content-encoding"] || "",
		GIT_PROTOCOL: request.headers["git-protocol"] || "", GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "safe.directory",
		GIT_CONFIG_VALUE_0: "*", REMOTE_ADDR: "inside",
	}, stdio: ["pipe", "pipe", "inherit"]});
	request.pipe(backend.stdin);
	backend.stdin.on("error", () => {});
	let head = Buffer.alloc(0), sent = false;
	backend.stdout.on("data", (data) => {
		if (sent) {
			response.write(data);
			return;
		}
		head = Buffer.concat([head, data]);
		const end = head.indexOf("\r\n\r\n");
		if (end < 0) {
			return;
		}
		const fields = head.subarray(0, end).toString().split("\r\n").map((line) => line.split(/: (.*)/s));
		const status = fields.find(([key]) => key === "Status");
		response.writeHead(status ? parseInt(status[1]) : 200,
			Object.fromEntries(fields.filter(([key]) => key !== "Status")));
		sent = true;
		response.write(head.subarray(end + 4));
	});
	backend.stdout.on("end", () => response.end());
}

function send(response, bytes) {
	const block = Buffer.alloc(65536, "d");
	response.writeHead(200, {"content-type": "application/octet-stream", "content-length": String(bytes)});
	const more = () => {
		while (bytes > 0) {
			const size = Math.min(bytes, block.length);
			bytes -= size;
			if (!response.write(block.subarray(0, size))) {
				response.once("drain", more);
				return;
			}
		}
		response.end();
	};
	more();
}

function answer(request, response) {
	const host = request.headers[":authority"] || request.headers.host;
	const url = new URL(request.url, "http://x");
	const about = {
		server: name, host, path: request.url, method: request.method, version: request.httpVersion,
		sni: request.socket.servername || null, alpn: request.socket.alpnProtocol || null,
		address: request.socket.localAddress, port: request.socket.localPort,
	};
	note("request", about);
	response.on("error", () => {});
	if (url.pathname.startsWith("/git/")) {
		git(request, response, url);
	} else if (url.pathname === "/big") {
		send(response, Number(url.searchParams.get("bytes")));
	} else if (url.pathname === "/slow") {
		response.writeHead(200, {"content-type": "text/plain"});
		let left = Number(url.searchParams.get("lines") || 5);
		const timer = setInterval(() => {
			response.write("a line\n");
			if (--left === 0) {
				clearInterval(timer);
				response.end();
			}
		}, Number(url.searchParams.get("ms") || 100));
		response.on("close", () => clearInterval(timer));
	} else if (url.pathname === "/echo") {
		response.writeHead(200, {"content-type": "application/octet-stream"});
		request.pipe(response);
	} else if (url.pathname === "/page") {
		// An offer of HTTP/3, which must not be in anybody's way.
		response.writeHead(200, {"content-type": "text/html", "alt-svc": 'h3=":443"; ma=86400'});
		response.end(page(`${name} ${host}`));
	} else {
		response.writeHead(200, {"content-type": "application/json", "alt-svc": 'h3=":443"; ma=86400'});
		response.end(JSON.stringify(about) + "\n");
	}
}

// RFC 6455, just enough: sends every text and binary message back.
function upgrade(request, socket, head) {
	note("upgrade", {host: request.headers.host, protocol: request.headers.upgrade});
	socket.on("error", () => {});
	const key = request.headers["sec-websocket-key"];
	if (!key) {
		socket.end("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	const accept = crypto.createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
	socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
	let pending = head;
	const frames = () => {
		while (pending.length >= 2) {
			let length = pending[1] & 127, at = 2;
			if (length === 126) {
				if (pending.length < 4) return;
				length = pending.readUInt16BE(2);
				at = 4;
			} else if (length === 127) {
				if (pending.length < 10) return;
				length = Number(pending.readBigUInt64BE(2));
				at = 10;
			}
			if (pending.length < at + 4 + length) return;
			const mask = pending.subarray(at, at + 4);
			const body = Buffer.from(pending.subarray(at + 4, at + 4 + length));
			for (let i = 0; i < body.length; i++) body[i] ^= mask[i % 4];
			const first = pending[0];
			pending = pending.subarray(at + 4 + length);
			const header = length < 126 ? Buffer.from([first, length])
				: length < 65536 ? Buffer.from([first, 126, length >> 8, length & 255])
				: Buffer.concat([Buffer.from([first, 127, 0, 0, 0, 0]), (() => { const b = Buffer.alloc(4); b.writeUInt32BE(length); return b; })()]);
			socket.write(Buffer.concat([header, body]));
			if ((first & 15) === 8) socket.end();
		}
	};
	socket.on("data", (data) => {
		pending = Buffer.concat([pending, data]);
		frames();
	});
	frames();
}

const servers = [];
const identity = {key: fs.readFileSync(path.join(directory, "host.key")), cert: fs.readFileSync(path.join(directory, "host.pem"))};
let waiting = 0;
for (const [ports, secure] of [[plainPorts, false], [tlsPorts, true]]) {
	for (const port of ports) {
		for (const address of addresses) {
			const server = secure ? http2.createSecureServer({...identity, allowHTTP1: true}, answer) : http.createServer(answer);
			server.on("upgrade", upgrade);
			server.on("tlsClientError", () => {});
			server.on("connection", () => note("connection", {port, secure, address}));
			waiting++;
			server.listen({host: address, port, backlog: 4096}, () => {
				if (--waiting === 0) console.log("ready");
			});
			servers.push(server);
		}
	}
}
