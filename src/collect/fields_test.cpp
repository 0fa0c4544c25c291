#include "collect/fields.h"

#include <doctest/doctest.h>

#include "collect/test_batches.h"

namespace ringwall::collect {

namespace {

struct Case {
  const char* line;
  const char* want;
};

// The record, with "service/version:" before it when the line names one.
std::string read(std::string_view line, LineFormat format = LineFormat::kAuto) {
  base::BatchBuilder builder(base::Signal::kLog);
  builder.resource("tail", "", "0", "", "", "file");
  append_line(builder, line, format, 42);
  const auto batch = builder.take();
  REQUIRE(base::decode(base::encode(batch)).ok());
  const auto& r = batch.resources[batch.resource[0]];
  return (batch.resource[0] == 0 ? "" : fmt::format("{}/{}: ", batch.view(r.service), batch.view(r.version))) + show(batch, 0);
}

}  // namespace

TEST_CASE("fields: lines as real programs write them") {
  static const Case kCases[] = {
      // pino
      {R"({"level":30,"time":1700000000123,"pid":12,"hostname":"web","trace_id":"0102030405060708090a0b0c0d0e0f10","span_id":"a1a2a3a4a5a6a7a8","req":{"id":1,"method":"GET","url":"/cart"},"res":{"statusCode":200},"responseTime":12.5,"msg":"request completed"})",
       "1700000000123000000 'request completed' trace=0102030405060708090a0b0c0d0e0f10 span=a1a2a3a4a5a6a7a8 status=200 took=12500000 severity=9 {pid=12 hostname=web req.id=1 req.method=GET req.url=/cart}"},
      // bunyan
      {R"({"name":"api","hostname":"h","pid":1,"level":50,"msg":"boom","time":"2023-11-14T22:13:20.000Z","v":0})", "1700000000000000000 'boom' severity=17 {name=api hostname=h pid=1 v=0}"},
      // winston
      {R"({"level":"warn","message":"slow","timestamp":"2023-11-14T22:13:20.000Z","service":"cart"})", "cart/0: 1700000000000000000 'slow' severity=13 {}"},
      // zap
      {R"({"level":"info","ts":1700000000.5,"caller":"main.go:12","msg":"started","port":8080})", "1700000000500000000 'started' severity=9 {caller=main.go:12 port=8080}"},
      // logrus
      {R"({"level":"fatal","msg":"no config","time":"2023-11-14T23:13:20+01:00"})", "1700000000000000000 'no config' severity=21 {}"},
      // python-json-logger with OpenTelemetry's instrumentation
      {R"({"asctime":"2023-11-14 22:13:20,250","levelname":"ERROR","name":"app","message":"failed","otelTraceID":"0102030405060708090a0b0c0d0e0f10","otelSpanID":"a1a2a3a4a5a6a7a8","otelServiceName":"py"})",
       "1700000000250000000 'failed' trace=0102030405060708090a0b0c0d0e0f10 span=a1a2a3a4a5a6a7a8 severity=17 {name=app otelServiceName=py}"},
      // Datadog's injection
      {R"({"message":"m","dd":{"trace_id":"1234567890","span_id":"987","service":"pay","version":"7","env":"prod"}})", "pay/7: 42 'm' trace=000000000000000000000000499602d2 span=00000000000003db {dd.env=prod}"},
      // Google Cloud
      {R"({"severity":"NOTICE","message":"m","logging.googleapis.com/trace":"projects/p/traces/0102030405060708090a0b0c0d0e0f10","logging.googleapis.com/spanId":"a1a2a3a4a5a6a7a8"})",
       "42 'm' trace=0102030405060708090a0b0c0d0e0f10 span=a1a2a3a4a5a6a7a8 severity=10 {}"},
      // Elastic's common schema
      {R"({"@timestamp":"2023-11-14T22:13:20Z","log.level":"DEBUG","message":"m","trace":{"id":"0102030405060708090a0b0c0d0e0f10"},"http":{"response":{"status_code":404}}})",
       "1700000000000000000 'm' trace=0102030405060708090a0b0c0d0e0f10 status=404 severity=5 {}"},
      {R"({"msg":"m","traceparent":"00-0102030405060708090a0b0c0d0e0f10-a1a2a3a4a5a6a7a8-01"})", "42 'm' trace=0102030405060708090a0b0c0d0e0f10 span=a1a2a3a4a5a6a7a8 {}"},
      // syslog numbers, lists, nulls, and the better of two messages
      {R"({"level":3,"event":"login","msg":"hello","tags":["a","b"],"none":null,"ok":true})", "42 'hello' severity=17 {event=login tags=[\"a\",\"b\"] ok=true}"},
      // no message: the line is
      {R"({"level":"info","a":1})", "42 '{\"level\":\"info\",\"a\":1}' severity=9 {a=1}"},
      // an id that is none stays an attribute
      {R"({"msg":"m","trace_id":"12abc","status":"active"})", "42 'm' {trace_id=12abc status=active}"},

      // Go programs
      {R"(time="2023-11-14T22:13:20Z" level=warning msg="retrying \"soon\"" attempt=3 took=1.5s)", "1700000000000000000 'retrying \"soon\"' took=1500000000 severity=13 {attempt=3}"},
      {R"(ts=2023-11-14T22:13:20.5Z caller=main.go:7 level=info component=tsdb duration=21.3ms msg=done)", "1700000000500000000 'done' took=21300000 severity=9 {caller=main.go:7 component=tsdb}"},

      // nginx combined, Apache common
      {R"(203.0.113.9 - ann [14/Nov/2023:23:13:20 +0100] "GET /cart?x=1 HTTP/1.1" 502 157 "https://shop.example/" "curl/8.1")",
       "1700000000000000000 '203.0.113.9 - ann [14/Nov/2023:23:13:20 +0100] \"GET /cart?x=1 HTTP/1.1\" 502 157 \"https://shop.example/\" \"curl/8.1\"' status=502 severity=17 "
       "{client.address=203.0.113.9 user.name=ann http.request.method=GET url.path=/cart?x=1 http.response.body.size=157 http.request.header.referer=https://shop.example/ user_agent.original=curl/8.1}"},
      {R"(::1 - - [14/Nov/2023:22:13:20 +0000] "\x16\x03\x01" 400 -)", "1700000000000000000 '::1 - - [14/Nov/2023:22:13:20 +0000] \"\\x16\\x03\\x01\" 400 -' status=400 severity=13 {client.address=::1}"},

      // text
      {"2023/11/14 22:13:20 [error] 12#12: *1 upstream timed out", "1700000000000000000 '2023/11/14 22:13:20 [error] 12#12: *1 upstream timed out' severity=17 {}"},
      {"2023-11-14 22:13:20,123 [main] WARN  com.example.App - careful", "1700000000123000000 '2023-11-14 22:13:20,123 [main] WARN  com.example.App - careful' severity=13 {}"},
      {"ERROR: it broke", "42 'ERROR: it broke' severity=17 {}"},
      {"the error log was empty", "42 'the error log was empty' {}"},
      {"{not json", "42 '{not json' {}"},
      {"one=pair only", "42 'one=pair only' {}"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.line);
    CHECK(read(c.line) == c.want);
  }
}

TEST_CASE("fields: a line that is not of its format is kept as text") {
  for (const auto* format : {"json", "logfmt", "nginx", "common", "text", "auto"}) {
    CAPTURE(format);
    CHECK(read("just words", line_format(format)) == "42 'just words' {}");
  }
  CHECK(read("level=info", LineFormat::kLogfmt) == "42 '' severity=9 {}");
  CHECK(read("bad \xff byte", LineFormat::kText) == "42 'bad \xef\xbf\xbd byte' {}");
}

TEST_CASE("fields: a line costs no more memory than a few times its length") {
  const auto nested = [](std::size_t key_bytes) { return fmt::format(R"({{"msg":"m","{}":{{"a":1,"b":2}}}})", std::string(key_bytes, 'k')); };
  CHECK(read(nested(256)) == fmt::format("42 'm' {{{0}.a=1 {0}.b=2}}", std::string(256, 'k')));
  CHECK(read(nested(257)) == fmt::format("42 'm' {{{}={{\"a\":1,\"b\":2}}}}", std::string(257, 'k')));

  std::string line = R"({"msg":"m")";
  for (std::size_t i = 0; i < base::kRecordAttributesMax; ++i) line += fmt::format(R"(,"k{}":1)", i);
  for (const auto* want : {"k1023=1}", "k1023=1 dropped_attributes=1}", "k1023=1 dropped_attributes=2}"}) {
    CHECK(read(line + "}").ends_with(want));
    line += R"(,"over":1)";
  }
}

TEST_CASE("fields: services of a batch share resources, up to a limit") {
  base::BatchBuilder builder(base::Signal::kLog);
  builder.resource("tail", "", "", "", "", "file");
  const auto add = [&](std::size_t service) { append_line(builder, fmt::format(R"({{"msg":"m","service":"s{}"}})", service), LineFormat::kJson, 42); };
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i <= kLineResourcesMax; ++i) add(i);
  }
  append_line(builder, "plain", LineFormat::kText, 42);
  const auto batch = builder.take();
  CHECK(batch.resources.size() == kLineResourcesMax + 1);
  CHECK(batch.resource[kLineResourcesMax - 1] == kLineResourcesMax);
  CHECK(batch.resource[kLineResourcesMax] == 0);
  CHECK(batch.attribute(kLineResourcesMax, "service") == fmt::format("s{}", kLineResourcesMax));
  CHECK(batch.resource.back() == 0);
}

}  // namespace ringwall::collect
