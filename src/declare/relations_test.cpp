#include "declare/test_support.h"

using namespace ringwall::declare;

namespace {

constexpr Case kMisfits[] = {
    {"unknown service with a near one", "service: web",
     "service: wbe",
     "r.yaml:9:20: edge.hosts[0].routes[0].service: there is no service named 'wbe'\n"
     "  hint: did you mean web?\n"},
    {"unknown service", "service: web",
     "service: payments-api",
     "r.yaml:9:20: edge.hosts[0].routes[0].service: there is no service named 'payments-api'\n"
     "  hint: services are: web\n"},
    {"unknown service, none declared", "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "",
     "r.yaml:9:20: edge.hosts[0].routes[0].service: there is no service named 'web'\n"
     "  hint: declare it under services\n"},
    {"service without instances", "    addresses: [\"10.0.0.5:8080\"]\n",
     "",
     "r.yaml:11:5: services[0]: web has no instances\n"
     "  hint: give addresses, or a command to run\n"},
    {"services without listeners", kWhole,
     "application: a\n"
     "services: [{ name: db, addresses: [\"10.0.0.1:5432\"], protocol: tcp }]\n",
     "r.yaml:2:11: services: there are services, but no listeners\n"
     "  hint: declare edge.listeners and edge.hosts, through which they are reached\n"},
    {"a command without a program", "    addresses: [\"10.0.0.5:8080\"]\n",
     "    command: [\"\", \"{port}\"]\n",
     "r.yaml:12:15: services[0].command[0]: names no program\n"},
    {"a login whose attempts never fail", kAfter,
     "waf:\n"
     "  mode: block\n"
     "  logins:\n"
     "    - { path: /login, account: \"argument:u\", failed: { statuses: [] } }\n",
     "r.yaml:16:54: waf.logins[0].failed: no attempt fails\n"
     "  hint: give statuses, or the location of a redirect\n"},
    {"one address twice", "    addresses: [\"10.0.0.5:8080\"]\n",
     "    addresses: [\"10.0.0.5:8080\", \"10.0.0.5:8080\"]\n",
     "r.yaml:12:34: services[0].addresses[1]: 10.0.0.5:8080 is given twice\n"
     "  hint: remove it\n"},
    {"addresses and command", "- name: web",
     "- name: web\n"
     "    command: [run]",
     "r.yaml:12:14: services[0].command: addresses and command exclude each other\n"
     "  hint: remove one of them\n"},
    {"command without port", "addresses: [\"10.0.0.5:8080\"",
     "command: [run",
     "r.yaml:12:14: services[0].command: web is not told its port\n"
     "  hint: put {port} into command or env, as in env: { PORT: \"{port}\" }\n"},
    {"two services of one name", kAfter,
     "  - name: web\n"
     "    addresses: [\"10.0.0.6:80\"]\n",
     "r.yaml:13:11: services[1].name: a second service named web\n"
     "  hint: names are unique; the first is in line 11\n"},
    {"a service named edge", kAfter,
     "  - name: edge\n"
     "    addresses: [\"10.0.0.6:80\"]\n",
     "r.yaml:13:11: services[1].name: edge is Ringwall's own service\n"
     "  hint: choose another name\n"},
    {"depends on nobody", "- name: web",
     "- name: web\n"
     "    depends_on: [database]",
     "r.yaml:12:18: services[0].depends_on[0]: there is no service named 'database'\n"
     "  hint: services are: web\n"},
    {"depends on itself", "- name: web",
     "- name: web\n"
     "    depends_on: [web]",
     "r.yaml:12:18: services[0].depends_on[0]: web depends on itself\n"
     "  hint: remove it\n"},
    {"a circle", kAfter,
     "    depends_on: [a]\n"
     "  - name: a\n"
     "    addresses: [\"10.0.0.6:80\"]\n"
     "    depends_on: [web]\n",
     "r.yaml:16:18: services[1].depends_on[0]: a circle: web -> a -> web\n"
     "  hint: services that wait for each other never start\n"},
    {"a long circle", kAfter,
     "    depends_on: [s1]\n"
     "  - { name: s1, addresses: [\"10.0.0.6:81\"], depends_on: [s2] }\n"
     "  - { name: s2, addresses: [\"10.0.0.6:82\"], depends_on: [s3] }\n"
     "  - { name: s3, addresses: [\"10.0.0.6:83\"], depends_on: [s4] }\n"
     "  - { name: s4, addresses: [\"10.0.0.6:84\"], depends_on: [s5] }\n"
     "  - { name: s5, addresses: [\"10.0.0.6:85\"], depends_on: [s6] }\n"
     "  - { name: s6, addresses: [\"10.0.0.6:86\"], depends_on: [s7] }\n"
     "  - { name: s7, addresses: [\"10.0.0.6:87\"], depends_on: [s8] }\n"
     "  - { name: s8, addresses: [\"10.0.0.6:88\"], depends_on: [s9] }\n"
     "  - { name: s9, addresses: [\"10.0.0.6:89\"], depends_on: [s10] }\n"
     "  - { name: s10, addresses: [\"10.0.0.6:90\"], depends_on: [s1] }\n",
     "r.yaml:23:59: services[10].depends_on[0]: a circle: s1 -> s2 -> s3 -> s4 -> s5 -> s6 -> s7 -> s8 -> ... -> s1\n"
     "  hint: services that wait for each other never start\n"},
    {"two that wait for one are fine", kAfter,
     "  - { name: a, addresses: [\"10.0.0.6:81\"], depends_on: [web] }\n"
     "  - { name: b, addresses: [\"10.0.0.6:82\"], depends_on: [web, a] }\n",
     ""},
    {"route to a tcp service", "- name: web",
     "- name: web\n"
     "    protocol: tcp",
     "r.yaml:9:20: edge.hosts[0].routes[0].service: web speaks tcp and takes no requests\n"
     "  hint: route to a service that speaks http, https or grpc\n"},
    {"route to nowhere", "service: web",
     "body_bytes_max: 1MiB",
     "r.yaml:8:11: edge.hosts[0].routes[0]: leads nowhere\n"
     "  hint: give a service or redirect_to\n"},
    {"route to two places", "service: web",
     "service: web\n"
     "          redirect_to: /x",
     "r.yaml:8:11: edge.hosts[0].routes[0]: service and redirect_to exclude each other\n"
     "  hint: give a service or redirect_to\n"},
    {"not a redirect status", "service: web",
     "redirect_to: /x\n"
     "          redirect_status: 304",
     "r.yaml:10:28: edge.hosts[0].routes[0].redirect_status: 304 is not a redirect\n"
     "  hint: 301, 302, 303, 307 or 308\n"},
    {"a redirect status without a redirect", "          service: web\n",
     "          service: web\n"
     "          redirect_status: 301\n",
     "r.yaml:10:28: edge.hosts[0].routes[0].redirect_status: has no effect without redirect_to\n"
     "  hint: remove it\n"},
    {"a timeout on a redirect", "          service: web\n",
     "          redirect_to: /x\n"
     "          request_timeout: 5s\n",
     "r.yaml:10:28: edge.hosts[0].routes[0].request_timeout: has no effect without a service\n"
     "  hint: remove it\n"},
    {"a redirect to a bare name", "          service: web\n",
     "          redirect_to: www.example.com\n",
     "r.yaml:9:24: edge.hosts[0].routes[0].redirect_to: 'www.example.com' is not an address\n"
     "  hint: as in https://www.example.com/ or /new/\n"},
    {"a redirect that keeps the path is fine", "          service: web\n",
     "          redirect_to: https://www.example.com$request_uri\n",
     ""},
    {"a redirect that ends nginx's line", "service: web",
     "redirect_to: '/x; return 200'",
     "r.yaml:9:24: edge.hosts[0].routes[0].redirect_to: '/x; return 200' is not an address\n"
     "  hint: as in https://www.example.com/ or /new/\n"},
    {"two routes for one path", "          service: web\n",
     "          service: web\n"
     "        - path: /\n"
     "          service: web\n",
     "r.yaml:10:17: edge.hosts[0].routes[1].path: a second route for /\n"
     "  hint: the first is in line 8\n"},
    {"one host name twice", " r",
     " routes:\n"
     "        - { path: /, service: web }\n"
     "    - names: [shop.example.com]\n"
     "      r",
     "r.yaml:9:15: edge.hosts[1].names[0]: shop.example.com is declared twice\n"
     "  hint: the first is in line 6\n"},
    {"one host name in two cases", "[shop.example.com]",
     "[shop.example.com, Shop.Example.com]",
     "r.yaml:6:33: edge.hosts[0].names[1]: Shop.Example.com is declared twice\n"
     "  hint: the first is in line 6\n"},
    {"one path on two hosts is fine", "          service: web\n",
     "          service: web\n"
     "    - names: [b.example.com]\n"
     "      routes: [{ path: /, service: web }]\n",
     ""},
    {"two listeners on one address", "- address: 0.0.0.0",
     "- address: 0.0.0.0:443\n"
     "    - address: 127.0.0.1",
     "r.yaml:5:16: edge.listeners[1].address: 127.0.0.1:443 is taken already, by edge.listeners[0].address\n"
     "  hint: give each an address of its own; the first is in line 4\n"},
    {"API on a listener's address", kAfter,
     "api: { listen: '127.0.0.1:443' }\n",
     "r.yaml:13:16: api.listen: 127.0.0.1:443 is taken already, by edge.listeners[0].address\n"
     "  hint: give each an address of its own; the first is in line 4\n"},
    {"IPv4 and IPv6 side by side are fine", "    - address: 0.0.0.0:443\n",
     "    - address: 0.0.0.0:443\n"
     "    - address: \"[::]:443\"\n",
     ""},
    {"every IPv6 address and one of them", "    - address: 0.0.0.0:443\n",
     "    - address: \"[::]:443\"\n"
     "    - address: \"[::1]:443\"\n",
     "r.yaml:5:16: edge.listeners[1].address: [::1]:443 is taken already, by edge.listeners[0].address\n"
     "  hint: give each an address of its own; the first is in line 4\n"},
    {"OTLP on a service's port", "    addresses: [\"10.0.0.5:8080\"]\n",
     "    command: [run, \"{port}\"]\n"
     "    port: 4318\n",
     "r.yaml:13:11: services[0].port: 127.0.0.1:4318 is taken already, by telemetry.otlp.listen\n"
     "  hint: give each an address of its own; that one is the default\n"},
    {"a listener on the console's port", "0.0.0.0:443",
     "127.0.0.1:8443",
     "r.yaml:4:16: edge.listeners[0].address: 127.0.0.1:8443 is taken already, by api.listen\n"
     "  hint: give each an address of its own; that one is the default\n"},
    {"listeners without hosts", kWhole,
     "application: a\n"
     "edge: { listeners: [{ address: '0.0.0.0:443' }] }\n",
     "r.yaml:2:20: edge.listeners: there are listeners, but no hosts\n"
     "  hint: declare edge.hosts with their routes\n"},
    {"hosts without listeners", "  listeners:\n"
     "    - address: 0.0.0.0:443\n",
     "",
     "r.yaml:4:5: edge.hosts: there are hosts, but no listeners\n"
     "  hint: declare edge.listeners, as in - address: 0.0.0.0:443\n"},
    {"redirect on a TLS listener", "- address: 0.0.0.0:443",
     "- address: 0.0.0.0:443\n"
     "      redirect_to_https: true",
     "r.yaml:5:26: edge.listeners[0].redirect_to_https: this listener is TLS already\n"
     "  hint: set tls: false, or remove it\n"},
    {"redirect without a TLS listener", "- address: 0.0.0.0:443",
     "- address: 0.0.0.0:80\n"
     "      tls: false\n"
     "      redirect_to_https: true",
     "r.yaml:6:26: edge.listeners[0].redirect_to_https: there is no TLS listener to redirect to\n"
     "  hint: add one, as in address: 0.0.0.0:443\n"},
    {"certificate without key", "- names: [shop.example.com]",
     "- names: [shop.example.com]\n"
     "      certificate: { file: a.pem }",
     "r.yaml:7:20: edge.hosts[0].certificate: file without key\n"
     "  hint: give both, or neither for the local CA\n"},
    {"key without certificate", "[shop.example.com]\n",
     "[shop.example.com]\n"
     "      certificate: { key: a.key }\n",
     "r.yaml:7:20: edge.hosts[0].certificate: key without file\n"
     "  hint: give both, or neither for the local CA\n"},
    {"certificate that cannot be read", "- names: [shop.example.com]",
     "- names: [shop.example.com]\n"
     "      certificate: { file: missing.pem, key: a.key }",
     "r.yaml:7:28: edge.hosts[0].certificate.file: 'missing.pem' cannot be read\n"
     "  hint: paths are relative to the declaration\n"},
    {"folder that cannot be read", "addresses: [\"10.0.0.5:8080\"]",
     "command: [run, '{port}']\n"
     "    working_directory: nowhere",
     "r.yaml:13:24: services[0].working_directory: 'nowhere' cannot be read\n"
     "  hint: paths are relative to the declaration\n"},
    {"status range upside down", "- name: web",
     "- name: web\n"
     "    health: { status_min: 400, status_max: 399 }",
     "r.yaml:12:27: services[0].health.status_min: 400 is more than status_max, 399\n"},
    {"check slower than its interval", "- name: web",
     "- name: web\n"
     "    health: { interval: 1s, timeout: 2s }",
     "r.yaml:12:38: services[0].health.timeout: longer than the interval, 1s\n"
     "  hint: a check must end before the next one begins\n"},
    {"status that cannot be retried", "- name: web",
     "- name: web\n"
     "    retries: { statuses: [501] }",
     "r.yaml:12:27: services[0].retries.statuses[0]: 501 cannot be retried\n"
     "  hint: 500, 502, 503 and 504 can\n"},
    {"hash without a variable", "- name: web",
     "- name: web\n"
     "    balance: hash\n"
     "    hash_key: user",
     "r.yaml:13:15: services[0].hash_key: 'user' is not an nginx variable\n"
     "  hint: as in $request_uri or $cookie_user\n"},
    {"a hash key without hash", kAfter,
     "    hash_key: $remote_addr\n",
     "r.yaml:13:15: services[0].hash_key: has no effect without balance: hash\n"
     "  hint: remove it\n"},
    {"ports past the end", "addresses: [\"10.0.0.5:8080\"]",
     "command: [run, '{port}']\n"
     "    port: 65535\n"
     "    count: 2",
     "r.yaml:13:11: services[0].port: 2 instances from port 65535 go past 65535\n"},
    {"two services on one port", "addresses: [\"10.0.0.5:8080\"]",
     "command: [run, '{port}']\n"
     "    port: 9000\n"
     "  - name: b\n"
     "    command: [run, '{port}']\n"
     "    port: 9000",
     "r.yaml:16:11: services[1].port: 127.0.0.1:9000 is taken already, by services[0].port\n"
     "  hint: give each an address of its own; the first is in line 13\n"},
    {"count of instances that run elsewhere", kAfter,
     "    count: 2\n",
     "r.yaml:13:12: services[0].count: has no effect without a command\n"
     "  hint: remove it\n"},
    {"port of instances that run elsewhere", kAfter,
     "    port: 80\n",
     "r.yaml:13:11: services[0].port: has no effect without a command\n"
     "  hint: remove it\n"},
    {"folder of instances that run elsewhere", kAfter,
     "    working_directory: /srv\n",
     "r.yaml:13:24: services[0].working_directory: has no effect without a command\n"
     "  hint: remove it\n"},
    {"environment of instances that run elsewhere", kAfter,
     "    env: { A: b }\n",
     "r.yaml:13:10: services[0].env: has no effect without a command\n"
     "  hint: remove it\n"},
    {"user of instances that run elsewhere", kAfter,
     "    user: www\n",
     "r.yaml:13:11: services[0].user: has no effect without a command\n"
     "  hint: remove it\n"},
    {"stop timeout of instances that run elsewhere", kAfter,
     "    stop_timeout: 1s\n",
     "r.yaml:13:19: services[0].stop_timeout: has no effect without a command\n"
     "  hint: remove it\n"},
    {"an API description where the firewall is off", "          service: web\n",
     "          service: web\n"
     "          waf: { openapi: { file: api.yaml } }\n",
     "r.yaml:10:35: edge.hosts[0].routes[0].waf.openapi.file: has no effect without waf.mode: log or block\n"
     "  hint: remove it\n"},
    {"what to do without an API description", "          service: web\n",
     "          service: web\n"
     "          waf: { openapi: { mode: log } }\n",
     "r.yaml:10:35: edge.hosts[0].routes[0].waf.openapi.mode: has no effect without edge.hosts[0].routes[0].waf.openapi.file\n"
     "  hint: remove it\n"},
    {"an API description that is not there", "          service: web\nservices:\n",
     "          service: web\n"
     "          waf: { openapi: { file: nowhere } }\n"
     "waf: { mode: log }\n"
     "services:\n",
     "r.yaml:10:35: edge.hosts[0].routes[0].waf.openapi.file: 'nowhere' cannot be read\n"
     "  hint: paths are relative to the declaration\n"},
    {"flush larger than memory", kAfter,
     "telemetry: { store: { flush_bytes: 64MiB, memory_bytes_max: 64MiB } }\n",
     "r.yaml:13:36: telemetry.store.flush_bytes: more than half of memory_bytes_max\n"
     "  hint: records come in while others are written: give room for two\n"},
    {"spool segment too large", kAfter,
     "telemetry: { spool: { segment_bytes: 64MiB, bytes_max: 64MiB } }\n",
     "r.yaml:13:38: telemetry.spool.segment_bytes: more than half of bytes_max\n"
     "  hint: only whole segments are freed: give room for two\n"},
    {"lists of a firewall that is off", kAfter,
     "waf: { lists: [{ name: a, addresses: [192.0.2.1] }] }\n",
     "r.yaml:13:15: waf.lists: has no effect without mode: log or mode: block\n"
     "  hint: remove it\n"},
    {"a firewall that somebody switched off", "          service: web\n",
     "          service: web\n"
     "          waf: { mode: block, openapi: { file: api.yaml } }\n"
     "waf: { mode: off, rules: [nowhere], lists: [{ name: a, addresses: [192.0.2.1] }] }\n",
     ""},
    {"a list that names nobody", kAfter,
     "waf: { mode: log, lists: [{ name: a }] }\n",
     "r.yaml:13:27: waf.lists[0]: it names nobody\n"
     "  hint: give addresses, a file or countries; everybody is 0.0.0.0/0 and ::/0\n"},
    {"two lists of one name in one place", kAfter,
     "waf: { mode: log, lists: [{ name: a, countries: [DE] }, { name: a, countries: [FR] }] }\n",
     "r.yaml:13:65: waf.lists[1].name: a list 'a' is here already\n"
     "  hint: records say which list decided by its name\n"},
    {"a refusal that skips rules", kAfter,
     "waf: { mode: log, lists: [{ name: a, countries: [DE], skip_rules: true, skip_limits: true }] }\n",
     "r.yaml:13:67: waf.lists[0].skip_rules: only action: allow skips rules\n"
     "r.yaml:13:86: waf.lists[0].skip_limits: only action: allow skips limits\n"},
    {"files that are not there", kAfter,
     "waf: { mode: log, places: [nowhere], lists: [{ name: a, file: nowhere }] }\n",
     "r.yaml:13:28: waf.places[0]: 'nowhere' cannot be read\n"
     "  hint: paths are relative to the declaration\n"
     "r.yaml:13:63: waf.lists[0].file: 'nowhere' cannot be read\n"
     "  hint: paths are relative to the declaration\n"},
    {"a list of a route", "service: web",
     "service: web\n"
     "          waf: { lists: [{ name: a }] }\n"
     "waf: { mode: log }\n",
     "r.yaml:10:26: edge.hosts[0].routes[0].waf.lists[0]: it names nobody\n"
     "  hint: give addresses, a file or countries; everybody is 0.0.0.0/0 and ::/0\n"},
};

}  // namespace

TEST_CASE("parts that do not fit together are told precisely") {
  for (const auto& c : kMisfits) {
    CAPTURE(c.what);
    CHECK(findings(changed(c.instead_of, c.text)) == c.want);
  }
}
