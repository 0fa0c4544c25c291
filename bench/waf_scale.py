#!/usr/bin/env python3
"""The firewall at its limits: the dearest request and who waits for it, memory with many hosts, updates under load.

    bench/waf_scale.py BUILD-FOLDER CRS-FOLDER [PART...]      parts: load worst memory updates; default: all

load     how long a rule set takes to read and compile, by `ringwall waf check`
worst    a search for the request that costs the most (RINGWALL_BENCH_SECONDS, 60, at paranoia 1 and at 4), then what it found is sent
         through nginx without pause while innocent requests go to the same worker.  The peer gets 130 KB of '+', once.
memory   RINGWALL_BENCH_HOSTS (1000) hosts with exclusions and modes of their own in a running Ringwall, then RINGWALL_BENCH_UPDATES (1000)
         updates, every second one of rules.  The peer: 20 hosts, as it has a copy of the rules for each.
updates  from the start of `ringwall apply` until each worker judges by it, 100 times, under load by wrk.

Without libnginx-mod-http-modsecurity its numbers are left out.
"""
import json, os, re, resource, signal, socket, statistics, subprocess, sys, tempfile, threading, time

from waf_rules import rules_text

BUILD, CRS = (os.path.abspath(path) for path in sys.argv[1:3])
PARTS = sys.argv[3:] or ["load", "worst", "memory", "updates"]
SECONDS, HOSTS, UPDATES = (int(os.environ.get("RINGWALL_BENCH_" + name, default)) for name, default in (("SECONDS", 60), ("HOSTS", 1000), ("UPDATES", 1000)))
RINGWALL, MODSECURITY = f"{BUILD}/ringwall", "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
EDGE, BACKEND, OTLP, API = 18491, 18492, 18493, 18494
WORKERS = 2
TESTS = f"{CRS}/tests/regression/tests"
GET = b"GET /index.html HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: */*\r\n\r\n"


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def workers_of(master):
    return [int(pid) for pid in open(f"/proc/{master}/task/{master}/children").read().split()]


def memory_mb(pids):
    """PSS, which counts shared pages once, and RSS, which counts them for each."""
    pss = rss = 0
    for pid in pids:
        text = open(f"/proc/{pid}/smaps_rollup").read()
        pss += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
        rss += int(re.search(r"^Rss:\s+(\d+)", text, re.M)[1])
    return pss / 1024, rss / 1024


def nginx(folder, name, http, main="", core="01"):
    temporary = "".join(" %s_temp_path %s/%s-%s;" % (kind, folder, name, kind) for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    write(f"{folder}/{name}.conf", f"{main}\ndaemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.log crit; worker_cpu_affinity {core}; events {{}}\n"
          f"http {{ access_log off; keepalive_requests 1000000; client_max_body_size 16m; client_body_buffer_size 256k; {temporary}\n{http} }}\n")
    begin = time.time()
    process = subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/{name}.conf", "-e", f"{folder}/{name}.log"])
    port = int(re.search(r"listen 127\.0\.0\.1:(\d+)", http)[1])
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return process, time.time() - begin
        except OSError:
            if process.poll() is not None:
                sys.exit(f"nginx {name} does not start: {open(f'{folder}/{name}.log').read()[-2000:]}")
            time.sleep(0.01)


def stop(*processes):
    for process in processes:
        process.terminate()
        process.wait()


def backend(folder):
    return nginx(folder, "backend", f"server {{ listen 127.0.0.1:{BACKEND}; root {folder}/answers; client_max_body_size 0; types {{ text/html html; }} location / {{ return 200 hello; }} location /answers/ {{ alias {folder}/answers/; }} }}", core="10")[0]


class Connection:
    """A connection that is kept; ask() gives the status of the answer, 0 when there was none."""

    def __init__(self, port):
        self.port, self.opened = port, 0
        self.open()

    def open(self):
        self.opened += 1
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def ask(self, request):
        try:
            self.socket.sendall(request)
            while b"\r\n\r\n" not in self.buffer:
                self.more()
            head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            length = re.search(rb"(?i)content-length: (\d+)", head)
            while length and len(self.buffer) < int(length[1]):
                self.more()
            status = int(head.split(b" ", 2)[1])
            if length is None or b"onnection: close" in head:
                while length is None and self.socket.recv(1 << 16):
                    pass
                self.socket.close()
                self.open()
            else:
                self.buffer = self.buffer[int(length[1]):]
            return status
        except OSError:
            self.socket.close()
            self.open()
            return 0

    def more(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise OSError("closed")
        self.buffer += piece


def attacker(requests):
    """A process that sends them one after the other, until it is ended."""
    child = os.fork()
    if child:
        return child
    os.sched_setaffinity(0, {1})
    connection = Connection(EDGE)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        for request in requests:
            connection.ask(request)


def neighbours(seconds):
    connection, times, others = Connection(EDGE), [], 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        status = connection.ask(GET)
        times.append((time.perf_counter() - begin) * 1e3)
        others += status != 200
        time.sleep(0.002)
    times.sort()
    return f"{len(times)} requests, p50 {percentile(times, .5):.1f} ms, p99 {percentile(times, .99):.1f} ms, p99.9 {percentile(times, .999):.1f} ms, longest {times[-1]:.1f} ms" + (f", {others} NOT ANSWERED WITH 200" if others else "")


def part_load(folder):
    write(f"{folder}/rules.conf", rules_text(CRS, 1))
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = subprocess.run([RINGWALL, "waf", "check", f"{folder}/rules.conf"], check=True, capture_output=True, text=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3)
    print(f"load: {said.strip()}: read and compiled in {statistics.median(times):.0f} ms of CPU, the process's start included (goal 300)", flush=True)


def part_worst(folder):
    for level in (1, 4):
        write(f"{folder}/rules.conf", rules_text(CRS, level))
        found = f"{folder}/worst-{level}"
        command = [RINGWALL, "--json", "waf", "worst", "--rules", f"{folder}/rules.conf", "--seconds", str(SECONDS), "--save", found] + ([TESTS] if os.path.isdir(TESTS) else [])
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"worst at paranoia {level}: {report['tried']} requests tried, {report['head_bytes']} bytes of head, {report['body_bytes']} of body, {report['answer_bytes']} of answer; CPU of the engine, the second time and the first:")
        for one in report["worst"][:8]:
            rules = ", ".join(f"{rule['rule']} {rule['ms']:.1f}" for rule in one["rules"][:3])
            print(f"  {one['ms']:6.1f} ms  {one['first_ms']:6.1f} ms  {one['steps'] / 1e6:6.1f} M steps  {one['what'][:100]}  ({rules})", flush=True)
        requests = []
        os.makedirs(f"{folder}/answers", exist_ok=True)
        for number in range(1, min(len(report["worst"]), 8) + 1):
            request = open(f"{found}/{number:02}.http", "rb").read()
            answer = f"{found}/{number:02}.html"
            if os.path.exists(answer):
                write(f"{folder}/answers/{level}-{number:02}.html", open(answer, encoding="latin-1").read())
                request = request.replace(b" / HTTP/1.1", f" /answers/{level}-{number:02}.html HTTP/1.1".encode(), 1)
            requests.append(request)
        subprocess.run([RINGWALL, "waf", "pack", f"{folder}/rules.conf", f"{folder}/pack"], check=True, stdout=subprocess.DEVNULL)
        behind = backend(folder)
        edge, _ = nginx(folder, "ringwall", f"ringwall_waf_policies {folder}/pack/policies.json; ringwall_waf default; server {{ listen 127.0.0.1:{EDGE}; location / {{ proxy_pass http://127.0.0.1:{BACKEND}; }} }}", f"load_module {BUILD}/ngx_http_ringwall_module.so;")
        os.sched_setaffinity(0, {1})
        try:
            print(f"  alone: {neighbours(5)}", flush=True)
            for count in (1, 2):
                attackers = [attacker(requests) for _ in range(count)]
                print(f"  beside {count} who send{'s' if count == 1 else ''} the {len(requests)} dearest without pause: {neighbours(20)}", flush=True)
                for pid in attackers:
                    os.kill(pid, signal.SIGTERM)
                    os.waitpid(pid, 0)
            pss, rss = memory_mb(workers_of(edge.pid))
            print(f"  the worker's memory afterwards: PSS {pss:.0f} MB, RSS {rss:.0f} MB", flush=True)
        finally:
            os.sched_setaffinity(0, range(os.cpu_count()))
            stop(edge, behind)
    if not os.path.exists(MODSECURITY):
        return print("skipped: ModSecurity: libnginx-mod-http-modsecurity is not installed")
    write(f"{folder}/rules.conf", rules_text(CRS, 1))
    body = b"a=" + b"+" * 130_000
    plus = b"POST / HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\nUser-Agent: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for name, http, main in (("ModSecurity", f"modsecurity on; modsecurity_rules_file {folder}/rules.conf;", f"load_module {MODSECURITY};"), ("Ringwall", f"ringwall_waf_policies {folder}/pack/policies.json; ringwall_waf default;", f"load_module {BUILD}/ngx_http_ringwall_module.so;")):
        subprocess.run([RINGWALL, "waf", "pack", f"{folder}/rules.conf", f"{folder}/pack"], check=True, stdout=subprocess.DEVNULL)
        behind = backend(folder)
        edge, _ = nginx(folder, name, f"{http} server {{ listen 127.0.0.1:{EDGE}; location / {{ proxy_pass http://127.0.0.1:{BACKEND}; }} }}", main)
        try:
            innocent, hostile = Connection(EDGE), Connection(EDGE)
            innocent.ask(GET)
            took = []
            begin = time.perf_counter()
            thread = threading.Thread(target=lambda: (hostile.ask(plus), took.append(time.perf_counter() - begin)))
            thread.start()
            time.sleep(0.005)
            asked = time.perf_counter()
            innocent.ask(GET)
            waited = time.perf_counter() - asked
            thread.join()
            print(f"130 KB of '+' at paranoia 1, {name}: answered after {took[0] * 1e3:.0f} ms, an innocent GET beside it waited {waited * 1e3:.0f} ms", flush=True)
        finally:
            stop(edge, behind)


class Ring:
    """A running Ringwall with a declaration of many hosts."""

    def __init__(self, folder, hosts, on=True):
        self.folder, self.hosts, self.on = folder, hosts, on
        self.file, self.state, self.rules = f"{folder}/ringwall.yaml", f"{folder}/state", 0
        self.write(0)
        self.run("up", "--detach", "--wait", "120", self.file)
        self.master = int(open(f"{self.state}/run/nginx.pid").read())

    def write(self, shift, rules=0, mode="block"):
        lines = ["application: shop", "edge:", f"  workers: {WORKERS}", "  listeners:", f"    - {{ address: 127.0.0.1:{EDGE}, tls: false }}", "  hosts:",
                 f"    - names: [shop.example]\n      routes: [{{ path: /, service: web{f', waf: {{ mode: {mode} }}' if self.on else ''} }}]"]
        for i in range(1, self.hosts):
            excluded = 942100 + (i + shift) % 300 // 10 * 10
            waf = f"{{ mode: {'log' if (i + shift) % 3 == 0 else 'block'}, paranoia: {1 + i % 2}, exclusions: [{{ rules: '{excluded}-{excluded + 90}', targets: ['ARGS:field{i}_{shift % 7}'], path: /part{i}/, reason: bench }}] }}"
            lines.append(f"    - names: [host{i}.example]\n" + (f"      waf: {waf}\n" if self.on else "") + "      routes: [{ path: /, service: web }]")
        lines += ["services:", f"  - {{ name: web, addresses: ['127.0.0.1:{BACKEND}'] }}", f"waf: {{ mode: block, core_rule_set: '{CRS}', rules: [own.conf] }}" if self.on else "", f"telemetry: {{ otlp: {{ listen: '127.0.0.1:{OTLP}' }} }}",
                  f"api: {{ listen: '127.0.0.1:{API}' }}", ""]
        write(f"{self.folder}/own.conf", f'SecRule ARGS:version "@streq {rules}" "id:1,phase:2,deny,status:406"\nSecRule ARGS "@rx (?i)virtual-patch-{rules}-[a-z]+" "id:2,phase:2,deny"\n')
        write(self.file, "\n".join(lines))

    def run(self, *arguments):
        done = subprocess.run([RINGWALL, "--state", self.state, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            self.fail(f"ringwall {' '.join(arguments)} gave {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def fail(self, why):
        """Ends with all that is known of it: the folder with the logs is gone afterwards, and so is the Ringwall in it."""
        for name in sorted(os.listdir(f"{self.state}/logs")) if os.path.isdir(f"{self.state}/logs") else []:
            tail = open(f"{self.state}/logs/{name}", errors="replace").read()[-4000:]
            print(f"--- the end of {name}\n{tail}", file=sys.stderr)
        subprocess.run([RINGWALL, "--state", self.state, "down"], capture_output=True)
        sys.exit(why)

    def workers(self):
        return workers_of(self.master)

    def memory(self):
        return memory_mb([self.master] + self.workers())

    def core(self):
        """The core and its supervisor."""
        out = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if self.state.encode() in open(f"/proc/{pid}/cmdline", "rb").read() and os.readlink(f"/proc/{pid}/exe") == os.path.realpath(RINGWALL):
                    out.append(int(pid))
            except OSError:
                pass
        return memory_mb(out)

    def swaps_ms(self):
        log = "".join(open(f"{self.state}/logs/{name}").read() for name in sorted(os.listdir(f"{self.state}/logs")) if name.startswith("ringwall.log"))
        return [int(ms) for ms in re.findall(r"edge\.rules_swapped.*?\bms\D{1,3}(\d+)", log)]

    def stop(self):
        self.run("down")


def shown(name, memory):
    return f"{name} PSS {memory[0]:.0f} MB (RSS {memory[1]:.0f})"


def part_memory(folder):
    os.mkdir(f"{folder}/memory")
    behind = backend(folder)
    try:
        ring = Ring(f"{folder}/memory", HOSTS, on=False)
        without = ring.memory()
        ring.stop()
        subprocess.run(["rm", "-rf", ring.state])
        ring = Ring(f"{folder}/memory", HOSTS)
        connections = [Connection(EDGE) for _ in range(16)]
        for connection in connections * 20:
            connection.ask(GET)
        print(f"memory: {HOSTS} hosts with exclusions and modes of their own, master and {WORKERS} workers: {shown('without firewall', without)}, {shown('with it', ring.memory())}; {shown('the core', ring.core())}", flush=True)
        begin = time.time()
        for update in range(1, UPDATES + 1):
            ring.write(update, update // 2)
            ring.run("apply", ring.file)
            for connection in connections:
                connection.ask(GET)
            if update in (1, 2, 10, 100, UPDATES // 2, UPDATES):
                print(f"  after {update} updates: {shown('nginx', ring.memory())}; {shown('the core', ring.core())}", flush=True)
        swaps = ring.swaps_ms()[-UPDATES:]
        print(f"  {UPDATES} updates took {time.time() - begin:.0f} s; from the signal until all workers have it: median {statistics.median(swaps)} ms, longest {max(swaps)} ms")
        ring.stop()
    finally:
        stop(behind)
    if not os.path.exists(MODSECURITY):
        return print("skipped: ModSecurity: libnginx-mod-http-modsecurity is not installed")
    write(f"{folder}/rules.conf", rules_text(CRS, 1))
    hosts = "".join(f"server {{ listen 127.0.0.1:{EDGE}; server_name host{i}.example; modsecurity on; modsecurity_rules_file {folder}/rules.conf; }}\n" for i in range(20))
    edge, seconds = nginx(folder, "modsecurity", hosts, f"load_module {MODSECURITY}; worker_processes {WORKERS};")
    memory = memory_mb([edge.pid] + workers_of(edge.pid))
    print(f"memory: ModSecurity, 20 hosts that name the rules: {shown('nginx', memory)}, started in {seconds:.1f} s; 1,000 would be {memory[0] * 50 / 1024:.0f} GB")
    stop(edge)


def owner_of(connection, workers):
    """Which worker has the other end."""
    mine = connection.socket.getsockname()[1]
    for line in open("/proc/net/tcp").read().splitlines()[1:]:
        part = line.split()
        if int(part[1].split(":")[1], 16) == EDGE and int(part[2].split(":")[1], 16) == mine:
            for pid in workers:
                for name in os.listdir(f"/proc/{pid}/fd"):
                    try:
                        if os.readlink(f"/proc/{pid}/fd/{name}") == f"socket:[{part[9]}]":
                            return pid
                    except OSError:
                        pass
    return None


class Probe:
    """Asks one worker.  nginx ends a connection after its thousandth request, and the next one may come to another worker."""

    def __init__(self, ring, worker):
        self.ring, self.worker = ring, worker
        self.connect()

    def connect(self):
        for _ in range(1000):
            self.connection, self.asked = Connection(EDGE), 1
            self.connection.ask(GET)
            if self.connection.opened == 1 and owner_of(self.connection, [self.worker]) == self.worker:
                return
            self.connection.socket.close()
        self.ring.fail(f"worker {self.worker} of {self.ring.workers()} takes no connection")

    def ask(self, request):
        if self.connection.opened != 1 or self.asked > 900:
            self.connection.socket.close()
            self.connect()
        self.asked += 1
        return self.connection.ask(request)


def one_of_each(ring):
    return [Probe(ring, worker) for worker in ring.workers()]


def until_live(ring, probes, target, old, new):
    """Seconds from the start of `ringwall apply` until each worker answers anew.  No worker goes back, and none says a third thing."""
    request = f"GET {target} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: a\r\nAccept: */*\r\n\r\n".encode()
    begin = time.perf_counter()
    said = open(f"{ring.folder}/apply.txt", "w+")
    apply = subprocess.Popen([RINGWALL, "--state", ring.state, "apply", ring.file], stdout=said, stderr=said)
    waiting, last = set(range(len(probes))), begin

    def fail(why):
        said.seek(0)
        ring.fail(f"{why}, {(time.perf_counter() - begin) * 1e3:.0f} ms after the command began; `ringwall apply` gave {apply.poll()} and said: {said.read()}")
    while waiting:
        for i, probe in enumerate(probes):
            status = probe.ask(request)
            if status not in (old, new) or (status == old and i not in waiting):
                fail(f"{target}: worker {probe.worker} of {ring.workers()} answered {status} (0: not at all) where {new if i not in waiting else f'{old} or {new}'} was due")
            if status == new and i in waiting:
                waiting.discard(i)
                last = time.perf_counter()
        if time.perf_counter() - begin > 60:
            fail("an update is not live after a minute")
        if apply.poll():
            fail("`ringwall apply` failed")
    if apply.wait() != 0:
        fail("`ringwall apply` failed")
    said.close()
    return last - begin


def part_updates(folder):
    os.mkdir(f"{folder}/updates")
    behind = backend(folder)
    try:
        for hosts in (1, HOSTS):
            subprocess.run(["rm", "-rf", f"{folder}/updates/state"])
            ring = Ring(f"{folder}/updates", hosts)
            probes = one_of_each(ring)
            for loaded in (False, True):
                load = subprocess.Popen(["wrk", "-t1", "-c16", "-d600s", "--timeout", "30s", "-H", "Host: shop.example", "-H", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)", f"http://127.0.0.1:{EDGE}/index.html"], stdout=subprocess.PIPE, text=True) if loaded else None
                try:
                    for kind in ("mode", "rule"):
                        times, before = [], len(ring.swaps_ms())
                        for i in range(100 if hosts == 1 else 20):
                            if kind == "mode":
                                mode = "log" if i % 2 == 0 else "block"
                                ring.write(0, ring.rules, mode)
                                old, new = (406, 200) if mode == "log" else (200, 406)
                            else:
                                ring.rules += 1
                                ring.write(0, ring.rules)
                                old, new = 200, 406
                            times.append(until_live(ring, probes, f"/?version={ring.rules}", old, new) * 1e3)
                        swaps = ring.swaps_ms()[before:]
                        print(f"updates: {hosts} hosts, {'under load' if loaded else 'idle'}, a change of {kind}s, {len(times)} times: live on {WORKERS} workers after min {min(times):.0f}, median {statistics.median(times):.0f}, max {max(times):.0f} ms "
                              f"from the start of the command; from the signal min {min(swaps)}, median {statistics.median(swaps):.0f}, max {max(swaps)} ms", flush=True)
                finally:
                    if load:
                        load.send_signal(signal.SIGINT)
                        said = load.communicate()[0]
                        rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
                        failed = re.findall(r"(?:Non-2xx or 3xx responses|Socket errors).*", said)
                        print(f"  meanwhile {float(rate[1]) if rate else 0:.0f} req/s, failed: {'; '.join(failed) or 'none'}", flush=True)
            ring.stop()
    finally:
        stop(behind)


with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o755)
    os.mkdir(f"{folder}/answers")
    for part in PARTS:
        {"load": part_load, "worst": part_worst, "memory": part_memory, "updates": part_updates}[part](folder)
