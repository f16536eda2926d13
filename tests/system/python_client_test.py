"""A foreign client, Debian's python3-websockets, talks to the built nodes."""

import asyncio
import json
import os
import pathlib
import re
import signal
import unittest

import websockets

BINARIES = pathlib.Path(
    os.environ.get("TROUPE_BIN", pathlib.Path(__file__).parents[2] / "build/dev/bin"))
LOOPS = os.environ.get("TROUPE_LOOPS", "1")
PATIENCE_S = 15


async def within(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE_S)


class Node:
    """A node on a free port, as an asynchronous context."""

    def __init__(self, name, *args):
        self.command = [str(BINARIES / name), "--port", "0", "--loops", LOOPS, *args]

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdout=asyncio.subprocess.PIPE)
        while True:
            line = (await within(self.process.stdout.readline())).decode()
            if not line:
                raise AssertionError(f"{self.command[0]} ended before it listened")
            match = re.search(r"is listening on http://127\.0\.0\.1:(\d+)", line)
            if match:
                self.port = int(match[1])
                return self

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def url(self, host="127.0.0.1"):
        return f"ws://{host}:{self.port}/"


async def take(socket, type_=None):
    frame = json.loads(await within(socket.recv()))
    if type_ is not None:
        assert frame["type"] == type_, frame
    return frame


async def send(socket, **message):
    await socket.send(json.dumps(message))


class RoomsOverPython(unittest.IsolatedAsyncioTestCase):
    async def test_plain_clients_get_the_seeds_frames(self):
        async with Node("relay_node") as node, \
                websockets.connect(node.url()) as one, \
                websockets.connect(node.url("[::1]")) as two:
            await send(one, type="join", roomId="r")
            self.assertEqual(await take(one), {"type": "joined", "roomId": "r"})
            await send(two, type="join", roomId="r")
            self.assertEqual(await take(two), {"type": "joined", "roomId": "r"})
            joined = await take(one, "userJoined")
            await send(two, type="message", text="안녕")
            expected = {"type": "message", "text": "안녕", "userId": joined["userId"]}
            self.assertEqual(await take(one), expected)
            self.assertEqual(await take(two), expected)
            await two.close()
            self.assertEqual(await take(one), {"type": "userLeft", "userId": joined["userId"]})

    async def test_a_troupe_client_is_welcomed_and_acked(self):
        async with Node("relay_node") as node, \
                websockets.connect(node.url(), subprotocols=["troupe.v1.json"]) as client:
            self.assertEqual(client.subprotocol, "troupe.v1.json")
            welcome = await take(client, "welcome")
            await send(client, type="join", roomId="r", ref=1)
            joined = await take(client, "joined")
            self.assertEqual((joined["ref"], joined["userId"]), (1, welcome["userId"]))
            await send(client, type="message", data={"x": [1, 2.5, None]}, ref=2)
            message = await take(client, "message")
            self.assertEqual(message["data"], {"x": [1, 2.5, None]})
            ack = await take(client, "ack")
            self.assertEqual(ack["ref"], 2)
            self.assertGreaterEqual(ack["seq"], message["seq"])

    async def test_the_librarys_own_pings_are_answered(self):
        async with Node("relay_node") as node, \
                websockets.connect(node.url(), ping_interval=None) as client:
            for _ in range(3):
                await within(await client.ping())

    async def test_a_library_that_offers_deflate_is_served_without_it(self):
        async with Node("relay_node") as node, \
                websockets.connect(node.url(), compression="deflate") as client:
            self.assertEqual(client.extensions, [])
            await send(client, type="join", roomId="r")
            await take(client, "joined")

    async def test_a_message_in_fragments_is_put_together(self):
        async with Node("relay_node") as node, websockets.connect(node.url()) as client:
            text = json.dumps({"type": "join", "roomId": "r"})
            await client.send([text[:5], text[5:6], text[6:]])
            await take(client, "joined")

    async def test_binary_frames_come_announced_and_raw(self):
        async with Node("relay_node") as node, \
                websockets.connect(node.url(), subprotocols=["troupe.v1.json"]) as client:
            await take(client, "welcome")
            await send(client, type="join", roomId="r")
            await take(client, "joined")
            await client.send(b"\x00\xff bytes")
            head = await take(client, "binary")
            self.assertEqual(head["bytes"], 8)
            self.assertEqual(await within(client.recv()), b"\x00\xff bytes")

    async def test_a_message_that_is_too_big_ends_with_1009(self):
        async with Node("relay_node") as node, websockets.connect(node.url()) as client:
            await client.send("x" * 65_537)
            with self.assertRaises(websockets.ConnectionClosed) as closed:
                await within(client.recv())
            self.assertEqual(closed.exception.code, 1009)

    async def test_sigterm_ends_with_goodbye_and_1012(self):
        async with Node("relay_node") as node, \
                websockets.connect(node.url(), subprotocols=["troupe.v1.json"]) as client:
            await take(client, "welcome")
            node.process.send_signal(signal.SIGTERM)
            goodbye = await take(client, "goodbye")
            self.assertEqual(len(goodbye["reconnectAfterMs"]), 2)
            await within(client.wait_closed())
            self.assertEqual(client.close_code, 1012)
            self.assertEqual(await within(node.process.wait()), 0)

    async def test_a_hundred_clients_get_every_message_in_order(self):
        async with Node("relay_node", "--message-rate", "0") as node:
            clients = [await websockets.connect(node.url(), ping_interval=None) for _ in range(100)]
            for client in clients:
                await send(client, type="join", roomId="r")
                await take(client, "joined")
            count = 50
            for i in range(count):
                await send(clients[0], type="message", text=str(i))

            async def texts(client):
                got = []
                while len(got) < count:
                    frame = await take(client)
                    if frame["type"] == "message":
                        got.append(frame["text"])
                return got

            expected = [str(i) for i in range(count)]
            for got in await asyncio.gather(*(texts(c) for c in clients)):
                self.assertEqual(got[-1], expected[-1])
                self.assertEqual(got, expected)
            await asyncio.gather(*(c.close() for c in clients))


class ChatOverPython(unittest.IsolatedAsyncioTestCase):
    async def test_the_seeds_chat_is_spoken(self):
        async with Node("chat_node") as node, websockets.connect(node.url()) as one:
            name = re.match(r"(.+)님이 입장했습니다\.$", (await take(one, "system"))["message"])[1]
            self.assertEqual(await take(one), {"type": "info", "userCount": 1})
            await send(one, type="setUsername", username="Ada")
            self.assertEqual(await take(one), {
                "type": "system", "message": f"{name}님이 Ada(으)로 이름을 변경했습니다."})
            await send(one, type="chat", text="hello")
            chat = await take(one, "chat")
            self.assertEqual((chat["username"], chat["message"]), ("Ada", "hello"))
            self.assertEqual(list(chat), ["type", "username", "message", "timestamp"])


if __name__ == "__main__":
    unittest.main()
