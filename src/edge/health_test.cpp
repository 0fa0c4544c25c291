#include "edge/health.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "edge/detail/address.h"
#include "edge/detail/test_support.h"

namespace ringwall::edge {

using namespace std::chrono_literals;

TEST_CASE("health: the states an instance goes through") {
  // + a check passed, - it failed, s the process started, e it ended, d drained
  const std::pair<const char*, const char*> kCases[] = {
      {"", "starting"},       {"+", "healthy"},  // nothing bad is known of a fresh one
      {"--", "starting"},     {"---", "unhealthy"},  {"--+", "healthy"},
      {"+--", "healthy"},     {"+---", "unhealthy"}, {"+--+--", "healthy"},  // not in a row
      {"+---+", "unhealthy"}, {"+---++", "healthy"}, {"+---+-+", "unhealthy"},
      {"+e", "down"},         {"+e+", "down"},  // somebody else answers on its address
      {"+es", "starting"},    {"+es+", "healthy"},   {"+d", "draining"},
      {"+d---", "draining"},  {"+ds", "draining"},   {"+de", "down"},
  };
  for (const auto& [steps, want] : kCases) {
    CAPTURE(steps);
    HealthMachine machine({.kind = CheckKind::kTcp, .healthy_after = 2, .unhealthy_after = 3});
    for (const char step : std::string_view(steps)) {
      const auto before = machine.state();
      bool changed = false;
      switch (step) {
        case '+':
          changed = machine.observe(true);
          break;
        case '-':
          changed = machine.observe(false);
          break;
        case 's':
          changed = machine.process_started();
          break;
        case 'e':
          changed = machine.process_ended();
          break;
        case 'd':
          changed = machine.drain();
          break;
        default:
          FAIL("unknown step");
      }
      CHECK(changed == (before != machine.state()));
    }
    CHECK(instance_state_name(machine.state()) == want);
  }
  HealthMachine unchecked({.kind = CheckKind::kNone});
  CHECK(unchecked.state() == InstanceState::kHealthy);
}

TEST_CASE("health: what an answer says") {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "more"},
      {"HTTP/1.1 20", "more"},
      {"HTTP/1.1 200", "passed"},
      {"HTTP/1.0 204 No Content\r\n", "passed"},
      {"HTTP/1.1 399 ", "passed"},
      {"HTTP/1.1 400 ", "status 400"},
      {"HTTP/1.1 503 Service Unavailable\r\n\r\n", "status 503"},
      {"HTTP/1.1 199 ", "status 199"},
      {"HTTP/1.1 2x0", "the answer has no status"},
      {"HTTP/2", "the answer is not HTTP/1"},
      {"SSH-2.0-OpenSSH", "the answer is not HTTP/1"},
  };
  for (const auto& [bytes, want] : kCases) {
    CAPTURE(bytes);
    std::string reason;
    const auto verdict = judge_answer(bytes, {}, reason);
    CHECK((verdict == Verdict::kMore ? "more" : verdict == Verdict::kPassed ? "passed" : reason) == want);
  }
}

TEST_CASE("health: the range of statuses that pass is declared") {
  std::string reason;
  CHECK(judge_answer("HTTP/1.1 401 ", {.status_min = 401, .status_max = 401}, reason) == Verdict::kPassed);
  CHECK(judge_answer("HTTP/1.1 200 ", {.status_min = 401, .status_max = 401}, reason) == Verdict::kFailed);
}

TEST_CASE("address: text and back, and what is none") {
  const std::pair<const char*, const char*> kCases[] = {
      {"127.0.0.1:80", "127.0.0.1:80"},
      {"[0:0::1]:8443", "[::1]:8443"},
      {"0.0.0.0:0", "0.0.0.0:0"},
      {"localhost:80", "error"},
      {"127.0.0.1", "error"},
      {"127.0.0.1:65536", "error"},
      {"127.0.0.1:80x", "error"},
      {"::1:80", "error"},
      {"[]:80", "error"},
  };
  for (const auto& [text, want] : kCases) {
    CAPTURE(text);
    const auto address = detail::parse_address(text);
    CHECK((address.ok() ? address->text() : "error") == want);
  }
}

namespace {

// Answers every connection with the same text, as long as it is told to.
class Server {
 public:
  Server() : fd_(detail::listen_on(detail::parse_address("127.0.0.1:0").value()).value()) {
    detail::Address own;
    own.size = sizeof own.storage;
    ::getsockname(fd_, own.get(), &own.size);
    address = own.text();
    thread_ = std::thread([this] {
      while (!stop_) {
        const int client = ::accept(fd_, nullptr, nullptr);
        if (client < 0) {
          std::this_thread::sleep_for(1ms);
          continue;
        }
        char request[1024];
        [[maybe_unused]] const auto got = ::recv(client, request, sizeof request, 0);
        const std::string text = fmt::format("HTTP/1.1 {} x\r\n\r\n", status.load());
        ::send(client, text.data(), text.size(), MSG_NOSIGNAL);
        ::close(client);
      }
    });
  }
  ~Server() {
    stop_ = true;
    thread_.join();
    ::close(fd_);
  }
  std::string address;
  std::atomic<int> status{200};

 private:
  int fd_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace

TEST_CASE("health: real checks find who answers, who refuses and who came back") {
  Server server;
  std::atomic<int> changes{0};
  auto checker = HealthChecker::open(base::real_clock(), [&](const InstanceHealth&) { ++changes; }).value();
  const auto check = [](CheckKind kind) {
    return Check{.kind = kind,
                 .path = "/health",
                 .interval = 5ms,
                 .timeout = 500ms,
                 .healthy_after = 2,
                 .unhealthy_after = 2};
  };
  const auto state = [&](const std::string& name) {
    for (const auto& health : checker->list()) {
      if (health.name == name)
        return fmt::format("{} {}", instance_state_name(health.state), health.last_error);
    }
    return std::string("unknown");
  };
  checker->add({"web/0", server.address, check(CheckKind::kHttp)});
  checker->add({"web/1", server.address, check(CheckKind::kTcp)});
  std::string unhealthy;
  CHECK(checker->wait_healthy({"web/0", "web/1"}, 5s, unhealthy));

  checker->add({"web/2", "127.0.0.1:1", check(CheckKind::kHttp)});
  CHECK(test::eventually([&] { return state("web/2") == "unhealthy Connection refused"; }));
  CHECK_FALSE(checker->wait_healthy({"web/0", "web/2"}, 10ms, unhealthy));
  CHECK(unhealthy == "web/2");

  server.status = 500;
  CHECK(test::eventually([&] { return state("web/0") == "unhealthy status 500"; }));
  CHECK(state("web/1") == "healthy ");
  server.status = 200;
  CHECK(test::eventually([&] { return state("web/0").starts_with("healthy"); }));

  checker->process_ended("web/0", "killed by signal 9");
  CHECK(state("web/0") == "down killed by signal 9");
  checker->process_started("web/0");
  CHECK(test::eventually([&] { return state("web/0").starts_with("healthy"); }));
  checker->drain("web/0");
  CHECK(state("web/0").starts_with("draining"));
  checker->remove("web/0");
  CHECK(state("web/0") == "unknown");
  CHECK(changes >= 9);
}

}  // namespace ringwall::edge
