"""What a host of internet.py does: names, banners, echoes, and a web server in node beside it."""

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
import time

from internet import HERE, HOSTS, ZONE, die_with_parent, ip, prefix, settle_link

ECHO, BANNER, SINK, CHATTY = 7, 2525, 9, 19
WEB_PORTS = {"http": [80, 8080], "https": [443, 8443]}


class Host:
    def __init__(self, name, directory):
        self.name, self.directory = name, directory
        self.asked = {}

    def note(self, kind, **what):
        with open(os.path.join(self.directory, f"arrivals-{self.name}"), "a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, **what}) + "\n")

    # ---- names

    def answer(self, query, stream):
        """One message of DNS (RFC 1035 section 4): exactly one question is understood."""
        number, flags, questions = struct.unpack(">HHH", query[:6])
        assert questions == 1
        labels, at = [], 12
        while query[at] != 0:
            labels.append(query[at + 1:at + 1 + query[at]])
            at += 1 + query[at]
        name = b".".join(labels).decode("ascii", "replace").lower()
        kind, = struct.unpack(">H", query[at + 1:at + 3])
        with open(os.path.join(self.directory, "queries"), "a", encoding="ascii") as file:
            file.write(f"{name} {kind}\n")
        entries = ZONE.get(name)
        records, code = [], 0 if entries is not None else 3
        if entries == ["drop"]:
            return None
        lives = 60
        if entries and entries[0] == "flip":
            lives = 0
            self.asked[name, kind] = self.asked.get((name, kind), 0) + 1
            entries = [entries[1 if self.asked[name, kind] == 1 else 2]]
        owner = b"\xc0\x0c"
        if entries and entries[0].startswith("cname "):
            target = entries[0].removeprefix("cname ")
            wire = b"".join(bytes([len(part)]) + part.encode() for part in target.split(".")) + b"\0"
            records.append(owner + struct.pack(">HHIH", 5, 1, 60, len(wire)) + wire)
            owner, entries = wire, ZONE[target]
        for entry in entries or []:
            family = socket.AF_INET6 if ":" in entry else socket.AF_INET
            if kind == (28 if family == socket.AF_INET6 else 1):
                wire = socket.inet_pton(family, entry)
                records.append(owner + struct.pack(">HHIH", kind, 1, lives, len(wire)) + wire)
        head = struct.pack(">HHHHHH", number, 0x8580 | code, 1, len(records), 0, 0)
        return head + query[12:at + 5] + b"".join(records)

    async def serve_names(self, address):
        loop = asyncio.get_running_loop()
        host = self

        class Names(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport  # pylint: disable=attribute-defined-outside-init

            def datagram_received(self, data, addr):
                reply = host.answer(data, False)
                if reply:
                    self.transport.sendto(reply, addr)

        async def stream(reader, writer):
            length, = struct.unpack(">H", await reader.readexactly(2))
            reply = self.answer(await reader.readexactly(length), True)
            if reply:
                writer.write(struct.pack(">H", len(reply)) + reply)
            writer.close()

        await loop.create_datagram_endpoint(Names, local_addr=(address, 53))
        await asyncio.start_server(stream, address, 53)

    # ---- services without a web in them

    async def echo(self, reader, writer):
        """Sends back all it gets, and ends its own half only when the other has ended."""
        self.note("echo", port=ECHO)
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write(b"end\n")
            writer.write_eof()
            await reader.read()
        except OSError:
            pass
        writer.close()

    async def banner(self, reader, writer):
        """Speaks first, as mail and ssh do."""
        self.note("banner", port=BANNER)
        try:
            writer.write(b"220 a host that speaks first\r\n")
            line = await reader.readline()
            writer.write(b"250 you said " + line)
            await writer.drain()
        except OSError:
            pass
        writer.close()

    async def sink(self, reader, writer):
        """Counts, and says how much at the end."""
        count = 0
        try:
            while data := await reader.read(1 << 20):
                count += len(data)
            writer.write(f"{count}\n".encode())
            await writer.drain()
        except OSError:
            pass
        writer.close()

    async def chatty(self, reader, writer):
        """Sends as much as is taken, for as long as it is taken."""
        block, count = b"x" * 65536, 0
        try:
            while True:
                writer.write(block)
                await writer.drain()
                count += len(block)
        except OSError:
            pass
        self.note("chatty", sent=count)
        writer.close()

    async def serve_datagrams(self, address, port, reply):
        loop = asyncio.get_running_loop()
        host = self

        class Datagrams(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport  # pylint: disable=attribute-defined-outside-init

            def datagram_received(self, data, addr):
                host.note("datagram", port=port, size=len(data))
                if reply:
                    self.transport.sendto(data, addr)

        await loop.create_datagram_endpoint(Datagrams, local_addr=(address, port))

    async def serve(self, addresses):
        if self.name == "dns":
            for address in addresses:
                await self.serve_names(address)
        else:
            for address in addresses:
                for port, service in ((ECHO, self.echo), (BANNER, self.banner), (SINK, self.sink),
                                      (CHATTY, self.chatty)):
                    await asyncio.start_server(service, address, port, backlog=4096)
                await self.serve_datagrams(address, ECHO, True)
                await self.serve_datagrams(address, 443, False)
            web = subprocess.Popen(
                ["node", os.path.join(HERE, "internet-web.js"), self.name, self.directory,
                 json.dumps({"addresses": addresses, **WEB_PORTS})],
                preexec_fn=die_with_parent, stdout=subprocess.PIPE, text=True)
            line = await asyncio.to_thread(web.stdout.readline)
            assert line == "ready\n", line
        print("ready", flush=True)
        await asyncio.Event().wait()


def run(name, directory):
    print("waiting", flush=True)
    if sys.stdin.readline() != "go\n":
        return
    addresses = HOSTS.get(name, ["127.0.0.1", "::1"])
    if name in HOSTS:
        ip("link", "set", "lo", "up")
        settle_link("eth0")
        for address in addresses:
            ip("address", "add", prefix(address), "dev", "eth0", *(["nodad"] if ":" in address else []))
        for family in ("-4", "-6"):
            ip(family, "route", "add", "default", "dev", "eth0")
    asyncio.run(Host(name, directory).serve(addresses))
