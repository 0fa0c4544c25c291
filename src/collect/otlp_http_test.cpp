#include "collect/otlp_http.h"

#include <doctest/doctest.h>
#include <libdeflate.h>

#include <future>

#include "base/sim.h"
#include "collect/test_batches.h"
#include "collect/test_wire.h"

namespace ringwall::collect {

namespace {

constexpr std::string_view kProtobuf = "application/x-protobuf", kJson = "application/json";

struct Listener {
  base::sim::Files files;
  base::sim::Clock clock{42};
  std::string stored;
  OtlpOptions options{.defaults = {"test", "lab", "here"}, .clock = &clock, .body_bytes_max = 4096};
  CollectorOptions collector_options{.directory = "spool"};
  std::unique_ptr<Collector> collector;

  void open() {
    collector = Collector::open(collector_options, {}, files, clock, [this](const Durable& durable) { stored += texts(*durable.batch) + ";"; }).value();
  }
  OtlpResponse send(const OtlpRequest& request) {
    std::promise<OtlpResponse> promise;
    auto future = promise.get_future();
    handle_otlp(request, options, *collector, [&promise](OtlpResponse response) { promise.set_value(std::move(response)); });
    return future.get();
  }
  OtlpResponse post(std::string_view type, std::string_view body, std::string_view encoding = "", std::string_view path = "/v1/logs") {
    return send({"POST", path, type, encoding, body});
  }
  std::string counts() const {
    const auto c = collector->counts();
    auto out = fmt::format("{}={}+{}", c.received, c.stored, c.pending);
    for (const auto& d : c.dropped) out += fmt::format(" {}:{}", d.reason, d.records);
    return out;
  }
};

std::string log_request(std::string_view message, std::string_view more = "") { return test::request("", "", test::bytes(2, test::bytes(5, test::text_value(message))) + std::string(more)); }

std::string gzip(std::string_view text) {
  auto* compressor = libdeflate_alloc_compressor(6);
  std::string out(text.size() + 64, '\0');
  out.resize(libdeflate_gzip_compress(compressor, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

}  // namespace

TEST_CASE("otlp/http: success in both encodings, plain and compressed, once for retries") {
  Listener listener;
  listener.open();
  auto answer = listener.post(kProtobuf, log_request("one"));
  CHECK(answer.status == 200);
  CHECK(answer.content_type == kProtobuf);
  CHECK(answer.body.empty());
  answer = listener.post("application/json; charset=utf-8", R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"two"}}]}]}]})");
  CHECK(answer.status == 200);
  CHECK(answer.content_type == kJson);
  CHECK(answer.body == "{}");
  CHECK(listener.post(kProtobuf, gzip(log_request("three")), "gzip").status == 200);
  CHECK(listener.post(kProtobuf, gzip(log_request("three")), "GZIP").status == 200);
  CHECK(listener.post(kProtobuf, log_request("three")).status == 200);
  CHECK(listener.post(kProtobuf, "").status == 200);
  CHECK(listener.stored == "one;two;three;");
  CHECK(listener.counts() == "3=3+0");
}

TEST_CASE("otlp/http: what is wrong gets its status and hurts nothing") {
  Listener listener;
  listener.open();
  const std::string large = log_request(std::string(5000, 'x'));
  const std::string compressed_large = gzip(large), compressed = gzip(log_request("x"));
  const struct {
    OtlpRequest request;
    int status;
  } kCases[] = {
      {{"POST", "/v1/nothing", kProtobuf, "", ""}, 404},
      {{"GET", "/v1/logs", kProtobuf, "", ""}, 405},
      {{"POST", "/v1/logs", "text/plain", "", "x"}, 415},
      {{"POST", "/v1/logs", "", "", "x"}, 415},
      {{"POST", "/v1/logs", kProtobuf, "br", "x"}, 415},
      {{"POST", "/v1/logs", kProtobuf, "", "not protobuf"}, 400},
      {{"POST", "/v1/logs", kJson, "", "not json"}, 400},
      {{"POST", "/v1/logs", kProtobuf, "gzip", "not gzip"}, 400},
      {{"POST", "/v1/logs", kProtobuf, "gzip", std::string_view(compressed).substr(0, 10)}, 400},
      {{"POST", "/v1/logs", kProtobuf, "", large}, 413},
      {{"POST", "/v1/logs", kProtobuf, "gzip", compressed_large}, 413},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.request.path);
    CAPTURE(c.status);
    const auto answer = listener.send(c.request);
    CHECK(answer.status == c.status);
    CHECK(answer.allow_post == (c.status == 405));
    CHECK(answer.retry_after_s == 0);
    CHECK(answer.content_type == (c.request.content_type == kJson ? kJson : kProtobuf));
    CHECK_FALSE(answer.body.empty());
  }
  CHECK(listener.stored.empty());
  CHECK(listener.counts() == "9=0+0 bad_request:7 too_large:2");
  CHECK(listener.post(kJson, "[").body.starts_with("{\"code\":3,\"message\":\""));
}

TEST_CASE("otlp/http: partial success says how many and why") {
  Listener listener;
  listener.open();
  const auto answer = listener.post(kProtobuf, log_request("good", test::bytes(2, test::bytes(9, "bad"))));
  CHECK(answer.status == 200);
  CHECK(answer.body == test::bytes(1, test::number(1, 1) + test::bytes(2, "a trace id is not 16 bytes")));
  CHECK(listener.stored == "good;");
  CHECK(listener.counts() == "2=1+0 rejected:1");
  CHECK(listener.post(kJson, R"({"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]})", "", "/v1/traces").body ==
        R"({"partialSuccess":{"rejectedSpans":"1","errorMessage":"a span without a trace id of 32 hexadecimal digits"}})");
}

TEST_CASE("otlp/http: a disk that refuses and a full spool answer 503 with Retry-After") {
  Listener listener;
  listener.open();
  listener.files.fail_operation(0, 100);
  auto answer = listener.post(kProtobuf, log_request("one"));
  CHECK(answer.status == 503);
  CHECK(answer.retry_after_s > 0);
  CHECK(listener.stored.empty());
  listener.files.fail_operation(base::sim::Files::kNever);
  CHECK(listener.post(kProtobuf, log_request("one")).status == 200);
  CHECK(listener.stored == "one;");
  CHECK(listener.counts() == "2=1+0 disk:1");
}

}  // namespace ringwall::collect
