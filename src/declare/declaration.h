// The declaration: one document that describes the ring around an application.
//
// These are the structs everything reads; each works as it is default-constructed.  How the text becomes them, with
// messages that name file, line and column, is declare/parse.h; what changed between two of them is declare/diff.h.
// Reference for people: docs/declaration.md, generated from the same definitions (declare/describe.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ringwall::declare {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

// Where nginx listens.
struct Listener {
  std::string address;             // "0.0.0.0:443", "[::]:443"
  bool tls = true;
  bool http2 = true;               // only with tls
  bool redirect_to_https = false;  // only without tls: answers everything with a redirect to the first TLS listener
};

// Both empty: a certificate of Ringwall's local CA.
struct Certificate {
  std::string file;  // PEM chain
  std::string key;   // PEM key
};

struct WafExclusion {
  std::string rules;                 // "942100", "920300-920399", "tag:attack-sqli", "msg:…"
  std::vector<std::string> targets;  // "ARGS:content"; none: the rules as a whole
  std::string path;                  // only requests whose path begins so, or "= /exact"
  std::string reason;                // for whoever asks in a year
};

// How often, or how many at once, by who asks.
struct WafLimit {
  std::string name;
  std::string key = "address";       // "address", "everyone", "header:NAME", "cookie:NAME", "argument:NAME"
  std::string path;                  // as WafExclusion::path
  std::vector<std::string> methods;  // none: all
  std::vector<int> statuses;         // only requests so answered count; none: all requests
  int requests = 0;                  // in `period`; 0: any number
  milliseconds period = 1min;
  int burst = 0;                     // at once; 0: as many as `requests`
  int concurrent = 0;                // 0: any number
  std::string distinct;              // a key: `requests` is how many different values of it may come
  std::string location;              // redirects there count as `statuses` do: "/login*"
  int bots = 0;                      // only requests with this bot score or more count
};

// How answers to failed attempts are told.
struct WafLoginFailed {
  std::vector<int> statuses = {401, 403};
  std::string location;              // as WafLimit::location
};

// The protection of a login; policy/logins.h makes limits of it.
struct WafLogin {
  std::string name = "login";
  std::string path;                  // as WafExclusion::path
  std::string account;               // a key: "argument:username"
  std::vector<std::string> methods = {"POST"};
  WafLoginFailed failed;
  milliseconds period = 15min;
  // In `period`; 0: any number.  An address may be that of an office, an account's owner may be on the move.
  int failures_per_account = 10, failures_per_address = 50, accounts_per_address = 10, addresses_per_account = 10;
};

// What is done about programs (policy/bots.h).
struct WafBots {
  int deny_score = 0, note_score = 0;  // 0: nothing is refused, or noted
  // Paths nobody links to and few applications serve; one that is served says nothing.
  std::vector<std::string> honeypots = {"/.env*", "/.git/*", "/.svn/*", "/.hg/*", "/.aws/*", "/.ssh/*", "/.vscode/*", "/.DS_Store", "/.htpasswd", "/wp-login.php", "/wp-admin/*", "/xmlrpc.php", "/phpmyadmin/*", "/pma/*", "/adminer.php", "/vendor/phpunit/*",
                                        "/cgi-bin/*", "/boaform/*", "/HNAP1*", "/actuator/env", "/solr/admin/*", "/server-status", "/telescope/requests", "/_profiler/*", "/debug/default/view", "/config.json.bak", "/backup.sql", "/dump.sql", "/db.sql"};
};

// Who is let through or refused before anything else of a request is looked at.
struct WafList {
  std::string name;
  std::string action = "deny";         // "allow", "deny", "note"
  std::vector<std::string> addresses;  // "203.0.113.7", "198.51.100.0/24", "2001:db8::/32", "192.0.2.1-192.0.2.9"
  std::string file;                    // one of these per line, relative to the declaration
  std::vector<std::string> countries;  // "DE"; by `places`
  std::string path;                    // as WafExclusion::path
  bool skip_limits = false, skip_rules = false;  // of an allow
};

// A positive model: requests that the API's description does not describe are refused, or noted.
struct WafOpenapi {
  std::string file;                  // the OpenAPI document, relative to the declaration; empty: none
  std::string mode = "inherit";      // "inherit", "log", "block"
  std::string unknown_parameters = "allow";  // of the query: "allow", "refuse"
  std::string unknown_paths = "refuse";      // "allow", "refuse"
  std::string base_path;             // before the document's paths; empty: what its servers say
};

// What a host or a route does otherwise than `waf`.
struct WafPlace {
  std::string mode = "inherit";      // "inherit", "off", "log", "block"
  int paranoia = 0;                  // 0: inherited
  std::vector<std::string> applications;  // as Waf::applications, here besides those
  std::map<std::string, std::string> settings;  // further values of the rule set: "inbound_anomaly_score_threshold"
  std::vector<WafExclusion> exclusions;
  std::vector<WafLimit> limits;
  std::vector<WafList> lists;        // before those of the host and of all places
  WafOpenapi openapi;
  std::vector<WafLogin> logins;
};

struct Route {
  std::string path;                // "/api/" prefix, "= /exact", "~ ^/regex$", "~* ^/Regex$" whatever the case
  std::string service;             // a service's name; or:
  std::string redirect_to;         // answers with a redirect instead
  int redirect_status = 302;       // 301, 302, 303, 307, 308
  milliseconds request_timeout{0}; // 0: the service's
  std::uint64_t body_bytes_max = 0;  // 0: the edge's
  WafPlace waf;
};

struct Host {
  std::vector<std::string> names;  // "shop.example.com", "*.example.com"; the first host is the default
  Certificate certificate;
  milliseconds hsts_max_age = std::chrono::hours(24 * 365);  // 0: no Strict-Transport-Security
  WafPlace waf;
  std::vector<Route> routes;       // the longest prefix wins, as in nginx
};

struct EdgeLimits {
  std::uint64_t header_bytes_max = 16u << 10;
  std::uint64_t body_bytes_max = 10u << 20;
  milliseconds header_timeout = 10s;     // for the whole head: slow clients are cut off
  milliseconds body_timeout = 15s;       // between two reads
  milliseconds send_timeout = 30s;       // between two writes
  milliseconds keepalive_timeout = 65s;
  int connections_per_client = 256;      // 0: no limit
};

struct Edge {
  std::vector<Listener> listeners;
  std::vector<Host> hosts;
  EdgeLimits limits;
  std::string tls_version_min = "1.2";   // "1.2", "1.3"
  int workers = 0;                       // 0: one per core
  bool trust_traceparent = true;         // continue a trace the client began
  milliseconds shutdown_grace = 30s;     // requests under way get so long at a stop or reload
};

enum class Protocol { kHttp, kHttps, kGrpc, kTcp };  // kTcp: not routed, as a database
enum class Balance { kRoundRobin, kLeastConn, kIpHash, kHash };

struct Health {
  std::string path;                // empty: a TCP connection is enough
  milliseconds interval = 2s;
  milliseconds timeout = 1s;
  int healthy_after = 1;           // successes in a row
  int unhealthy_after = 2;         // failures in a row
  int status_min = 200, status_max = 399;
};

struct Retries {
  int attempts = 2;                // in all, on different instances; 1: none
  bool non_idempotent = false;     // also POST, LOCK, PATCH
  std::vector<int> statuses = {502, 503, 504};  // besides errors and timeouts
};

struct LogFormat {
  std::string format = "auto";     // auto, json, logfmt, nginx, common, text
  std::string multiline_start;     // a regular expression; lines that do not match continue the record before
};

struct Service {
  std::string name;                // letters, digits, '-', '_'
  Protocol protocol = Protocol::kHttp;
  std::vector<std::string> addresses;  // "10.0.0.5:8080" of instances that run elsewhere; or:
  std::vector<std::string> command;    // run here; "{port}" and "{index}" are replaced, in env too
  int count = 1;
  int port = 0;                    // of the first instance, the next ones follow; 0: free ports are picked
  std::string working_directory;   // relative to the declaration; empty: its folder
  std::map<std::string, std::string> env;
  std::string user;                // run as; empty: as Ringwall
  std::string version;             // tag of its records
  std::vector<std::string> depends_on;  // started once these are healthy
  milliseconds stop_timeout = 10s;
  Health health;
  Balance balance = Balance::kRoundRobin;
  std::string hash_key = "$request_uri";  // with kHash: an nginx variable
  milliseconds connect_timeout = 2s;
  milliseconds request_timeout = 60s;
  Retries retries;
  int keepalive = 32;              // idle connections kept per nginx worker
  LogFormat logs;                  // of what the command writes
};

struct FileSource {
  std::string path;                // a glob, relative to the declaration
  std::string service;
  LogFormat logs;
  std::map<std::string, std::string> tags;
};

struct Otlp {
  std::string listen = "127.0.0.1:4318";   // empty: off
  std::uint64_t body_bytes_max = 64u << 20;  // after decompression, as the specification recommends
};

struct HostMetrics {
  bool enabled = true;
  milliseconds interval = 10s;
};

struct Spool {
  std::uint64_t bytes_max = 4ull << 30;    // beyond it senders are told to wait
  std::uint64_t segment_bytes = 64u << 20;
};

struct StoreLimits {
  std::uint64_t flush_rows = 245'760;
  std::uint64_t flush_bytes = 64u << 20;
  milliseconds flush_age = 60s;
  std::uint64_t memory_bytes_max = 512u << 20;
  std::uint64_t query_memory_bytes_max = 1u << 30;
};

struct Retention {
  milliseconds hot = std::chrono::hours(24 * 30);
  milliseconds archive = std::chrono::hours(24 * 365);  // after hot
};

// The web application firewall.
struct Waf {
  std::string mode = "off";        // "off", "log", "block"
  std::string core_rule_set = "/usr/share/modsecurity-crs";  // its folder; empty: only `rules`
  std::vector<std::string> rules;  // SecLang files, before the core rule set, relative to the declaration
  int paranoia = 1;                // of what is refused
  int detection_paranoia = 0;      // of what is logged; 0: the same
  int inbound_threshold = 5, outbound_threshold = 4;  // anomaly scores that are refused
  bool inspect_answers = true;
  std::vector<std::string> applications;              // "wordpress": the core rule set's own exclusions for it are in force
  std::uint64_t body_bytes_max = 13'107'200;          // of a request that is looked at; what is larger is refused
  std::map<std::string, std::string> settings;        // TX variables of the rule set
  std::vector<WafExclusion> exclusions;
  std::vector<WafLimit> limits;
  std::vector<WafList> lists;      // the first that knows a client decides
  std::vector<std::string> places;  // MaxMind databases, relative to the declaration
  std::vector<WafLogin> logins;
  WafBots bots;
};

struct Telemetry {
  Retention retention;
  Otlp otlp;
  std::vector<FileSource> files;
  HostMetrics host_metrics;
  Spool spool;
  StoreLimits store;
};

struct Blob {
  std::string directory;           // empty: blob/ in the state directory
};

struct ApiSettings {
  std::string listen = "127.0.0.1:8443";
};

struct Declaration {
  std::string application = "application";
  std::string environment = "dev";
  std::string region = "local";
  std::string state = ".ringwall";  // relative to the declaration
  Edge edge;
  std::vector<Service> services;
  Waf waf;
  Telemetry telemetry;
  Blob blob;
  ApiSettings api;
};

}  // namespace ringwall::declare
