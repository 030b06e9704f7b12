"""A proxy as of a company: CONNECT, and requests with an absolute target. usage: proxy.py PORT"""

import asyncio
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        pass


async def serve(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n")[0].decode().split()
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
    else:
        host, _, path = target.removeprefix("http://").partition("/")
        host, _, port = host.partition(":")
        head = head.replace(target.encode(), b"/" + path.encode(), 1)
        head = head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    onward_reader, onward = await asyncio.open_connection(host, int(port or 80))
    if method == "CONNECT":
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
    else:
        onward.write(head)
    await asyncio.gather(pump(reader, onward), pump(onward_reader, writer))
    writer.close()
    onward.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
