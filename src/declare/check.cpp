#include "declare/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/text.h"
#include "declare/form.h"
#include "declare/nearest.h"

namespace ringwall::declare::detail {

namespace {

constexpr std::size_t kCircleShownMax = 8;

class Relations {
 public:
  Relations(const Declaration& declaration, Findings& findings, const Readable& readable) : d_(declaration), f_(findings), readable_(readable) {
    names_sure_ = f_.trusted("services");
    for (std::size_t i = 0; i < d_.services.size(); ++i) {
      names_sure_ = names_sure_ && f_.trusted(fmt::format("services[{}].name", i));
      names_.push_back(d_.services[i].name);
      index_.try_emplace(d_.services[i].name, i);
    }
  }

  void check() {
    for (std::size_t i = 0; i < d_.services.size(); ++i) {
      if (f_.trusted_inside(fmt::format("services[{}]", i))) service(i);
    }
    if (names_sure_) dependencies();
    listeners();
    for (std::size_t i = 0; i < d_.edge.hosts.size(); ++i) host(i);
    telemetry();
    waf();
    models();
  }

 private:
  std::string first_in(const std::string& path) const { return fmt::format("the first is in line {}", f_.line_of(path)); }

  void take(const std::string& address, const std::string& path) {
    std::string host_text;
    int port = 0;
    if (!f_.trusted(path) || address.empty() || !split_address(address, host_text, port) || port == 0) return;
    // 0.0.0.0 takes a port on every IPv4 address, [::] on every IPv6 one; nginx opens the latter for IPv6 alone.
    const bool v6 = host_text.find(':') != std::string::npos;
    for (const auto& other : taken_[port]) {
      const bool clash = host_text == other.host || (v6 == (other.host.find(':') != std::string::npos) && (any(host_text) || any(other.host)));
      if (!clash) continue;
      return tell_clash(address, path, other.path);
    }
    taken_[port].push_back({host_text, path});
  }
  // An address nobody wrote is the default: what was written is what to change.
  void tell_clash(const std::string& address, const std::string& path, const std::string& other) {
    const bool by_default = !f_.marked(path) || !f_.marked(other);
    const auto& [told, first] = f_.marked(path) ? std::pair(path, other) : std::pair(other, path);
    f_.relation(told, fmt::format("{} is taken already, by {}", address, first),
                "give each an address of its own; " + (by_default ? "that one is the default" : first_in(first)));
  }
  static bool any(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

  void service(std::size_t i) {
    const auto& s = d_.services[i];
    const auto path = fmt::format("services[{}]", i);
    if (const auto first = index_.at(s.name); first != i) {
      f_.relation(path + ".name", fmt::format("a second service named {}", s.name), "names are unique; " + first_in(fmt::format("services[{}].name", first)));
    }
    if (s.name == "edge") f_.relation(path + ".name", "edge is Ringwall's own service", "choose another name");
    if (s.health.status_min > s.health.status_max) f_.relation(path + ".health.status_min", fmt::format("{} is more than status_max, {}", s.health.status_min, s.health.status_max));
    if (s.health.timeout > s.health.interval) {
      f_.relation(path + ".health.timeout", fmt::format("longer than the interval, {}", base::duration_text(s.health.interval)), "a check must end before the next one begins");
    }
    for (std::size_t k = 0; k < s.retries.statuses.size(); ++k) {
      if (s.retries.statuses[k] == 501) f_.relation(fmt::format("{}.retries.statuses[{}]", path, k), "501 cannot be retried", "500, 502, 503 and 504 can");
    }
    if (s.balance == Balance::kHash && !nginx_variable(s.hash_key)) {
      f_.relation(path + ".hash_key", fmt::format("'{}' is not an nginx variable", shown(s.hash_key)), "as in $request_uri or $cookie_user");
    }
    if (s.balance != Balance::kHash && s.hash_key != Service{}.hash_key) idle(path + ".hash_key", "balance: hash");
    instances(s, path);
  }

  // A key that does nothing is told, so that nobody relies on it.
  void idle(const std::string& path, std::string_view with) {
    f_.relation(path, fmt::format("has no effect without {}", with), "remove it");
  }

  void instances(const Service& s, const std::string& path) {
    const Service standard;
    if (s.command.empty()) {
      if (s.addresses.empty()) f_.relation(path, fmt::format("{} has no instances", s.name), "give addresses, or a command to run");
      if (s.count != standard.count) idle(path + ".count", "a command");
      if (s.port != standard.port) idle(path + ".port", "a command");
      if (!s.working_directory.empty()) idle(path + ".working_directory", "a command");
      if (!s.env.empty()) idle(path + ".env", "a command");
      if (!s.user.empty()) idle(path + ".user", "a command");
      if (s.stop_timeout != standard.stop_timeout) idle(path + ".stop_timeout", "a command");
      std::set<std::string> seen;
      for (std::size_t k = 0; k < s.addresses.size(); ++k) {
        if (!seen.insert(s.addresses[k]).second) f_.relation(fmt::format("{}.addresses[{}]", path, k), fmt::format("{} is given twice", s.addresses[k]), "remove it");
      }
      return;
    }
    if (!s.addresses.empty()) return f_.relation(path + ".command", "addresses and command exclude each other", "remove one of them");
    if (s.command.front().empty()) f_.relation(path + ".command[0]", "names no program");
    if (s.port + s.count - 1 > 65535) f_.relation(path + ".port", fmt::format("{} instances from port {} go past 65535", s.count, s.port));
    for (int k = 0; k < s.count && s.port != 0; ++k) take(fmt::format("127.0.0.1:{}", s.port + k), path + ".port");
    const auto says_port = [](const std::string& word) { return word.find("{port}") != std::string::npos; };
    const bool told = std::any_of(s.command.begin(), s.command.end(), says_port) ||
                      std::any_of(s.env.begin(), s.env.end(), [&](const auto& entry) { return says_port(entry.second); });
    if (!told && (s.port == 0 || s.count > 1)) {
      f_.relation(path + ".command", fmt::format("{} is not told its port", s.name), "put {port} into command or env, as in env: { PORT: \"{port}\" }");
    }
    if (!s.working_directory.empty() && readable_ && !readable_(s.working_directory)) {
      f_.relation(path + ".working_directory", fmt::format("'{}' cannot be read", shown(s.working_directory)), "paths are relative to the declaration");
    }
  }

  // Depth first over who waits for whom, without recursion, so that a long chain costs no stack.
  void dependencies() {
    enum class State { kNew, kOpen, kDone };
    std::vector<State> states(d_.services.size(), State::kNew);
    struct Step {
      std::size_t service, next = 0;
    };
    for (std::size_t root = 0; root < d_.services.size(); ++root) {
      if (states[root] != State::kNew) continue;
      std::vector<Step> open{{root}};
      states[root] = State::kOpen;
      while (!open.empty()) {
        auto& step = open.back();
        const auto& waits_for = d_.services[step.service].depends_on;
        if (step.next == waits_for.size()) {
          states[step.service] = State::kDone;
          open.pop_back();
          continue;
        }
        const auto k = step.next++;
        const auto path = fmt::format("services[{}].depends_on[{}]", step.service, k);
        if (!f_.trusted(path) || !known(waits_for[k], path)) continue;
        const auto target = index_.at(waits_for[k]);
        if (states[target] == State::kOpen) {
          std::vector<std::string> circle;
          for (const auto& at : open) {
            if (!circle.empty() || at.service == target) circle.push_back(d_.services[at.service].name);
          }
          tell_circle(path, std::move(circle));
        } else if (states[target] == State::kNew) {
          states[target] = State::kOpen;
          open.push_back({target});
        }
      }
    }
  }

  void tell_circle(const std::string& path, std::vector<std::string> circle) {
    if (circle.size() == 1) return f_.relation(path, fmt::format("{} depends on itself", circle[0]), "remove it");
    if (circle.size() > kCircleShownMax) {
      circle.resize(kCircleShownMax);
      circle.push_back("...");
    }
    f_.relation(path, fmt::format("a circle: {} -> {}", fmt::join(circle, " -> "), circle[0]), "services that wait for each other never start");
  }

  // A name in a place that calls for a service.  False: it was told, or cannot be judged.
  bool known(const std::string& name, const std::string& path) {
    if (!names_sure_) return false;
    if (index_.contains(name)) return true;
    const auto guess = nearest(name, names_);
    f_.relation(path, fmt::format("there is no service named '{}'", shown(name)),
                !guess.empty() ? fmt::format("did you mean {}?", guess)
                : names_.empty() ? "declare it under services"
                                 : fmt::format("services are: {}", fmt::join(names_, ", ")));
    return false;
  }

  void listeners() {
    const bool listeners_sure = f_.trusted("edge.listeners"), hosts_sure = f_.trusted("edge.hosts");
    bool tls = false;
    for (const auto& listener : d_.edge.listeners) tls = tls || listener.tls;
    for (std::size_t i = 0; i < d_.edge.listeners.size(); ++i) {
      const auto& listener = d_.edge.listeners[i];
      const auto path = fmt::format("edge.listeners[{}]", i);
      take(listener.address, path + ".address");
      if (!f_.trusted_inside(path)) continue;
      if (listener.redirect_to_https && listener.tls) f_.relation(path + ".redirect_to_https", "this listener is TLS already", "set tls: false, or remove it");
      if (listener.redirect_to_https && !listener.tls && !tls && f_.trusted_inside("edge.listeners")) {
        f_.relation(path + ".redirect_to_https", "there is no TLS listener to redirect to", "add one, as in address: 0.0.0.0:443");
      }
    }
    if (!listeners_sure || !hosts_sure) return;
    if (!d_.edge.listeners.empty() && d_.edge.hosts.empty()) f_.relation("edge.listeners", "there are listeners, but no hosts", "declare edge.hosts with their routes");
    if (d_.edge.listeners.empty() && d_.edge.hosts.empty() && !d_.services.empty() && f_.trusted("services")) f_.relation("services", "there are services, but no listeners", "declare edge.listeners and edge.hosts, through which they are reached");
    if (d_.edge.listeners.empty() && !d_.edge.hosts.empty()) f_.relation("edge.hosts", "there are hosts, but no listeners", "declare edge.listeners, as in - address: 0.0.0.0:443");
  }

  void host(std::size_t i) {
    const auto& h = d_.edge.hosts[i];
    const auto path = fmt::format("edge.hosts[{}]", i);
    for (std::size_t k = 0; k < h.names.size(); ++k) {
      const auto place = fmt::format("{}.names[{}]", path, k);
      if (!f_.trusted(place)) continue;
      // Case does not tell names apart (RFC 4343).
      const auto [it, first] = host_names_.try_emplace(base::lower_ascii(h.names[k]), place);
      if (!first) f_.relation(place, fmt::format("{} is declared twice", h.names[k]), first_in(it->second));
    }
    if (f_.trusted_inside(path + ".certificate")) certificate(h.certificate, path + ".certificate");
    std::map<std::string, std::string> paths;
    for (std::size_t k = 0; k < h.routes.size(); ++k) {
      const auto place = fmt::format("{}.routes[{}]", path, k);
      if (f_.trusted_inside(place)) {
        route(h.routes[k], place, paths);
      } else if (!h.routes[k].service.empty()) {
        known(h.routes[k].service, place + ".service");  // whatever else is wrong with the route
      }
    }
  }

  void certificate(const Certificate& c, const std::string& path) {
    if (c.file.empty() != c.key.empty()) f_.relation(path, c.file.empty() ? "key without file" : "file without key", "give both, or neither for the local CA");
    for (const auto& [file, key] : {std::pair(c.file, "file"), std::pair(c.key, "key")}) {
      if (!file.empty() && readable_ && !readable_(file)) {
        f_.relation(fmt::format("{}.{}", path, key), fmt::format("'{}' cannot be read", shown(file)), "paths are relative to the declaration");
      }
    }
  }

  void route(const Route& r, const std::string& path, std::map<std::string, std::string>& paths) {
    const auto [it, first] = paths.try_emplace(r.path, path + ".path");
    if (!first) f_.relation(path + ".path", fmt::format("a second route for {}", shown(r.path)), first_in(it->second));
    if (r.service.empty() == r.redirect_to.empty()) {
      f_.relation(path, r.service.empty() ? "leads nowhere" : "service and redirect_to exclude each other", "give a service or redirect_to");
    }
    if (!r.redirect_to.empty()) redirect(r, path);
    if (r.redirect_to.empty() && r.redirect_status != Route{}.redirect_status) idle(path + ".redirect_status", "redirect_to");
    if (r.service.empty() || !known(r.service, path + ".service")) return;
    if (d_.services[index_.at(r.service)].protocol == Protocol::kTcp && f_.trusted(fmt::format("services[{}].protocol", index_.at(r.service)))) {
      f_.relation(path + ".service", fmt::format("{} speaks tcp and takes no requests", r.service), "route to a service that speaks http, https or grpc");
    }
  }

  void redirect(const Route& r, const std::string& path) {
    const auto& to = r.redirect_to;
    const bool form = to.front() == '/' || to.starts_with("https://") || to.starts_with("http://");
    if (!form || to.find_first_of(" \t\r\n;{}\"'\\") != std::string::npos) {
      f_.relation(path + ".redirect_to", fmt::format("'{}' is not an address", shown(to)), "as in https://www.example.com/ or /new/");
    }
    // nginx decodes other variables, and a client could then put line ends into the head of the answer.
    for (auto at = to.find('$'); at != std::string::npos; at = to.find('$', at + 1)) {
      const auto rest = std::string_view(to).substr(at + 1);
      const bool safe = rest.starts_with("request_uri") || rest.starts_with("host") || rest.starts_with("scheme");
      if (!safe) f_.relation(path + ".redirect_to", fmt::format("'{}' has a variable that is not known here", shown(to)), "$request_uri, $host or $scheme");
    }
    static constexpr int kRedirects[] = {301, 302, 303, 307, 308};
    if (std::find(std::begin(kRedirects), std::end(kRedirects), r.redirect_status) == std::end(kRedirects)) {
      f_.relation(path + ".redirect_status", fmt::format("{} is not a redirect", r.redirect_status), "301, 302, 303, 307 or 308");
    }
    if (r.request_timeout != Route{}.request_timeout && r.service.empty()) idle(path + ".request_timeout", "a service");
  }

  void logins(const std::string& path, const std::vector<WafLogin>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].failed.statuses.empty() && all[i].failed.location.empty()) {
        f_.relation(fmt::format("{}.logins[{}].failed", path, i), "no attempt fails", "give statuses, or the location of a redirect");
      }
    }
  }

  // By somebody, perhaps for an hour: what it was told stays, and has no effect.  Where nobody speaks of a mode, that is a mistake.
  bool switched_off() const { return d_.waf.mode == "off" && f_.marked("waf.mode"); }

  void waf() {
    const auto& w = d_.waf;
    if (!f_.trusted_inside("waf") || switched_off()) return;
    logins("waf", w.logins);
    if (w.mode == "off") {
      if (!w.rules.empty()) idle("waf.rules", "mode: log or mode: block");
      if (!w.exclusions.empty()) idle("waf.exclusions", "mode: log or mode: block");
      if (!w.lists.empty()) idle("waf.lists", "mode: log or mode: block");
      if (!w.applications.empty()) idle("waf.applications", "mode: log or mode: block");
      for (std::size_t h = 0; h < d_.edge.hosts.size(); ++h) {
        const auto& host = d_.edge.hosts[h];
        const auto path = fmt::format("edge.hosts[{}]", h);
        if (host.waf.mode != "inherit") idle(path + ".waf.mode", "waf.mode: log or block");
        for (std::size_t r = 0; r < host.routes.size(); ++r) {
          if (host.routes[r].waf.mode != "inherit") idle(fmt::format("{}.routes[{}].waf.mode", path, r), "waf.mode: log or block");
        }
      }
      return;
    }
    for (std::size_t h = 0; h < d_.edge.hosts.size(); ++h) {
      const auto& host = d_.edge.hosts[h];
      logins(fmt::format("edge.hosts[{}].waf", h), host.waf.logins);
      for (std::size_t r = 0; r < host.routes.size(); ++r) logins(fmt::format("edge.hosts[{}].routes[{}].waf", h, r), host.routes[r].waf.logins);
    }
    if (w.core_rule_set.empty() && w.rules.empty()) f_.relation("waf", "there are no rules", "name waf.rules, or a waf.core_rule_set");
    if (!w.core_rule_set.empty() && readable_ && !readable_(w.core_rule_set)) {
      f_.relation(f_.marked("waf.core_rule_set") ? "waf.core_rule_set" : "waf", fmt::format("'{}' cannot be read", shown(w.core_rule_set)),
                  "install Debian's package modsecurity-crs, or name the folder of a release");
    }
    if (w.detection_paranoia != 0 && w.detection_paranoia < w.paranoia) f_.relation("waf.detection_paranoia", "less than paranoia", "what refuses has to run");
    for (std::size_t i = 0; i < w.rules.size(); ++i) {
      if (w.rules[i].find_first_of("*?") == std::string::npos && readable_ && !readable_(w.rules[i])) {
        f_.relation(fmt::format("waf.rules[{}]", i), fmt::format("'{}' cannot be read", shown(w.rules[i])), "paths are relative to the declaration");
      }
    }
    for (std::size_t i = 0; i < w.places.size(); ++i) {
      if (readable_ && !readable_(w.places[i])) f_.relation(fmt::format("waf.places[{}]", i), fmt::format("'{}' cannot be read", shown(w.places[i])), "paths are relative to the declaration");
    }
    lists(w.lists, "waf.lists");
    for (std::size_t h = 0; h < d_.edge.hosts.size(); ++h) {
      const auto& host = d_.edge.hosts[h];
      const auto path = fmt::format("edge.hosts[{}]", h);
      lists(host.waf.lists, path + ".waf.lists");
      for (std::size_t r = 0; r < host.routes.size(); ++r) lists(host.routes[r].waf.lists, fmt::format("{}.routes[{}].waf.lists", path, r));
    }
  }

  void lists(const std::vector<WafList>& lists, const std::string& path) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < lists.size(); ++i) {
      const auto& one = lists[i];
      const auto here = fmt::format("{}[{}]", path, i);
      if (!f_.trusted_inside(here)) continue;
      if (!names.insert(one.name).second) f_.relation(here + ".name", fmt::format("a list '{}' is here already", one.name), "records say which list decided by its name");
      if (one.addresses.empty() && one.file.empty() && one.countries.empty()) f_.relation(here, "it names nobody", "give addresses, a file or countries; everybody is 0.0.0.0/0 and ::/0");
      if (one.skip_limits && one.action != "allow") f_.relation(here + ".skip_limits", "only action: allow skips limits", "");
      if (one.skip_rules && one.action != "allow") f_.relation(here + ".skip_rules", "only action: allow skips rules", "");
      if (!one.file.empty() && readable_ && !readable_(one.file)) f_.relation(here + ".file", fmt::format("'{}' cannot be read", shown(one.file)), "paths are relative to the declaration");
    }
  }

  void openapi(const WafOpenapi& o, const std::string& path) {
    const WafOpenapi none;
    if (o.file.empty()) {
      for (const auto& [value, fallback, key] : {std::tuple(&o.mode, &none.mode, "mode"), {&o.unknown_parameters, &none.unknown_parameters, "unknown_parameters"},
                                                 {&o.unknown_paths, &none.unknown_paths, "unknown_paths"}, {&o.base_path, &none.base_path, "base_path"}}) {
        if (*value != *fallback) idle(fmt::format("{}.{}", path, key), path + ".file");
      }
      return;
    }
    if (d_.waf.mode == "off") return idle(path + ".file", "waf.mode: log or block");
    if (readable_ && !readable_(o.file)) f_.relation(path + ".file", fmt::format("'{}' cannot be read", shown(o.file)), "paths are relative to the declaration");
  }

  void models() {
    if (!f_.trusted("waf.mode") || switched_off()) return;
    for (std::size_t h = 0; h < d_.edge.hosts.size(); ++h) {
      const auto& host = d_.edge.hosts[h];
      openapi(host.waf.openapi, fmt::format("edge.hosts[{}].waf.openapi", h));
      for (std::size_t r = 0; r < host.routes.size(); ++r) openapi(host.routes[r].waf.openapi, fmt::format("edge.hosts[{}].routes[{}].waf.openapi", h, r));
    }
  }

  void telemetry() {
    const auto& t = d_.telemetry;
    take(t.otlp.listen, "telemetry.otlp.listen");
    take(d_.api.listen, "api.listen");
    if (t.store.flush_bytes * 2 > t.store.memory_bytes_max && f_.trusted_inside("telemetry.store")) {
      f_.relation("telemetry.store.flush_bytes", "more than half of memory_bytes_max", "records come in while others are written: give room for two");
    }
    if (t.spool.segment_bytes * 2 > t.spool.bytes_max && f_.trusted_inside("telemetry.spool")) {
      f_.relation("telemetry.spool.segment_bytes", "more than half of bytes_max", "only whole segments are freed: give room for two");
    }
  }

  struct Taken {
    std::string host, path;
  };

  const Declaration& d_;
  Findings& f_;
  const Readable& readable_;
  bool names_sure_ = true;  // the services' names are what was meant
  std::vector<std::string> names_;
  std::map<std::string, std::size_t> index_;      // name -> the first service of it
  std::map<int, std::vector<Taken>> taken_;       // by port
  std::map<std::string, std::string> host_names_;  // lower case -> path
};

}  // namespace

void check_relations(const Declaration& declaration, Findings& findings, const Readable& readable) {
  Relations(declaration, findings, readable).check();
}

}  // namespace ringwall::declare::detail
