// The firewall with many hosts and many updates: what memory grows with, and that each request is judged by one rule set.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

#include "policy/bundle.h"
#include "policy/policy.h"
#include "ring/update_board.h"
#include "test_support.h"

namespace {

using namespace ringwall;
using namespace ringwall::edge_module;

constexpr int kHosts = 200, kUpdates = 50, kWorkers = 2;

// About as much as a third of the Core Rule Set.  Phase 2 denies with 500 what phase 1 of another version began.
std::string rules_of(int version) {
  std::string out = fmt::format("SecRuleEngine On\nSecRequestBodyAccess On\nSecAction \"id:1,phase:1,nolog,pass,setvar:tx.version={0}\"\n"
                                "SecRule TX:version \"!@streq {0}\" \"id:2,phase:2,deny,status:500\"\nSecRule ARGS:version \"@rx ^{0}$\" \"id:3,phase:2,deny,status:406\"\n", version);
  for (int i = 0; i < 100; ++i) out += fmt::format("SecRule ARGS|REQUEST_HEADERS \"@rx (?i)\\b(?:word{0}|other{0}[a-z]+)\\s*\\(.{{0,20}}end{0}\" \"id:{1},phase:2,deny,t:none,t:urlDecodeUni,t:lowercase\"\n", i, 1000 + i);
  return out;
}

struct Site {
  explicit Site(const Nginx& nginx) : folder(nginx.folder().path("run/waf")) { std::filesystem::create_directories(folder); }
  // Hosts differ in their exclusions, and every second one in its mode; `shift` makes these others.
  void write(int version, int hosts, int shift = 0) const {
    const auto name = fmt::format("rules-{}", version);
    const auto bundle = policy::make_bundle_of(rules_of(version), "/test.conf", waf::real_files());
    REQUIRE(bundle.ok());
    std::ofstream(folder + "/" + name, std::ios::binary) << *bundle;
    policy::PolicyFile file{name, {{.name = "all", .mode = waf::Mode::kBlock}}};
    for (int i = 0; i < hosts; ++i) {
      file.policies.push_back({.name = fmt::format("host{}", i), .mode = (i + shift) % 2 == 0 ? waf::Mode::kBlock : waf::Mode::kLog,
                               .exclusions = {{fmt::format("{}-{}", 1000, 1010 + i % 80), {fmt::format("ARGS:field{}", i + shift)}, fmt::format("/part{}/", i)}}});
    }
    std::ofstream(folder + "/policies.json") << policy::write_policy_file(file);
  }
  const std::string folder;
};

std::string http_of(int hosts, const Backend& backend) {
  const std::string pass = " location / { proxy_pass http://127.0.0.1:" + std::to_string(backend.port()) + "; } }\n";
  std::string out = "ringwall_waf_policies run/waf/policies.json; ringwall_waf_updates run/waf.board; server_names_hash_max_size 4096;\nserver { listen @PORT@ default_server; ringwall_waf all;" + pass;
  for (int i = 0; i < hosts; ++i) out += fmt::format("server {{ listen @PORT@; server_name host{0}.test; ringwall_waf host{0};", i) + pass;
  return out;
}

// Of master and workers; what they share is counted once.
long memory_kb(const Nginx& nginx) {
  long sum = 0;
  auto all = nginx.workers();
  all.push_back(nginx.master());
  for (const auto pid : all) {
    std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("Pss:")) sum += std::stol(line.substr(4));
    }
  }
  return sum;
}

// A request whose head is judged before its body comes.
class Halved {
 public:
  explicit Halved(int port, const std::string& body) : body_(body), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    send(fmt::format("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n", body.size()));
    REQUIRE(read_until("\r\n\r\n").find("100 Continue") != std::string::npos);
  }
  ~Halved() { ::close(socket_); }
  Halved(const Halved&) = delete;
  Halved& operator=(const Halved&) = delete;
  int status() {
    send(body_);
    return status_of(read_until(""));
  }

 private:
  void send(const std::string& bytes) const { ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  std::string read_until(const std::string& end) const {
    std::string out;
    char bytes[4096];
    for (ssize_t n; (end.empty() || out.find(end) == std::string::npos) && (n = ::recv(socket_, bytes, sizeof bytes, 0)) > 0;) out.append(bytes, static_cast<std::size_t>(n));
    return out;
  }
  const std::string body_;
  const int socket_;
};

}  // namespace

TEST_CASE("firewall at scale: memory grows neither with hosts nor with updates, and each request has one rule set") {
  Backend backend("b");
  long few_kb = 0;
  {
    Nginx nginx;
    auto board = ring::UpdateBoard::open_or_create(nginx.folder().path("run/waf.board")).value();
    Site(nginx).write(0, 1);
    nginx.configure(http_of(1, backend), kWorkers);
    nginx.start();
    REQUIRE(eventually([&] { return board.state().live == kWorkers; }));
    few_kb = memory_kb(nginx);
  }
  Nginx nginx;
  auto board = ring::UpdateBoard::open_or_create(nginx.folder().path("run/waf.board")).value();
  const Site site(nginx);
  site.write(0, kHosts);
  nginx.configure(http_of(kHosts, backend), kWorkers);
  nginx.start();
  const auto live = [&] { return eventually([&] { return board.state().live == kWorkers; }); };
  REQUIRE(live());
  const auto many_kb = memory_kb(nginx);
  // nginx's own server blocks, in the master and copied nowhere, the policies, and the answers of three processes.
  CHECK(many_kb - few_kb < kHosts * 40);

  std::atomic<int> version = 0, other = 0, asked = 0;
  std::atomic<bool> open = true;
  std::thread customer([&] {
    while (open) {
      // A version that was in force, is, or will be.
      const auto status = status_of(get(nginx.port(), fmt::format("/?version={}", version.load())));
      ++asked;
      if (status != 200 && status != 406) ++other;
    }
  });
  // Also when a check ends the test.
  struct Ends {
    std::atomic<bool>& open;
    std::thread& customer;
    ~Ends() {
      open = false;
      if (customer.joinable()) customer.join();
    }
  } const ends{open, customer};
  // What is no longer in force is freed beside the traffic, some time after a worker's next request.
  const auto least_kb = [&] {
    long least = memory_kb(nginx);
    for (int i = 0; i < 20; ++i) {
      (void)get(nginx.port(), fmt::format("/?version={}", version.load()));
      least = std::min(least, memory_kb(nginx));
    }
    return least;
  };
  long after_ten_kb = 0;
  for (int update = 1; update <= kUpdates; ++update) {
    CAPTURE(update);
    const int before = version;
    // Every second one changes rules, the others modes and exclusions.
    if (update % 2 == 0) ++version;
    Halved halved(nginx.port(), fmt::format("version={}", before));
    site.write(version, kHosts, update);
    board.publish();
    REQUIRE(live());
    CHECK(board.state().faults.empty());
    CHECK(halved.status() == 406);
    for (int i = 0; i < 2 * kWorkers; ++i) {
      CHECK(status_of(get(nginx.port(), fmt::format("/?version={}", version.load()))) == 406);
      if (version != before) CHECK(status_of(get(nginx.port(), fmt::format("/?version={}", before))) == 200);
      // Modes change with each update.
      const auto answer = converse(nginx.port(), fmt::format("GET /?version={} HTTP/1.1\r\nHost: host1.test\r\nConnection: close\r\n\r\n", version.load()));
      CHECK(status_of(answer) == (update % 2 == 0 ? 200 : 406));
    }
    if (update == 10) after_ten_kb = least_kb();
  }
  open = false;
  customer.join();
  CHECK(other == 0);
  CHECK(asked > kUpdates);
  CHECK(eventually([&] { return least_kb() - after_ten_kb < 4096; }));
  const auto after_all_kb = memory_kb(nginx);
  std::printf("firewall at scale: %d workers, one host %ld KB, %d hosts %ld KB, after 10 updates %ld KB, after %d %ld KB; %d requests meanwhile\n", kWorkers, few_kb, kHosts, many_kb, after_ten_kb, kUpdates, after_all_kb,
              asked.load());
}

// What a worker would have to do with each: it stays with what it has, and tells why.
TEST_CASE("firewall at scale: bundles and policies that cannot be used are told, and change nothing") {
  Backend backend("b");
  Nginx nginx;
  auto board = ring::UpdateBoard::open_or_create(nginx.folder().path("run/waf.board")).value();
  const Site site(nginx);
  site.write(0, 1);
  nginx.configure(http_of(1, backend), kWorkers);
  nginx.start();
  const auto told = [&] { return eventually([&] { return board.state().live + board.state().faults.size() == kWorkers; }); };
  REQUIRE(told());
  const auto put = [&](const std::string& bundle, const policy::PolicyFile& file) {
    std::ofstream(site.folder + "/" + file.rules, std::ios::binary) << bundle;
    std::ofstream(site.folder + "/policies.json") << policy::write_policy_file(file);
    board.publish();
    REQUIRE(told());
  };
  const auto bundle_of = [](const std::string& rules) { return policy::make_bundle_of(rules, "/own.conf", waf::real_files()).value(); };
  const std::string fine = rules_of(7);
  struct Case {
    const char* name;
    std::string bundle;
    std::vector<policy::PlacedExclusion> exclusions;
    const char* fault;
  };
  const Case kCases[] = {
      {"a pattern that is none", bundle_of(fine + "SecRule ARGS \"@rx (a\" \"id:9,pass\"\n"), {}, "/own.conf:106: not a regular expression: missing closing parenthesis"},
      {"an operator that is not supported", bundle_of("SecRule ARGS \"@rsub s/a/b/\" \"id:9,pass\"\n"), {}, "/own.conf:1: the operator @rsub is not supported"},
      {"a byte range that is none", bundle_of("SecRule ARGS \"@validateByteRange 1-999\" \"id:9,pass\"\n"), {}, "/own.conf:1: "},
      {"a bundle that was cut", bundle_of(fine).substr(0, 500), {}, "bad"},
      {"a bundle of nothing", "", {}, "bad"},
      {"an exclusion that names no rule", bundle_of(fine), {{"77", {}, ""}}, "policy 'all': exclusions[0]: no rule of the set is called '77'"},
      {"an exclusion whose target is no variable", bundle_of(fine), {{"3", {"ARG:a"}, ""}}, "'ARG:a' is not a variable"},
  };
  for (const auto& c : kCases) {
    CAPTURE(std::string(c.name));
    put(c.bundle, {"bad", {{.name = "all", .mode = waf::Mode::kBlock, .exclusions = c.exclusions}, {.name = "host0", .mode = waf::Mode::kBlock}}});
    const auto state = board.state();
    REQUIRE(state.faults.size() == kWorkers);
    CAPTURE(state.faults[0]);
    CHECK(state.faults[0].find(c.fault) != std::string::npos);
    for (int i = 0; i < 2 * kWorkers; ++i) {
      CHECK(status_of(get(nginx.port(), "/?version=0")) == 406);
      CHECK(status_of(get(nginx.port(), "/?version=7")) == 200);
    }
  }
  put(bundle_of(fine), {"good", {{.name = "all", .mode = waf::Mode::kBlock}, {.name = "host0", .mode = waf::Mode::kBlock}}});
  CHECK(board.state().faults.empty());
  CHECK(status_of(get(nginx.port(), "/?version=7")) == 406);
}
