#!/usr/bin/env python3
"""A long run of the sidecar: thousands of connections, upstreams that come and go, and no request lost that could be kept.

  soak-sidecar.py SIDECAR [MINUTES]      10 minutes without an argument

Three upstreams take turns at being away for two seconds. Clients keep connections alive for a while, then open new ones;
every request names itself in its path and body, and the answer must say the same. With retries on connect-failure and
reset (to another host) nothing may fail. Prints the figures; exit 1 when a request was lost, mixed up, or memory grew.
"""
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

WORK = "target/soak-sidecar"
FRONT, BACK = 28101, [28111, 28112, 28113]
CLIENTS = 24
EXT = "type.googleapis.com/envoy.extensions."


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def configuration():
    retry = {"retry_on": "connect-failure,reset,refused-stream", "num_retries": 5,
             "retry_back_off": {"base_interval": "0.01s", "max_interval": "0.1s"},
             "host_selection_retry_max_attempts": 5,
             "retry_host_predicate": [{"name": "previous", "typed_config": {
                 "@type": EXT + "retry.host.previous_hosts.v3.PreviousHostsPredicate"}}]}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "10s", "retry_policy": retry}}
    manager = {"@type": EXT + "filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "soak",
               "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]},
               "http_filters": [{"name": "router", "typed_config": {"@type": EXT + "filters.http.router.v3.Router"}}]}
    hosts = [{"endpoint": {"address": address(port)}} for port in BACK]
    cluster = {"name": "up", "type": "STATIC", "connect_timeout": "0.5s",
               # Without this Envoy itself gives up beyond three retries at once.
               "circuit_breakers": {"thresholds": [{"max_retries": 1000}]},
               "load_assignment": {"cluster_name": "up", "endpoints": [{"lb_endpoints": hosts}]}}
    listener = {"name": "l", "address": address(FRONT), "filter_chains": [
        {"filters": [{"name": "hcm", "typed_config": manager}]}]}
    path = os.path.join(WORK, "bootstrap.json")
    json.dump({"static_resources": {"listeners": [listener], "clusters": [cluster]}}, open(path, "w"))
    return path


class Upstream:
    """Answers each request with its own path and body; may go away in the middle of everything."""

    def __init__(self, port):
        self.port, self.socket, self.open = port, None, set()
        self.come()

    def come(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.listen(256)
        threading.Thread(target=self.accept, args=(self.socket,), daemon=True).start()

    def go(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for one in list(self.open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self, listening):
        while True:
            try:
                one, _ = listening.accept()
            except OSError:
                return
            self.open.add(one)
            threading.Thread(target=self.serve, args=(one,), daemon=True).start()

    def serve(self, one):
        data = b""
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    more = one.recv(65536)
                    if not more:
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                length = int((re.search(rb"(?i)content-length: (\d+)", head) or [0, 0])[1])
                while len(data) < length:
                    more = one.recv(65536)
                    if not more:
                        return
                    data += more
                body, data = head.split(b" ")[1] + data[:length], data[length:]
                one.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        except OSError:
            pass
        finally:
            self.open.discard(one)
            one.close()


class Client(threading.Thread):
    def __init__(self, number, until, tally):
        super().__init__(daemon=True)
        self.number, self.until, self.tally, self.chance = number, until, tally, random.Random(number)

    def run(self):
        count = 0
        while time.time() < self.until:
            connection = http.client.HTTPConnection("127.0.0.1", FRONT, timeout=15)
            self.tally["connections"] += 1
            for _ in range(self.chance.randrange(1, 12)):
                count += 1
                path = "/%d/%d" % (self.number, count)
                body = b"b" * self.chance.choice([0, 10, 3000, 100000]) if count % 3 == 0 else b""
                # GET may be tried again whatever became of it; so may what is named in the path here.
                try:
                    connection.request("POST" if body else "GET", path, body or None)
                    answer = connection.getresponse()
                    said = answer.read()
                except (OSError, http.client.HTTPException) as error:
                    self.tally["broken: %s" % type(error).__name__] = self.tally.get("broken: %s" % type(error).__name__, 0) + 1
                    break
                key = "ok" if answer.status == 200 and said == path.encode() + body else "status %d" % answer.status
                if answer.status == 200 and key != "ok":
                    key = "mixed up"
                self.tally[key] = self.tally.get(key, 0) + 1
            connection.close()


def resident(process):
    return int(re.search(r"VmRSS:\s+(\d+) kB", open("/proc/%d/status" % process.pid).read()).group(1)) / 1024


def main():
    minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    os.makedirs(WORK, exist_ok=True)
    upstreams = [Upstream(port) for port in BACK]
    process = subprocess.Popen([sys.argv[1], "-c", configuration()])
    time.sleep(1)
    until = time.time() + minutes * 60
    tallies = [{"connections": 0} for _ in range(CLIENTS)]
    clients = [Client(number, until, tally) for number, tally in enumerate(tallies)]
    for it in clients:
        it.start()
    time.sleep(min(30, minutes * 20))
    early, turn = resident(process), 0
    while time.time() < until:
        away = upstreams[turn % len(upstreams)]
        turn += 1
        away.go()
        time.sleep(2)
        away.come()
        time.sleep(3)
    for it in clients:
        it.join(20)
    late = resident(process)
    total = {}
    for tally in tallies:
        for key, count in tally.items():
            total[key] = total.get(key, 0) + count
    process.send_signal(signal.SIGTERM)
    process.wait(5)
    lost = sum(count for key, count in total.items() if key not in ("ok", "connections"))
    print("%.1f minutes, %d connections, %d requests answered, upstreams away %d times" % (
        minutes, total["connections"], total.get("ok", 0), turn))
    print("lost: %d %s" % (lost, {key: it for key, it in total.items() if key not in ("ok", "connections")}))
    print("resident memory: %.1f MiB early, %.1f MiB late" % (early, late))
    sys.exit(lost > 0 or late > early * 1.5 + 8)


if __name__ == "__main__":
    main()
