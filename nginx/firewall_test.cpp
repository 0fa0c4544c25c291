// The firewall inside a real nginx: what it refuses, what passes untouched, what is recorded, and how rules change under way.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "ftw/through_nginx.h"
#include "policy/policy.h"
#include "ring/update_board.h"
#include "test_support.h"

namespace {

using namespace ringwall;
using namespace ringwall::edge_module;
using namespace std::chrono_literals;

constexpr const char* kOn = "SecRuleEngine On\nSecRequestBodyAccess On\nSecRequestBodyLimit 1000000\nSecRequestBodyNoFilesLimit 1000000\nSecResponseBodyAccess On\nSecAuditEngine RelevantOnly\n";
constexpr const char* kEvil = "SecRule ARGS|REQUEST_HEADERS:X-Test \"@contains evil\" \"id:1,phase:2,deny,msg:'Evil',severity:2,tag:'attack-evil'\"\n";

struct Place {
  std::string name;
  waf::Mode mode = waf::Mode::kAsRules;
  std::vector<policy::PlacedExclusion> exclusions;
  std::vector<policy::LimitText> limits = {};
};

// The policies of these places.
void put_rules(const Nginx& nginx, const std::string& rules, const std::vector<Place>& places) {
  std::vector<policy::PolicyText> policies;
  for (const auto& place : places) policies.push_back({place.name, place.mode, {}, place.exclusions, place.limits});
  put_policies(nginx, rules, policies);
}

const std::string kHttp = "ringwall_ring run/edge.ring; ringwall_waf_policies run/waf/policies.json; client_max_body_size 10m; client_body_buffer_size 16k; ";

std::string body_of(const std::string& answer) {
  const auto head = answer.find("\r\n\r\n");
  return head == std::string::npos ? "" : answer.substr(head + 4);
}

// A socket on which an answer has begun with 200, or -1.
int open_stream(int port, const std::string& path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const auto request = "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  char bytes[512];
  const auto n = ::recv(fd, bytes, sizeof bytes, 0);
  if (n > 0 && status_of(std::string(bytes, static_cast<std::size_t>(n))) == 200) return fd;
  ::close(fd);
  return -1;
}

// Answers one connection with `head`, then with what it is sent, and never ends by itself.
class Stream {
 public:
  explicit Stream(const std::string& head) : head_(head), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_, 4) == 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Stream() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  int port() const { return port_; }

 private:
  void run() {
    for (int peer; (peer = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(peer)) {
      char bytes[4096];
      if (::recv(peer, bytes, sizeof bytes, 0) <= 0) continue;
      ::send(peer, head_.data(), head_.size(), MSG_NOSIGNAL);
      for (ssize_t n; (n = ::recv(peer, bytes, sizeof bytes, 0)) > 0;) ::send(peer, bytes, static_cast<std::size_t>(n), MSG_NOSIGNAL);
    }
  }
  const std::string head_;
  const int listener_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace

TEST_CASE("firewall: places differ, and each verdict is recorded") {
  Backend backend("b");
  Nginx nginx;
  put_rules(nginx, std::string(kOn) + kEvil, {{"block", waf::Mode::kBlock, {}}, {"log", waf::Mode::kLog, {}}, {"off", waf::Mode::kOff, {}}, {"spared", waf::Mode::kBlock, {{"1", {"ARGS:text"}, ""}}}});
  const std::string pass = " proxy_pass http://127.0.0.1:" + std::to_string(backend.port()) + "; } ";
  nginx.configure(kHttp + "server { listen @PORT@; ringwall_waf block; error_page 403 @refused; location @refused { return 403 \"refused $ringwall_trace_id\"; }"
                  "location / {" + pass + "location /log { ringwall_waf log;" + pass + "location /off { ringwall_waf off;" + pass + "location /spared { ringwall_waf spared;" + pass +
                  "location /moved { return 301 /; } location /none { ringwall_waf off; return 200 ok; } }");
  nginx.start();
  struct Case {
    const char* path;
    int status, verdict;
    std::uint32_t rule;
    bool reached, audited;
  };
  const Case kCases[] = {
      {"/?a=fine", 200, 1, 0, true, false},   {"/?a=evil", 403, 3, 1, false, true},   {"/log?a=evil", 200, 2, 1, true, true},
      {"/off?a=evil", 200, 0, 0, true, false}, {"/spared?text=evil", 200, 1, 0, true, false}, {"/spared?a=evil", 403, 3, 1, false, true},
      {"/none?a=evil", 200, 0, 0, false, false}, {"/?a=ev%69l", 403, 3, 1, false, true},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.path);
    const int before = backend.requests();
    const auto answer = get(nginx.port(), c.path);
    CHECK(status_of(answer) == c.status);
    const auto record = nginx.record();
    CHECK(record.status == c.status);
    CHECK(int{record.waf_verdict} == c.verdict);
    CHECK(record.waf_rule_id == c.rule);
    CHECK((backend.requests() == before + 1) == c.reached);
    const auto events = nginx.take_events();
    CHECK(events.size() == (c.audited ? 1 : 0));
    if (c.audited && !events.empty()) CHECK(events[0].find("\"ruleId\":\"1\"") != std::string::npos);
    if (c.status == 403) CHECK(body_of(answer).starts_with("refused "));
  }
}

TEST_CASE("firewall: bodies in memory, in a file, in chunks, and those that are not read") {
  Backend backend("b");
  Nginx nginx;
  if (::geteuid() == 0) nginx.keep_user();
  put_rules(nginx, std::string(kOn) + kEvil, {{"all", waf::Mode::kAsRules, {}}});
  nginx.configure(kHttp + "server { listen @PORT@; ringwall_waf all; location / { proxy_pass http://127.0.0.1:" + std::to_string(backend.port()) + "; } }");
  nginx.start();
  const std::string large(400'000, 'x');
  CHECK(status_of(post(nginx.port(), "/", "a=fine")) == 200);
  CHECK(status_of(post(nginx.port(), "/", "a=evil")) == 403);
  CHECK(status_of(post(nginx.port(), "/", "a=" + large)) == 200);
  CHECK(status_of(post(nginx.port(), "/", "a=" + large + "evil")) == 403);
  // One byte more than SecRequestBodyLimit.
  CHECK(status_of(post(nginx.port(), "/", "a=" + std::string(999'999, 'x'))) == 413);
  CHECK(status_of(converse(nginx.port(), "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
                                         "4\r\na=ev\r\n2\r\nil\r\n0\r\n\r\n")) == 403);
  // A stream is not waited for; its head is looked at.
  CHECK(status_of(post(nginx.port(), "/", "a=evil", "Content-Type: application/grpc\r\n")) == 200);
  CHECK(status_of(post(nginx.port(), "/", "a=fine", "Content-Type: application/grpc\r\nX-Test: evil\r\n")) == 403);
  // The connection goes on after a refusal.
  const std::string one = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\na=evil";
  const auto two = converse(nginx.port(), one + "GET /?a=fine HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  CHECK(two.find("HTTP/1.1 403") == 0);
  CHECK(two.find("HTTP/1.1 200") != std::string::npos);
}

TEST_CASE("firewall: answers go out as they are, or not at all") {
  Nginx nginx;
  if (::geteuid() == 0) nginx.keep_user();
  put_rules(nginx, std::string(kOn) + "SecResponseBodyMimeType text/html\nSecResponseBodyLimit 100000\nSecResponseBodyLimitAction ProcessPartial\n"
                   "SecRule RESPONSE_BODY \"@contains secret\" \"id:4,phase:4,deny,status:502\"\nSecRule RESPONSE_HEADERS:X-Debug \"@streq on\" \"id:3,phase:3,deny\"\n",
            {{"all", waf::Mode::kAsRules, {}}, {"log", waf::Mode::kLog, {}}});
  std::string page, late;
  for (int i = 0; i < 4000; ++i) page += "<p>line " + std::to_string(i) + "</p>\n";
  late = page + page + "secret";
  std::filesystem::create_directories(nginx.folder().path("www"));
  std::ofstream(nginx.folder().path("www/page.html")) << page;
  std::ofstream(nginx.folder().path("www/leak.html")) << page << "secret";
  std::ofstream(nginx.folder().path("www/late.html")) << late;
  std::ofstream(nginx.folder().path("www/leak.bin")) << "secret";
  nginx.configure(kHttp + "types { text/html html; } default_type application/octet-stream; gzip on; gzip_proxied any; server { listen unix:" + nginx.folder().path("run/www.sock") + "; root www; location /debug { add_header X-Debug on; return 200 hello; } }"
                  "server { listen @PORT@; ringwall_waf all; location / { proxy_buffers 4 4k; proxy_pass http://unix:" + nginx.folder().path("run/www.sock") + "; } "
                  "location /log/ { ringwall_waf log; proxy_pass http://unix:" + nginx.folder().path("run/www.sock") + ":/; } location /file/ { alias www/; } }");
  nginx.start();
  const auto fetched = [&](const std::string& path) { return get(nginx.port(), path, "Connection: close\r\n"); };
  CHECK(body_of(fetched("/page.html")) == page);
  CHECK(body_of(fetched("/file/page.html")) == page);
  CHECK(status_of(fetched("/debug")) == 403);
  CHECK(status_of(fetched("/log/debug")) == 200);
  for (const auto* path : {"/leak.html", "/file/leak.html"}) {
    CAPTURE(path);
    const auto leak = fetched(path);
    CHECK(status_of(leak) == 502);
    CHECK(leak.find("line 7") == std::string::npos);
  }
  CHECK(body_of(fetched("/log/leak.html")) == page + "secret");
  CHECK(body_of(fetched("/leak.bin")) == "secret");       // not a type that is looked at
  CHECK(body_of(fetched("/late.html")) == late);          // behind the limit
  CHECK(status_of(converse(nginx.port(), "HEAD /leak.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) == 200);
  // What is inspected is compressed afterwards.
  CHECK(get(nginx.port(), "/page.html", "Accept-Encoding: gzip\r\nConnection: close\r\n").find("Content-Encoding: gzip") != std::string::npos);
}

TEST_CASE("firewall: streams flow: server-sent events at once, WebSocket both ways") {
  const Stream events("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n");
  const Stream socket("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  Nginx nginx;
  put_rules(nginx, std::string(kOn) + kEvil + "SecRule RESPONSE_BODY \"@contains one\" \"id:4,phase:4,deny\"\n", {{"all", waf::Mode::kBlock, {}}});
  const auto to = [](int port) { return "proxy_pass http://127.0.0.1:" + std::to_string(port) + "; "; };
  nginx.configure(kHttp + "server { listen @PORT@; ringwall_waf all; proxy_http_version 1.1; location /events { proxy_buffering off; " + to(events.port()) +
                  "} location /socket { proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; " + to(socket.port()) + "} }");
  nginx.start();
  const std::string head = " HTTP/1.1\r\nHost: a\r\n";
  CHECK(converse(nginx.port(), "GET /events" + head + "\r\n", "data: one").find("data: one") != std::string::npos);
  const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  CHECK(converse(nginx.port(), "GET /socket" + head + upgrade + "evil frame", "evil frame").find("evil frame") != std::string::npos);
  CHECK(status_of(converse(nginx.port(), "GET /socket?a=evil" + head + upgrade, "\r\n\r\n")) == 403);
}

TEST_CASE("firewall: drop, redirect and pause") {
  Backend backend("b");
  Nginx nginx;
  put_rules(nginx, std::string(kOn) + "SecRule ARGS:a \"@streq drop\" \"id:1,phase:1,drop\"\nSecRule ARGS:a \"@streq away\" \"id:2,phase:2,redirect:'https://example.com/?from=%{REMOTE_ADDR}'\"\n"
                   "SecRule ARGS:a \"@streq slow\" \"id:3,phase:1,pause:300\"\n",
            {{"all", waf::Mode::kAsRules, {}}});
  nginx.configure(kHttp + "server { listen @PORT@; ringwall_waf all; location / { proxy_pass http://127.0.0.1:" + std::to_string(backend.port()) + "; } }");
  nginx.start();
  CHECK(get(nginx.port(), "/?a=drop") == "");
  const auto away = get(nginx.port(), "/?a=away");
  CHECK(status_of(away) == 302);
  CHECK(away.find("Location: https://example.com/?from=127.0.0.1\r\n") != std::string::npos);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(status_of(get(nginx.port(), "/?a=slow")) == 200);
  CHECK(std::chrono::steady_clock::now() - begin >= 300ms);
  const auto records = nginx.records(3);
  CHECK(int{records[0].waf_verdict} == 4);
  CHECK(int{records[1].waf_verdict} == 5);
}

TEST_CASE("firewall: rules change under way, and mistakes change nothing") {
  Backend backend("b");
  Nginx nginx;
  auto board = ring::UpdateBoard::open_or_create(nginx.folder().path("run/waf.board")).value();
  put_rules(nginx, std::string(kOn) + kEvil, {{"all", waf::Mode::kAsRules, {}}});
  nginx.configure(kHttp + "ringwall_waf_updates run/waf.board; server { listen @PORT@; ringwall_waf all; location / { proxy_pass http://127.0.0.1:" + std::to_string(backend.port()) + "; } }", 2);
  nginx.start();
  const auto live = [&] {
    REQUIRE(eventually([&] { return board.state().live + board.state().faults.size() == 2; }));
    return board.state();
  };
  live();
  const auto workers = nginx.workers();
  REQUIRE(workers.size() == 2);
  // Every worker answers some of these.
  const auto all_answer = [&](const char* path, int status) {
    for (int i = 0; i < 20; ++i) {
      if (status_of(get(nginx.port(), path)) != status) return false;
    }
    return true;
  };
  CHECK(all_answer("/?a=evil", 403));
  const std::string bad = "SecRule ARGS \"@contains bad\" \"id:2,phase:2,deny,status:406\"\n";
  put_rules(nginx, kOn + bad, {{"all", waf::Mode::kAsRules, {}}});
  board.publish();
  CHECK(live().faults.empty());
  CHECK(all_answer("/?a=evil", 200));
  CHECK(all_answer("/?a=bad", 406));
  put_rules(nginx, kOn + bad, {{"all", waf::Mode::kLog, {}}});
  board.publish();
  CHECK(live().faults.empty());
  CHECK(all_answer("/?a=bad", 200));
  put_rules(nginx, kOn + bad, {{"all", waf::Mode::kBlock, {}}});
  board.publish();
  CHECK(live().faults.empty());

  // A place that is gone, rules that are none, a file that is none.
  put_rules(nginx, kOn + bad, {{"other", waf::Mode::kBlock, {}}});
  board.publish();
  REQUIRE(live().faults.size() == 2);
  CHECK(live().faults[0].find("no policy 'all'") != std::string::npos);
  std::ofstream(nginx.folder().path("run/waf/policies.json")) << "{";
  board.publish();
  CHECK(live().faults.size() == 2);
  CHECK(all_answer("/?a=bad", 406));

  // A worker that follows one that died begins with what is in force, not with what nginx was started with.
  put_rules(nginx, kOn + bad, {{"all", waf::Mode::kBlock, {}}});
  board.publish();
  CHECK(live().faults.empty());
  for (const auto pid : workers) ::kill(pid, SIGKILL);
  REQUIRE(eventually([&] { return nginx.workers().size() == 2 && board.state().live == 2; }));
  CHECK(all_answer("/?a=bad", 406));
  CHECK(all_answer("/?a=evil", 200));
}

TEST_CASE("firewall: collections are of all workers, and outlive them") {
  Nginx nginx;
  put_table(nginx);
  put_rules(nginx, std::string(kOn) +
                       "SecAction \"id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.hits=+1,expirevar:ip.hits=600\"\n"
                       "SecRule IP:hits \"@gt 10\" \"id:2,phase:1,deny,status:429\"\n",
            {{"all", waf::Mode::kAsRules, {}}});
  nginx.configure(kHttp + "ringwall_waf_table run/waf.table; server { listen @PORT@; ringwall_waf all; location / { return 200 ok; } }", 2);
  nginx.start();
  std::vector<int> passed(4);
  std::vector<std::thread> clients;
  for (auto& count : passed) {
    clients.emplace_back([&] {
      for (int i = 0; i < 10; ++i) count += status_of(get(nginx.port(), "/")) == 200 ? 1 : 0;
    });
  }
  for (auto& client : clients) client.join();
  CHECK(passed[0] + passed[1] + passed[2] + passed[3] == 10);
  nginx.kill_all();
  nginx.start();
  CHECK(status_of(get(nginx.port(), "/")) == 429);
}

TEST_CASE("firewall: limits") {
  Backend backend("b"), refusing("r", 401);
  Nginx nginx;
  put_table(nginx);
  const auto rate = [](std::string name, std::string key, std::string path = "") { return policy::LimitText{.name = std::move(name), .key = std::move(key), .path = std::move(path), .requests = 3, .period_ms = 3'600'000}; };
  auto login = rate("login", "argument:user", "= /login");
  login.methods = {"POST"};
  auto guesses = rate("guesses", "address", "/guess");
  guesses.statuses = {401};
  policy::LimitText crowd{.name = "crowd", .key = "everyone", .path = "/slow", .concurrent = 1};
  put_rules(nginx, std::string(kOn) + kEvil, {{"all", waf::Mode::kBlock, {}, {rate("all", "address", "/a"), rate("key", "header:X-Api-Key", "/key"), rate("cookie", "cookie:id", "/cookie"), login, guesses, crowd}},
                                              {"log", waf::Mode::kLog, {}, {rate("logged", "address")}}});
  const auto pass = [](const Backend& to) { return " proxy_pass http://127.0.0.1:" + std::to_string(to.port()) + "; } "; };
  Stream slow("HTTP/1.1 200 OK\r\n\r\n");
  nginx.configure(kHttp + "ringwall_waf_table run/waf.table; server { listen @PORT@; ringwall_waf all; location / {" + pass(backend) + "location /seen { ringwall_waf log;" + pass(backend) +
                      "location /guess {" + pass(refusing) + "location /slow { proxy_buffering off; proxy_pass http://127.0.0.1:" + std::to_string(slow.port()) + "; } }",
                  2);
  nginx.start();
  struct Case {
    const char *name, *path, *headers, *body;  // a body: POST
    int before;                                // status of the first three
    int after;
  };
  const Case kCases[] = {
      {"by address", "/a", "", nullptr, 200, 429},
      {"elsewhere is no limit", "/b", "", nullptr, 200, 200},
      {"one key", "/key", "X-Api-Key: one\r\n", nullptr, 200, 429},
      {"another key", "/key", "X-Api-Key: two\r\n", nullptr, 200, 429},
      {"no key: the address", "/key", "", nullptr, 200, 429},
      {"a cookie among others", "/cookie", "Cookie: a=b; id=7;c=d\r\n", nullptr, 200, 429},
      {"another's cookie", "/cookie", "Cookie: id=8\r\n", nullptr, 200, 429},
      {"an account", "/login", "", "user=ann&password=x", 200, 429},
      {"another account", "/login", "", "user=bob&password=x", 200, 429},
      {"its page is no attempt", "/login?user=ann", "", nullptr, 200, 200},
      {"failures", "/guess", "", nullptr, 401, 429},
      {"log mode lets pass", "/seen", "", nullptr, 200, 200},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    const auto ask = [&] { return c.body != nullptr ? post(nginx.port(), c.path, c.body) : get(nginx.port(), c.path, c.headers); };
    for (int i = 0; i < 3; ++i) CHECK(status_of(ask()) == c.before);
    nginx.records(3);
    const auto answer = ask();
    CHECK(status_of(answer) == c.after);
    if (c.after == 429) CHECK(answer.find("\r\nRetry-After: 1200\r\n") != std::string::npos);
    const auto wanted = c.after == 429 ? ring::WafVerdict::kLimited : c.path == std::string("/seen") ? ring::WafVerdict::kMatched : ring::WafVerdict::kPassed;
    CHECK(nginx.record().waf_verdict == static_cast<int>(wanted));
  }
  // One is inside until it leaves.
  const auto enter = [&] { return open_stream(nginx.port(), "/slow"); };
  const int first = enter();
  CHECK(first >= 0);
  CHECK(status_of(get(nginx.port(), "/slow")) == 429);
  ::close(first);
  CHECK(eventually([&] {
    const int third = enter();
    const bool in = third >= 0;
    if (in) ::close(third);
    return in;
  }));
}

TEST_CASE("firewall: a configuration that cannot work is refused") {
  Nginx nginx;
  const auto fault = [&](const std::string& http) {
    nginx.configure(http);
    return nginx.check();
  };
  CHECK(fault("server { listen @PORT@; ringwall_waf all; }").find("needs \"ringwall_waf_policies\"") != std::string::npos);
  CHECK(fault("ringwall_waf_policies run/none.json; server { listen @PORT@; ringwall_waf all; }").find("none.json") != std::string::npos);
  put_rules(nginx, kEvil, {{"all", waf::Mode::kAsRules, {}}});
  CHECK(fault("ringwall_waf_policies run/waf/policies.json; server { listen @PORT@; ringwall_waf al; }").find("no policy 'al'") != std::string::npos);
  CHECK(fault("ringwall_waf_policies run/waf/policies.json; server { listen @PORT@; ringwall_waf all; }") == "");
}

// The Core Rule Set's own tests.  What is overridden is what nginx answers before any module is asked (400, 505), and what Apache, not
// the rules, refuses in the tests' own expectations (docs/firewall.md lists them).
TEST_CASE("firewall: the Core Rule Set's own tests through nginx") {
  const auto folder = std::string(RINGWALL_SOURCE_DIR) + "/../shared/crs";
  if (!std::filesystem::exists(folder)) {
    std::printf("skipped: the Core Rule Set's tests through nginx: shared/crs is not there\n");
    return;
  }
  const auto read = [](const std::filesystem::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  };
  const ring::TestFolder rules("crs");
  const auto absolute = std::filesystem::canonical(folder).string();
  std::ofstream(rules.path("main.conf"))
      << "SecRuleEngine DetectionOnly\nSecRequestBodyAccess On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/plain text/html text/xml application/json\n"
         "SecRule REQUEST_HEADERS:Content-Type \"^(?:application(?:/soap\\+|/)|text/)xml\" \"id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML\"\n"
         "SecRule REQUEST_HEADERS:Content-Type \"^application/(?:[a-z0-9.-]+\\+)?json\" \"id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
         "SecRule REQBODY_ERROR \"!@eq 0\" \"id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.',logdata:'%{reqbody_error_msg}'\"\n"
         "SecAction \"id:900005,phase:1,nolog,pass,setvar:tx.blocking_paranoia_level=4,setvar:tx.detection_paranoia_level=4,setvar:tx.crs_validate_utf8_encoding=1,"
         "setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=6400,setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535\"\n"
         "Include " << absolute << "/crs-setup.conf.example\nInclude " << absolute << "/rules/*.conf\n";
  const std::pair<std::uint64_t, int> kOverridden[] = {{920100, 4},  {920100, 14}, {920181, 1}, {920290, 4}, {920430, 8},  // nginx answers itself
                                                       {920100, 8},  {920270, 4},  {920274, 1}, {920610, 2}, {920620, 1}};  // Apache's answers
  auto overrides = ftw::read_overrides(read(folder + "/tests/regression/nginx-overrides.yaml"), "nginx-overrides.yaml").value();
  std::erase_if(overrides, [&](const auto& one) { return std::find(std::begin(kOverridden), std::end(kOverridden), one.first) == std::end(kOverridden); });
  CHECK(overrides.size() == std::size(kOverridden));
  std::vector<ftw::Test> tests;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder + "/tests/regression/tests")) {
    if (entry.path().extension() != ".yaml" && entry.path().extension() != ".yml") continue;
    auto some = ftw::read_tests(read(entry.path()), entry.path().filename());
    REQUIRE(some.ok());
    for (auto& test : *some) tests.push_back(std::move(test));
  }
  const auto runner = ftw::nginx_runner({.rules = rules.path("main.conf"), .module = RINGWALL_MODULE, .nginx = RINGWALL_NGINX});
  REQUIRE_MESSAGE(runner.ok(), (runner.ok() ? "" : runner.error().message));
  const auto report = ftw::run(tests, overrides, *runner);
  for (const auto& failure : report.failures) MESSAGE(failure.rule_id << "-" << failure.test_id << ": " << failure.why);
  CHECK(report.passed == 5082);
  CHECK(report.failures.empty());
  std::printf("Core Rule Set through nginx: %zu passed, %zu failed\n", report.passed, report.failures.size());
}
