#include "http/server.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <thread>

#include "http/client.h"

using namespace ringwall;
using namespace ringwall::http;

namespace {

struct Running {
  std::unique_ptr<Server> server;
  std::string url(const std::string& path) const { return fmt::format("http://127.0.0.1:{}{}", server->port(), path); }
};

Running run(Handler handler, std::size_t body_bytes_max = 1024) {
  auto server = Server::open({.listen = "127.0.0.1:0", .body_bytes_max = body_bytes_max}, std::move(handler));
  REQUIRE(server.ok());
  return {std::move(*server)};
}

}  // namespace

TEST_CASE("http: a request arrives whole and decoded") {
  auto running = run([](Request&& request, Responder responder) {
    responder.respond({.body = fmt::format("{} {} {} {} {} {}", request.method, request.path, request.parameter("q").value_or("-"),
                                           request.header("x-test"), request.body, request.peer)});
  });
  const auto answer = fetch({.method = "POST", .url = running.url("/a%20b?q=x%26y&r"), .headers = {"X-Test: 1"}, .body = "hello"});
  REQUIRE(answer.ok());
  CHECK(answer->status == 200);
  CHECK(answer->body == "POST /a b x&y 1 hello 127.0.0.1");
}

TEST_CASE("http: the body's limit is exact, with and without a length") {
  auto running = run([](Request&& request, Responder responder) { responder.respond({.body = std::to_string(request.body.size())}); });
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    for (const std::size_t size : {1024u, 1025u, 4000u}) {
      Fetch request{.method = "POST", .url = running.url("/"), .body = std::string(size, 'x')};
      if (chunked) request.headers.push_back("Transfer-Encoding: chunked");
      const auto answer = fetch(request);
      REQUIRE(answer.ok());
      CHECK(answer->status == (size <= 1024 ? 200 : 413));
    }
  }
}

TEST_CASE("http: an answer may come later and from another thread, or never") {
  std::vector<std::thread> threads;
  auto running = run([&](Request&& request, Responder responder) {
    if (request.path == "/never") return;
    threads.emplace_back([responder]() mutable { responder.respond({.body = "later"}); });
  });
  CHECK(fetch({.url = running.url("/"), .body = ""})->body == "later");
  CHECK(fetch({.url = running.url("/never"), .body = ""})->status == 500);
  for (auto& thread : threads) thread.join();
}

TEST_CASE("http: a stream is delivered as it is written and ends when the client leaves") {
  std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<Stream> stream;
  auto running = run([&](Request&&, Responder responder) {
    const std::lock_guard lock(mutex);
    stream = responder.stream({.body = "first\n", .content_type = "text/event-stream"});
    changed.notify_all();
  });
  std::thread writer([&] {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return stream != nullptr; });
    for (int i = 0; stream->write("next\n") && i < 1'000'000; ++i) std::this_thread::yield();
  });
  std::string got;
  const auto answer = fetch({.url = running.url("/"), .body = "", .on_data = [&](std::string_view piece) {
                               got.append(piece);
                               return got.find("next\n") == std::string::npos;
                             }});
  REQUIRE(answer.ok());
  CHECK(got.substr(0, 6) == "first\n");
  writer.join();
  CHECK_FALSE(stream->open());
}

TEST_CASE("http: a local socket, and clear refusals") {
  const std::string path = fmt::format("{}/http_test.{}.sock", RINGWALL_BINARY_DIR, ::getpid());
  auto server = Server::open({.unix_path = path}, [](Request&& request, Responder responder) { responder.respond({.body = request.peer}); });
  REQUIRE(server.ok());
  CHECK(fetch({.url = "http://ringwall/", .unix_path = path, .body = ""})->body == "local");

  auto taken = run([](Request&&, Responder) {});
  const auto again = Server::open({.listen = fmt::format("127.0.0.1:{}", taken.server->port())}, [](Request&&, Responder) {});
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().code == Errc::kUnavailable);
  CHECK(Server::open({.listen = "nowhere"}, [](Request&&, Responder) {}).error().code == Errc::kInvalid);
  CHECK(Server::open({.listen = "127.0.0.1:0", .certificate_pem = "no", .key_pem = "no"}, [](Request&&, Responder) {}).error().code == Errc::kInvalid);
}
