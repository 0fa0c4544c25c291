// One definition of every key: its name, its member, its rule and its sentence.  Reading, the JSON Schema, the reference
// and the normal form are visitors of these functions, so that none of them can forget a key.
//
//   template <class V> void describe(V& visit, Listener& value) {
//     visit("address", value.address, Rule{...}, "Where to listen …");
//   }
//
// A visitor is called with (key, member, Rule, sentence); the member's type says what is expected.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "declare/declaration.h"

namespace ringwall::declare::detail {

enum class Text {
  kAny,              // without control characters but tab and line feed
  kName,             // letters, digits, '-', '_', '.'
  kService,          // the same without '.', as nginx's upstreams are named after it
  kEnvironmentName,  // of a variable
  kAddress,          // host:port with a literal host
  kRegex,            // compiles as a regular expression
  kHostName,         // a DNS name, "*." allowed in front
  kRoutePath,        // "/prefix", "= /exact", "~ regex", "~* regex"
  kUrlPath,          // what a request line may hold
  kFile,             // a path in the file system
  kAddressRange,     // an IP address, a network, or FIRST-LAST
  kCountry,          // two capital letters
};

struct Rule {
  bool required = false;
  bool empty_ok = false;  // '' says "none"
  std::int64_t minimum = 0;
  std::int64_t maximum = std::numeric_limits<std::int64_t>::max();  // of numbers, milliseconds, bytes
  Text text = Text::kAny;                 // of a text, of each text in a list, of the keys of a map
  std::vector<std::string_view> choices;  // of texts and enumerations, in the order of the enumerators
  bool bytes = false;                     // the number is a size: "64MiB"
};

inline Rule required(Text text = Text::kAny) { return {.required = true, .text = text}; }
inline Rule text(Text kind) { return {.text = kind}; }
inline Rule or_empty(Text kind) { return {.empty_ok = true, .text = kind}; }
inline Rule range(std::int64_t minimum, std::int64_t maximum) { return {.minimum = minimum, .maximum = maximum}; }
inline Rule between(milliseconds minimum, milliseconds maximum) { return {.minimum = minimum.count(), .maximum = maximum.count()}; }
inline Rule size(std::uint64_t minimum, std::uint64_t maximum) {
  return {.minimum = static_cast<std::int64_t>(minimum), .maximum = static_cast<std::int64_t>(maximum), .bytes = true};
}
inline Rule one_of(std::vector<std::string_view> choices) { return {.choices = std::move(choices)}; }

inline constexpr std::uint64_t kKiB = 1u << 10, kMiB = 1u << 20, kGiB = 1u << 30;
inline constexpr milliseconds kYear = std::chrono::hours(24 * 365);

// Keys that are known and not built yet, by their path: using one is an error that says so.
struct Reserved {
  std::string_view path, hint;
};
inline constexpr Reserved kReserved[] = {
    {"alerts", "remove it"},   {"databases", "remove it"}, {"backups", "remove it"}, {"images", "remove it"}, {"fences", "remove it"},
    {"recovery", "remove it"}, {"blob.s3", "remove it; files are stored in blob.directory until then"},
};

template <class V>
void describe(V& visit, Listener& v) {
  visit("address", v.address, required(Text::kAddress), "Address and port to listen on, as 0.0.0.0:443 or [::]:443.");
  visit("tls", v.tls, Rule{}, "Serve TLS. Certificates are chosen by the requested host name.");
  visit("http2", v.http2, Rule{}, "Offer HTTP/2 on a TLS listener.");
  visit("redirect_to_https", v.redirect_to_https, Rule{}, "On a listener without TLS: answer every request with a redirect to the first TLS listener.");
}

template <class V>
void describe(V& visit, Certificate& v) {
  visit("file", v.file, or_empty(Text::kFile), "PEM file with the certificate and its chain. Without it, Ringwall's local CA signs one.");
  visit("key", v.key, or_empty(Text::kFile), "PEM file with the private key.");
}

template <class V>
void describe(V& visit, WafExclusion& v) {
  visit("rules", v.rules, required(), "Ids and ranges (942100, 920300-920399), or tag:… or msg:… for all rules of a tag or message.");
  visit("targets", v.targets, Rule{}, "Variables these rules do not look at, as ARGS:content or REQUEST_COOKIES; without them the rules do not run at all.");
  visit("path", v.path, Rule{}, "Only for requests whose path begins so, or with \"= /path\" is it.");
  visit("reason", v.reason, Rule{}, "Why, for whoever asks in a year.");
}

template <class V>
void describe(V& visit, WafLimit& v) {
  visit("name", v.name, required(Text::kName), "Name of the limit. Limits of one name count together, wherever they stand.");
  visit("key", v.key, Rule{}, "Who is counted: address (of IPv6 the /64), everyone, header:NAME, cookie:NAME or argument:NAME. Who leaves it out is known by the address.");
  visit("path", v.path, Rule{}, "Only requests whose path begins so, or with \"= /path\" is it.");
  visit("methods", v.methods, Rule{}, "Only requests with these methods.");
  visit("statuses", v.statuses, range(100, 599), "Only requests answered so count, as 401 for guessed passwords or 404 for searched paths; beyond the limit all are refused.");
  visit("requests", v.requests, range(0, 1'000'000'000), "This many in each period, spread evenly after the burst.");
  visit("period", v.period, between(1ms, std::chrono::hours(24 * 366)), "The period.");
  visit("burst", v.burst, range(0, 1'000'000'000), "This many may come at once; 0 is as many as requests.");
  visit("concurrent", v.concurrent, range(0, 1'000'000), "This many at the same time; 0 is any number.");
  visit("distinct", v.distinct, Rule{}, "A key as above: not requests are counted but its different values, as argument:username for accounts tried; requests is how many there may be, up to 10000.");
  visit("location", v.location, Rule{}, "Redirects to this path count too, besides statuses; with * at its end to all that begins so.");
  visit("bots", v.bots, range(0, 1'000), "Only requests with this bot score or more count; 0 is all.");
}

template <class V>
void describe(V& visit, WafLoginFailed& v) {
  visit("statuses", v.statuses, range(100, 599), "Statuses of answers to failed attempts. An application that shows its form again with 200 and redirects after success has [200].");
  visit("location", v.location, Rule{}, "Where a failed attempt is redirected, as /login; with * at its end to all that begins so, with ? the query counts too: /login?error*.");
}

template <class V>
void describe(V& visit, WafLogin& v) {
  visit("name", v.name, text(Text::kName), "Name of its limits: NAME.account, NAME.address, NAME.accounts and NAME.addresses.");
  visit("path", v.path, required(), "Where attempts are sent: paths that begin so, or with \"= /path\" this one.");
  visit("account", v.account, required(), "Who logs in: argument:NAME (of a form or a JSON body), header:NAME or cookie:NAME.");
  visit("methods", v.methods, Rule{}, "Methods of attempts.");
  visit("failed", v.failed, Rule{}, "How failed attempts are told. Only they count.");
  visit("period", v.period, between(1s, std::chrono::hours(24 * 366)), "The period of what follows.");
  visit("failures_per_account", v.failures_per_account, range(0, 1'000'000), "Failed attempts on one account; 0 is any number.");
  visit("failures_per_address", v.failures_per_address, range(0, 1'000'000), "Failed attempts from one address; 0 is any number.");
  visit("accounts_per_address", v.accounts_per_address, range(0, 10'000), "Different accounts that failed from one address; 0 is any number.");
  visit("addresses_per_account", v.addresses_per_account, range(0, 10'000), "Different addresses that failed on one account; 0 is any number.");
}

template <class V>
void describe(V& visit, WafBots& v) {
  visit("deny_score", v.deny_score, range(0, 1'000), "Requests with this bot score or more are refused; 0 refuses none.");
  visit("note_score", v.note_score, range(0, 1'000), "Requests with this bot score or more have the action match in their record; 0 notes none.");
  visit("honeypots", v.honeypots, text(Text::kUrlPath), "Paths nobody links to: asking for one that is not there (404, 410) is a signal. With * at its end all that begins so.");
}

// Those for which a version of the Core Rule Set publishes exclusions: 3.3 in files of its own, 4 as plugins.
inline Rule application() { return one_of({"cpanel", "dokuwiki", "drupal", "nextcloud", "phpbb", "phpmyadmin", "wordpress", "xenforo"}); }

template <class V>
void describe(V& visit, WafList& v) {
  visit("name", v.name, required(Text::kName), "Name of the list, as records and logs say it.");
  visit("action", v.action, one_of({"allow", "deny", "note"}), "deny refuses with 403 before limits and rules; allow ends the lists, and limits and rules go on unless they are skipped; note is recorded, and the lists go on.");
  visit("addresses", v.addresses, text(Text::kAddressRange), "Addresses, networks (198.51.100.0/24, 2001:db8::/32) and ranges (192.0.2.1-192.0.2.9); everybody is 0.0.0.0/0 and ::/0.");
  visit("file", v.file, or_empty(Text::kFile), "File with one of these per line and comments behind # or ;, as FireHOL, Spamhaus and others publish them. A changed file is in force within seconds.");
  visit("countries", v.countries, text(Text::kCountry), "Countries by their ISO code (DE, GB), as waf.places knows them.");
  visit("path", v.path, Rule{}, "Only requests whose path begins so, or with \"= /path\" is it.");
  visit("skip_limits", v.skip_limits, Rule{}, "With allow: no limit counts or refuses the request, nor does its score as a bot.");
  visit("skip_rules", v.skip_rules, Rule{}, "With allow: no rule looks at the request or its answer.");
}

template <class V>
void describe(V& visit, WafOpenapi& v) {
  visit("file", v.file, or_empty(Text::kFile), "OpenAPI document (3.0 or 3.1, YAML or JSON, one file). Without it nothing is compared.");
  visit("mode", v.mode, one_of({"inherit", "log", "block"}), "What becomes of requests that do not fit: noted or refused. Where the firewall is off they are not looked at.");
  visit("unknown_parameters", v.unknown_parameters, one_of({"allow", "refuse"}), "Parameters of the query that the document does not describe.");
  visit("unknown_paths", v.unknown_paths, one_of({"allow", "refuse"}), "Paths that the document does not describe.");
  visit("base_path", v.base_path, or_empty(Text::kUrlPath), "What stands before the document's paths; without it, what its servers say.");
}

template <class V>
void describe(V& visit, WafPlace& v) {
  visit("mode", v.mode, one_of({"inherit", "off", "log", "block"}), "What the firewall does here.");
  visit("paranoia", v.paranoia, range(0, 4), "Paranoia level here; 0 inherits.");
  visit("applications", v.applications, application(), "Applications that answer here, besides those of all places.");
  visit("settings", v.settings, text(Text::kName), "Further settings of the rule set here, by the name of their TX variable.");
  visit("exclusions", v.exclusions, Rule{}, "Rules that do not apply here, besides those of all places.");
  visit("limits", v.limits, Rule{}, "Limits here, besides those of all places.");
  visit("lists", v.lists, Rule{}, "Lists here, looked at before those of the host and of all places.");
  visit("openapi", v.openapi, Rule{}, "The description of the API here: requests that do not fit it are refused. A route's stands for its host's.");
  visit("logins", v.logins, Rule{}, "Logins here, besides those of all places.");
}

template <class V>
void describe(V& visit, Route& v) {
  visit("path", v.path, required(Text::kRoutePath), "What the route matches: a prefix (/api/), an exact path (= /health) or a regular expression (~ ^/v[0-9]+/; ~* whatever the case).");
  visit("service", v.service, or_empty(Text::kService), "Name of the service that answers.");
  visit("redirect_to", v.redirect_to, Rule{}, "Answer with a redirect to this address or path instead.");
  visit("redirect_status", v.redirect_status, range(301, 308), "Status of the redirect: 301, 302, 303, 307 or 308.");
  visit("request_timeout", v.request_timeout, between(0ms, std::chrono::hours(24)), "How long the service may take between two pieces of its answer; 0s takes the service's.");
  visit("body_bytes_max", v.body_bytes_max, size(0, 64 * kGiB), "Largest request body; 0B takes the edge's.");
  visit("waf", v.waf, Rule{}, "What the firewall does otherwise on this route.");
}

template <class V>
void describe(V& visit, Host& v) {
  visit("names", v.names, required(Text::kHostName), "Host names, *. allowed in front. Requests for unknown names get the first host's.");
  visit("certificate", v.certificate, Rule{}, "Certificate of these names.");
  visit("hsts_max_age", v.hsts_max_age, between(0ms, 10 * kYear), "Strict-Transport-Security for so long; 0s leaves the header out.");
  visit("waf", v.waf, Rule{}, "What the firewall does otherwise for this host.");
  visit("routes", v.routes, required(), "Where requests go. The longest prefix wins, exact paths before it, regular expressions in order.");
}

template <class V>
void describe(V& visit, EdgeLimits& v) {
  visit("header_bytes_max", v.header_bytes_max, size(1 * kKiB, 1 * kMiB), "Largest request head.");
  visit("body_bytes_max", v.body_bytes_max, size(0, 64 * kGiB), "Largest request body; 0B for no limit.");
  visit("header_timeout", v.header_timeout, between(1s, 300s), "A client must have sent its whole request head within this time.");
  visit("body_timeout", v.body_timeout, between(1s, 3600s), "Longest pause of a client that sends a body.");
  visit("send_timeout", v.send_timeout, between(1s, 3600s), "Longest pause of a client that reads an answer.");
  visit("keepalive_timeout", v.keepalive_timeout, between(0ms, 3600s), "An idle connection is kept for so long.");
  visit("connections_per_client", v.connections_per_client, range(0, 1'000'000), "Connections of one client address at a time; 0 for no limit.");
}

template <class V>
void describe(V& visit, Edge& v) {
  visit("listeners", v.listeners, Rule{}, "Addresses the application is reached at.");
  visit("hosts", v.hosts, Rule{}, "The application's host names and their routes.");
  visit("limits", v.limits, Rule{}, "Limits on requests and slow clients.");
  visit("tls_version_min", v.tls_version_min, one_of({"1.2", "1.3"}), "Oldest TLS version that is spoken.");
  visit("workers", v.workers, range(0, 1024), "nginx worker processes; 0 for one per core.");
  visit("trust_traceparent", v.trust_traceparent, Rule{}, "Continue a trace that the client began. Without it every request begins a trace of its own.");
  visit("shutdown_grace", v.shutdown_grace, between(0ms, 3600s), "Requests under way get so long when Ringwall stops or takes over a change.");
}

template <class V>
void describe(V& visit, Health& v) {
  visit("path", v.path, or_empty(Text::kUrlPath), "Path to GET. Without it a TCP connection is enough.");
  visit("interval", v.interval, between(100ms, 3600s), "Time between two checks of an instance.");
  visit("timeout", v.timeout, between(10ms, 300s), "A check that takes longer has failed.");
  visit("healthy_after", v.healthy_after, range(1, 100), "Successful checks in a row that put an instance back.");
  visit("unhealthy_after", v.unhealthy_after, range(1, 100), "Failed checks in a row that take an instance out.");
  visit("status_min", v.status_min, range(100, 599), "Lowest status of a healthy answer.");
  visit("status_max", v.status_max, range(100, 599), "Highest status of a healthy answer.");
}

template <class V>
void describe(V& visit, Retries& v) {
  visit("attempts", v.attempts, range(1, 10), "Tries in all, each on another instance; 1 for no retry.");
  visit("non_idempotent", v.non_idempotent, Rule{}, "Also retry POST, LOCK and PATCH, which may then happen twice.");
  visit("statuses", v.statuses, range(500, 504), "Statuses of an instance that count as a failed try, besides errors and timeouts: 500, 502, 503, 504.");
}

template <class V>
void describe(V& visit, LogFormat& v) {
  visit("format", v.format, one_of({"auto", "json", "logfmt", "nginx", "common", "text"}), "How lines are written; auto looks at each line.");
  visit("multiline_start", v.multiline_start, or_empty(Text::kRegex), "Regular expression of a record's first line. Lines that do not match continue the record before.");
}

template <class V>
void describe(V& visit, Service& v) {
  visit("name", v.name, required(Text::kService), "Name of the service: in routes, in searches, on its page.");
  visit("protocol", v.protocol, one_of({"http", "https", "grpc", "tcp"}), "What its instances speak. tcp services, such as databases, are run and watched but not routed to.");
  visit("addresses", v.addresses, text(Text::kAddress), "Instances that run elsewhere.");
  visit("command", v.command, Rule{}, "Program and arguments of instances that Ringwall runs. {port} and {index} are replaced, in env too.");
  visit("count", v.count, range(1, 256), "Instances to run.");
  visit("port", v.port, range(0, 65535), "Port of the first instance, the next ones follow; 0 picks free ports.");
  visit("working_directory", v.working_directory, or_empty(Text::kFile), "Folder to run in, relative to the declaration.");
  visit("env", v.env, text(Text::kEnvironmentName), "Environment variables of the instances.");
  visit("user", v.user, or_empty(Text::kName), "System user to run as; without it, Ringwall's.");
  visit("version", v.version, Rule{}, "Version tag of its records.");
  visit("depends_on", v.depends_on, text(Text::kService), "Services that must be healthy before this one is started.");
  visit("stop_timeout", v.stop_timeout, between(0ms, 3600s), "An instance that was asked to end is killed after this time.");
  visit("health", v.health, Rule{}, "How instances are checked.");
  visit("balance", v.balance, one_of({"round_robin", "least_conn", "ip_hash", "hash"}), "How requests are spread over instances.");
  visit("hash_key", v.hash_key, Rule{}, "With balance hash: the nginx variable to hash.");
  visit("connect_timeout", v.connect_timeout, between(10ms, 75s), "An instance that does not accept within this time has failed.");
  visit("request_timeout", v.request_timeout, between(100ms, std::chrono::hours(24)), "Longest pause of an instance that answers.");
  visit("retries", v.retries, Rule{}, "When a request is tried on another instance.");
  visit("keepalive", v.keepalive, range(0, 10'000), "Idle connections to instances kept by each nginx worker.");
  visit("logs", v.logs, Rule{}, "How to read what the command writes.");
}

template <class V>
void describe(V& visit, Waf& v) {
  visit("mode", v.mode, one_of({"off", "log", "block"}), "off, log what would be refused, or refuse it. Written off, the rest may stay and has no effect. A request that costs more than its budget of work counts as one to refuse.");
  visit("core_rule_set", v.core_rule_set, or_empty(Text::kFile), "Folder of the OWASP Core Rule Set, as Debian's package modsecurity-crs or a release of version 4; '' for none.");
  visit("rules", v.rules, text(Text::kFile), "SecLang files to load before it, as an existing modsecurity.conf.");
  visit("paranoia", v.paranoia, range(1, 4), "Paranoia level of the rules that refuse: more finds more, and more that is harmless.");
  visit("detection_paranoia", v.detection_paranoia, range(0, 4), "Paranoia level of the rules that run and are logged; 0 is the same.");
  visit("inbound_threshold", v.inbound_threshold, range(1, 100'000), "Anomaly score at which a request is refused.");
  visit("outbound_threshold", v.outbound_threshold, range(1, 100'000), "Anomaly score at which an answer is held back.");
  visit("inspect_answers", v.inspect_answers, Rule{}, "Look at the bodies of answers of type text/html, text/plain and text/xml, up to 512 KiB.");
  visit("body_bytes_max", v.body_bytes_max, size(1 * kKiB, 1 * kGiB), "Largest request body that is looked at; larger ones are refused with 413.");
  visit("applications", v.applications, application(), "Applications behind the edge, whose exclusions by the Core Rule Set are in force: part of version 3.3, for version 4 the plugin in its folder.");
  visit("settings", v.settings, text(Text::kName), "Further settings of the rule set, by the name of their TX variable: allowed_methods, arg_length, …");
  visit("exclusions", v.exclusions, Rule{}, "Rules that do not apply to this application.");
  visit("limits", v.limits, Rule{}, "How often, or how many at once, by who asks; beyond it the answer is 429.");
  visit("lists", v.lists, Rule{}, "Who is let through or refused, by address and country, in this order: the first allow or deny that knows a client decides.");
  visit("places", v.places, text(Text::kFile), "Databases in MaxMind's format (GeoLite2, DB-IP; countries, cities, networks): for lists by country, @geoLookup and the records of requests.");
  visit("logins", v.logins, Rule{}, "Logins to protect from guessing, credential stuffing and enumeration of accounts.");
  visit("bots", v.bots, Rule{}, "What is done about programs that ask.");
}

template <class V>
void describe(V& visit, FileSource& v) {
  visit("path", v.path, required(Text::kFile), "Files to follow: a path with * and ?, relative to the declaration.");
  visit("service", v.service, or_empty(Text::kName), "Service the records belong to.");
  visit("logs", v.logs, Rule{}, "How lines are written.");
  visit("tags", v.tags, text(Text::kName), "Further tags of its records.");
}

template <class V>
void describe(V& visit, Otlp& v) {
  visit("listen", v.listen, or_empty(Text::kAddress), "Address of the OpenTelemetry receiver (OTLP/HTTP, no TLS: keep it on loopback or a private network); '' turns it off.");
  visit("body_bytes_max", v.body_bytes_max, size(64 * kKiB, 1 * kGiB), "Largest body, after decompression.");
}

template <class V>
void describe(V& visit, HostMetrics& v) {
  visit("enabled", v.enabled, Rule{}, "Collect CPU, memory, disk, network and pressure of this host.");
  visit("interval", v.interval, between(1s, 3600s), "Time between two readings.");
}

template <class V>
void describe(V& visit, Spool& v) {
  visit("bytes_max", v.bytes_max, size(64 * kMiB, 1024 * kGiB), "Room for records that are accepted and not yet in files. Beyond it senders are told to wait.");
  visit("segment_bytes", v.segment_bytes, size(1 * kMiB, 1 * kGiB), "Size of one spool file.");
}

template <class V>
void describe(V& visit, StoreLimits& v) {
  visit("flush_rows", v.flush_rows, range(1'000, 10'000'000), "Records in memory that become a file.");
  visit("flush_bytes", v.flush_bytes, size(1 * kMiB, 4 * kGiB), "Bytes in memory that become a file.");
  visit("flush_age", v.flush_age, between(1s, 3600s), "Age at which records in memory become a file.");
  visit("memory_bytes_max", v.memory_bytes_max, size(64 * kMiB, 64 * kGiB), "Records in memory, at most; beyond it acceptance waits.");
  visit("query_memory_bytes_max", v.query_memory_bytes_max, size(128 * kMiB, 64 * kGiB), "Memory of all searches together.");
}

template <class V>
void describe(V& visit, Retention& v) {
  visit("hot", v.hot, between(std::chrono::hours(1), 10 * kYear), "How long records stay in hot storage.");
  visit("archive", v.archive, between(0ms, 20 * kYear), "How long they are kept after that, in archive storage.");
}

template <class V>
void describe(V& visit, Telemetry& v) {
  visit("retention", v.retention, Rule{}, "How long records are kept.");
  visit("otlp", v.otlp, Rule{}, "The OpenTelemetry receiver.");
  visit("files", v.files, Rule{}, "Log files to follow, besides what the declared commands write.");
  visit("host_metrics", v.host_metrics, Rule{}, "Metrics of this host.");
  visit("spool", v.spool, Rule{}, "The durable queue in front of the store.");
  visit("store", v.store, Rule{}, "Memory of the store.");
}

template <class V>
void describe(V& visit, Blob& v) {
  visit("directory", v.directory, or_empty(Text::kFile), "Folder of the stored files; without it, blob/ in the state directory.");
}

template <class V>
void describe(V& visit, ApiSettings& v) {
  visit("listen", v.listen, text(Text::kAddress), "Address of the API and the console (HTTPS).");
}

template <class V>
void describe(V& visit, Declaration& v) {
  visit("application", v.application, required(Text::kName), "Name of the application.");
  visit("environment", v.environment, text(Text::kName), "Environment tag of every record: prod, staging, …");
  visit("region", v.region, text(Text::kName), "Region tag of every record.");
  visit("state", v.state, text(Text::kFile), "Folder of Ringwall's state, relative to the declaration.");
  visit("edge", v.edge, Rule{}, "The TLS entry point.");
  visit("services", v.services, Rule{}, "What stands behind it.");
  visit("waf", v.waf, Rule{}, "The web application firewall.");
  visit("telemetry", v.telemetry, Rule{}, "Logs, metrics and traces.");
  visit("blob", v.blob, Rule{}, "Where files are stored.");
  visit("api", v.api, Rule{}, "The API and the console.");
}

}  // namespace ringwall::declare::detail
