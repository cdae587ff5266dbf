# SPDX-License-Identifier: Apache-2.0
"""Python's websockets as a client of our server. usage: pyws_client.py URL [CA]; prints "well" when all of it went well."""
import asyncio
import ssl
import sys

import websockets


async def converse(url, **options):
    async with websockets.connect(url, max_size=None, **options) as socket:
        for size in (0, 1, 125, 126, 65535, 65536, 1 << 20):
            for sent in ("x\u00e9" * (size // 3), bytes(i * 7 & 255 for i in range(size))):
                await socket.send(sent)
                assert await socket.recv() == sent, (size, type(sent))
        await socket.send(["in ", "three ", "fragments"])
        assert await socket.recv() == "in three fragments"
        await (await socket.ping(b"there?"))
        await socket.close(4000, "enough")
        assert socket.close_code == 4000, socket.close_code


async def main(url, ca=None):
    context = {"ssl": ssl.create_default_context(cafile=ca)} if ca else {}
    await converse(url, **context)
    await converse(url, compression=None, **context)
    print("well")


asyncio.run(main(*sys.argv[1:]))
