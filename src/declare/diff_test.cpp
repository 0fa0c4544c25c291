#include "declare/diff.h"

#include <algorithm>

#include "declare/test_support.h"

using namespace ringwall::declare;

namespace {

std::string plan(const Declaration& from, const Declaration& to) {
  std::string out;
  for (const auto& c : diff(from, to)) out += c.action + " " + c.path + ": " + c.from + " -> " + c.to + " (" + c.effect + ")\n";
  return out;
}

// kGood with a second service that Ringwall runs, and `more` in it.
std::string with_jobs(const std::string& more = "") { return std::string(kGood) + "  - name: jobs\n    command: [run, '{port}']\n" + more; }
std::string with(const std::string& more) { return std::string(kGood) + more; }

}  // namespace

TEST_CASE("plan: what changes, and what it does") {
  const struct {
    std::string from, to;
    const char* want;
  } cases[] = {
      {with(""), with(""), ""},
      {with(""), with("environment: dev\n"), ""},  // the default, written out
      {with(""), with("environment: prod\n"), "change environment: dev -> prod (restart core)\n"},
      {with(""), with("api: { listen: '127.0.0.1:9000' }\n"), "change api.listen: 127.0.0.1:8443 -> 127.0.0.1:9000 (restart core)\n"},
      {with(""), with("telemetry: { retention: { hot: 7d } }\n"), "change telemetry.retention.hot: 30d -> 7d (restart core)\n"},
      {with("telemetry: { files: [{ path: a.log }] }\n"), with("telemetry: { files: [{ path: a.log, logs: { format: json } }] }\n"),
       "change telemetry.files[a.log].logs.format: auto -> json (follow files anew)\n"},

      // The edge.
      {with(""), changed("0.0.0.0:443\n", "0.0.0.0:443\n      http2: false\n"), "change edge.listeners[0.0.0.0:443].http2: true -> false (reload edge)\n"},
      {with(""), changed("[shop.example.com]", "[shop.example.com, b.example.com]"),
       "change edge.hosts[shop.example.com].names: [\"shop.example.com\"] -> [\"shop.example.com\",\"b.example.com\"] (reload edge)\n"},
      {with_jobs("    port: 9000\n"), with_jobs("    port: 9000\n").replace(with_jobs().find("service: web"), 12, "service: jobs"),
       "change edge.hosts[shop.example.com].routes[/].service: web -> jobs (reload edge)\n"},
      {with("    balance: least_conn\n"), with(""), "change services[web].balance: least_conn -> round_robin (reload edge)\n"},
      {with("    retries: { attempts: 1 }\n"), with(""), "change services[web].retries.attempts: 1 -> 2 (reload edge)\n"},
      {with(""), changed("10.0.0.5:8080", "10.0.0.6:8080"), "change services[web].addresses: [\"10.0.0.5:8080\"] -> [\"10.0.0.6:8080\"] (reload edge)\n"},

      // Instances that run here.
      {with_jobs(), with_jobs("    count: 3\n"), "change services[jobs].count: 1 -> 3 (start or stop instances)\n"},
      {with_jobs(), with_jobs("    env: { A: b }\n"), "add services[jobs].env.A:  -> *** (restart instances)\n"},
      {with_jobs("    env: { A: b }\n"), with_jobs("    env: { A: c }\n"), "change services[jobs].env.A: *** -> *** (restart instances)\n"},
      {with_jobs("    env: { A: b, C: d }\n"), with_jobs("    env: { C: d }\n"), "remove services[jobs].env.A: *** ->  (restart instances)\n"},
      {with_jobs("    version: '1'\n"), with_jobs("    version: '2'\n"), "change services[jobs].version: 1 -> 2 (restart instances)\n"},
      {with_jobs("    port: 9000\n"), with_jobs("    port: 9001\n"), "change services[jobs].port: 9000 -> 9001 (restart instances)\n"},
      {with_jobs("    protocol: tcp\n"), with_jobs(), "change services[jobs].protocol: tcp -> http (reload edge)\n"},
      {with_jobs(), with_jobs("    depends_on: [web]\n"), "change services[jobs].depends_on: [] -> [\"web\"] (none until the next start)\n"},
      {with_jobs(), with_jobs("    logs: { format: json }\n"), "change services[jobs].logs.format: auto -> json (follow files anew)\n"},

      // Instances that run elsewhere have nothing to restart.
      {with("    version: '1'\n"), with("    version: '2'\n"), "change services[web].version: 1 -> 2 (follow files anew)\n"},
      // From elsewhere to here.
      {with(""), changed("addresses: [\"10.0.0.5:8080\"]", "command: [run, '{port}']"),
       "change services[web].addresses: [\"10.0.0.5:8080\"] -> [] (reload edge)\n"
       "change services[web].command: [] -> [\"run\",\"{port}\"] (start instances)\n"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.to);
    CHECK(plan(declared(c.from), declared(c.to)) == c.want);
  }
}

TEST_CASE("plan: what comes or goes is one change, whatever its place") {
  const auto effect = [](const std::string& from, const std::string& to) {
    const auto changes = diff(declared(from), declared(to));
    REQUIRE(changes.size() == 1);
    return changes[0].action + " " + changes[0].path + " (" + changes[0].effect + ")";
  };
  const std::string elsewhere = "  - { name: db, protocol: tcp, addresses: ['10.0.0.7:5432'] }\n";
  CHECK(effect(with(""), with_jobs()) == "add services[jobs] (start instances)");
  CHECK(effect(with_jobs(), with("")) == "remove services[jobs] (stop instances)");
  CHECK(effect(with(""), with(elsewhere)) == "add services[db] (reload edge)");
  CHECK(effect(with(elsewhere), with("")) == "remove services[db] (reload edge)");
  CHECK(effect(with(""), changed("    - address: 0.0.0.0:443\n", "    - address: 0.0.0.0:444\n    - address: 0.0.0.0:443\n")) ==
        "add edge.listeners[0.0.0.0:444] (reload edge)");
  CHECK(effect(with(""), with("telemetry: { files: [{ path: a.log }] }\n")) == "add telemetry.files[a.log] (follow files anew)");

  auto reordered = declared(with_jobs());
  std::swap(reordered.services[0], reordered.services[1]);
  CHECK(diff(declared(with_jobs()), reordered).empty());
  // But of lists the first counts.
  const auto lists = [](const std::string& text) { return declared(with("waf: { mode: log, lists: [" + text + "] }\n")); };
  const std::string a = "{ name: a, countries: [DE] }", b = "{ name: b, countries: [FR] }", c = "{ name: c, countries: [IT] }";
  CHECK(plan(lists(a + "," + b + "," + c), lists(c + "," + b)) == "change waf.lists: [\"b\",\"c\"] -> [\"c\",\"b\"] (swap firewall rules)\nremove waf.lists[a]: "
                                                                   "{\"name\":\"a\",\"action\":\"deny\",\"addresses\":[],\"file\":\"\",\"countries\":[\"DE\"],\"path\":\"\",\"skip_limits\":false,\"skip_rules\":false} ->  (swap firewall rules)\n");
}

// Goal: no key is forgotten, since both sides come from one definition.
TEST_CASE("plan: from nothing to a declaration and back names the same paths") {
  const auto there = diff(Declaration{}, declared(reference_example())), back = diff(declared(reference_example()), Declaration{});
  std::vector<std::string> forth_paths, back_paths;
  for (const auto& c : there) forth_paths.push_back(c.path);
  for (const auto& c : back) back_paths.push_back(c.path);
  std::sort(forth_paths.begin(), forth_paths.end());
  std::sort(back_paths.begin(), back_paths.end());
  CHECK(forth_paths == back_paths);
  CHECK(there.size() >= 8);
}
