#include "base/record.h"

#include <doctest/doctest.h>

#include <string>

using namespace ringwall;
using namespace ringwall::base;

namespace {

Batch example(Signal signal) {
  BatchBuilder builder(signal);
  builder.resource("cart", "prod", "1.2", "web-1", "eu", "otlp");
  builder.resource_attribute("k8s.pod", "cart-7");
  builder.record(1'700'000'000'123'456'789, "first");
  builder.attribute("http.route", "/cart");
  builder.attribute("empty", "");
  builder.resource("shop", "prod", "", "", "", "otlp");
  builder.record(-5, "");
  builder.batch().trace_id.back() = {1, 2};
  builder.batch().span_id.back() = 3;
  return builder.take();
}

}  // namespace

TEST_CASE("batch: decode gives back what encode wrote, for every signal") {
  for (const auto signal : kSignals) {
    const Batch batch = example(signal);
    const auto decoded = decode(encode(batch));
    REQUIRE(decoded.ok());
    CHECK(encode(*decoded) == encode(batch));
    CHECK(decoded->size() == 2);
    CHECK(decoded->view(decoded->text[0]) == "first");
    CHECK(decoded->attribute(0, "http.route") == "/cart");
    CHECK(decoded->attribute(1, "http.route") == "");
    CHECK(decoded->view(decoded->resources[decoded->resource[1]].service) == "shop");
  }
}

TEST_CASE("batch: every shorter prefix is refused or is the batch with less text") {
  const auto bytes = encode(example(Signal::kSpan));
  for (std::size_t kept = 0; kept < bytes.size(); ++kept) {
    CAPTURE(kept);
    const auto decoded = decode(std::string_view(bytes).substr(0, kept));
    REQUIRE_FALSE(decoded.ok());
    CHECK(decoded.error().code == Errc::kCorrupt);
  }
}

TEST_CASE("ids and levels") {
  TraceId id;
  CHECK(parse_trace_id("4BF92f3577b34da6a3ce929d0e0e4736", id));
  CHECK(hex(id) == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK_FALSE(parse_trace_id("4bf92f3577b34da6a3ce929d0e0e473", id));
  CHECK_FALSE(parse_trace_id("4bf92f3577b34da6a3ce929d0e0e473g", id));
  CHECK(hex(std::uint64_t{10}) == "000000000000000a");
  CHECK(level_name(9) == "info");
  CHECK(level_name(24) == "fatal");
  CHECK(level_name(0) == "");
  CHECK(severity_of("WARNING") == 13);
  CHECK(severity_of("nonsense") == 0);
}
