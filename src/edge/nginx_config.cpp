#include "edge/nginx_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/text.h"
#include "edge/detail/address.h"
#include "edge/detail/config_writer.h"
#include "edge/firewall.h"

namespace ringwall::edge {

namespace {

using declare::Balance;
using declare::Declaration;
using declare::Protocol;

// Node closes idle connections after five seconds; closing ours earlier means a request is never sent into a
// connection that the application is just closing, which could not be repeated safely when it is a POST.
constexpr int kUpstreamIdleSeconds = 4;
constexpr std::size_t kInstancesPerZonePage = 16;

constexpr std::string_view kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// What nginx answers with itself.  494 is its own number for a head that is too large.
constexpr std::pair<int, std::string_view> kErrors[] = {
    {400, "Bad Request"},          {403, "Forbidden"},           {404, "Not Found"},
    {405, "Method Not Allowed"},   {408, "Request Timeout"},     {413, "Content Too Large"},
    {414, "URI Too Long"},         {421, "Misdirected Request"}, {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"}, {502, "Bad Gateway"},
    {503, "Service Unavailable"},  {504, "Gateway Timeout"}};

bool only(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != more.npos;
  });
}

std::string ms(std::chrono::milliseconds time) { return fmt::format("{}ms", time.count()); }

bool catch_all(const declare::Host& host) {
  return std::any_of(host.names.begin(), host.names.end(),
                     [](const auto& name) { return name == "_" || name == "*"; });
}

class Generator {
 public:
  Generator(const Declaration& declaration, const ConfigPlan& plan)
      : declaration_(declaration), edge_(declaration.edge), plan_(plan), traced_(!plan.module_path.empty()) {}

  Result<NginxConfig> run() {
    RW_TRY(check());
    w_.comment("Written by Ringwall from the declaration; changes made here are lost.");
    head();
    w_.open("http");
    basics();
    limits();
    tls();
    proxying();
    errors();
    for (std::size_t i = 0; i < declaration_.services.size(); ++i) upstream(i);
    for (std::size_t i = 0; i < edge_.hosts.size(); ++i) host(i);
    redirecting_server();
    default_server();
    w_.close();
    NginxConfig config;
    config.text = w_.take_text();
    config.origins = w_.take_origins();
    return config;
  }

 private:
  Error wrong(const std::string& place, const std::string& text, std::string_view why) {
    return fail(Errc::kInvalid, fmt::format("{}: '{}' {}", place, text, why));
  }

  Result<void> check() {
    if (edge_.listeners.empty()) return fail(Errc::kInvalid, "edge.listeners: there is none");
    if (plan_.certificates.size() != edge_.hosts.size())
      return fail(Errc::kInternal, "one certificate per host is needed");
    for (std::size_t i = 0; i < edge_.listeners.size(); ++i) {
      RW_TRY_CTX(fmt::format("edge.listeners[{}].address", i),
                 detail::parse_address(edge_.listeners[i].address));
    }
    std::set<std::string> services;
    for (std::size_t i = 0; i < declaration_.services.size(); ++i) {
      const auto& service = declaration_.services[i];
      if (!only(service.name, "-_"))
        return wrong(fmt::format("services[{}].name", i), service.name,
                     "has more than letters, digits, '-' and '_'");
      const bool variable =
          service.hash_key.starts_with('$') && only(std::string_view(service.hash_key).substr(1), "_");
      if (service.balance == Balance::kHash && !variable) {
        return wrong(fmt::format("services[{}].hash_key", i), service.hash_key,
                     "is not an nginx variable, as in $request_uri");
      }
      if (service.protocol != Protocol::kTcp) services.insert(service.name);
    }
    for (std::size_t h = 0; h < edge_.hosts.size(); ++h) RW_TRY(check_host(h, services));
    for (const auto& [service, instances] : plan_.instances) {
      for (const auto& instance : instances) RW_TRY_CTX(instance.name, detail::parse_address(instance.address));
    }
    return {};
  }

  Result<void> check_host(std::size_t h, const std::set<std::string>& services) {
    const auto& host = edge_.hosts[h];
    for (std::size_t n = 0; n < host.names.size(); ++n) {
      if (!only(host.names[n], "-_.*:[]"))
        return wrong(fmt::format("edge.hosts[{}].names[{}]", h, n), host.names[n], "is not a host name");
    }
    for (std::size_t r = 0; r < host.routes.size(); ++r) {
      const auto& route = host.routes[r];
      const auto place = fmt::format("edge.hosts[{}].routes[{}]", h, r);
      for (const auto& text : {route.path, route.redirect_to}) {
        if (detail::has_control(text)) return wrong(place, text, "has a control character");
      }
      const bool form =
          route.path.starts_with("/") || route.path.starts_with("= /") ||
          ((route.path.starts_with("~ ") || route.path.starts_with("~* ")) && route.path.size() > 3);
      if (!form)
        return wrong(place + ".path", route.path, "is not a path, as in /api/, = /exact or ~ ^/regex$");
      if (route.redirect_to.empty() && !services.contains(route.service)) {
        return wrong(place + ".service", route.service, "is not a service that speaks HTTP or gRPC");
      }
    }
    return {};
  }

  void head() {
    if (traced_) w_.line("load_module {}", detail::quoted(plan_.module_path));
    if (!plan_.user.empty()) w_.line("user {}", detail::quoted(plan_.user));
    w_.origin("edge.workers");
    if (edge_.workers > 0) {
      w_.line("worker_processes {}", edge_.workers);
    } else {
      w_.line("worker_processes auto");
    }
    w_.origin("edge.shutdown_grace");
    w_.line("worker_shutdown_timeout {}", ms(edge_.shutdown_grace));
    w_.origin("edge");
    w_.line("worker_rlimit_nofile {}", plan_.open_files_max);
    w_.line("pid {}", detail::quoted(plan_.run_directory + "/nginx.pid"));
    w_.line("error_log {} warn", detail::quoted(plan_.run_directory + "/nginx-error.log"));
    w_.open("events");
    // Each proxied request needs two descriptors, and a few are for files and logs.
    w_.line("worker_connections {}",
            std::max(64u, plan_.open_files_max - std::min(plan_.open_files_max / 8, 64u)));
    w_.close();
  }

  void basics() {
    w_.line("access_log off");  // the module hands one record per request to the collector
    w_.line("server_tokens off");
    w_.line("default_type application/octet-stream");
    w_.line("sendfile on");
    w_.line("tcp_nopush on");
    w_.line("absolute_redirect off");
    w_.line("server_names_hash_max_size 4096");
    w_.line("server_names_hash_bucket_size 256");
    for (const auto* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      w_.line("{}_temp_path {}", kind, detail::quoted(fmt::format("{}{}", plan_.temp_directory, kind)));
    }
    if (!traced_) return;
    w_.line("ringwall_ring {}", detail::quoted(plan_.run_directory + "/edge.ring"));
    w_.line("ringwall_health_table {}", detail::quoted(plan_.run_directory + "/health.table"));
    w_.line("ringwall_trust_traceparent {}", edge_.trust_traceparent ? "on" : "off");
    if (!plan_.firewall) return;
    w_.line("ringwall_waf_policies {}", detail::quoted(fmt::format("{}/waf/{}", plan_.run_directory, kPoliciesFile)));
    w_.line("ringwall_waf_updates {}", detail::quoted(plan_.run_directory + "/waf.board"));
    w_.line("ringwall_waf_table {}", detail::quoted(plan_.run_directory + "/waf.table"));
  }

  void limits() {
    w_.origin("edge.limits");
    const auto& limits = edge_.limits;
    // The head is kept in buffers; one line of it has to fit one buffer.
    w_.line("client_header_buffer_size 2k");
    w_.line("large_client_header_buffers 2 {}", std::max<std::uint64_t>(limits.header_bytes_max / 2, 1024));
    w_.line("client_header_timeout {}", ms(limits.header_timeout));
    w_.line("client_max_body_size {}", limits.body_bytes_max);
    w_.line("client_body_buffer_size 64k");
    w_.line("client_body_timeout {}", ms(limits.body_timeout));
    w_.line("send_timeout {}", ms(limits.send_timeout));
    w_.line("keepalive_timeout {}", ms(limits.keepalive_timeout));
    w_.line("reset_timedout_connection on");
    if (limits.connections_per_client > 0) {
      w_.line("limit_conn_zone $binary_remote_addr zone=rw_clients:10m");
      w_.line("limit_conn rw_clients {}", limits.connections_per_client);
      w_.line("limit_conn_status 429");
    }
    w_.origin("edge");
  }

  void tls() {
    w_.origin("edge.tls_version_min");
    w_.line("ssl_protocols {}", edge_.tls_version_min == "1.3" ? "TLSv1.3" : "TLSv1.2 TLSv1.3");
    w_.origin("edge");
    w_.line("ssl_ciphers {}", kCiphers);
    w_.line("ssl_prefer_server_ciphers off");
    w_.line("ssl_ecdh_curve X25519:prime256v1:secp384r1");
    w_.line("ssl_session_cache shared:rw_tls:10m");
    w_.line("ssl_session_timeout 1d");
    // nginx never changes a ticket key while it runs, and whoever learns it reads every session made with it.
    w_.line("ssl_session_tickets off");
  }

  std::string trace_id() const { return traced_ ? "$ringwall_trace_id" : "$request_id"; }

  void proxying() {
    // Only WebSocket is let through: with h2c a client would speak to an instance past every rule written here.
    w_.open("map $http_upgrade $rw_upgrade");
    w_.line("default \"\"");
    w_.line("\"~*^websocket$\" $http_upgrade");
    w_.close();
    // The authority by which the host was chosen (RFC 9112, 3.2.2): the Host header with its port when both agree.
    w_.open("map \"$host $http_host\" $rw_host");
    w_.line("default $host");
    w_.line("\"~*^([^ ]+) \\1(:[0-9]+)?$\" $http_host");
    w_.close();
    w_.open("map $rw_upgrade $rw_connection");
    w_.line("default upgrade");
    w_.line("\"\" \"\"");
    w_.close();
    w_.line("proxy_http_version 1.1");
    w_.line("proxy_redirect off");
    w_.line("proxy_buffer_size 16k");
    w_.line("proxy_buffers 16 16k");
    w_.line("proxy_busy_buffers_size 64k");
    w_.line("proxy_max_temp_file_size 256m");
    w_.line("proxy_hide_header X-Request-Id");
    w_.line("proxy_ssl_server_name on");
    // What an untrusted client claims about itself is replaced, not extended.
    const std::pair<std::string, std::string> headers[] = {
        {"Host", "$rw_host"},
        {"X-Real-IP", "$remote_addr"},
        {"X-Forwarded-For", "$remote_addr"},
        {"X-Forwarded-Proto", "$scheme"},
        {"X-Forwarded-Host", "$rw_host"},
        {"X-Forwarded-Port", "$server_port"},
        {"Forwarded", "\"\""},
        {"X-Request-Id", trace_id()},
    };
    for (const auto& [name, value] : headers) w_.line("proxy_set_header {} {}", name, value);
    w_.line("proxy_set_header Upgrade $rw_upgrade");
    w_.line("proxy_set_header HTTP2-Settings \"\"");
    w_.line("proxy_set_header Connection $rw_connection");
    for (const auto& [name, value] : headers) w_.line("grpc_set_header {} {}", name, value);
    if (!traced_) return;
    for (const auto* kind : {"proxy", "grpc"}) {
      w_.line("{}_set_header traceparent $ringwall_traceparent", kind);
      w_.line("{}_set_header tracestate $ringwall_tracestate", kind);
    }
  }

  void upstream(std::size_t index) {
    const auto& service = declaration_.services[index];
    const auto found = plan_.instances.find(service.name);
    if (service.protocol == Protocol::kTcp || found == plan_.instances.end() || found->second.empty()) return;
    const auto& instances = found->second;
    w_.origin(fmt::format("services[{}]", index));
    w_.open("upstream rw_{}", service.name);
    w_.line("zone rw_{} {}k", service.name, 64 * (1 + instances.size() / kInstancesPerZonePage));
    switch (service.balance) {
      case Balance::kRoundRobin:
        break;
      case Balance::kLeastConn:
        w_.line("least_conn");
        break;
      case Balance::kIpHash:
        w_.line("ip_hash");
        break;
      case Balance::kHash:
        w_.line("hash {} consistent", service.hash_key);
        break;
    }
    std::string slots;
    for (const auto& instance : instances) {
      // With the module the core alone judges; nginx's own judgement could take out the last instance.
      w_.line("server {} {}", instance.address, traced_ ? "max_fails=0" : "max_fails=3 fail_timeout=5s");
      slots += fmt::format(" {}", instance.slot);
    }
    if (traced_) w_.line("ringwall_health{}", slots);
    if (service.keepalive > 0) {
      w_.line("keepalive {}", service.keepalive);
      w_.line("keepalive_timeout {}s", kUpstreamIdleSeconds);
    }
    w_.close();
  }

  void listen(const declare::Listener& listener, std::string_view more = "") {
    w_.line("listen {}{}{}{}", detail::parse_address(listener.address)->text(), listener.tls ? " ssl" : "",
            listener.tls && listener.http2 ? " http2" : "", more);
  }

  void certificate(std::size_t host) {
    w_.line("ssl_certificate {}", detail::quoted(plan_.certificates[host].file));
    w_.line("ssl_certificate_key {}", detail::quoted(plan_.certificates[host].key));
  }

  // Which errors have a page, and in which of its forms: what a client names first.
  void errors() {
    std::string numbers;
    w_.open("map $status $rw_reason");
    for (const auto& [status, reason] : kErrors) {
      w_.line("{} {}", status, detail::quoted(reason));
      if (status != 400) numbers += fmt::format("{} ", status);
    }
    w_.close();
    w_.open("map $http_accept $rw_error");
    w_.line("default @rw_error");
    w_.line("\"~*^application/(?:[a-z0-9.-]+\\+)?json\" @rw_error_json");
    w_.close();
    // A request that could not be read has no path, and without one nginx goes to no named location.
    w_.line("error_page 400 /.ringwall/400");
    w_.line("error_page {}$rw_error", numbers);
    w_.line("error_page 494 =431 $rw_error");
    // Plain HTTP on a TLS port.
    w_.line("error_page 497 =308 https://$host:$server_port$request_uri");
  }

  // Of each server.  The status stays that of the error; JSON as RFC 9457 has it.
  void error_pages() {
    const auto page = fmt::format("<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>$status $rw_reason</title>"
                                  "<body style='font:16px/1.5 sans-serif;max-width:36em;margin:15vh auto;padding:0 1em'><h1>$status $rw_reason</h1><p>Request <code>{}</code></p></body></html>",
                                  trace_id());
    const auto json = fmt::format(R"({{"type":"about:blank","title":"$rw_reason","status":$status,"request":"{}"}})", trace_id());
    for (const auto& [place, type, text] : {std::tuple("@rw_error", "text/html", page), {"@rw_error_json", "application/problem+json", json}, {"= /.ringwall/400", "text/html", page}}) {
      w_.open("location {}", place);
      if (place[0] == '=') w_.line("internal");
      w_.line("default_type {}", type);
      w_.line("return 200 {}", detail::quoted(text));
      w_.close();
    }
  }

  void request_id_header() { w_.line("add_header X-Request-Id {} always", trace_id()); }

  bool has_tls() const {
    return std::any_of(edge_.listeners.begin(), edge_.listeners.end(), [](const auto& l) { return l.tls; });
  }

  void host(std::size_t index) {
    const auto& host = edge_.hosts[index];
    w_.origin(fmt::format("edge.hosts[{}]", index));
    const auto hsts_seconds = std::chrono::duration_cast<std::chrono::seconds>(host.hsts_max_age).count();
    if (hsts_seconds > 0) {
      // Over plain HTTP the header must not be sent (RFC 6797, 7.2); nginx leaves out empty ones.  For localhost it would bind
      // every other server on the developer's machine, whatever its port.
      w_.open("map \"$https $host\" $rw_hsts_{}", index);
      w_.line("\"~^on (.+\\.)?localhost$\" \"\"");
      w_.line("\"~^on \" \"max-age={}\"", hsts_seconds);
      w_.line("default \"\"");
      w_.close();
    }
    w_.open("server");
    for (std::size_t l = 0; l < edge_.listeners.size(); ++l) {
      if (edge_.listeners[l].redirect_to_https) continue;
      w_.origin(fmt::format("edge.listeners[{}]", l));
      listen(edge_.listeners[l], default_host() == index ? " default_server" : "");
    }
    w_.origin(fmt::format("edge.hosts[{}].names", index));
    std::string names;
    for (const auto& name : host.names) names += " " + (name == "*" ? "_" : base::lower_ascii(name));
    if (!names.empty()) w_.line("server_name{}", names);
    w_.origin(fmt::format("edge.hosts[{}].certificate", index));
    if (has_tls()) certificate(index);
    w_.origin(fmt::format("edge.hosts[{}]", index));
    request_id_header();
    if (hsts_seconds > 0) w_.line("add_header Strict-Transport-Security $rw_hsts_{} always", index);
    error_pages();
    bool root = false;
    for (std::size_t r = 0; r < host.routes.size(); ++r) {
      root = root || host.routes[r].path == "/";
      route(index, r);
    }
    w_.origin(fmt::format("edge.hosts[{}]", index));
    if (!root) {
      w_.open("location /");
      w_.line("return 404");
      w_.close();
    }
    w_.close();
  }

  void route(std::size_t host, std::size_t index) {
    const auto& route = edge_.hosts[host].routes[index];
    w_.origin(fmt::format("edge.hosts[{}].routes[{}]", host, index));
    std::string_view path = route.path;
    std::string modifier;
    if (!path.starts_with("/")) {
      const auto space = path.find(' ');
      modifier = std::string(path.substr(0, space)) + " ";
      path = base::trim(path.substr(space + 1));
    }
    w_.open("location {}{}", modifier, detail::quoted(path));
    if (traced_)
      w_.line("ringwall_route {}", detail::quoted(modifier.starts_with("~") ? std::string_view(route.path) : path));
    if (traced_ && plan_.firewall) w_.line("ringwall_waf {}", detail::quoted(place_name(edge_.hosts[host], route)));
    if (!route.redirect_to.empty()) {
      w_.line("return {} {}", route.redirect_status, detail::quoted(route.redirect_to));
    } else {
      pass(route);
    }
    w_.close();
  }

  void pass(const declare::Route& route) {
    const auto& service = *std::find_if(declaration_.services.begin(), declaration_.services.end(),
                                        [&](const auto& s) { return s.name == route.service; });
    if (traced_) w_.line("ringwall_service {}", service.name);
    if (route.body_bytes_max > 0) w_.line("client_max_body_size {}", route.body_bytes_max);
    const auto found = plan_.instances.find(service.name);
    if (found == plan_.instances.end() || found->second.empty()) {
      w_.line("return 503");  // a service without instances is none nginx could have an upstream for
      return;
    }
    const bool grpc = service.protocol == Protocol::kGrpc;
    const std::string_view kind = grpc ? "grpc" : "proxy";
    const auto timeout =
        ms(route.request_timeout.count() > 0 ? route.request_timeout : service.request_timeout);
    w_.line("{}_connect_timeout {}", kind, ms(service.connect_timeout));
    w_.line("{}_read_timeout {}", kind, timeout);
    w_.line("{}_send_timeout {}", kind, timeout);
    if (service.retries.attempts <= 1) {
      w_.line("{}_next_upstream off", kind);
    } else {
      std::string conditions;
      for (const int status : service.retries.statuses) {
        static constexpr int kKnown[] = {403, 404, 429, 500, 502, 503, 504};  // those nginx can retry on
        if (std::find(std::begin(kKnown), std::end(kKnown), status) != std::end(kKnown))
          conditions += fmt::format(" http_{}", status);
      }
      w_.line("{}_next_upstream error timeout invalid_header{}{}", kind, conditions,
              service.retries.non_idempotent ? " non_idempotent" : "");
      w_.line("{}_next_upstream_tries {}", kind, service.retries.attempts);
      w_.line("{}_next_upstream_timeout {}", kind, timeout);
    }
    if (grpc) {
      w_.line("grpc_pass grpc://rw_{}", service.name);
    } else {
      w_.line("proxy_pass {}://rw_{}", service.protocol == Protocol::kHttps ? "https" : "http", service.name);
    }
  }

  void redirecting_server() {
    const auto first_tls =
        std::find_if(edge_.listeners.begin(), edge_.listeners.end(), [](const auto& l) { return l.tls; });
    const bool any = std::any_of(edge_.listeners.begin(), edge_.listeners.end(),
                                 [](const auto& l) { return l.redirect_to_https; });
    if (!any || first_tls == edge_.listeners.end()) return;
    const auto port = detail::parse_address(first_tls->address)->port();
    std::string names;
    for (const auto& host : edge_.hosts) {
      for (const auto& name : host.names) names += " " + (name == "*" ? "_" : base::lower_ascii(name));
    }
    w_.open("server");
    for (std::size_t l = 0; l < edge_.listeners.size(); ++l) {
      w_.origin(fmt::format("edge.listeners[{}]", l));
      // A name nobody declared is redirected too when there is a host for all names.
      if (edge_.listeners[l].redirect_to_https)
        listen(edge_.listeners[l], default_host() < edge_.hosts.size() ? " default_server" : "");
    }
    w_.origin("edge");
    if (!names.empty()) w_.line("server_name{}", names);
    request_id_header();
    error_pages();
    w_.open("location /");
    // 308 keeps the method, so a form sent to the wrong scheme arrives.
    w_.line("return 308 https://$host{}$request_uri", port == 443 ? "" : fmt::format(":{}", port));
    w_.close();
    w_.close();
  }

  // Answers for names nobody declared, unless a host is for all names.  421 tells an HTTP/2 client that reused
  // the connection of another name to open one of its own (RFC 9110, 15.5.20).
  void default_server() {
    w_.origin("edge.listeners");
    if (default_host() < edge_.hosts.size()) return;
    w_.open("server");
    for (const auto& listener : edge_.listeners) listen(listener, " default_server");
    w_.line("server_name _");
    if (has_tls() && !edge_.hosts.empty()) certificate(0);
    request_id_header();
    error_pages();
    w_.open("location /");
    w_.line("return 421");
    w_.close();
    w_.close();
  }

  // The host for all names, or one past the last.
  std::size_t default_host() const {
    const auto found = std::find_if(edge_.hosts.begin(), edge_.hosts.end(), catch_all);
    return static_cast<std::size_t>(found - edge_.hosts.begin());
  }

  const Declaration& declaration_;
  const declare::Edge& edge_;
  const ConfigPlan& plan_;
  const bool traced_;
  detail::ConfigWriter w_;
};

}  // namespace

Result<NginxConfig> nginx_config(const Declaration& declaration, const ConfigPlan& plan) {
  return Generator(declaration, plan).run();
}

namespace {

// Complaints about files and addresses name no line: the place is that of the line the thing is written in.
std::string place_of_thing(std::string_view complaint, const NginxConfig& config) {
  std::string_view thing;
  if (const auto quote = complaint.find('"'); quote != complaint.npos) {
    const auto end = complaint.find('"', quote + 1);
    if (end != complaint.npos) thing = complaint.substr(quote, end + 1 - quote);
  } else if (const auto to = complaint.find(" to "); complaint.starts_with("bind()") && to != complaint.npos) {
    thing = complaint.substr(to + 4, complaint.find(' ', to + 4) - to - 4);
  }
  if (thing.size() < 3) return {};
  const auto at = config.text.find(thing);
  if (at == std::string::npos) return {};
  const auto line = static_cast<std::size_t>(
      std::count(config.text.begin(), config.text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  return line < config.origins.size() ? config.origins[line] : std::string();
}

}  // namespace

std::string emergencies(std::string_view output, const NginxConfig& config) {
  std::string out;
  for (std::size_t begin = 0; begin < output.size();) {
    const auto end = std::min(output.find('\n', begin), output.size());
    auto line = output.substr(begin, end - begin);
    begin = end + 1;
    const auto level = line.find("[emerg] ");
    // The last line only says that the test failed, and of warnings the operator reads in the error log.
    if (level == line.npos) continue;
    line = line.substr(level + std::string_view("[emerg] ").size());
    // "12#12: text in /path/nginx.conf:34" after a start; a test has no process number.
    const auto colon = line.find("#");
    if (colon != line.npos && colon < 8 && line.find(": ") != line.npos)
      line = line.substr(line.find(": ") + 2);
    const auto in = line.rfind(" in /");
    std::string place;
    if (in != line.npos && line.rfind(':') > in) {
      std::size_t number = 0;
      const auto digits = line.substr(line.rfind(':') + 1);
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (number >= 1 && number <= config.origins.size()) {
        place = config.origins[number - 1];
        line = line.substr(0, in);
      }
    }
    if (place.empty()) place = place_of_thing(line, config);
    out += fmt::format("{}{}{}{}", out.empty() ? "" : "; ", place, place.empty() ? "" : ": ", line);
  }
  return out;
}

std::string translate_complaint(std::string_view output, const NginxConfig& config) {
  auto out = emergencies(output, config);
  return out.empty() ? std::string(base::trim(output)) : out;
}

}  // namespace ringwall::edge
