"""The servers that are measured: each is a command that prints a line which ends with its port."""

import os
import re
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass, field

START_SECONDS = 20
SERVER_CORE, LOAD_CORE = 0, 1
# of Troupe's nodes: what peers do not limit either
LIMITS = ("--message-rate", "0", "--admission-rate", "0", "--max-connections", "0",
          "--max-message-bytes", "1048576")


@dataclass(frozen=True)
class Server:
    name: str
    command: tuple
    environment: dict = field(default_factory=dict)
    dialect: str = "json"
    load: dict = field(default_factory=dict)  # how its clients differ from the scenario's
    is_pinned: bool = True  # to one core, beside the load on another


def pinned(command, core):
    """On one core, where there is another: the scheduler moves neither server nor load about."""
    return ("taskset", "-c", str(core), *command) if os.cpu_count() >= 2 else tuple(command)


class Running:
    """A started server: `port`, `pid`."""

    def __init__(self, server, log):
        self.process = subprocess.Popen(
            pinned(server.command, SERVER_CORE) if server.is_pinned else server.command,
            stdout=subprocess.PIPE, stderr=log, env={**os.environ, **server.environment},
            start_new_session=True
        )
        self.pid = self.process.pid
        self.port = self._port(server)

    def _port(self, server):
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            end = time.monotonic() + START_SECONDS
            while time.monotonic() < end and selector.select(end - time.monotonic()):
                line = self.process.stdout.readline().decode()
                if not line:
                    break
                if found := re.search(r"listening on \S+:(\d+)", line):
                    return int(found.group(1))
        self.end()
        raise RuntimeError(f"{server.name} did not start: {' '.join(server.command)}")

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def catalogue(root, certificates):
    """All servers by name.

    `root`: of the repository; `certificates`: folder with cert.pem and key.pem.
    """
    release = f"{root}/build/release/bin"
    peers = f"{root}/bench/peers"
    bun = f"{peers}/node_modules/@oven/bun-linux-x64/bin/bun"
    tls = ("--tls-cert", f"{certificates}/cert.pem", "--tls-key", f"{certificates}/key.pem")
    bun_tls = {"TLS_CERT": tls[1], "TLS_KEY": tls[3]}

    def relay(name, *more, loops="1", dialect="json", load=None, announce="off"):
        command = (f"{release}/relay_node", "--bind", "127.0.0.1", "--port", "0", "--loops", loops,
                   "--announce", announce, *LIMITS, *more)
        return Server(name, command, dialect=dialect, load=load or {}, is_pinned=loops == "1")

    found = [
        relay("troupe"),
        relay("troupe-2", loops="2"),
        relay("troupe-notices", announce="on"),
        relay("troupe-pings", "--ping-interval", "4s"),
        relay("troupe-rooms-of-1", load={"rooms": 1000, "members": 1, "word": "message"}),
        Server("troupe-deals",
               (f"{release}/deal_node", "--bind", "127.0.0.1", "--port", "0", "--loops", "1",
                "--announce", "off", *LIMITS)),
        relay("troupe-no-echo", load={"echo": False}),
        relay("troupe-mixed", dialect="mixed"),
        relay("troupe-msgpack", dialect="msgpack"),
        relay("troupe-deflate", "--deflate"),
        relay("troupe-tls", *tls),
        Server("troupe-echo",
               (f"{release}/echo_node", "--bind", "127.0.0.1", "--port", "0", "--loops", "1",
                "--mode", "plain", *LIMITS),
               dialect="echo"),
        Server("troupe-broadcast",
               (f"{release}/echo_node", "--bind", "127.0.0.1", "--port", "0", "--loops", "1",
                "--mode", "broadcast", *LIMITS),
               dialect="broadcast"),
        Server("floor", (f"{release}/floor",)),
        Server("bun", (bun, f"{peers}/bun_rooms.js")),
        Server("bun-notices", (bun, f"{peers}/bun_rooms.js"), {"NOTICES": "1"}),
        # Bun pings some seconds before IDLE: after 4 s.
        Server("bun-pings", (bun, f"{peers}/bun_rooms.js"), {"IDLE": "8"}),
        Server("bun-broadcast", (bun, f"{peers}/bun_echo.js"), {"BROADCAST": "1"},
               dialect="broadcast"),
        Server("bun-no-echo", (bun, f"{peers}/bun_rooms.js"), load={"echo": False}),
        Server("bun-deflate", (bun, f"{peers}/bun_rooms.js"), {"DEFLATE": "1"}),
        Server("bun-tls", (bun, f"{peers}/bun_rooms.js"), bun_tls),
        Server("bun-echo", (bun, f"{peers}/bun_echo.js"), dialect="echo"),
        Server("ws", ("node", f"{peers}/ws_rooms.mjs"), dialect="plain"),
        Server("socketio", ("node", f"{peers}/socketio_rooms.mjs"), dialect="socketio"),
    ]
    return {server.name: server for server in found}
