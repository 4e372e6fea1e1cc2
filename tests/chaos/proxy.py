"""Passes TCP connections on: ``python proxy.py PORT TARGET``, a process of its own that is frozen and killed."""

import asyncio
import sys

HOST = "127.0.0.1"
CHUNK = 1 << 16


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()


async def main(port: int, target: int) -> None:
    """Serve until killed; a target that does not answer is a connection that is closed at once."""

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, ours = await asyncio.open_connection(HOST, target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, ours), _pass_on(theirs, writer))

    async with await asyncio.start_server(taken, HOST, port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
