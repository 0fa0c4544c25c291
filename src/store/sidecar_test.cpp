#include "store/detail/sidecar.h"

#include <doctest/doctest.h>

#include <cstring>
#include <optional>
#include <random>
#include <string>

#include "base/hash.h"
#include "store/detail/fuse.h"
#include "store/detail/order.h"

using namespace ringwall;
using namespace ringwall::store;

TEST_CASE("fuse filter: every key is there, others seldom") {
  for (const std::size_t count : {0, 1, 2, 3, 5, 10, 100, 1000, 20'000, 300'000}) {
    CAPTURE(count);
    std::vector<std::uint64_t> keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(base::mix64(i + 1));
    const auto bytes = build_fuse(keys);
    const auto filter = FuseView::parse(bytes);
    REQUIRE(filter.ok());
    std::size_t missing = 0, wrong = 0;
    for (const auto key : keys) missing += !filter->may_hold(key);
    for (std::size_t i = 0; i < 100'000; ++i) wrong += filter->may_hold(base::mix64(i + 1'000'000'000));
    CHECK(missing == 0);
    CHECK(wrong < 100'000 / 256 * 2 + 1);
    if (count >= 20'000) CHECK(bytes.size() * 8 < count * 10);
  }
}

TEST_CASE("fuse filter: what is not a filter is refused") {
  const auto good = build_fuse(std::vector<std::uint64_t>{1, 2, 3});
  REQUIRE(FuseView::parse(good).ok());
  for (std::size_t kept = 0; kept < good.size(); ++kept) CHECK_FALSE(FuseView::parse(good.substr(0, kept)).ok());
  for (const std::size_t at : {8, 9, 12, 13}) {  // segment_length and segment_count_length
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x41);
    CAPTURE(at);
    CHECK_FALSE(FuseView::parse(bad).ok());
  }
}

namespace {

Sidecar sidecar_of(const std::vector<std::string>& texts, std::uint32_t group_rows = 100, base::TraceId trace = {}) {
  SidecarBuilder builder(group_rows);
  for (const auto& text : texts) builder.add(text, trace);
  return std::move(Sidecar::parse(builder.finish())).value();
}

bool maybe(const std::string& text, const Hints& hints) { return sidecar_of({text}).file_may_hold(keys_of(hints)); }

}  // namespace

TEST_CASE("sidecar: which questions a text may answer") {
  struct Case {
    const char* text;
    std::vector<std::string> words, fragments;
    bool want;
  };
  const Case kCases[] = {
      {"Payment DECLINED for user_42", {"payment"}, {}, true},
      {"Payment DECLINED for user_42", {"declined", "user_42"}, {}, true},
      {"Payment DECLINED for user_42", {"user"}, {}, false},  // a word is whole
      {"Payment DECLINED for user_42", {"payment", "absent"}, {}, false},
      {"Payment DECLINED for user_42", {}, {"LINED F"}, true},
      {"Payment DECLINED for user_42", {}, {"clined for us"}, true},
      {"Payment DECLINED for user_42", {}, {"lined four"}, false},
      {"Payment DECLINED for user_42", {}, {"t declined f"}, true},
      {"Payment DECLINED for user_42", {}, {"t declin f"}, false},
      {"id=550e8400-e29b-41d4", {"e29b"}, {"400-e29"}, true},
      // Outside ASCII nothing is concluded: searches may fold case there.
      {"caf\xc3\xa9 au lait", {"caf\xc3\xa9"}, {}, true},
      {"CAF\xc3\x89 AU LAIT", {"caf\xc3\xa9"}, {"caf\xc3\xa9 au"}, true},
      {"CAF\xc3\x89 AU LAIT", {"caf"}, {}, true},
      {"CAF\xc3\x89 AU LAIT", {}, {"\xc3\xa9 tea"}, false},
      {"", {"a"}, {}, false},
      {"", {}, {}, true},
      {"ab", {}, {"ab"}, true},  // too short to conclude anything
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    Hints hints;
    hints.words = c.words;
    hints.fragments = c.fragments;
    CHECK(maybe(c.text, hints) == c.want);
  }
}

TEST_CASE("sidecar: trace ids, groups, and the filter of the file") {
  SidecarBuilder builder(3);
  for (std::uint64_t row = 0; row < 55; ++row) builder.add("row" + std::to_string(row), {row + 1, 7});
  const auto sidecar = std::move(Sidecar::parse(builder.finish())).value();
  CHECK(sidecar.rows() == 55);
  CHECK(sidecar.groups() == 19);
  for (std::uint64_t row = 0; row < 55; ++row) {
    Hints by_trace, by_word;
    by_trace.trace_id = base::TraceId{row + 1, 7};
    by_word.words = {"row" + std::to_string(row)};
    CHECK(sidecar.file_may_hold(keys_of(by_trace)));
    CHECK(sidecar.group_may_hold(row / 3, keys_of(by_trace)));
    CHECK(sidecar.group_may_hold(row / 3, keys_of(by_word)));
  }
  std::size_t wrong = 0;
  for (std::uint64_t row = 0; row < 1000; ++row) {
    Hints absent;
    absent.trace_id = base::TraceId{row + 1, 8};
    wrong += sidecar.file_may_hold(keys_of(absent));
  }
  CHECK(wrong < 20);
}

TEST_CASE("sidecar: no false negative over random texts") {
  std::mt19937 random(20261123);
  const std::string alphabet = "abcXYZ019_ -/\xc3\xa9\n";
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> texts(40);
    for (auto& text : texts) {
      for (auto length = random() % 60; length > 0; --length) text += alphabet[random() % alphabet.size()];
    }
    const auto sidecar = sidecar_of(texts, 7);
    for (std::size_t row = 0; row < texts.size(); ++row) {
      if (texts[row].size() < 5) continue;
      const auto begin = random() % (texts[row].size() - 3);
      Hints hints;
      hints.fragments = {texts[row].substr(begin, 3 + random() % 20)};
      CAPTURE(hints.fragments[0]);
      CHECK(sidecar.file_may_hold(keys_of(hints)));
      CHECK(sidecar.group_may_hold(row / 7, keys_of(hints)));
    }
  }
}

TEST_CASE("sidecar: latencies come back as they were given, and a sidecar of version 1 has none") {
  SidecarBuilder builder(2);
  for (int row = 0; row < 5; ++row) builder.add("text " + std::to_string(row), {});
  for (const std::optional<std::string>& latency : {std::optional<std::string>(), std::optional<std::string>(""), std::optional<std::string>("opaque here")}) {
    auto again = builder;
    const auto bytes = again.finish(latency);
    CHECK(static_cast<int>(bytes[4]) == (latency.has_value() ? 2 : 1));
    const auto sidecar = Sidecar::parse(bytes);
    REQUIRE(sidecar.ok());
    CHECK(sidecar->rows() == 5);
    CHECK(sidecar->latency() == latency);
  }
}

// Written by the last commit that knew only version 1: two rows, "hello world" with trace 1-2 and "bye".
TEST_CASE("sidecar: an old one is read") {
  constexpr std::string_view kHex = 
      "5257545801000000020000000000000064000000010000000000000040000000c10a7488ea2eaba4f166a09c1000000010000000"
      "5f0000000000000000003a00000000000000000000000000000039000000f5d300000000009beaa3b400328a00ce3cb6597125af";
  std::string bytes;
  for (std::size_t i = 0; i < kHex.size(); i += 2) bytes.push_back(static_cast<char>(std::stoi(std::string(kHex.substr(i, 2)), nullptr, 16)));
  const auto sidecar = Sidecar::parse(bytes);
  REQUIRE(sidecar.ok());
  CHECK(sidecar->rows() == 2);
  CHECK_FALSE(sidecar->latency().has_value());
  for (const char* word : {"hello", "world", "bye"}) {
    Hints hints;
    hints.words = {word};
    CHECK(sidecar->file_may_hold(keys_of(hints)));
  }
  Hints by_trace;
  by_trace.trace_id = base::TraceId{1, 2};
  CHECK(sidecar->file_may_hold(keys_of(by_trace)));
}

TEST_CASE("sidecar: damage anywhere is noticed") {
  SidecarBuilder builder(1);
  for (int row = 0; row < 17; ++row) builder.add("text " + std::to_string(row), {});
  const auto good = builder.finish("latencies");
  REQUIRE(Sidecar::parse(good).ok());
  auto relabelled = good;  // as version 1, whose end the latencies would follow
  relabelled[4] = 1;
  const std::size_t header = 28 + 4 * 17;
  const auto crc = base::crc32c(std::string_view(relabelled).substr(0, header));
  std::memcpy(relabelled.data() + header, &crc, 4);
  CHECK(Sidecar::parse(relabelled).error().message == "sidecar: 13 bytes follow its end");
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    CAPTURE(at);
    CHECK(Sidecar::parse(bad).error().code == Errc::kCorrupt);
    CHECK(Sidecar::parse(good.substr(0, at)).error().code == Errc::kCorrupt);
  }
  CHECK_FALSE(Sidecar::parse(good + "x").ok());
}

TEST_CASE("template of a message: numbers and ids do not matter, words do") {
  CHECK(template_hash("took 12 ms for user 7") == template_hash("took 9 ms for user 12345"));
  CHECK(template_hash("id 550e8400 done") == template_hash("id 99ff done"));
  CHECK(template_hash("cache hit") != template_hash("cache miss"));
  CHECK(template_hash("") != template_hash("a"));
}

TEST_CASE("order: hours apart, oldest together beyond the limit") {
  base::BatchBuilder builder(base::Signal::kLog);
  builder.resource("s", "", "", "", "", "");
  const std::size_t hours = kPartitionsPerFlushMax + 5;
  for (std::size_t hour = 0; hour < hours; ++hour) {
    for (int i = 0; i < 3; ++i) builder.record(static_cast<std::int64_t>(hour) * kHourNs - 10 * kHourNs + (2 - i), "m");
  }
  const auto batch = std::make_shared<const base::Batch>(builder.take());
  const auto parts = order_rows(base::Signal::kLog, {batch});
  REQUIRE(parts.size() == kPartitionsPerFlushMax);
  std::size_t rows = 0;
  for (const auto& part : parts) {
    rows += part.rows.size();
    for (const auto& row : part.rows) {
      const auto hour = floor_div(row.batch->time_ns[row.row], kHourNs);
      CHECK((hour == part.partition || (&part == &parts.front() && hour < part.partition)));
    }
  }
  CHECK(rows == hours * 3);
  CHECK(parts.back().partition == static_cast<std::int64_t>(hours) - 11);
}
