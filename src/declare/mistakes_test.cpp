#include "declare/test_support.h"

using namespace ringwall::declare;

namespace {

constexpr Case kMistakes[] = {
    // The text itself.
    {"a good declaration", kAfter,
     "",
     ""},
    {"empty", kWhole,
     "",
     "r.yaml:1:1: application: is missing\n"},
    {"a tab indents", kWhole,
     "application: a\n"
     "edge:\n"
     "\tlimits: {}\n",
     "r.yaml:3:1: a tab indents this line\n"
     "  hint: YAML indents with spaces only\n"},
    {"not YAML", kWhole,
     "application: [a\n"
     "edge: {}\n",
     "r.yaml:2:5: not YAML: end of sequence flow not found\n"},
    {"an escape of a control character", kWhole,
     "application: \"\\\x04\"\n",
     "r.yaml:1:17: not YAML: unknown escape character: \\x04\n"},
    {"a value where a map is open", kWhole,
     "application: a\n"
     "  region: b\n",
     "r.yaml:2:9: not YAML: illegal map value\n"},
    {"two documents", kWhole,
     "application: a\n"
     "---\n"
     "application: b\n",
     "r.yaml:3:1: a second document\n"
     "  hint: a declaration is one document; remove what follows ---\n"},
    {"a list at the top", kWhole,
     "- application\n",
     "r.yaml:1:1: expected a map of keys, found a list\n"
     "  hint: begin with application: and its name\n"},
    {"a text at the top", kWhole,
     "application\n",
     "r.yaml:1:1: expected a map of keys, found 'application'\n"
     "  hint: begin with application: and its name\n"},
    {"an unknown alias", kWhole,
     "application: *name\n",
     "r.yaml:1:14: not YAML: the referenced anchor is not defined\n"},
    {"a tab after spaces", kWhole,
     "application: a\n"
     "edge:\n"
     "  limits:\n"
     "  \theader_timeout: 1s\n",
     "r.yaml:4:3: a tab indents this line\n"
     "  hint: YAML indents with spaces only\n"},
    {"a tab before a list", kWhole,
     "application: a\n"
     "services:\n"
     "\t- name: web\n",
     "r.yaml:3:1: a tab indents this line\n"
     "  hint: YAML indents with spaces only\n"},
    {"a tab inside a text is fine", kAfter,
     "    version: |\n"
     "      a\n"
     "      \tb\n",
     ""},
    {"a tab inside brackets is fine", kAfter,
     "telemetry: {\n"
     "\tretention: { hot: 30d } }\n",
     ""},
    {"a tab in an empty line is fine", kAfter,
     "  \t\n"
     "telemetry: {}\n",
     ""},
    {"brackets in comments are fine", kAfter,
     "# [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
     ""},
    {"a tag", kWhole,
     "application: !!binary c2hvcA==\n",
     "r.yaml:1:14: tags have no meaning here\n"
     "  hint: remove the word that begins with !\n"},
    {"a tag of a list", kWhole,
     "application: a\n"
     "services: !mine []\n",
     "r.yaml:2:11: tags have no meaning here\n"
     "  hint: remove the word that begins with !\n"},
    {"a text that says it is one is fine", kAfter,
     "region: !!str 7\n",
     ""},
    {"an alias inside itself", kWhole,
     "application: a\n"
     "services: &s [*s]\n",
     "r.yaml:2:15: an alias to something that is not finished yet\n"},
    // Keys.
    {"misspelt key", kWhole,
     "aplication: a\n",
     "r.yaml:1:1: aplication: unknown key\n"
     "  hint: did you mean application?\n"},
    {"misspelt deep key", kAfter,
     "telemetry:\n"
     "  retention:\n"
     "    hott: 30d\n",
     "r.yaml:15:5: telemetry.retention.hott: unknown key\n"
     "  hint: did you mean hot?\n"},
    {"misspelt in a list", " servi",
     " serv",
     "r.yaml:9:11: edge.hosts[0].routes[0].servce: unknown key\n"
     "  hint: did you mean service?\n"},
    {"unknown key with nothing near", kAfter,
     "colour: blue\n",
     "r.yaml:13:1: colour: unknown key\n"
     "  hint: known here: application, environment, region, state, edge, services, waf, telemetry, blob, api\n"},
    {"swapped letters", kAfter,
     "telemetry:\n"
     "  otlp: { lisetn: '127.0.0.1:1' }\n",
     "r.yaml:14:11: telemetry.otlp.lisetn: unknown key\n"
     "  hint: did you mean listen?\n"},
    {"repeated key", kAfter,
     "application: again\n",
     "r.yaml:13:1: application: is given twice, first in line 1\n"
     "  hint: keep one of them\n"},
    {"repeated deep key", "- address: 0.0.0.0:443",
     "- address: 0.0.0.0:443\n"
     "      tls: true\n"
     "      tls: false",
     "r.yaml:6:7: edge.listeners[0].tls: is given twice, first in line 5\n"
     "  hint: keep one of them\n"},
    {"repeated key of a map", kAfter,
     "    env: { A: b, A: c }\n",
     "r.yaml:13:18: services[0].env.A: is given twice, first in line 13\n"
     "  hint: keep one of them\n"},
    {"a list as the key", kWhole,
     "application: a\n"
     "? [a, b]\n"
     ": c\n",
     "r.yaml:2:3: expected a text as the key, found a list\n"},
    {"nothing as the key", kWhole,
     "application: a\n"
     "~: c\n",
     "r.yaml:2:1: expected a text as the key, found nothing\n"},
    {"a merge key", kAfter,
     "    health: { <<: { path: /a } }\n",
     "r.yaml:13:15: services[0].health.<<: keys are not merged here\n"
     "  hint: give the whole map an alias, as in env: *common, or repeat the keys\n"},
    {"a key that would reach the terminal", kAfter,
     "\"a\\e[31mb\": 1\n",
     "r.yaml:13:1: a\\x1b[31mb: unknown key\n"
     "  hint: known here: application, environment, region, state, edge, services, waf, telemetry, blob, api\n"},
    {"a long key", kAfter,
     "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk: 1\n",
     "r.yaml:13:1: kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk...: unknown key\n"
     "  hint: known here: application, environment, region, state, edge, services, waf, telemetry, blob, api\n"},
    {"reserved alerts", kAfter,
     "alerts: { mode: block }\n",
     "r.yaml:13:1: alerts: is reserved for a later version of ringwall and does nothing yet\n"
     "  hint: remove it\n"},
    {"reserved backups", kAfter,
     "backups: []\n",
     "r.yaml:13:1: backups: is reserved for a later version of ringwall and does nothing yet\n"
     "  hint: remove it\n"},
    {"reserved alerts", kAfter,
     "alerts: {}\n",
     "r.yaml:13:1: alerts: is reserved for a later version of ringwall and does nothing yet\n"
     "  hint: remove it\n"},
    {"reserved databases", kAfter,
     "databases: {}\n",
     "r.yaml:13:1: databases: is reserved for a later version of ringwall and does nothing yet\n"
     "  hint: remove it\n"},
    {"reserved images", kAfter,
     "images: {}\n",
     "r.yaml:13:1: images: is reserved for a later version of ringwall and does nothing yet\n"
     "  hint: remove it\n"},
    {"reserved fences", kAfter,
     "fences: {}\n",
     "r.yaml:13:1: fences: is reserved for a later version of ringwall and does nothing yet\n"
     "  hint: remove it\n"},
    {"reserved recovery", kAfter,
     "recovery: {}\n",
     "r.yaml:13:1: recovery: is reserved for a later version of ringwall and does nothing yet\n"
     "  hint: remove it\n"},
    {"S3 is not built yet", kAfter,
     "blob: { s3: { bucket: shop } }\n",
     "r.yaml:13:9: blob.s3: is reserved for a later version of ringwall and does nothing yet\n"
     "  hint: remove it; files are stored in blob.directory until then\n"},
    {"several at once", kWhole,
     "aplication: a\n"
     "regoin: b\n"
     "edge: 7\n",
     "r.yaml:1:1: aplication: unknown key\n"
     "  hint: did you mean application?\n"
     "r.yaml:2:1: regoin: unknown key\n"
     "  hint: did you mean region?\n"
     "r.yaml:3:7: edge: expected a map of keys, found '7'\n"},
    {"a misspelling hides nothing else", "          service: web\n",
     "          service: wbe\n"
     "          body_byte_max: 1MiB\n"
     "        - { path: /a, service: wbe }\n",
     "r.yaml:9:20: edge.hosts[0].routes[0].service: there is no service named 'wbe'\n"
     "  hint: did you mean web?\n"
     "r.yaml:10:11: edge.hosts[0].routes[0].body_byte_max: unknown key\n"
     "  hint: did you mean body_bytes_max?\n"
     "r.yaml:11:32: edge.hosts[0].routes[1].service: there is no service named 'wbe'\n"
     "  hint: did you mean web?\n"},
    {"a misspelling is told once", "  - name: web\n",
     "  - nmae: web\n",
     "r.yaml:11:5: services[0].nmae: unknown key\n"
     "  hint: did you mean name?\n"},
    {"a misspelt section is told once", "services:\n",
     "servces:\n",
     "r.yaml:10:1: servces: unknown key\n"
     "  hint: did you mean services?\n"},
    {"misspelt listeners are told once", "  listeners:\n",
     "  listners:\n",
     "r.yaml:3:3: edge.listners: unknown key\n"
     "  hint: did you mean listeners?\n"},
    // Kinds of values.
    {"a list for a map", kAfter,
     "telemetry: []\n",
     "r.yaml:13:12: telemetry: expected a map of keys, found a list\n"},
    {"a map for a list", kWhole,
     "application: a\n"
     "services: { name: web }\n",
     "r.yaml:2:11: services: expected a list, found a map\n"
     "  hint: begin each item with '- ', or write [a, b]\n"},
    {"a text for a list", "- names: [shop.example.com]",
     "- names: shop.example.com",
     "r.yaml:6:14: edge.hosts[0].names: expected a list, found 'shop.example.com'\n"
     "  hint: write it as a list, as in [shop.example.com]\n"},
    {"a command as one text", "    addresses: [\"10.0.0.5:8080\"]\n",
     "    command: node server.js --port {port}\n",
     "r.yaml:12:14: services[0].command: expected a list, found 'node server.js --port {port}'\n"
     "  hint: write it as a list, as in [node, server.js, \"--port\", \"{port}\"]\n"},
    {"nothing in a list", "    addresses: [\"10.0.0.5:8080\"]\n",
     "    addresses: [~]\n",
     "r.yaml:12:17: services[0].addresses[0]: expected a text, found nothing\n"},
    {"a section with nothing in it", kAfter,
     "telemetry:\n"
     "\n"
     "api: {}\n",
     "r.yaml:13:1: telemetry: expected a map of keys, found nothing\n"},
    {"an environment variable with nothing", kAfter,
     "    env:\n"
     "      A:\n",
     "r.yaml:14:7: services[0].env.A: expected a text, found nothing\n"},
    {"an environment variable with a list", kAfter,
     "    env: { A: [b] }\n",
     "r.yaml:13:15: services[0].env.A: expected a text, found a list\n"},
    {"a map for a text", kWhole,
     "application: { a: b }\n",
     "r.yaml:1:14: application: expected a text, found a map\n"},
    {"nothing for a text", kWhole,
     "application:\n",
     "r.yaml:1:1: application: expected a text, found nothing\n"},
    {"not a boolean", "- address: 0.0.0.0:443",
     "- address: 0.0.0.0:443\n"
     "      tls: maybe",
     "r.yaml:5:12: edge.listeners[0].tls: expected true or false, found 'maybe'\n"},
    {"yes is not true", "- address: 0.0.0.0:443",
     "- address: 0.0.0.0:443\n"
     "      tls: yes",
     "r.yaml:5:12: edge.listeners[0].tls: expected true or false, found 'yes'\n"},
    {"a quoted boolean", "- address: 0.0.0.0:443",
     "- address: 0.0.0.0:443\n"
     "      tls: \"true\"",
     "r.yaml:5:12: edge.listeners[0].tls: expected true or false, found 'true'\n"
     "  hint: write it without quotes\n"},
    {"not a number", "- name: web",
     "- name: web\n"
     "    keepalive: many",
     "r.yaml:12:16: services[0].keepalive: expected a whole number, found 'many'\n"},
    {"a fraction", "- name: web",
     "- name: web\n"
     "    keepalive: 1.5",
     "r.yaml:12:16: services[0].keepalive: expected a whole number, found '1.5'\n"},
    {"not a duration", kAfter,
     "telemetry: { retention: { hot: 30 } }\n",
     "r.yaml:13:32: telemetry.retention.hot: expected a duration, found '30'\n"
     "  hint: write a number and ms, s, m, h, d or y, as in 30s\n"},
    {"an unknown unit", kAfter,
     "telemetry: { retention: { hot: 30 days } }\n",
     "r.yaml:13:32: telemetry.retention.hot: expected a duration, found '30 days'\n"
     "  hint: write a number and ms, s, m, h, d or y, as in 30s\n"},
    {"not a size", kAfter,
     "telemetry: { otlp: { body_bytes_max: big } }\n",
     "r.yaml:13:38: telemetry.otlp.body_bytes_max: expected a size, found 'big'\n"
     "  hint: write a number and KiB, MiB or GiB, as in 64MiB\n"},
    {"a wrong size unit", kAfter,
     "telemetry: { otlp: { body_bytes_max: 64Mb } }\n",
     "r.yaml:13:38: telemetry.otlp.body_bytes_max: expected a size, found '64Mb'\n"
     "  hint: write a number and KiB, MiB or GiB, as in 64MiB\n"},
    {"a negative duration", kAfter,
     "telemetry: { retention: { hot: -1d } }\n",
     "r.yaml:13:32: telemetry.retention.hot: expected a duration, found '-1d'\n"
     "  hint: write a number and ms, s, m, h, d or y, as in 30s\n"},
    {"a duration past all years", kAfter,
     "telemetry: { retention: { hot: 999999999999y } }\n",
     "r.yaml:13:32: telemetry.retention.hot: expected a duration, found '999999999999y'\n"
     "  hint: write a number and ms, s, m, h, d or y, as in 30s\n"},
    {"a quoted number", kAfter,
     "    keepalive: \"7\"\n",
     "r.yaml:13:16: services[0].keepalive: expected a whole number, found '7'\n"
     "  hint: write it without quotes\n"},
    // Ranges: at the limit is fine, one past it is not.
    {"number at the limit", "- name: web",
     "- name: web\n"
     "    keepalive: 10000",
     ""},
    {"number past the limit", "- name: web",
     "- name: web\n"
     "    keepalive: 10001",
     "r.yaml:12:16: services[0].keepalive: '10001' is out of range\n"
     "  hint: between 0 and 10000\n"},
    {"negative number", "- name: web",
     "- name: web\n"
     "    keepalive: -1",
     "r.yaml:12:16: services[0].keepalive: '-1' is out of range\n"
     "  hint: between 0 and 10000\n"},
    {"duration below", kAfter,
     "telemetry: { host_metrics: { interval: 999ms } }\n",
     "r.yaml:13:40: telemetry.host_metrics.interval: '999ms' is out of range\n"
     "  hint: between 1s and 1h\n"},
    {"duration at the limit", kAfter,
     "telemetry: { host_metrics: { interval: 1s } }\n",
     ""},
    {"size above", kAfter,
     "telemetry: { otlp: { body_bytes_max: 2GiB } }\n",
     "r.yaml:13:38: telemetry.otlp.body_bytes_max: '2GiB' is out of range\n"
     "  hint: between 64KiB and 1GiB\n"},
    {"port above", "addresses: [\"10.0.0.5:8080\"]",
     "command: [run, '{port}']\n"
     "    port: 65536",
     "r.yaml:13:11: services[0].port: '65536' is out of range\n"
     "  hint: between 0 and 65535\n"},
    {"status above", "- name: web",
     "- name: web\n"
     "    health: { status_max: 600 }",
     "r.yaml:12:27: services[0].health.status_max: '600' is out of range\n"
     "  hint: between 100 and 599\n"},
    {"too large a number", "- name: web",
     "- name: web\n"
     "    keepalive: 99999999999999999999",
     "r.yaml:12:16: services[0].keepalive: '99999999999999999999' is out of range\n"
     "  hint: between 0 and 10000\n"},
    // Texts with a form.
    {"not a name", kWhole,
     "application: my shop\n",
     "r.yaml:1:14: application: 'my shop' is not a name\n"
     "  hint: 1 to 63 letters, digits, '-', '_' and '.'\n"},
    {"empty name", kWhole,
     "application: ''\n",
     "r.yaml:1:14: application: '' is not a name\n"
     "  hint: 1 to 63 letters, digits, '-', '_' and '.'\n"},
    {"long name", kWhole,
     "application: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
     "r.yaml:1:14: application: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' is not a name\n"
     "  hint: 1 to 63 letters, digits, '-', '_' and '.'\n"},
    {"longest name", "application: shop\n",
     "application: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
     ""},
    {"an empty environment", kAfter,
     "environment: ''\n",
     "r.yaml:13:14: environment: '' is not a name\n"
     "  hint: 1 to 63 letters, digits, '-', '_' and '.'\n"},
    {"a service named with a dot", "  - name: web\n",
     "  - name: web.v2\n",
     "r.yaml:11:11: services[0].name: 'web.v2' is not a service's name\n"
     "  hint: 1 to 63 letters, digits, '-' and '_'\n"},
    {"name of an environment variable", kAfter,
     "    env: { 1A: b }\n",
     "r.yaml:13:12: services[0].env.1A: '1A' is not the name of an environment variable\n"
     "  hint: letters, digits and '_', no digit in front\n"},
    {"zero byte in an environment variable", kAfter,
     "    env: { A: \"a\\0b\" }\n",
     "r.yaml:13:15: services[0].env.A: 'a\\x00b' holds a control character\n"},
    {"name of a tag", kAfter,
     "telemetry: { files: [{ path: a.log, tags: { \"a b\": c } }] }\n",
     "r.yaml:13:45: telemetry.files[0].tags.a b: 'a b' is not a name\n"
     "  hint: 1 to 63 letters, digits, '-', '_' and '.'\n"},
    {"no file", kAfter,
     "telemetry: { files: [{ path: '' }] }\n",
     "r.yaml:13:30: telemetry.files[0].path: must not be empty\n"},
    {"no state folder", kAfter,
     "state: ''\n",
     "r.yaml:13:8: state: must not be empty\n"},
    {"a file with a line feed", kAfter,
     "state: \"a\\nb\"\n",
     "r.yaml:13:8: state: 'a\\nb' holds a control character\n"},
    {"address without port", "- address: 0.0.0.0:443",
     "- address: 0.0.0.0",
     "r.yaml:4:16: edge.listeners[0].address: '0.0.0.0' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"address by name", "- address: 0.0.0.0",
     "- address: localhost",
     "r.yaml:4:16: edge.listeners[0].address: 'localhost:443' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"port out of range", "- address: 0.0.0.0:443",
     "- address: 0.0.0.0:70000",
     "r.yaml:4:16: edge.listeners[0].address: '0.0.0.0:70000' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"IPv6 without brackets", "- address: 0.0.0.0:443",
     "- address: \"::1:443\"",
     "r.yaml:4:16: edge.listeners[0].address: '::1:443' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"IPv6 address is fine", "- address: 0.0.0.0:443",
     "- address: \"[::]:443\"",
     ""},
    {"an empty address", "    addresses: [\"10.0.0.5:8080\"]\n",
     "    addresses: ['']\n",
     "r.yaml:12:17: services[0].addresses[0]: '' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"an address with a zero byte", "    addresses: [\"10.0.0.5:8080\"]\n",
     "    addresses: [\"10.0.0.5\\0:80\"]\n",
     "r.yaml:12:17: services[0].addresses[0]: '10.0.0.5\\x00:80' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"no OTLP receiver is fine", kAfter,
     "telemetry: { otlp: { listen: '' } }\n",
     ""},
    {"no console is not", kAfter,
     "api: { listen: '' }\n",
     "r.yaml:13:16: api.listen: '' is not an address\n"
     "  hint: write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080\n"},
    {"not a host name", "- names: [shop.example.com",
     "- names: [shop example",
     "r.yaml:6:15: edge.hosts[0].names[0]: 'shop example' is not a host name\n"
     "  hint: as in shop.example.com or *.example.com\n"},
    {"wildcard in the middle", "- names: [shop.example",
     "- names: [shop.*",
     "r.yaml:6:15: edge.hosts[0].names[0]: 'shop.*.com' is not a host name\n"
     "  hint: as in shop.example.com or *.example.com\n"},
    {"wildcard is fine", "- names: [shop.example.com",
     "- names: ['*.example.com'",
     ""},
    {"path without slash", "- path: /",
     "- path: api",
     "r.yaml:8:17: edge.hosts[0].routes[0].path: 'api' is not a path\n"
     "  hint: begin it with /, as in /api/; write = /path for exactly one, ~ ^/regex$ for a regular expression\n"},
    {"path with a brace", "- path: /",
     "- path: /a{b",
     "r.yaml:8:17: edge.hosts[0].routes[0].path: '/a{b' is not a path\n"
     "  hint: begin it with /, as in /api/; write = /path for exactly one, ~ ^/regex$ for a regular expression\n"},
    {"path that ends nginx's line", "- path: /",
     "- path: \"/a; root /etc\"",
     "r.yaml:8:17: edge.hosts[0].routes[0].path: '/a; root /etc' is not a path\n"
     "  hint: begin it with /, as in /api/; write = /path for exactly one, ~ ^/regex$ for a regular expression\n"},
    {"wrong regular expression", "- path: /",
     "- path: \"~ ^/(\"",
     "r.yaml:8:17: edge.hosts[0].routes[0].path: '^/(' is not a regular expression: missing closing parenthesis at byte 3\n"},
    {"regular expression is fine", "- path: /",
     "- path: \"~ ^/v[0-9]+/\"",
     ""},
    {"any case is fine", "path: /",
     "path: \"~* \\\\.(png|jpg)$\"",
     ""},
    {"nginx's regular expressions are fine", "path: /",
     "path: \"~ ^/(?<id>\\\\d+)(?!x)\"",
     ""},
    {"no regular expression", "path: /",
     "path: \"~ \"",
     "r.yaml:8:17: edge.hosts[0].routes[0].path: there is no regular expression after ~\n"
     "  hint: as in ~ ^/v[0-9]+/\n"},
    {"an exact path with a space", "path: /",
     "path: \"= /a b\"",
     "r.yaml:8:17: edge.hosts[0].routes[0].path: '= /a b' is not an exact path\n"
     "  hint: as in = /health\n"},
    {"wrong multi-line pattern", "- name: web",
     "- name: web\n"
     "    logs: { multiline_start: '[' }",
     "r.yaml:12:30: services[0].logs.multiline_start: '[' is not a regular expression\n"
     "  hint: special characters are written with a backslash, as in \\[\n"},
    {"a multi-line pattern that only nginx knows", kAfter,
     "    logs: { multiline_start: \"(?<year>x)\" }\n",
     "r.yaml:13:30: services[0].logs.multiline_start: '(?<year>x)' is not a regular expression\n"
     "  hint: special characters are written with a backslash, as in \\[\n"},
    {"a multi-line pattern that would fill memory", kAfter,
     "    logs: { multiline_start: \"((((a{999}){999}){999}){999})\" }\n",
     "r.yaml:13:30: services[0].logs.multiline_start: '((((a{999}){999}){999}){999})' is not a regular expression\n"
     "  hint: special characters are written with a backslash, as in \\[\n"},
    {"wrong choice with a near one", "- name: web",
     "- name: web\n"
     "    balance: least_con",
     "r.yaml:12:14: services[0].balance: expected one of round_robin, least_conn, ip_hash, hash; found 'least_con'\n"
     "  hint: did you mean least_conn?\n"},
    {"wrong choice", "- name: web",
     "- name: web\n"
     "    protocol: carrier-pigeon",
     "r.yaml:12:15: services[0].protocol: expected one of http, https, grpc, tcp; found 'carrier-pigeon'\n"},
    {"wrong TLS version", "edge:",
     "edge:\n"
     "  tls_version_min: 1.1",
     "r.yaml:3:20: edge.tls_version_min: expected one of 1.2, 1.3; found '1.1'\n"
     "  hint: did you mean 1.2?\n"},
    {"health path without slash", "- name: web",
     "- name: web\n"
     "    health: { path: health }",
     "r.yaml:12:21: services[0].health.path: 'health' is not a path\n"
     "  hint: begin it with / and leave out spaces, as in /health\n"},
    {"health path that is a second header", kAfter,
     "    health: { path: \"/a\\r\\nHost: b\" }\n",
     "r.yaml:13:21: services[0].health.path: '/a\\x0d\\nHost: b' is not a path\n"
     "  hint: begin it with / and leave out spaces, as in /health\n"},
    // Lists of the firewall.
    {"lists as they are meant", kAfter,
     "waf: { mode: log, places: [a.mmdb], lists: [{ name: a, addresses: [192.0.2.1, 192.0.2.0/24, '2001:db8::/32', 192.0.2.1-192.0.2.9], countries: [DE, GB], action: allow, skip_rules: true }] }\n",
     ""},
    {"what is no address", kAfter,
     "waf: { mode: log, lists: [{ name: a, addresses: [192.0.2.0/33, shop.example.com] }] }\n",
     "r.yaml:13:50: waf.lists[0].addresses[0]: '192.0.2.0/33' has no prefix of 0 to 32 bits\n"
     "  hint: an address, a network as 203.0.113.0/24, or FIRST-LAST\n"
     "r.yaml:13:64: waf.lists[0].addresses[1]: 'shop.example.com' is no address\n"
     "  hint: an address, a network as 203.0.113.0/24, or FIRST-LAST\n"},
    {"what is no country", kAfter,
     "waf: { mode: log, lists: [{ name: a, countries: [DE, UK] }] }\n",
     "r.yaml:13:54: waf.lists[0].countries[1]: 'UK' is not a country\n"
     "  hint: two capital letters of ISO 3166, as DE or GB\n"},
    {"what is no action", kAfter,
     "waf: { mode: log, lists: [{ name: a, addresses: [192.0.2.1], action: block }] }\n",
     "r.yaml:13:70: waf.lists[0].action: expected one of allow, deny, note; found 'block'\n"},

    // What is missing.
    {"no application", kWhole,
     "environment: prod\n",
     "r.yaml:1:1: application: is missing\n"},
    {"listener without address", "- address: 0.0.0.0:443",
     "- tls: true",
     "r.yaml:4:7: edge.listeners[0].address: is missing\n"},
    {"host without names", "- names: [shop.example.com]\n"
     "     ",
     "-",
     "r.yaml:6:7: edge.hosts[0].names: is missing\n"},
    {"host without routes", "routes:\n"
     "        - path: /\n"
     "          service: web",
     "routes: []",
     "r.yaml:7:15: edge.hosts[0].routes: must not be empty\n"},
    {"service without name", "- name: web\n"
     "   ",
     "-",
     "r.yaml:11:5: services[0].name: is missing\n"},
};

}  // namespace

TEST_CASE("each mistake in the form has its precise message") {
  for (const auto& c : kMistakes) {
    CAPTURE(c.what);
    CHECK(findings(changed(c.instead_of, c.text)) == c.want);
  }
}
