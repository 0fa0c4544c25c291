#!/usr/bin/env python3
"""What the module costs: the same nginx with and without it, in alternating rounds of wrk.

    bench/edge.py BUILD-FOLDER [ROUNDS]

One worker on core 0, wrk on core 1.  Prints medians of requests per second and of the worker's CPU time per
request, the second being the steadier one on a machine that does something else too, and of the latency at that load.
The ring is emptied by this script, as the core would do it.
"""
import mmap, os, re, statistics, struct, subprocess, sys, tempfile, threading, time

BUILD, ROUNDS = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 12
RINGS, RING_BYTES, PAGE, CONTROL = 8, 2 << 20, 4096, 256
PORTS = {"with": 18471, "without": 18472, "backend": 18473}
HEADERS = ["User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: */*", "Referer: https://shop.example/"]


def make_ring(path):  # src/ring/ring_layout.h
    size = PAGE + PAGE * -(-CONTROL * RINGS // PAGE) + RINGS * RING_BYTES
    with open(path, "wb") as file:
        file.write(struct.pack("<QIIQQ", 0x31474E4952575200, 1, RINGS, RING_BYTES, 1))
        file.truncate(size)
    return path


def drain(path, stop):
    with open(path, "r+b") as file:
        memory = mmap.mmap(file.fileno(), 0)
    while not stop.wait(0.005):
        for ring in range(RINGS):
            control = PAGE + CONTROL * ring
            memory[control + 128 : control + 136] = memory[control + 64 : control + 72]  # tail = head
    dropped = struct.unpack_from("<QQQ", memory, 64)
    print("dropped: full %d, no_ring %d, oversize %d" % dropped)


def start(folder, name, module):
    upstream = "server { listen 127.0.0.1:%d; location / { return 200 hello; } }" % PORTS["backend"]
    edge = """
      upstream b { server 127.0.0.1:%d; keepalive 64; keepalive_requests 1000000; }
      server { listen 127.0.0.1:%d; location /ok { return 200 hello; }
        location / { %s proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://b; } }
    """ % (PORTS["backend"], PORTS[name], "proxy_set_header traceparent $ringwall_traceparent;" if module else "")
    temporary = "".join(" %s_temp_path %s;" % (kind, kind) for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(f"{folder}/{name}.conf", "w") as file:
        file.write(f"load_module {BUILD}/ngx_http_ringwall_module.so;\n" if module else "")
        file.write(f"daemon off; pid {name}.pid; error_log stderr warn; events {{}}\n")
        file.write("worker_cpu_affinity %s;\n" % ("10" if name == "backend" else "01"))
        file.write("http { access_log off; keepalive_requests 1000000;" + temporary)
        file.write("ringwall_ring edge.ring; ringwall_service front; ringwall_route front:0;\n" if module else "\n")
        file.write((upstream if name == "backend" else edge) + "}\n")
    return subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/{name}.conf", "-e", "stderr"])


def cpu_ns(process):
    worker = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()[0]
    return int(open(f"/proc/{worker}/schedstat").read().split()[0])


def measure(name, process, path):
    before = cpu_ns(process)
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c32", "-d2s", "--latency", f"http://127.0.0.1:{PORTS[name]}{path}"]
    for header in HEADERS:
        command += ["-H", header]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        sys.exit(said)
    requests = int(re.search(r"(\d+) requests in", said)[1])
    p50, p99 = (float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit] for value, unit in re.findall(r"(?:50|99)%\s+([\d.]+)(us|ms|s)", said))
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), (cpu_ns(process) - before) / requests / 1000, p50, p99


with tempfile.TemporaryDirectory() as folder:
    stop = threading.Event()
    drainer = threading.Thread(target=drain, args=(make_ring(f"{folder}/edge.ring"), stop))
    drainer.start()
    servers = {name: start(folder, name, name == "with") for name in PORTS}
    try:
        time.sleep(1)
        for path in ("/ok", "/api/cart?x=1"):
            results = {"with": [], "without": []}
            for i in range(ROUNDS):
                for name in sorted(results, reverse=i % 2 == 1):
                    results[name].append(measure(name, servers[name], path))
            for name, rounds in results.items():
                rate, cpu, p50, p99 = (statistics.median(column) for column in zip(*rounds))
                print(f"{path:16} {name:8} {rate:9.0f} requests/s   {cpu:7.3f} us CPU per request   p50 {p50:.3f} ms   p99 {p99:.3f} ms")
            pairs = list(zip(results["with"], results["without"]))
            print(f"{path:16} cost: requests/s {100 * (1 - statistics.median(a[0] / b[0] for a, b in pairs)):.1f} %, "
                  f"CPU {100 * (statistics.median(a[1] / b[1] for a, b in pairs) - 1):.1f} %")
    finally:
        for server in servers.values():
            server.terminate()
            server.wait()
        stop.set()
        drainer.join()
