"""What is measured.

A scenario is one load for several servers, and the figures that are compared.
"""

from dataclasses import dataclass, field

CPU = "cpu"                # server CPU for each delivery, nanoseconds
P50, P99 = "p50", "p99"    # from the intended time of sending, in microseconds
RATE = "rate"              # deliveries a second
CONNECT = "connect"        # new connections a second until all have joined
RECONNECT = "reconnect"
MEMORY = "memory"          # resident KiB for each idle connection
MOST = "most"              # resident MiB of the server at its most
CUT = "cut_stalled"        # stalled readers that the server cut
PING = "ping"              # server CPU for each ping and its answer, nanoseconds

MORE_IS_BETTER = {RATE, CONNECT, RECONNECT}


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    load: dict
    figures: tuple = (CPU,)
    servers: tuple = ("troupe", "bun", "floor")
    quick: bool = False           # part of --quick
    seconds: float = 4
    least_seconds: float = 0      # a shorter run shows nothing
    micro: str = ""               # a micro-benchmark instead of servers: no socket, no load
    # (figure, peer) -> the ratio that is aimed at, at most (at least where more is better)
    bounds: dict = field(default_factory=dict)


def slow(*servers):
    return ("troupe", "bun", "floor", *servers)


SCENARIOS = (
    # -- the rows of the first design --
    Scenario("fan-out-100", "100 members, 16 in flight", dict(members=100, in_flight=16),
             (CPU, RATE), slow("ws", "socketio"), quick=True,
             bounds={(CPU, "bun"): 1.0, (CPU, "floor"): 1.2}),
    Scenario("fan-out-1000", "1,000 members, 4 in flight", dict(members=1000, in_flight=4),
             (CPU, RATE), slow("ws", "socketio"), quick=True,
             bounds={(CPU, "bun"): 1.0, (CPU, "floor"): 1.2}),
    Scenario("fan-out-20hz", "1,000 members, 20 messages a second", dict(members=1000, rate=20),
             (CPU, P50, P99), slow("ws", "socketio"), quick=True,
             bounds={(CPU, "bun"): 1.0, (CPU, "floor"): 1.2, (P50, "bun"): 1.0, (P99, "bun"): 1.0}),
    Scenario("rooms-100x10", "100 rooms of 10 members", dict(rooms=100, members=10), (CPU, RATE),
             quick=True, bounds={(CPU, "bun"): 1.05}),
    Scenario("fan-out-1k", "200 members, 1 KiB", dict(members=200, bytes=1024, in_flight=4),
             (CPU, RATE), quick=True, bounds={(CPU, "bun"): 1.0, (CPU, "floor"): 1.2}),
    # 23, so that the small room's messages come at every phase of the giant's
    Scenario("small-beside-giant", "10 members at 23 messages a second beside 5,000 at 20",
             dict(giant=5000, members=10, rate=23), (P50, P99), ("troupe", "bun"),
             bounds={(P99, "bun"): 0.25}),
    Scenario("small-in-giant",
             "10 members at 23 messages a second who are also members of a room of 5,000 at 20",
             dict(giant=5000, members=10, rate=23, also="room0"), (P50, P99), ("troupe", "bun"),
             bounds={(P99, "bun"): 0.25}),
    # -- clients of many rooms --
    Scenario("20-of-100-rooms", "1,000 clients, each in 20 of 100 rooms, 100 messages in flight",
             dict(rooms=100, members=10, joins=20), (CPU, RATE, P99), ("troupe", "bun"),
             bounds={(CPU, "bun"): 1.0, (P99, "bun"): 1.0}),
    Scenario("same-20-rooms", "100 clients, all in the same 20 rooms, 60 messages in flight",
             dict(rooms=20, members=5, joins=20, in_flight=3), (CPU, RATE, P99), ("troupe", "bun"),
             bounds={(CPU, "bun"): 0.25, (P99, "bun"): 0.25}),
    Scenario("rooms-of-all-sizes",
             "1,000 clients, each in 20 rooms of about 2 to 1,000, 2 messages a second in each",
             dict(members=1000, joins=20, mix=True, rate=2), (CPU, P50, P99), ("troupe", "bun"),
             bounds={(CPU, "bun"): 1.0}),
    # -- rooms of few, and what else there is --
    Scenario("rooms-of-2", "1,000 rooms of 2, 1,000 messages in flight",
             dict(rooms=1000, members=2), (CPU, RATE)),
    Scenario("rooms-of-5", "1,000 rooms of 5, 1,000 messages in flight",
             dict(rooms=1000, members=5), (CPU, RATE)),
    Scenario("size-64k", "100 members, 64 KiB, 2 messages in flight",
             dict(members=100, bytes=65536, in_flight=2), (CPU, RATE), ("troupe", "bun"),
             bounds={(CPU, "bun"): 1.0}),
    Scenario("notices", "40 joins and leaves a second, of which 3,000 members hear",
             dict(members=3000, publishers=0, churn=40, opening=64), (CPU,),
             ("troupe-notices", "bun-notices"), bounds={(CPU, "bun-notices"): 1.0}),
    Scenario("pings", "15,000 idle connections, pinged every 4 s",
             dict(rooms=0, members=15000, publishers=0, opening=64), (PING,),
             ("troupe-pings", "bun-pings"), seconds=12, least_seconds=8),
    Scenario("deals",
             "20 times a second a behaviour sends each of 1,000 members its own message; "
             "beside rooms of one, where each client sends and hears its own",
             dict(members=1000, rate=20, word="deal"), (CPU, P99),
             ("troupe-deals", "troupe-rooms-of-1", "bun"),
             bounds={(CPU, "troupe-rooms-of-1"): 1.5}),
    Scenario("broadcast", "1,000 clients of a raw endpoint, a broadcast 20 times a second",
             dict(rooms=0, members=1000, rate=20), (CPU, P99),
             ("troupe-broadcast", "bun-broadcast"), bounds={(CPU, "bun-broadcast"): 1.0}),
    Scenario("idle", "15,000 idle connections",
             dict(rooms=0, members=15000, publishers=0, opening=64), (MEMORY,),
             ("troupe", "bun", "ws", "socketio"), seconds=0.5),
    # -- sizes --
    Scenario("size-16", "1,000 members, 16 bytes", dict(members=1000, bytes=16, in_flight=4),
             (CPU,), bounds={(CPU, "bun"): 1.0, (CPU, "floor"): 1.2}),
    Scenario("size-16k", "100 members, 16 KiB", dict(members=100, bytes=16384, in_flight=2),
             (CPU, RATE), bounds={(CPU, "bun"): 1.0, (CPU, "floor"): 1.2}),
    Scenario("members-10", "10 members", dict(members=10, in_flight=16), (CPU,)),
    Scenario("members-10000", "10,000 members", dict(members=10000, in_flight=2, opening=64),
             (CPU,), bounds={(CPU, "bun"): 1.0, (CPU, "floor"): 1.2}),
    # -- codecs and options --
    Scenario("mixed", "1,000 members, half JSON, half MessagePack", dict(members=1000, in_flight=4),
             (CPU,), ("troupe-mixed", "troupe", "troupe-msgpack"), bounds={(CPU, "troupe"): 1.1}),
    Scenario("echo-off",
             "100 members, all publish, 2 messages a second each, without echo beside with",
             dict(members=100, publishers=100, rate=2), (CPU, P99),
             ("troupe-no-echo", "troupe", "bun-no-echo"),
             bounds={(CPU, "troupe"): 1.15, (CPU, "bun-no-echo"): 1.0}),
    Scenario("game-30hz", "50 members, all publish, 30 messages a second each",
             dict(members=50, publishers=50, rate=30, bytes=48), (CPU, P50, P99), ("troupe", "bun"),
             bounds={(CPU, "bun"): 1.0, (P99, "bun"): 1.0}),
    Scenario("deflate", "1,000 members, 1 KiB, permessage-deflate",
             dict(members=1000, bytes=1024, rate=20, deflate=True), (CPU,),
             ("troupe-deflate", "troupe", "bun-deflate"), bounds={(CPU, "troupe"): 1.2}),
    Scenario("tls", "1,000 members over TLS, 20 messages a second",
             dict(members=1000, rate=20, tls=True, opening=32), (CPU, P99),
             ("troupe-tls", "bun-tls"), bounds={(CPU, "bun-tls"): 1.0}),
    # -- round trips and storms --
    Scenario("echo-1", "echo, 1 client", dict(rooms=0, members=1, dialect="echo"), (CPU, P50, P99),
             ("troupe-echo", "bun-echo"), bounds={(P50, "bun-echo"): 1.0}),
    Scenario("echo-100", "echo, 100 clients",
             dict(rooms=0, members=100, publishers=100, dialect="echo"), (CPU, RATE),
             ("troupe-echo", "bun-echo"), bounds={(CPU, "bun-echo"): 1.0}),
    Scenario("storm", "10,000 clients connect and join 100 rooms, are cut, and come again",
             dict(rooms=100, members=100, publishers=0, sources=4, reconnect=True),
             (CONNECT, RECONNECT), ("troupe", "bun"), seconds=0.5, bounds={(CONNECT, "bun"): 0.8}),
    # 10 MB for each reader: more than sockets hold, so servers must act on those that stall.
    Scenario("stalled", "100 members, 10 of them never read, 16 KiB, 100 messages a second",
             dict(members=100, bytes=16384, rate=100, stall="10%"), (CPU, P99, MOST, CUT),
             ("troupe", "bun"), seconds=6),
    Scenario("churn", "100 members, 1,000 joins and leaves a second",
             dict(members=100, rate=20, churn=1000), (CPU, P99), ("troupe", "bun")),
    # -- a second loop --
    Scenario("hot-room", "one room of 2,000 sinks in memory, 2 loops beside 1", {}, (RATE,),
             ("2-loops", "1-loop"), micro="loops/hot_room", bounds={(RATE, "1-loop"): 1.6}),
    Scenario("many-rooms", "100 rooms of 20 sinks in memory, 2 loops beside 1", {}, (RATE,),
             ("2-loops", "1-loop"), micro="loops/many_rooms"),
    Scenario("two-loops", "100 rooms of 10 members over sockets, 2 loops beside 1",
             dict(rooms=100, members=10), (RATE,), ("troupe-2", "troupe")),
)
