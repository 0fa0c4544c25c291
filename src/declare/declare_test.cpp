#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/world.h"
#include "declare/diff.h"
#include "declare/parse.h"

using namespace ringwall;
using namespace ringwall::declare;

namespace {

// A small declaration without faults; the cases below append to it or change a line of it.
#define GOOD                              \
  "application: shop\n"                   \
  "edge:\n"                               \
  "  listeners:\n"                        \
  "    - address: 0.0.0.0:443\n"          \
  "  hosts:\n"                            \
  "    - names: [shop.example.com]\n"     \
  "      routes:\n"                       \
  "        - path: /\n"                   \
  "          service: web\n"              \
  "services:\n"                           \
  "  - name: web\n"                       \
  "    addresses: [\"10.0.0.5:8080\"]\n"

struct Case {
  const char* what;
  const char* text;
  const char* want;  // every finding, and its hint in a line of its own
};

constexpr Case kCases[] = {
    // The text itself.
    {"a good declaration",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     ""},
    {"empty",
     "",
     "r.yaml:1:1: application: is missing\n"},
    {"a tab indents",
     "application: a\n"
     "edge:\n"
     "\tlimits: {}\n",
     "r.yaml:3:1: a tab indents this line\n"
     "  hint: YAML indents with spaces only\n"},
    {"not YAML",
     "application: [a\n"
     "edge: {}\n",
     "r.yaml:2:5: not YAML: end of sequence flow not found\n"},
    {"a value where a map is open",
     "application: a\n"
     "  region: b\n",
     "r.yaml:2:9: not YAML: illegal map value\n"},
    {"two documents",
     "application: a\n"
     "---\n"
     "application: b\n",
     "r.yaml:3:1: a second document\n"
     "  hint: a declaration is one document; remove what follows ---\n"},
    {"a list at the top",
     "- application\n",
     "r.yaml:1:1: expected a map of keys, found a list\n"},
    {"a text at the top",
     "application\n",
     "r.yaml:1:1: expected a map of keys, found 'application'\n"},
    {"an unknown alias",
     "application: *name\n",
     "r.yaml:1:14: not YAML: the referenced anchor is not defined\n"},
    // Keys.
    {"misspelt key",
     "aplication: a\n",
     "r.yaml:1:1: application: is missing\n"
     "r.yaml:1:1: aplication: unknown key\n"
     "  hint: did you mean application?\n"},
    {"misspelt deep key",
     GOOD "telemetry:\n"
     "  retention:\n"
     "    hott: 30d\n",
     "r.yaml:15:5: telemetry.retention.hott: unknown key\n"
     "  hint: did you mean hot?\n"},
    {"misspelt in a list",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          servce: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:9:11: edge.hosts[0].routes[0].servce: unknown key\n"
     "  hint: did you mean service?\n"},
    {"unknown key with nothing near",
     GOOD "colour: blue\n",
     "r.yaml:13:1: colour: unknown key\n"
     "  hint: known here: application, environment, region, state, edge, services, telemetry, blob, api\n"},
    {"swapped letters",
     GOOD "telemetry:\n"
     "  otlp: { lisetn: '127.0.0.1:1' }\n",
     "r.yaml:14:11: telemetry.otlp.lisetn: unknown key\n"
     "  hint: did you mean listen?\n"},
    {"repeated key",
     GOOD "application: again\n",
     "r.yaml:13:1: application: is given twice, first in line 1\n"
     "  hint: keep one of them\n"},
    {"repeated deep key",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "      tls: true\n"
     "      tls: false\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:6:7: edge.listeners[0].tls: is given twice, first in line 5\n"
     "  hint: keep one of them\n"},
    {"reserved waf",
     GOOD "waf: { mode: block }\n",
     "r.yaml:13:1: waf: is reserved for a later version of ringwall and does nothing yet\n"
     "  hint: remove it\n"},
    {"reserved backups",
     GOOD "backups: []\n",
     "r.yaml:13:1: backups: is reserved for a later version of ringwall and does nothing yet\n"
     "  hint: remove it\n"},
    {"several at once",
     "aplication: a\n"
     "regoin: b\n"
     "edge: 7\n",
     "r.yaml:1:1: application: is missing\n"
     "r.yaml:1:1: aplication: unknown key\n"
     "  hint: did you mean application?\n"
     "r.yaml:2:1: regoin: unknown key\n"
     "  hint: did you mean region?\n"
     "r.yaml:3:7: edge: expected a map of keys, found '7'\n"},
    // Kinds of values.
    {"a list for a map",
     GOOD "telemetry: []\n",
     "r.yaml:13:12: telemetry: expected a map of keys, found a list\n"},
    {"a map for a list",
     "application: a\n"
     "services: { name: web }\n",
     "r.yaml:2:11: services: expected a list, found a map\n"
     "  hint: begin each item with '- ', or write [a, b]\n"},
    {"a text for a list",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: shop.example.com\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:6:14: edge.hosts[0].names: expected a list, found 'shop.example.com'\n"
     "  hint: begin each item with '- ', or write [a, b]\n"},
    {"a map for a text",
     "application: { a: b }\n",
     "r.yaml:1:14: application: expected a text, found a map\n"},
    {"nothing for a text",
     "application:\n",
     "r.yaml:2:1: application: expected a text, found nothing\n"},
    {"not a boolean",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "      tls: maybe\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:5:12: edge.listeners[0].tls: expected true or false, found 'maybe'\n"},
    {"yes is not true",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "      tls: yes\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:5:12: edge.listeners[0].tls: expected true or false, found 'yes'\n"},
    {"a quoted boolean",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "      tls: \"true\"\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:5:12: edge.listeners[0].tls: expected true or false, found 'true'\n"
     "  hint: write it without quotes\n"},
    {"not a number",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    keepalive: many\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:16: services[0].keepalive: expected a whole number, found 'many'\n"},
    {"a fraction",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    keepalive: 1.5\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:16: services[0].keepalive: expected a whole number, found '1.5'\n"},
    {"not a duration",
     GOOD "telemetry: { retention: { hot: 30 } }\n",
     "r.yaml:13:32: telemetry.retention.hot: expected a duration, found '30'\n"
     "  hint: write a number and ms, s, m, h, d or y, as in 30s\n"},
    {"an unknown unit",
     GOOD "telemetry: { retention: { hot: 30 days } }\n",
     "r.yaml:13:32: telemetry.retention.hot: expected a duration, found '30 days'\n"
     "  hint: write a number and ms, s, m, h, d or y, as in 30s\n"},
    {"not a size",
     GOOD "telemetry: { otlp: { body_bytes_max: big } }\n",
     "r.yaml:13:38: telemetry.otlp.body_bytes_max: expected a size, found 'big'\n"
     "  hint: write a number and KiB, MiB or GiB, as in 64MiB\n"},
    {"a wrong size unit",
     GOOD "telemetry: { otlp: { body_bytes_max: 64Mb } }\n",
     "r.yaml:13:38: telemetry.otlp.body_bytes_max: expected a size, found '64Mb'\n"
     "  hint: write a number and KiB, MiB or GiB, as in 64MiB\n"},
    // Ranges: at the limit is fine, one past it is not.
    {"number at the limit",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    keepalive: 10000\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     ""},
    {"number past the limit",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    keepalive: 10001\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:16: services[0].keepalive: '10001' is out of range\n"
     "  hint: between 0 and 10000\n"},
    {"negative number",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    keepalive: -1\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:16: services[0].keepalive: '-1' is out of range\n"
     "  hint: between 0 and 10000\n"},
    {"duration below",
     GOOD "telemetry: { host_metrics: { interval: 999ms } }\n",
     "r.yaml:13:40: telemetry.host_metrics.interval: '999ms' is out of range\n"
     "  hint: between 1s and 1h\n"},
    {"duration at the limit",
     GOOD "telemetry: { host_metrics: { interval: 1s } }\n",
     ""},
    {"size above",
     GOOD "telemetry: { otlp: { body_bytes_max: 2GiB } }\n",
     "r.yaml:13:38: telemetry.otlp.body_bytes_max: '2GiB' is out of range\n"
     "  hint: between 64KiB and 1GiB\n"},
    {"port above",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    command: [run, '{port}']\n"
     "    port: 65536\n",
     "r.yaml:13:11: services[0].port: '65536' is out of range\n"
     "  hint: between 0 and 65535\n"},
    {"status above",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    health: { status_max: 600 }\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:27: services[0].health.status_max: '600' is out of range\n"
     "  hint: between 100 and 599\n"},
    {"too large a number",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    keepalive: 99999999999999999999\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:16: services[0].keepalive: expected a whole number, found '99999999999999999999'\n"},
    // Texts with a form.
    {"not a name",
     "application: my shop\n",
     "r.yaml:1:14: application: 'my shop' is not a name\n"
     "  hint: 1 to 63 letters, digits, '-', '_' and '.'\n"},
    {"empty name",
     "application: ''\n",
     "r.yaml:1:14: application: '' is not a name\n"
     "  hint: 1 to 63 letters, digits, '-', '_' and '.'\n"},
    {"long name",
     "application: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
     "r.yaml:1:14: application: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is not a name\n"
     "  hint: 1 to 63 letters, digits, '-', '_' and '.'\n"},
    {"address without port",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:4:16: edge.listeners[0].address: '0.0.0.0' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"address by name",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: localhost:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:4:16: edge.listeners[0].address: 'localhost:443' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"port out of range",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:70000\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:4:16: edge.listeners[0].address: '0.0.0.0:70000' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"IPv6 without brackets",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: \"::1:443\"\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:4:16: edge.listeners[0].address: '::1:443' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"IPv6 address is fine",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: \"[::]:443\"\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     ""},
    {"not a host name",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop example]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:6:15: edge.hosts[0].names[0]: 'shop example' is not a host name\n"
     "  hint: as in shop.example.com or *.example.com\n"},
    {"wildcard in the middle",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.*.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:6:15: edge.hosts[0].names[0]: 'shop.*.com' is not a host name\n"
     "  hint: as in shop.example.com or *.example.com\n"},
    {"wildcard is fine",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: ['*.example.com']\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     ""},
    {"path without slash",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: api\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:8:17: edge.hosts[0].routes[0].path: 'api' is not a path\n"
     "  hint: begin it with /, as in /api/; write = /path for exactly one, ~ ^/regex$ for a regular expression\n"},
    {"path with a brace",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /a{b\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:8:17: edge.hosts[0].routes[0].path: '/a{b' is not a path\n"
     "  hint: begin it with /, as in /api/; write = /path for exactly one, ~ ^/regex$ for a regular expression\n"},
    {"path that ends nginx's line",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: \"/a; root /etc\"\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:8:17: edge.hosts[0].routes[0].path: '/a; root /etc' is not a path\n"
     "  hint: begin it with /, as in /api/; write = /path for exactly one, ~ ^/regex$ for a regular expression\n"},
    {"wrong regular expression",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: \"~ ^/(\"\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:8:17: edge.hosts[0].routes[0].path: '^/(' is not a regular expression\n"
     "  hint: special characters are written with a backslash, as in \\[\n"},
    {"regular expression is fine",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: \"~ ^/v[0-9]+/\"\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     ""},
    {"wrong multi-line pattern",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    logs: { multiline_start: '[' }\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:30: services[0].logs.multiline_start: '[' is not a regular expression\n"
     "  hint: special characters are written with a backslash, as in \\[\n"},
    {"wrong choice with a near one",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    balance: least_con\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:14: services[0].balance: expected one of round_robin, least_conn, ip_hash, hash; found 'least_con'\n"
     "  hint: did you mean least_conn?\n"},
    {"wrong choice",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    protocol: carrier-pigeon\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:15: services[0].protocol: expected one of http, https, grpc, tcp; found 'carrier-pigeon'\n"},
    {"wrong TLS version",
     "application: shop\n"
     "edge:\n"
     "  tls_version_min: 1.1\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:3:20: edge.tls_version_min: expected one of 1.2, 1.3; found '1.1'\n"
     "  hint: did you mean 1.2?\n"},
    // What is missing.
    {"no application",
     "environment: prod\n",
     "r.yaml:1:1: application: is missing\n"},
    {"listener without address",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - tls: true\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:4:7: edge.listeners[0].address: is missing\n"},
    {"host without names",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:6:7: edge.hosts[0].names: is missing\n"},
    {"host without routes",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes: []\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:7:15: edge.hosts[0].routes: must not be empty\n"},
    {"service without name",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:11:5: services[0].name: is missing\n"},
    // Parts that do not fit together.
    {"unknown service with a near one",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: wbe\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:9:20: edge.hosts[0].routes[0].service: there is no service named 'wbe'\n"
     "  hint: did you mean web?\n"},
    {"unknown service",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: payments-api\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:9:20: edge.hosts[0].routes[0].service: there is no service named 'payments-api'\n"
     "  hint: services are: web\n"},
    {"unknown service, none declared",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n",
     "r.yaml:9:20: edge.hosts[0].routes[0].service: there is no service named 'web'\n"
     "  hint: declare it under services\n"},
    {"service without instances",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n",
     "r.yaml:11:5: services[0]: web has no instances\n"
     "  hint: give addresses, or a command to run\n"},
    {"addresses and command",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    command: [run]\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:14: services[0].command: addresses and command exclude each other\n"
     "  hint: remove one of them\n"
     "r.yaml:12:14: services[0].command: web is not told its port\n"
     "  hint: put {port} into command or env, as in env: { PORT: \"{port}\" }\n"},
    {"command without port",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    command: [run]\n",
     "r.yaml:12:14: services[0].command: web is not told its port\n"
     "  hint: put {port} into command or env, as in env: { PORT: \"{port}\" }\n"},
    {"two services of one name",
     GOOD "  - name: web\n"
     "    addresses: [\"10.0.0.6:80\"]\n",
     "r.yaml:13:11: services[1].name: a second service named web\n"
     "  hint: names are unique\n"},
    {"a service named edge",
     GOOD "  - name: edge\n"
     "    addresses: [\"10.0.0.6:80\"]\n",
     "r.yaml:13:11: services[1].name: edge is Ringwall's own service\n"
     "  hint: choose another name\n"},
    {"depends on nobody",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    depends_on: [database]\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:18: services[0].depends_on[0]: there is no service named 'database'\n"
     "  hint: services are: web\n"},
    {"depends on itself",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    depends_on: [web]\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:17: services[0].depends_on: web depends on itself\n"
     "  hint: services that wait for each other never start\n"},
    {"a circle",
     GOOD "    depends_on: [a]\n"
     "  - name: a\n"
     "    addresses: [\"10.0.0.6:80\"]\n"
     "    depends_on: [web]\n",
     "r.yaml:13:17: services[0].depends_on: web depends on itself\n"
     "  hint: services that wait for each other never start\n"
     "r.yaml:16:17: services[1].depends_on: a depends on itself\n"
     "  hint: services that wait for each other never start\n"},
    {"route to a tcp service",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    protocol: tcp\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:9:20: edge.hosts[0].routes[0].service: web speaks tcp and takes no requests\n"
     "  hint: route to a service that speaks http, https or grpc\n"},
    {"route to nowhere",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          body_bytes_max: 1MiB\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:8:11: edge.hosts[0].routes[0]: leads nowhere\n"
     "  hint: give a service or redirect_to\n"},
    {"route to two places",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "          redirect_to: /x\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:8:11: edge.hosts[0].routes[0]: service and redirect_to exclude each other\n"
     "  hint: give a service or redirect_to\n"},
    {"not a redirect status",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          redirect_to: /x\n"
     "          redirect_status: 304\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:10:28: edge.hosts[0].routes[0].redirect_status: 304 is not a redirect\n"
     "  hint: 301, 302, 303, 307 or 308\n"},
    {"a redirect that ends nginx's line",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          redirect_to: '/x; return 200'\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:9:24: edge.hosts[0].routes[0].redirect_to: '/x; return 200' is not an address\n"
     "  hint: as in https://www.example.com/ or /new/\n"},
    {"two routes for one path",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:10:17: edge.hosts[0].routes[1].path: a second route for /\n"},
    {"one host name twice",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - { path: /, service: web }\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:9:15: edge.hosts[1].names[0]: shop.example.com is declared twice\n"},
    {"two listeners on one address",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "    - address: 127.0.0.1:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:5:16: edge.listeners[1].address: 127.0.0.1:443 is taken already, by edge.listeners[0].address\n"
     "  hint: give each listener an address of its own\n"},
    {"API on a listener's address",
     GOOD "api: { listen: '127.0.0.1:443' }\n",
     "r.yaml:13:16: api.listen: 127.0.0.1:443 is taken already, by edge.listeners[0].address\n"
     "  hint: give each listener an address of its own\n"},
    {"listeners without hosts",
     "application: a\n"
     "edge: { listeners: [{ address: '0.0.0.0:443' }] }\n",
     "r.yaml:2:20: edge.listeners: there are listeners, but no hosts\n"
     "  hint: declare edge.hosts with their routes\n"},
    {"hosts without listeners",
     "application: shop\n"
     "edge:\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:4:5: edge.hosts: there are hosts, but no listeners\n"
     "  hint: declare edge.listeners, as in - address: 0.0.0.0:443\n"},
    {"redirect on a TLS listener",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "      redirect_to_https: true\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:5:26: edge.listeners[0].redirect_to_https: this listener is TLS already\n"
     "  hint: set tls: false, or remove it\n"},
    {"redirect without a TLS listener",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:80\n"
     "      tls: false\n"
     "      redirect_to_https: true\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:6:26: edge.listeners[0].redirect_to_https: there is no TLS listener to redirect to\n"
     "  hint: add one, as in address: 0.0.0.0:443\n"},
    {"certificate without key",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      certificate: { file: a.pem }\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:7:20: edge.hosts[0].certificate: file without key\n"
     "  hint: give both, or neither for the local CA\n"},
    {"certificate that cannot be read",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      certificate: { file: missing.pem, key: a.key }\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:7:28: edge.hosts[0].certificate.file: 'missing.pem' cannot be read\n"
     "  hint: paths are relative to the declaration\n"},
    {"folder that cannot be read",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    command: [run, '{port}']\n"
     "    working_directory: nowhere\n",
     "r.yaml:13:24: services[0].working_directory: 'nowhere' cannot be read\n"},
    {"status range upside down",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    health: { status_min: 400, status_max: 399 }\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:27: services[0].health.status_min: 400 is more than status_max, 399\n"},
    {"check slower than its interval",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    health: { interval: 1s, timeout: 2s }\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:38: services[0].health.timeout: longer than the interval\n"
     "  hint: a check must end before the next one begins\n"},
    {"health path without slash",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    health: { path: health }\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:21: services[0].health.path: 'health' is not a path\n"
     "  hint: begin it with /\n"},
    {"status that cannot be retried",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    retries: { statuses: [501] }\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:12:27: services[0].retries.statuses[0]: 501 cannot be retried\n"
     "  hint: 500, 502, 503 and 504 can\n"},
    {"hash without a variable",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    balance: hash\n"
     "    hash_key: user\n"
     "    addresses: [\"10.0.0.5:8080\"]\n",
     "r.yaml:13:15: services[0].hash_key: 'user' is not an nginx variable\n"
     "  hint: as in $request_uri or $cookie_user\n"},
    {"ports past the end",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    command: [run, '{port}']\n"
     "    port: 65535\n"
     "    count: 2\n",
     "r.yaml:13:11: services[0].port: 2 instances from port 65535 go past 65535\n"},
    {"two services on one port",
     "application: shop\n"
     "edge:\n"
     "  listeners:\n"
     "    - address: 0.0.0.0:443\n"
     "  hosts:\n"
     "    - names: [shop.example.com]\n"
     "      routes:\n"
     "        - path: /\n"
     "          service: web\n"
     "services:\n"
     "  - name: web\n"
     "    command: [run, '{port}']\n"
     "    port: 9000\n"
     "  - name: b\n"
     "    command: [run, '{port}']\n"
     "    port: 9000\n",
     "r.yaml:16:11: services[1].port: 127.0.0.1:9000 is taken already, by services[0].port\n"
     "  hint: give each listener an address of its own\n"},
    {"flush larger than memory",
     GOOD "telemetry: { store: { flush_bytes: 64MiB, memory_bytes_max: 64MiB } }\n",
     "r.yaml:13:36: telemetry.store.flush_bytes: more than half of memory_bytes_max\n"
     "  hint: records come in while others are written: give room for two\n"},
    {"spool segment too large",
     GOOD "telemetry: { spool: { segment_bytes: 64MiB, bytes_max: 64MiB } }\n",
     "r.yaml:13:38: telemetry.spool.segment_bytes: more than half of bytes_max\n"
     "  hint: only whole segments are freed: give room for two\n"},
};

std::string findings(std::string_view text) {
  // Files that exist, for the sake of the cases.
  const auto parsed = parse(text, "r.yaml", [](const std::string& file) { return file != "missing.pem" && file != "nowhere"; });
  std::string out;
  for (const auto& diagnostic : parsed.diagnostics) {
    out.append(show(diagnostic)).append("\n");
    if (!diagnostic.hint.empty()) out.append("  hint: ").append(diagnostic.hint).append("\n");
  }
  return out;
}

Declaration declared(const std::string& text) {
  const auto parsed = parse(text, "r.yaml");
  REQUIRE(parsed.ok());
  return parsed.declaration;
}

}  // namespace

TEST_CASE("each kind of mistake has its precise message") {
  for (const auto& c : kCases) {
    CAPTURE(c.what);
    CHECK(findings(c.text) == c.want);
  }
}

TEST_CASE("aliases are expanded, within a limit") {
  CHECK(findings(GOOD "    env: &env { A: b }\n  - { name: b, addresses: ['10.0.0.6:80'], env: *env }\n") == "");
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 8; ++i) {
    const auto last = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int k = 0; k < 9; ++k) laughs += ", " + last;
    laughs += "]\n";
  }
  CHECK(findings(laughs).find("more than 50000 values, aliases expanded") != std::string::npos);
}

TEST_CASE("depth, size and count of findings end at their limits") {
  CHECK(findings(std::string(kTextBytesMax + 1, '#')) == "r.yaml:1:1: larger than 1048576 bytes\n");
  CHECK(findings(std::string(kTextBytesMax, '#')) == "r.yaml:1:1: application: is missing\n");
  CHECK(findings("a: " + std::string(100'000, '[')).find("nested deeper") != std::string::npos);
  CHECK(findings("a: " + std::string(40, '[') + std::string(40, ']')).find("nested deeper than 32 levels") != std::string::npos);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "k" + std::to_string(i) + ": 1\n";
  CHECK(parse(many, "r.yaml").diagnostics.size() == kDiagnosticsMax);
}

TEST_CASE("the normal form reads back as itself and names every key") {
  const auto declaration = declared(GOOD "telemetry: { files: [{ path: /var/log/*.log, service: sys, tags: { a: b } }] }\n");
  const auto text = normal_form(declaration);
  const auto again = from_normal_form(text);
  REQUIRE(again.ok());
  CHECK(normal_form(*again) == text);
  CHECK(from_normal_form("{\"application\": 7, \"what\": 1}").error().code == Errc::kCorrupt);
}

TEST_CASE("the schema has every key of the normal form, with a sentence") {
  const auto schema = nlohmann::json::parse(json_schema());
  int keys = 0;
  const std::function<void(const nlohmann::json&, const nlohmann::json&)> walk = [&](const nlohmann::json& node, const nlohmann::json& value) {
    if (value.is_array() && !value.empty() && value[0].is_object()) return walk(node.at("items"), value[0]);
    if (!value.is_object() || !node.contains("properties")) return;
    CHECK(node.at("additionalProperties") == false);
    CHECK(node.at("properties").size() == value.size());
    for (const auto& [key, item] : value.items()) {
      CAPTURE(key);
      REQUIRE(node.at("properties").contains(key));
      CHECK(node.at("properties").at(key).at("description").get<std::string>().size() > 10);
      ++keys;
      walk(node.at("properties").at(key), item);
    }
  };
  walk(schema, nlohmann::json::parse(normal_form(declared(GOOD "telemetry: { files: [{ path: a }] }\n"))));
  CHECK(keys > 90);
}

TEST_CASE("docs/declaration.md is the reference") {
  const std::string file = RINGWALL_SOURCE_DIR "/docs/declaration.md";
  if (std::getenv("RW_UPDATE_GOLDEN") != nullptr) REQUIRE(base::real_files().write_atomic(file, reference(), 0644).ok());
  CHECK(base::real_files().read(file).value() == reference());
}

TEST_CASE("plan: what changes, and what it does") {
  struct DiffCase {
    const char* from;
    const char* to;
    const char* want;
  };
#define TWO GOOD "  - name: jobs\n    command: [run, \"{port}\"]\n"
  constexpr DiffCase kDiffs[] = {
      {GOOD, GOOD, ""},
      {GOOD, GOOD "environment: prod\n", "change environment: dev -> prod (restart core)\n"},
      {GOOD, GOOD "    balance: least_conn\n", "change services[web].balance: round_robin -> least_conn (reload edge)\n"},
      {TWO, TWO "    count: 3\n", "change services[jobs].count: 1 -> 3 (start or stop instances)\n"},
      {TWO, TWO "    env: { A: b }\n", "add services[jobs].env.A:  -> b (restart instances)\n"},
      {GOOD "    version: '1'\n", GOOD "    version: '2'\n", "change services[web].version: 1 -> 2 (restart instances)\n"},
      {GOOD "    retries: { attempts: 1 }\n", GOOD, "change services[web].retries.attempts: 1 -> 2 (reload edge)\n"},
  };
  for (const auto& c : kDiffs) {
    std::string shown;
    for (const auto& change : diff(declared(c.from), declared(c.to))) {
      shown += change.action + " " + change.path + ": " + change.from + " -> " + change.to + " (" + change.effect + ")\n";
    }
    CHECK(shown == c.want);
  }
  // A service that comes or goes is one change, whatever its place in the list.
  const auto added = diff(declared(GOOD), declared(TWO));
  REQUIRE(added.size() == 1);
  CHECK(added[0].path == "services[jobs]");
  CHECK(added[0].effect == "start instances");
  const auto removed = diff(declared(TWO), declared(GOOD));
  REQUIRE(removed.size() == 1);
  CHECK(removed[0].effect == "stop instances");
  auto reordered = declared(TWO);
  std::swap(reordered.services[0], reordered.services[1]);
  CHECK(diff(declared(TWO), reordered).empty());
}
