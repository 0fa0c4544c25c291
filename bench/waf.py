#!/usr/bin/env python3
"""What a firewall costs: nginx bare, with ModSecurity and with Ringwall, in turn, over the same rules and backend.

    bench/waf.py BUILD-FOLDER CRS-FOLDER [ROUNDS] [PARANOIA-LEVEL] [WORKLOAD...]

One worker on core 0, wrk and the backend on core 1.  Every fiftieth request is an attack that has to be answered 403 (200 without
a firewall); a run in which one is not is no result.  Values differ from request to request ('#' stands for a digit), because what repeats
is remembered; names, browsers and paths repeat, as they do.  Prints medians of requests per second and of the worker's CPU per request.
Without libnginx-mod-http-modsecurity its column is left out.
"""
import os, re, statistics, subprocess, sys, tempfile, time

from waf_rules import rules_text

BUILD, CRS = (os.path.abspath(path) for path in sys.argv[1:3])
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
LEVEL = int(sys.argv[4]) if len(sys.argv) > 4 else 1
MODSECURITY = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
PORTS = {"bare": 18481, "modsecurity": 18482, "ringwall": 18483}
BACKEND = 18484

RULES = rules_text(CRS, LEVEL)

ARGS10 = "category=books&page=1####&sort=price_asc&min=10&max=200&brand=acme+tools&color=blue&size=xl&q=wireless+mouse+for+work+####&ref=newsletter-2026-####"
FORM = "&".join(f"field_{i:02d}=" + ("The+quick+brown+fox+jumps+over+a+lazy+dog+####%d" % i if i % 3 else "user####%d%%40example.com" % i) + "+and+more" * (i % 2) for i in range(33))
JSON = '{"items":[' + ",".join(
    '{"id":1####%d,"sku":"AB-##%05d","name":"Wireless mouse, model ####%d","price":1###%d.95,"tags":["office","input"],"note":"%s"}' % (i, i * 7, i, i % 90 + 5, "In stock #### ships within two days. " * 4)
    for i in range(75)) + '],"currency":"EUR"}'
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
MULTIPART = "".join(f'--{BOUNDARY}\\r\\nContent-Disposition: form-data; name="{n}"\\r\\n\\r\\n{v}\\r\\n' for n, v in (("title", "Summer holidays ######"), ("album", "2026"), ("visible", "yes"))) + (
    f'--{BOUNDARY}\\r\\nContent-Disposition: form-data; name="photo"; filename="beach.jpg"\\r\\nContent-Type: image/jpeg\\r\\n\\r\\n' + "JFIFdata0123456789" * 2800 + f"\\r\\n--{BOUNDARY}--\\r\\n")
HTML = "<!doctype html><html><head><title>Shop</title></head><body>" + "".join(
    f"<div class='item'><h2>Item {i}</h2><p>A fine thing to have, delivered tomorrow. Price {i}.99 EUR.</p><a href='/item/{i}'>more</a></div>\n" for i in range(750)) + "</body></html>"

WORKLOADS = {  # method, target, content type, body
    "GET": ("GET", "/index.html", None, None),
    "GET 10 args": ("GET", "/search?" + ARGS10, None, None),
    "form 2 KB": ("POST", "/order", "application/x-www-form-urlencoded", FORM[:2049]),
    "JSON 20 KB": ("POST", "/api/items", "application/json", JSON),
    "HTML 100 KB": ("GET", "/page.html", None, None),
    "multipart 50 KB": ("POST", "/upload", "multipart/form-data; boundary=" + BOUNDARY, MULTIPART),
}
LUA = """
local headers = {["Host"]="shop.example", ["User-Agent"]="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  ["Accept"]="text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ["Accept-Language"]="en-GB,en;q=0.7",
  ["Referer"]="https://shop.example/start", ["Cookie"]="session=6f1d2c9a########; theme=dark; cart=AB-######", ["Connection"]="keep-alive"}
local body = %s
if body then headers["Content-Type"] = %s end
local attack, usual, head, tail = nil, {}
local digit = function() return tostring(math.random(0, 9)) end
init = function()
  local one = wrk.format(%s, %s, headers, body)
  -- As many as do not come again before they are forgotten; of large ones with little that differs only that is made anew.
  local differing = select(2, one:gsub("#", "#"))
  if #one > 30000 then head, tail = one:sub(1, 2000), one:sub(2001)
  else for i = 1, math.max(400, math.min(25000, 600000 / differing)) do usual[i] = one:gsub("#", digit) end end
  attack = wrk.format("GET", "/?id=1%%27%%20UNION%%20SELECT%%20password%%20FROM%%20users--%%20-&x=%%3Cscript%%3Ealert(1)%%3C/script%%3E", headers)
end
local n = 0
request = function()
  n = n + 1
  if n %% 50 == 0 then return attack end
  if head then return (head:gsub("#", digit)) .. tail end
  return usual[n %% #usual + 1]
end
local counts = {}
response = function(status) counts[status] = (counts[status] or 0) + 1 end
local threads = {}
setup = function(thread) table.insert(threads, thread) end
summary = function() return "" end
-- wrk runs one thread, whose counts are told when it ends.
local told = 0
local count_response = response
response = function(status)
  count_response(status)
  told = told + 1
  if told %% 50 == 0 then
    local file = io.open(%s, "w")
    for status, times in pairs(counts) do file:write(status .. " " .. times .. "\\n") end
    file:close()
  end
end
"""


def lua(text):
    return "nil" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\\\\r\\\\n", "\\r\\n").replace("\n", "\\n") + '"'


def start(folder, name):
    temporary = "".join(" %s_temp_path %s/%s-%s;" % (kind, folder, name, kind) for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    head = {"modsecurity": f"load_module {MODSECURITY};", "ringwall": f"load_module {BUILD}/ngx_http_ringwall_module.so;"}.get(name, "")
    rules = {"modsecurity": f"modsecurity on; modsecurity_rules_file {folder}/rules.conf;", "ringwall": f"ringwall_waf_policies {folder}/pack/policies.json; ringwall_waf default;"}.get(name, "")
    if name == "backend":
        server = f"server {{ listen 127.0.0.1:{BACKEND}; root {folder}/www; client_max_body_size 0; location / {{ return 200 hello; }} location = /page.html {{ default_type text/html; }} }}"
    else:
        server = f"""upstream b {{ server 127.0.0.1:{BACKEND}; keepalive 64; keepalive_requests 1000000; }}
          server {{ listen 127.0.0.1:{PORTS[name]}; {rules if name == "modsecurity" else ""} location / {{ proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://b; }} }}"""
    with open(f"{folder}/{name}.conf", "w") as file:
        file.write(f"{head}\ndaemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.log crit; events {{}}\nworker_cpu_affinity {'10' if name == 'backend' else '01'};\n")
        file.write(f"http {{ access_log off; keepalive_requests 1000000; client_max_body_size 16m; client_body_buffer_size 256k; proxy_buffers 16 16k; {temporary} {rules if name == 'ringwall' else ''}\n{server} }}\n")
    return subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/{name}.conf", "-e", f"{folder}/{name}.log"])


def worker_of(process):
    return open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()[0]


def cpu_ns(process):
    return int(open(f"/proc/{worker_of(process)}/schedstat").read().split()[0])


def rss_mb(process):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{worker_of(process)}/status").read())[1]) / 1024


def measure(folder, name, process, workload):
    method, target, content_type, body = WORKLOADS[workload]
    counts = f"{folder}/counts"
    with open(f"{folder}/load.lua", "w") as file:
        file.write(LUA % (lua(body), lua(content_type), lua(method), lua(target), lua(counts)))
    if os.path.exists(counts):
        os.remove(counts)
    before = cpu_ns(process)
    # A slow peer's round is longer, so that it has attacks in it too.
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c8", "-d%ds" % (12 if name == "modsecurity" and "JSON" in workload else 3), "--timeout", "30s", "-s", f"{folder}/load.lua", f"http://127.0.0.1:{PORTS[name]}/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = cpu_ns(process) - before
    requests = int(re.search(r"(\d+) requests in", said)[1])
    seen = dict(tuple(map(int, line.split())) for line in open(counts)) if os.path.exists(counts) else {}
    refused, all_told = seen.get(403, 0), sum(seen.values())
    wanted = 0 if name == "bare" else all_told / 50
    if all_told == 0 or abs(refused - wanted) > 8 + all_told / 500 or set(seen) - {200, 403}:
        sys.exit(f"{name}, {workload}: {seen} of {requests}: the attacks were not answered as they have to be\n{said}{open(f'{folder}/{name}.log').read()[-2000:]}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), used / requests / 1000


with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o755)
    os.mkdir(f"{folder}/www")
    open(f"{folder}/www/page.html", "w").write(HTML[:102400])
    open(f"{folder}/rules.conf", "w").write(RULES)
    subprocess.run([f"{BUILD}/ringwall", "waf", "pack", f"{folder}/rules.conf", f"{folder}/pack"], check=True, stdout=subprocess.DEVNULL)
    names = [name for name in PORTS if name != "modsecurity" or os.path.exists(MODSECURITY)]
    if len(names) == 2:
        print("skipped: ModSecurity: libnginx-mod-http-modsecurity is not installed")
    servers = {name: start(folder, name) for name in ["backend"] + names}
    try:
        time.sleep(3)
        print(f"paranoia level {LEVEL}; medians of {ROUNDS} rounds; microseconds are CPU of the worker per request")
        for workload in sys.argv[5:] or WORKLOADS:
            results = {name: [] for name in names}
            for _ in range(ROUNDS):
                for name in names:
                    results[name].append(measure(folder, name, servers[name], workload))
            middle = {name: [statistics.median(column) for column in zip(*rounds)] for name, rounds in results.items()}
            line = f"{workload:16}" + "".join(f"  {name} {rate:8.0f} req/s {cpu:9.1f} us" for name, (rate, cpu) in middle.items())
            own = middle["ringwall"][1] - middle["bare"][1]
            line += f"   ringwall: {100 * middle['ringwall'][0] / middle['bare'][0]:.0f} % of bare ({100 * middle['bare'][1] / middle['ringwall'][1]:.0f} % by CPU), {own:.1f} us more"
            if "modsecurity" in middle:
                line += f", {(middle['modsecurity'][1] - middle['bare'][1]) / own:.0f}x less than ModSecurity"
            print(line, flush=True)
        print("worker's memory: " + ", ".join(f"{name} {rss_mb(servers[name]):.0f} MB" for name in names))
    finally:
        for server in servers.values():
            server.terminate()
            server.wait()
