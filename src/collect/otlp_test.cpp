#include "collect/otlp.h"

#include <doctest/doctest.h>

#include "collect/test_batches.h"
#include "collect/test_wire.h"

namespace ringwall::collect {

namespace {

using base::Signal;
using namespace test;

const OtlpDefaults kDefaults{"test", "lab", "here", 42};
const std::string kTrace = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10", kSpan = "\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8";

std::string shown(const Result<OtlpParsed>& parsed) {
  if (!parsed.ok()) return parsed.error().message;
  return show(parsed->batch) + (parsed->rejected == 0 ? "" : fmt::format("rejected {}: {}\n", parsed->rejected, parsed->rejected_reason));
}
std::string protobuf(Signal signal, std::string_view body) { return shown(parse_otlp_protobuf(signal, body, kDefaults)); }
std::string json(Signal signal, std::string_view body) { return shown(parse_otlp_json(signal, body, kDefaults)); }

// The same request in both encodings has to give the same records.
struct Case {
  const char* name;
  Signal signal;
  std::string wire, json;
  const char* want;
};

const std::vector<Case>& cases() {
  static const std::string resource = bytes(1, key_value("service.name", text_value("shop"))) + bytes(1, key_value("service.version", text_value("1.2"))) +
                                      bytes(1, key_value("deployment.environment", text_value("prod"))) + bytes(1, key_value("host.name", text_value("web-1"))) +
                                      bytes(1, key_value("cloud.region", text_value("eu"))) + bytes(1, key_value("process.pid", number(3, 7)));
  static const std::string json_resource = R"({"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"service.version","value":{"stringValue":"1.2"}},)"
                                           R"({"key":"deployment.environment","value":{"stringValue":"prod"}},{"key":"host.name","value":{"stringValue":"web-1"}},)"
                                           R"({"key":"cloud.region","value":{"stringValue":"eu"}},{"key":"process.pid","value":{"intValue":"7"}}]})";
  static const std::string scope = bytes(1, "pino") + bytes(2, "9");
  const auto point = [](const std::string& fields) { return bytes(1, fixed(3, 5) + fields); };
  static const std::vector<Case> kCases = {
      {"a log record with everything", Signal::kLog,
       request(resource, scope,
               bytes(2, fixed(1, 1700000000000000001) + number(2, 17) + bytes(3, "ERROR") + bytes(5, text_value("it broke")) + bytes(6, key_value("user", text_value("ann"))) +
                            bytes(6, key_value("http.response.status_code", number(3, 503))) + bytes(6, key_value("duration_ms", real(4, 12.5))) + bytes(9, kTrace) + bytes(10, kSpan))),
       R"({"resourceLogs":[{"resource":)" + json_resource + R"(,"scopeLogs":[{"scope":{"name":"pino","version":"9"},"logRecords":[
         {"timeUnixNano":"1700000000000000001","severityNumber":17,"severityText":"ERROR","body":{"stringValue":"it broke"},
          "attributes":[{"key":"user","value":{"stringValue":"ann"}},{"key":"http.response.status_code","value":{"intValue":503}},{"key":"duration_ms","value":{"doubleValue":12.5}}],
          "traceId":"0102030405060708090A0B0C0D0E0F10","spanId":"a1a2a3a4a5a6a7a8","unknownField":{"a":[1]}}]}]}]})",
       "[shop prod 1.2 web-1 eu otlp process.pid=7 otel.scope.name=pino otel.scope.version=9]\n"
       "1700000000000000001 'it broke' trace=0102030405060708090a0b0c0d0e0f10 span=a1a2a3a4a5a6a7a8 status=503 took=12500000 severity=17 {user=ann http.response.status_code=503}\n"},
      {"a bare record gets the defaults", Signal::kLog, request("", "", bytes(2, "")), R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]})",
       "[unknown_service test  here lab otlp]\n42 '' {}\n"},
      {"the level from its text, the time from its observation, the event's name as the message", Signal::kLog,
       request("", "", bytes(2, fixed(11, 6) + bytes(3, "Warning") + bytes(12, "device.boot"))),
       R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"observedTimeUnixNano":6,"severityText":"Warning","eventName":"device.boot"}]}]}]})",
       "[unknown_service test  here lab otlp]\n6 'device.boot' severity=13 {event.name=device.boot}\n"},
      {"each kind of value", Signal::kLog,
       request("", "",
               bytes(2, bytes(6, key_value("b", number(2, 1))) + bytes(6, key_value("i", number(3, static_cast<std::uint64_t>(-5)))) + bytes(6, key_value("d", real(4, 0.1))) +
                            bytes(6, key_value("a", bytes(5, bytes(1, text_value("x\"y")) + bytes(1, number(3, 2))))) +
                            bytes(6, key_value("m", bytes(6, bytes(1, key_value("k", real(4, 1))) + bytes(1, key_value("n", ""))))) + bytes(6, key_value("raw", bytes(7, "\xff\x01"))) +
                            bytes(6, key_value("none", "")) + bytes(6, key_value("", text_value("no key"))))),
       R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"b","value":{"boolValue":true}},{"key":"i","value":{"intValue":"-5"}},{"key":"d","value":{"doubleValue":0.1}},
          {"key":"a","value":{"arrayValue":{"values":[{"stringValue":"x\"y"},{"intValue":2}]}}},{"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"doubleValue":1}},{"key":"n"}]}}},
          {"key":"raw","value":{"bytesValue":"/wE="}},{"key":"none","value":{}},{"key":"","value":{"stringValue":"no key"}}]}]}]}]})",
       "[unknown_service test  here lab otlp]\n42 '' {b=true i=-5 d=0.1 a=[\"x\\\"y\",2] m={\"k\":1,\"n\":null} raw=/wE= none=}\n"},
      {"a wrong id rejects its record only", Signal::kLog, request("", "", bytes(2, bytes(9, "short")) + bytes(2, fixed(1, 1) + bytes(5, text_value("good")))),
       R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"abc"},{"timeUnixNano":1,"body":{"stringValue":"good"}}]}]}]})", nullptr},
      {"a span with an event and a link", Signal::kSpan,
       request(resource, "",
               bytes(2, bytes(1, kTrace) + bytes(2, kSpan) + bytes(4, "\x01\x01\x01\x01\x01\x01\x01\x01") + bytes(5, "GET /cart") + number(6, 2) + fixed(7, 1000) + fixed(8, 1250) +
                            bytes(9, key_value("http.status_code", number(3, 200))) + bytes(11, fixed(1, 1100) + bytes(2, "cache miss") + bytes(3, key_value("key", text_value("c1")))) +
                            bytes(13, bytes(1, kTrace) + bytes(2, kSpan)) + bytes(15, bytes(2, "no") + number(3, 2)))),
       R"({"resourceSpans":[{"resource":)" + json_resource + R"(,"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"a1a2a3a4a5a6a7a8","parentSpanId":"0101010101010101",
         "name":"GET /cart","kind":2,"startTimeUnixNano":"1000","endTimeUnixNano":1250,"attributes":[{"key":"http.status_code","value":{"intValue":"200"}}],
         "events":[{"timeUnixNano":"1100","name":"cache miss","attributes":[{"key":"key","value":{"stringValue":"c1"}}]}],
         "links":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"a1a2a3a4a5a6a7a8"}],"status":{"message":"no","code":2}}]}]}]})",
       "[shop prod 1.2 web-1 eu otlp process.pid=7]\n"
       "1000 'GET /cart' trace=0102030405060708090a0b0c0d0e0f10 span=a1a2a3a4a5a6a7a8 status=200 took=250 parent=0101010101010101 kind=2 outcome=2 outcome_text=no "
       "events=[{\"ts\":\"1970-01-01T00:00:00.000001100Z\",\"name\":\"cache miss\",\"attributes\":{\"key\":\"c1\"}}] "
       "links=[{\"trace_id\":\"0102030405060708090a0b0c0d0e0f10\",\"span_id\":\"a1a2a3a4a5a6a7a8\",\"attributes\":{}}] {http.status_code=200}\n"},
      {"a span needs its ids; a clock that went back has no duration", Signal::kSpan,
       request("", "", bytes(2, bytes(1, kTrace)) + bytes(2, bytes(1, kTrace) + bytes(2, kSpan) + fixed(7, 9) + fixed(8, 3))),
       R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10"},
         {"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"a1a2a3a4a5a6a7a8","startTimeUnixNano":9,"endTimeUnixNano":3}]}]}]})", nullptr},
      {"gauges and sums", Signal::kMetric,
       request("", "",
               bytes(2, bytes(1, "g") + bytes(3, "By") + bytes(5, point(real(4, 1.5) + bytes(7, key_value("k", text_value("v")))))) +
                   bytes(2, bytes(1, "c") + bytes(7, point(fixed(6, 3)) + number(2, 2) + number(3, 1))) + bytes(2, bytes(1, "d") + bytes(7, point(fixed(6, 4)) + number(2, 1) + number(3, 1))) +
                   bytes(2, bytes(1, "updown") + bytes(7, point(fixed(6, static_cast<std::uint64_t>(-2))) + number(2, 2))) + bytes(2, bytes(1, "gone") + bytes(5, point(number(8, 1))))),
       R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","unit":"By","gauge":{"dataPoints":[{"timeUnixNano":"5","asDouble":1.5,"attributes":[{"key":"k","value":{"stringValue":"v"}}]}]}},
         {"name":"c","sum":{"dataPoints":[{"timeUnixNano":"5","asInt":"3"}],"aggregationTemporality":2,"isMonotonic":true}},
         {"name":"d","sum":{"dataPoints":[{"timeUnixNano":"5","asInt":4}],"aggregationTemporality":1,"isMonotonic":true}},
         {"name":"updown","sum":{"dataPoints":[{"timeUnixNano":"5","asInt":"-2"}],"aggregationTemporality":2}},
         {"name":"gone","gauge":{"dataPoints":[{"timeUnixNano":"5","flags":1}]}}]}]}]})",
       "[unknown_service test  here lab otlp]\n5 'g' metric=0 unit=By value=1.5 {k=v}\n5 'c' metric=1 value=3 {}\n5 'd' metric=2 value=4 {}\n5 'updown' metric=0 value=-2 {}\n"},
      {"a histogram", Signal::kMetric,
       request("", "", bytes(2, bytes(1, "h") + bytes(9, point(fixed(4, 6) + real(5, 20) + bytes(6, std::string("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0", 24)) + real(7, 1) + real(7, 5) + real(11, 0.5) + real(12, 9)) + number(2, 1)))),
       R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"h","histogram":{"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":"5","count":"6","sum":20,"bucketCounts":["1","2","3"],"explicitBounds":[1,5],"min":0.5,"max":9}]}}]}]}]})",
       "[unknown_service test  here lab otlp]\n"
       "5 'h' metric=3 value=20 histogram={\"count\":6,\"sum\":20,\"min\":0.5,\"max\":9,\"bounds\":[1,5],\"counts\":[1,2,3],\"temporality\":\"delta\"} {}\n"},
      {"an exponential histogram becomes bounds", Signal::kMetric,
       request("", "",
               bytes(2, bytes(1, "e") + bytes(10, point(fixed(4, 10) + real(5, 30) + number(6, 0) + fixed(7, 1) + bytes(8, number(1, 2) + bytes(2, "\x02\x03")) + bytes(9, number(1, 0) + bytes(2, "\x04"))) + number(2, 2)))),
       R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"e","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"5","count":"10","sum":30,"scale":0,"zeroCount":"1",
         "positive":{"offset":1,"bucketCounts":["2","3"]},"negative":{"bucketCounts":["4"]}}]}}]}]}]})",
       "[unknown_service test  here lab otlp]\n"
       "5 'e' metric=3 value=30 histogram={\"count\":10,\"sum\":30,\"bounds\":[-1,2,4,8],\"counts\":[4,1,2,3,0],\"temporality\":\"cumulative\"} {}\n"},
      {"a summary", Signal::kMetric, request("", "", bytes(2, bytes(1, "s") + bytes(11, point(fixed(4, 2) + real(5, 3) + bytes(6, real(1, 0.5) + real(2, 1.25)))))),
       R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"s","summary":{"dataPoints":[{"timeUnixNano":"5","count":"2","sum":3,"quantileValues":[{"quantile":0.5,"value":1.25}]}]}}]}]}]})",
       "[unknown_service test  here lab otlp]\n5 's' metric=4 value=3 histogram={\"count\":2,\"sum\":3,\"quantiles\":{\"0.5\":1.25}} {}\n"},
      {"a histogram whose counts do not fit is rejected", Signal::kMetric, request("", "", bytes(2, bytes(1, "h") + bytes(9, point(fixed(6, 1) + real(7, 1))))),
       R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"h","histogram":{"dataPoints":[{"bucketCounts":[1],"explicitBounds":[1]}]}}]}]}]})",
       "rejected 1: a histogram whose counts and bounds do not fit\n"},
      {"times end in 2262", Signal::kMetric, request("", "", bytes(2, bytes(1, "g") + bytes(5, bytes(1, fixed(3, 1ull << 63))))),
       R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"9223372036854775808"}]}}]}]}]})", "rejected 1: a time beyond the year 2262\n"},
      {"an empty request", Signal::kLog, "", "{}", ""},
  };
  return kCases;
}

}  // namespace

TEST_CASE("otlp: protobuf and JSON give the same records") {
  for (const auto& c : cases()) {
    CAPTURE(c.name);
    if (c.want != nullptr) {
      CHECK(protobuf(c.signal, c.wire) == c.want);
      CHECK(json(c.signal, c.json) == c.want);
    } else {
      // Only the reason is worded for the encoding.
      const auto wire = parse_otlp_protobuf(c.signal, c.wire, kDefaults), text = parse_otlp_json(c.signal, c.json, kDefaults);
      CHECK(show(wire->batch) == show(text->batch));
      CHECK(wire->batch.size() == 1);
      CHECK(wire->rejected == 1);
      CHECK(text->rejected == 1);
    }
  }
}

TEST_CASE("otlp: a cut protobuf message is refused with the byte, or is a shorter valid one") {
  for (const auto& c : cases()) {
    CAPTURE(c.name);
    for (std::size_t cut = 1; cut < c.wire.size(); ++cut) {
      const auto parsed = parse_otlp_protobuf(c.signal, std::string_view(c.wire).substr(0, cut), kDefaults);
      REQUIRE_FALSE(parsed.ok());
      CHECK(parsed.error().code == Errc::kInvalid);
      CHECK(parsed.error().message.starts_with("not a protobuf message: byte "));
    }
  }
  CHECK(protobuf(Signal::kLog, "\x0a\x05zz") == "not a protobuf message: byte 2: a field longer than its message");
  CHECK(protobuf(Signal::kLog, "\xff") == "not a protobuf message: byte 1: a field cut within its number");
  CHECK(protobuf(Signal::kLog, "\x0b") == "not a protobuf message: byte 1: an unknown wire type");
}

TEST_CASE("otlp: JSON that is none is refused") {
  for (const auto* body : {"", "[", "[]", "{\"resourceLogs\":{}}", "{\"resourceLogs\":[1]}", "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":\"text\"}]}]}]}"}) {
    CAPTURE(body);
    const auto parsed = parse_otlp_json(Signal::kLog, body, kDefaults);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().code == Errc::kInvalid);
  }
}

TEST_CASE("otlp: limits at the last accepted value and one past it") {
  const auto nested = [](int depth) {
    std::string any = number(3, 1);
    for (int i = 0; i < depth; ++i) any = bytes(5, bytes(1, any));
    return request("", "", bytes(2, bytes(6, key_value("k", any))));
  };
  CHECK(parse_otlp_protobuf(Signal::kLog, nested(kNestingMax), kDefaults).ok());
  CHECK(protobuf(Signal::kLog, nested(kNestingMax + 1)) == "values nested deeper than 16 levels");

  std::string attributes;
  for (std::size_t i = 0; i < base::kRecordAttributesMax; ++i) attributes += bytes(6, key_value("k", text_value("v")));
  const auto count = [](const std::string& body) {
    const auto batch = parse_otlp_protobuf(Signal::kLog, body, kDefaults)->batch;
    return fmt::format("{} {}", batch.attribute_keys.size(), batch.attribute(0, "dropped_attributes"));
  };
  CHECK(count(request("", "", bytes(2, attributes))) == "1024 ");
  CHECK(count(request("", "", bytes(2, attributes + bytes(6, key_value("k", text_value("v")))))) == "1025 1");

  std::string records;
  for (std::size_t i = 0; i < base::kBatchRecordsMax; ++i) records += bytes(2, "");
  CHECK(parse_otlp_protobuf(Signal::kLog, request("", "", records), kDefaults)->batch.size() == base::kBatchRecordsMax);
  CHECK(parse_otlp_protobuf(Signal::kLog, request("", "", records + bytes(2, "")), kDefaults).error().code == Errc::kLimit);

  // Scopes that repeat a large resource must not multiply it without end.
  std::string resource, scopes;
  for (int i = 0; i < 1000; ++i) resource += bytes(1, key_value("k", ""));
  for (int i = 0; i < 1100; ++i) scopes += bytes(2, bytes(1, bytes(1, i % 2 == 0 ? "a" : "b")) + bytes(2, ""));
  CHECK(parse_otlp_protobuf(Signal::kLog, bytes(1, bytes(1, resource) + scopes), kDefaults).error().message == "more than 1048576 resource attributes in one request");
}

TEST_CASE("otlp: text that is not UTF-8 is repaired") {
  CHECK(protobuf(Signal::kLog, request("", "", bytes(2, bytes(5, text_value("long enough text \xff!")) + bytes(6, key_value("\xc3", text_value("gr\xc3\xbcn"))))) ) ==
        "[unknown_service test  here lab otlp]\n42 'long enough text \xef\xbf\xbd!' {\xef\xbf\xbd=gr\xc3\xbcn}\n");
}

TEST_CASE("otlp: numbers that JSON does not have") {
  const auto value = [](double d) { return std::string(parse_otlp_protobuf(Signal::kLog, request("", "", bytes(2, bytes(6, key_value("k", real(4, d))))), kDefaults)->batch.attribute(0, "k")); };
  CHECK(value(std::numeric_limits<double>::quiet_NaN()) == "NaN");
  CHECK(value(-std::numeric_limits<double>::infinity()) == "-Infinity");
  CHECK(value(1e300) == "1e+300");
  CHECK(json(Signal::kLog, R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"k","value":{"doubleValue":"NaN"}}]}]}]}]})") ==
        "[unknown_service test  here lab otlp]\n42 '' {k=NaN}\n");
}

}  // namespace ringwall::collect
