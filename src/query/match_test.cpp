#include "query/match.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <set>

#include "base/text.h"
#include "query/search.h"
#include "query/sql.h"
#include "query/test_support.h"

using namespace ringwall;
using namespace ringwall::query;
using base::Signal;

namespace {

constexpr std::int64_t kNow = 1'790'000'000'000'000'000;

bool matches_text(std::string_view search, std::string_view message) {
  base::BatchBuilder builder(Signal::kLog);
  builder.record(kNow, message);
  return matches(understand(search, Signal::kLog).value(), builder.batch(), 0);
}

// Pieces that meet in messages and in searches, chosen for their edges.
constexpr std::string_view kPieces[] = {"error", "Error", "ERR", "pay", "payment", "a", "b_c", "10.0.0.1", "-", ".", " ", "  ", "\n", "%", "_",
                                        "größe", "GRÖSSE", "Größe", "ß", "ſ", "\xe2\x84\xaa", "k", "K", "я", "Я", "日本", "\xff", "[x]", "(y)",
                                        "\"q\"", "\\", "*", "?", "'", "$1", "é", "É", "İ", "i", "ı", "\t", "\x01", "{z}", "^", "+", "|", "#", "~"};
constexpr std::string_view kTags[] = {"web", "Web", "shop", "shop-1", "shop_1", "a%b", "a\\b", "", "größe", "x y"};
constexpr std::string_view kNumbers[] = {"0", "5", "-5", "+5", "5.0", "05", "1e3", "1E3", ".5", "5.", " 5", "5 ", "5\n", "1_000", "_5", "5_", "1__0",
                                         "inf", "-inf", "nan", "NaN", "0x10", "", " ", "abc", "1e999", "-1e999", "1e-400", "1,5", "--5", "+-5", "5e", "1d3",
                                         "9007199254740993", "0.1", "true", "١"};
constexpr std::string_view kKeys[] = {"n", "http.route", "k", "größe"};

std::string random_text(Random& random) {
  std::string out;
  for (auto pieces = random.below(7); pieces > 0; --pieces) out += random.of(kPieces);
  return out;
}

void fill(base::BatchBuilder& builder, Random& random, Signal signal, std::size_t records) {
  for (std::size_t i = 0; i < records; ++i) {
    if (i % 7 == 0) {
      builder.resource(random.of(kTags), random.of(kTags), random.of(kTags), random.of(kTags), random.of(kTags), random.of(kTags));
      for (auto n = random.below(3); n > 0; --n) builder.resource_attribute(random.of(kKeys), random.of(kNumbers));
    }
    builder.record(kNow - 1'000'000'000 + static_cast<std::int64_t>(i), random_text(random));
    auto& batch = builder.batch();
    if (random.one_in(2)) batch.trace_id.back() = {random.below(2), random.below(3)};
    if (random.one_in(2)) batch.span_id.back() = random.below(4) == 0 ? ~0ull : random.below(3);
    constexpr std::uint16_t kStatus[] = {0, 200, 404, 499, 500, 503, 599, 600};
    batch.status.back() = random.of(kStatus);
    if (random.one_in(2)) batch.duration_ns.back() = static_cast<std::int64_t>(random.below(4)) * 50'000'000;
    if (signal == Signal::kLog) {
      batch.severity.back() = static_cast<std::uint8_t>(random.below(25));
    } else {
      batch.kind.back() = static_cast<std::uint8_t>(random.below(6));
      batch.outcome.back() = static_cast<std::uint8_t>(random.below(3));
      batch.parent_span_id.back() = random.below(3);
    }
    for (auto n = random.below(4); n > 0; --n) {
      builder.attribute(random.of(kKeys), random.one_in(2) ? std::string(random.of(kNumbers)) : random_text(random));
    }
  }
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string escaped(std::string_view text, Random& random) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c))) out += '\\';
    out += c;
  }
  if (random.one_in(4)) out.insert(0, "*");
  if (random.one_in(4)) out += '*';
  if (random.one_in(6)) out.insert(0, "?");
  if (random.one_in(6)) out += '?';
  return out.empty() ? "a" : out;
}

std::string random_value(std::string text, Random& random) {
  if (!base::valid_utf8(text)) text = "a";
  return random.one_in(2) ? in_quotes(text) : escaped(text, random);
}

std::string random_term(Random& random, Signal signal) {
  constexpr std::string_view kTagFields[] = {"service", "env", "version", "host", "region", "source"};
  constexpr std::string_view kBounds[] = {"0", "5", "-5", "200", "404", "499.5", "500", "1000", "1e3", "0.1", "-1e300", "1e300"};
  constexpr std::string_view kCompares[] = {">", ">=", "<", "<="};
  constexpr std::string_view kLevels[] = {"trace", "debug", "INFO", "warning", "err", "fatal", "1", "10", "24"};
  const auto compared = [&](std::string_view field) {
    switch (random.below(4)) {
      case 0: return fmt::format("{}:{}{}", field, random.of(kCompares), random.of(kBounds));
      case 1: return fmt::format("{}:[{} TO {}]", field, random.of(kBounds), random.of(kBounds));
      case 2: return fmt::format("{}:{{{} TO *]", field, random.of(kBounds));
      default: return fmt::format("{}:*", field);
    }
  };
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2: return random_value(random_text(random), random);
    case 3: return fmt::format("{}:{}", random.of(kTagFields), random_value(std::string(random.of(kTags)), random));
    case 4: return fmt::format("{}:*", random.of(kTagFields));
    case 5: return random.one_in(3) ? fmt::format("status:{}", random.one_in(2) ? "404" : "5xx") : compared("status");
    case 6: return compared("duration");
    case 7:
      if (signal == Signal::kSpan) return random.one_in(2) ? "error:true" : fmt::format("status:{}", random.one_in(2) ? "ok" : "error");
      return random.one_in(2) ? fmt::format("level:{}", random.of(kLevels)) : fmt::format("level:{}{}", random.of(kCompares), random.of(kLevels));
    case 8: return compared(fmt::format("@{}", random.of(kKeys)));
    case 9:
      return fmt::format("@{}:{}", random.of(kKeys), random_value(random.one_in(2) ? std::string(random.of(kNumbers)) : random_text(random), random));
    case 10: return random.one_in(2) ? "trace_id:*" : fmt::format("trace_id:{}", base::hex(base::TraceId{random.below(2), random.below(3)}));
    default: return random.one_in(2) ? "span_id:*" : random.one_in(2) ? "span_id:ffffffffffffffff" : fmt::format("span_id:{}", base::hex(random.below(3)));
  }
}

std::string random_search(Random& random, Signal signal, int depth = 0) {
  if (depth < 3 && random.one_in(3)) {
    const auto a = random_search(random, signal, depth + 1), b = random_search(random, signal, depth + 1);
    switch (random.below(3)) {
      case 0: return fmt::format("({} {})", a, b);
      case 1: return fmt::format("({} OR {})", a, b);
      default: return fmt::format("-({})", a);
    }
  }
  return (random.one_in(4) ? "NOT " : "") + random_term(random, signal);
}

}  // namespace

TEST_CASE("match: words, phrases and wildcards in messages") {
  struct Case {
    std::string_view search, message;
    bool want;
  };
  constexpr Case kCases[] = {
      {"timeout", "connection timeout after 3 s", true},
      {"Timeout", "connection TIMEOUT", true},
      {"time", "connection timeout", false},      // a word, not a part of one
      {"time*", "connection timeout", true},
      {"*out", "connection timeout", true},
      {"*meo*", "connection timeout", true},
      {"t*t", "connection timeout", true},
      {"c*t", "connection timeout", false},       // "connect" is followed by a letter, and '*' does not reach over the space
      {"c*t", "connection-timeout", true},
      {"\"ion time\"", "connection timeout", true},
      {"\"ION TIME\"", "connection timeout", true},
      {"\"time*\"", "connection timeout", false},
      {"10.0.0.1", "peer 10.0.0.1:80", true},
      {"10.0.0.1", "peer 10.0.0.12", false},
      {"10.0.0.?", "peer 10.0.0.7 gone", true},
      {"user_id", "user_id=7", true},
      {"user", "user_id=7", false},               // '_' is part of the word
      {"user", "user-id=7", true},
      {"größe", "die GRÖßE zählt", true},
      {"gr", "größe", false},
      {"k", "\xe2\x84\xaa", false},               // the Kelvin sign is not an ASCII letter
      {"\"\"", "anything", true},
      {"[x]", "array[x]", true},
      {"a\\*b", "a*b", true},
      {"a\\*b", "axb", false},
      {"w?b", "web", true},
      {"w?b", "w b", false},
      {"w*b", "w b", false},                      // a wildcard stays inside a run without white space
  };
  for (const auto& c : kCases) {
    CAPTURE(c.search);
    CAPTURE(c.message);
    CHECK(matches_text(c.search, c.message) == c.want);
  }
}

// Goal: a search finds the same records in the live tail as in the store.
TEST_CASE("match: random searches over random records agree with SQL") {
  const char* seed_text = std::getenv("RW_SEED");
  const std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : 20261123;
  CAPTURE(seed);
  Random random(seed);
  for (const auto signal : {Signal::kLog, Signal::kSpan}) {
    TestStore test(fmt::format("match-{}", base::signal_name(signal)), kNow);
    base::BatchBuilder builder(signal);
    fill(builder, random, signal, 700);
    const auto batch = builder.take();
    test.accept(batch);
    std::size_t found = 0;
    for (int round = 0; round < 400; ++round) {
      const auto search = random_search(random, signal);
      CAPTURE(search);
      const auto condition = understand(search, signal);
      if (!condition.ok()) {
        // Numbers that are no numbers of a status; anything else would be a mistake of the generator.
        CAPTURE(condition.error().message);
        CHECK(condition.error().code == Errc::kInvalid);
        continue;
      }
      const auto predicate = predicate_of(*condition, signal);
      const auto relation = test.store->relation(signal, 0, kNow + 1).value();
      const auto table = test.duck->run(fmt::format("SELECT epoch_us(ts) * 1000 + ts_ns FROM {} WHERE {}", relation.sql, predicate.sql), predicate.parameters);
      REQUIRE_MESSAGE(table.ok(), (table.ok() ? "" : table.error().message));
      std::set<std::int64_t> sql, memory;
      for (const auto& row : table->rows) sql.insert(std::get<std::int64_t>(row[0]));
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (matches(*condition, batch, i)) memory.insert(batch.time_ns[i]);
      }
      found += memory.size();
      if (sql != memory) {
        for (std::size_t i = 0; i < batch.size(); ++i) {
          const bool here = memory.contains(batch.time_ns[i]);
          if (here == sql.contains(batch.time_ns[i])) continue;
          const std::string text(batch.view(batch.text[i]));
          std::string attributes;
          for (auto k = batch.attributes_begin(i); k < batch.attributes_end[i]; ++k) {
            attributes += fmt::format("{}=[{}] ", batch.view(batch.attribute_keys[k]), batch.view(batch.attribute_values[k]));
          }
          CAPTURE(text);
          CAPTURE(attributes);
          CAPTURE(here);
          CHECK(sql == memory);
          break;
        }
      }
    }
    CHECK(found > 10'000);  // the searches are not all empty
  }
}
