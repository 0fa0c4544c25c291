#include "declare/check.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <regex>
#include <set>

#include "declare/nearest.h"

namespace ringwall::declare::detail {

namespace {

constexpr std::size_t kNameBytesMax = 63;
constexpr std::size_t kRegexBytesMax = 1024;

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

// Splits "host:port"; false when it is not that.
bool split_address(const std::string& address, std::string& host, int& port) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  host = address.substr(0, colon);
  const char* end = address.data() + address.size();
  const auto parsed = std::from_chars(address.data() + colon + 1, end, port);
  if (parsed.ec != std::errc{} || parsed.ptr != end || port < 0 || port > 65535) return false;
  in_addr v4;
  in6_addr v6;
  if (host.front() == '[' && host.back() == ']' && host.size() > 2) {
    host = host.substr(1, host.size() - 2);
    return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1;
  }
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1;
}

Problem check_regex(const std::string& text) {
  if (text.empty()) return {};
  if (text.size() > kRegexBytesMax) return {fmt::format("longer than {} bytes", kRegexBytesMax), ""};
  try {
    const std::regex compiled(text, std::regex::ECMAScript | std::regex::optimize);
    return {};
  } catch (const std::regex_error& error) {
    return {fmt::format("'{}' is not a regular expression", text), "special characters are written with a backslash, as in \\["};
  }
}

bool host_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > 253) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('.', begin), name.size());
    const auto label = name.substr(begin, end - begin);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return name_character(c) && c != '.'; })) return false;
    begin = end + 1;
  }
  return true;
}

Problem check_route_path(const std::string& path) {
  // Goes into nginx's configuration: characters that end or quote a word there stay out.
  if (path.find_first_of(" \t\n\r;{}\"'\\$") != std::string::npos && !path.starts_with("= /") && !path.starts_with("~ ")) {
    return {fmt::format("'{}' is not a path", path), "begin it with /, as in /api/; write = /path for exactly one, ~ ^/regex$ for a regular expression"};
  }
  if (path.starts_with("= /")) {
    const auto rest = path.substr(2);
    return rest.find_first_of(" \t\n\r;{}\"'\\$") == std::string::npos ? Problem{} : Problem{fmt::format("'{}' is not an exact path", path), "as in = /health"};
  }
  if (path.starts_with("~ ")) {
    if (path.find_first_of("\n\r\"") != std::string::npos) return {fmt::format("'{}' is not one line without quotes", path), ""};
    return check_regex(path.substr(2));
  }
  if (path.empty() || path.front() != '/') {
    return {fmt::format("'{}' is not a path", path), "begin it with /, as in /api/; write = /path for exactly one, ~ ^/regex$ for a regular expression"};
  }
  return {};
}

class Relations {
 public:
  Relations(const Declaration& declaration, Findings& findings, const Readable& readable) : d_(declaration), f_(findings), readable_(readable) {
    for (const auto& service : d_.services) names_.push_back(service.name);
  }

  void check() {
    for (std::size_t i = 0; i < d_.services.size(); ++i) service(i);
    dependencies();
    listeners();
    for (std::size_t i = 0; i < d_.edge.hosts.size(); ++i) host(i);
    telemetry();
  }

 private:
  void take(const std::string& address, const std::string& path) {
    std::string host_text;
    int port = 0;
    if (address.empty() || !split_address(address, host_text, port) || port == 0) return;
    // Every address of a port is taken by 0.0.0.0 and [::].
    for (const auto& [other, other_path] : taken_) {
      std::string other_host;
      int other_port = 0;
      split_address(other, other_host, other_port);
      const auto any = [](const std::string& h) { return h == "0.0.0.0" || h == "::"; };
      if (port == other_port && (host_text == other_host || any(host_text) || any(other_host)) &&
          !(host_text != other_host && any(host_text) && any(other_host))) {
        f_.add_for(path, fmt::format("{} is taken already, by {}", address, other_path), "give each listener an address of its own");
        return;
      }
    }
    taken_.emplace_back(address, path);
  }

  void service(std::size_t i) {
    const auto& s = d_.services[i];
    const auto path = fmt::format("services[{}]", i);
    for (std::size_t j = 0; j < i; ++j) {
      if (d_.services[j].name == s.name) f_.add_for(path + ".name", fmt::format("a second service named {}", s.name), "names are unique");
    }
    if (s.name == "edge") f_.add_for(path + ".name", "edge is Ringwall's own service", "choose another name");
    if (s.addresses.empty() && s.command.empty()) f_.add_for(path, fmt::format("{} has no instances", s.name), "give addresses, or a command to run");
    if (!s.addresses.empty() && !s.command.empty()) f_.add_for(path + ".command", "addresses and command exclude each other", "remove one of them");
    if (s.health.status_min > s.health.status_max) f_.add_for(path + ".health.status_min", fmt::format("{} is more than status_max, {}", s.health.status_min, s.health.status_max), "");
    if (s.health.timeout > s.health.interval) f_.add_for(path + ".health.timeout", "longer than the interval", "a check must end before the next one begins");
    if (!s.health.path.empty() && s.health.path.front() != '/') f_.add_for(path + ".health.path", fmt::format("'{}' is not a path", s.health.path), "begin it with /");
    for (std::size_t k = 0; k < s.retries.statuses.size(); ++k) {
      if (s.retries.statuses[k] == 501) f_.add_for(fmt::format("{}.retries.statuses[{}]", path, k), "501 cannot be retried", "500, 502, 503 and 504 can");
    }
    if (s.balance == Balance::kHash && (s.hash_key.empty() || s.hash_key.front() != '$' || !std::all_of(s.hash_key.begin() + 1, s.hash_key.end(), [](char c) { return name_character(c) && c != '.' && c != '-'; }))) {
      f_.add_for(path + ".hash_key", fmt::format("'{}' is not an nginx variable", s.hash_key), "as in $request_uri or $cookie_user");
    }
    if (s.port + s.count - 1 > 65535) f_.add_for(path + ".port", fmt::format("{} instances from port {} go past 65535", s.count, s.port), "");
    if (!s.command.empty()) {
      for (int k = 0; k < s.count && s.port != 0; ++k) take(fmt::format("127.0.0.1:{}", s.port + k), path + ".port");
      const auto says_port = [](const std::string& word) { return word.find("{port}") != std::string::npos; };
      const bool told = std::any_of(s.command.begin(), s.command.end(), says_port) ||
                        std::any_of(s.env.begin(), s.env.end(), [&](const auto& entry) { return says_port(entry.second); });
      if (!told && (s.port == 0 || s.count > 1)) {
        f_.add_for(path + ".command", fmt::format("{} is not told its port", s.name), "put {port} into command or env, as in env: { PORT: \"{port}\" }");
      }
      if (!s.working_directory.empty() && readable_ && !readable_(s.working_directory)) {
        f_.add_for(path + ".working_directory", fmt::format("'{}' cannot be read", s.working_directory), "");
      }
    }
  }

  void dependencies() {
    for (std::size_t i = 0; i < d_.services.size(); ++i) {
      for (std::size_t k = 0; k < d_.services[i].depends_on.size(); ++k) {
        known(d_.services[i].depends_on[k], fmt::format("services[{}].depends_on[{}]", i, k));
      }
      std::set<std::string> seen;
      if (reaches(d_.services[i].name, d_.services[i].name, seen)) {
        f_.add_for(fmt::format("services[{}].depends_on", i), fmt::format("{} depends on itself", d_.services[i].name), "services that wait for each other never start");
      }
    }
  }

  bool reaches(const std::string& from, const std::string& goal, std::set<std::string>& seen) const {
    for (const auto& s : d_.services) {
      if (s.name != from) continue;
      for (const auto& next : s.depends_on) {
        if (next == goal || (seen.insert(next).second && reaches(next, goal, seen))) return true;
      }
    }
    return false;
  }

  bool known(const std::string& name, const std::string& path) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) return true;
    const auto guess = nearest(name, names_);
    f_.add_for(path, fmt::format("there is no service named '{}'", name),
               !guess.empty() ? fmt::format("did you mean {}?", guess)
               : names_.empty() ? "declare it under services"
                                : fmt::format("services are: {}", fmt::join(names_, ", ")));
    return false;
  }

  void listeners() {
    bool tls = false;
    for (const auto& listener : d_.edge.listeners) tls = tls || listener.tls;
    for (std::size_t i = 0; i < d_.edge.listeners.size(); ++i) {
      const auto& listener = d_.edge.listeners[i];
      const auto path = fmt::format("edge.listeners[{}]", i);
      take(listener.address, path + ".address");
      if (listener.redirect_to_https && listener.tls) f_.add_for(path + ".redirect_to_https", "this listener is TLS already", "set tls: false, or remove it");
      if (listener.redirect_to_https && !listener.tls && !tls) f_.add_for(path + ".redirect_to_https", "there is no TLS listener to redirect to", "add one, as in address: 0.0.0.0:443");
    }
    if (!d_.edge.listeners.empty() && d_.edge.hosts.empty()) f_.add_for("edge.listeners", "there are listeners, but no hosts", "declare edge.hosts with their routes");
    if (d_.edge.listeners.empty() && d_.edge.hosts.empty() && !d_.services.empty()) f_.add_for("services", "there are services, but no listeners", "declare edge.listeners and edge.hosts, through which they are reached");
    if (d_.edge.listeners.empty() && !d_.edge.hosts.empty()) f_.add_for("edge.hosts", "there are hosts, but no listeners", "declare edge.listeners, as in - address: 0.0.0.0:443");
  }

  void host(std::size_t i) {
    const auto& h = d_.edge.hosts[i];
    const auto path = fmt::format("edge.hosts[{}]", i);
    for (std::size_t k = 0; k < h.names.size(); ++k) {
      if (!host_names_.insert(h.names[k]).second) f_.add_for(fmt::format("{}.names[{}]", path, k), fmt::format("{} is declared twice", h.names[k]), "");
    }
    if (h.certificate.file.empty() != h.certificate.key.empty()) {
      f_.add_for(path + ".certificate", h.certificate.file.empty() ? "key without file" : "file without key", "give both, or neither for the local CA");
    }
    for (const auto& [file, key] : {std::pair(h.certificate.file, "file"), std::pair(h.certificate.key, "key")}) {
      if (!file.empty() && readable_ && !readable_(file)) f_.add_for(fmt::format("{}.certificate.{}", path, key), fmt::format("'{}' cannot be read", file), "paths are relative to the declaration");
    }
    std::set<std::string> paths;
    for (std::size_t k = 0; k < h.routes.size(); ++k) route(h.routes[k], fmt::format("{}.routes[{}]", path, k), paths);
  }

  void route(const Route& r, const std::string& path, std::set<std::string>& paths) {
    if (!paths.insert(r.path).second) f_.add_for(path + ".path", fmt::format("a second route for {}", r.path), "");
    if (r.service.empty() == r.redirect_to.empty()) {
      f_.add_for(path, r.service.empty() ? "leads nowhere" : "service and redirect_to exclude each other", "give a service or redirect_to");
    }
    if (!r.redirect_to.empty() && r.redirect_to.find_first_of(" \t\r\n;{}\"'\\") != std::string::npos) {
      f_.add_for(path + ".redirect_to", fmt::format("'{}' is not an address", r.redirect_to), "as in https://www.example.com/ or /new/");
    }
    static constexpr int kRedirects[] = {301, 302, 303, 307, 308};
    if (std::find(std::begin(kRedirects), std::end(kRedirects), r.redirect_status) == std::end(kRedirects)) {
      f_.add_for(path + ".redirect_status", fmt::format("{} is not a redirect", r.redirect_status), "301, 302, 303, 307 or 308");
    }
    if (r.service.empty() || !known(r.service, path + ".service")) return;
    for (const auto& s : d_.services) {
      if (s.name == r.service && s.protocol == Protocol::kTcp) f_.add_for(path + ".service", fmt::format("{} speaks tcp and takes no requests", s.name), "route to a service that speaks http, https or grpc");
    }
  }

  void telemetry() {
    take(d_.telemetry.otlp.listen, "telemetry.otlp.listen");
    take(d_.api.listen, "api.listen");
    const auto& store = d_.telemetry.store;
    if (store.flush_bytes * 2 > store.memory_bytes_max) f_.add_for("telemetry.store.flush_bytes", "more than half of memory_bytes_max", "records come in while others are written: give room for two");
    if (d_.telemetry.spool.segment_bytes * 2 > d_.telemetry.spool.bytes_max) f_.add_for("telemetry.spool.segment_bytes", "more than half of bytes_max", "only whole segments are freed: give room for two");
  }

  const Declaration& d_;
  Findings& f_;
  const Readable& readable_;
  std::vector<std::string> names_;
  std::vector<std::pair<std::string, std::string>> taken_;  // address, path
  std::set<std::string> host_names_;
};

}  // namespace

Problem check_text(Text kind, const std::string& text) {
  switch (kind) {
    case Text::kAny:
      if (text.find('\0') != std::string::npos) return {"holds a zero byte", ""};
      return {};
    case Text::kName:
      if (text.empty() || text.size() > kNameBytesMax || !std::all_of(text.begin(), text.end(), name_character)) {
        return {fmt::format("'{}' is not a name", text), fmt::format("1 to {} letters, digits, '-', '_' and '.'", kNameBytesMax)};
      }
      return {};
    case Text::kAddress: {
      std::string host;
      int port = 0;
      if (split_address(text, host, port)) return {};
      return {fmt::format("'{}' is not an address", text), "write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080"};
    }
    case Text::kRegex: return check_regex(text);
    case Text::kHostName:
      if (host_name(text)) return {};
      return {fmt::format("'{}' is not a host name", text), "as in shop.example.com or *.example.com"};
    case Text::kRoutePath: return check_route_path(text);
  }
  return {};
}

void check_relations(const Declaration& declaration, Findings& findings, const Readable& readable) {
  Relations(declaration, findings, readable).check();
}

}  // namespace ringwall::declare::detail
