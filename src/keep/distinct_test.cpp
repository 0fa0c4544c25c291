#include "keep/distinct.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <map>
#include <random>

#include "keep/test_support.h"

using namespace ringwall;
using namespace ringwall::keep;
using namespace ringwall::keep::test;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// "yes 3": allowed, three different ones then; "no 3 for 16": denied, in 16 s another would be allowed.
std::string show(const DistinctAnswer& answer) {
  if (answer.limited == Limited::kNoState) return "no state";
  return answer.limited == Limited::kAllowed ? fmt::format("yes {}", answer.count) : fmt::format("no {} for {}", answer.count, answer.retry_after_ns / kSecond);
}

}  // namespace

TEST_CASE("distinct: what is different, and for how long") {
  Fixture f(4);
  const auto limit = Distinct::make(3, 160 * kSecond).value();  // slices of ten seconds
  struct Case {
    std::int64_t now_s;
    std::string_view key, value, want;
  };
  const Case kCases[] = {
      {0, "a", "one", "yes 1"},
      {1, "a", "one", "yes 1"},
      {2, "a", "two", "yes 2"},
      {20, "a", "three", "yes 3"},
      {21, "a", "four", "no 3 for 149"},
      {21, "a", "two", "yes 3"},  // one of them: it counts from here on
      {21, "b", "four", "yes 1"},
      {169, "a", "four", "no 3 for 1"},
      {170, "a", "four", "yes 3"},  // "one" is gone, after 169 s
      {170, "a", "one", "no 3 for 20"},
      {190, "a", "one", "yes 2"},  // "two" and "three" are gone
      {180, "a", "six", "yes 3"},  // the clock goes back: as if it stood still
      {180, "a", "five", "no 3 for 150"},
      {10'000, "a", "five", "yes 1"},
  };
  for (const std::int64_t begin : {std::int64_t{0}, std::int64_t{1'790'000'000} * kSecond}) {
    for (const auto& c : kCases) {
      CAPTURE(c.now_s);
      CAPTURE(c.value);
      const auto key = fmt::format("{} {}", begin, c.key);
      const auto value = f.table.digest(c.value)[0];
      const auto before = look(f.table, key, limit, value, begin + c.now_s * kSecond);
      const auto answer = take(f.table, key, limit, value, begin + c.now_s * kSecond);
      CHECK(before.limited == answer.limited);  // looking takes nothing
      CHECK(show(answer) == c.want);
    }
  }
  Table none;
  CHECK(show(take(none, "a", limit, 1, 0)) == "no state");
}

TEST_CASE("distinct: limits that can be") {
  struct Case {
    std::int64_t max, period_ns;
    const char* want;
  };
  const Case kCases[] = {
      {1, 16, ""},
      {kDistinctMax, kBurstNsMax, ""},
      {kDistinctMax + 1, kSecond, "10001 different: at most 10000 are counted"},
      {1, 15, "different values in 15 ns: 16 ns to a year"},
      {1, kBurstNsMax + 1, "different values in 31536000000000001 ns: 16 ns to a year"},
      {0, kSecond, "0 different in 1000000000 ns: each is at least 1"},
      {1, 0, "1 different in 0 ns: each is at least 1"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.max);
    const auto limit = Distinct::make(c.max, c.period_ns);
    CHECK((limit.ok() ? "" : limit.error().message) == c.want);
  }
}

// Goal: as a model that keeps every value counts: exactly up to kExactMax, then within four standard errors; never more allowed than
// that, and no value is forgotten within its period.
TEST_CASE("distinct: any arrivals, as a naive model counts") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Fixture f(1);
    std::mt19937_64 random(seed);
    const auto most = std::int64_t{1} << (1 + seed % 13);
    const auto limit = Distinct::make(std::min(most, kDistinctMax), 3600 * kSecond).value();
    const auto different = 1 + random() % static_cast<std::uint64_t>(2 * limit.max);
    std::map<std::uint64_t, std::int64_t> model;  // value to when it last came
    bool estimated = false;
    std::int64_t now = 1'790'000'000 * kSecond;
    for (int i = 0; i < 20'000; ++i) {
      now += static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(64 * limit.slice_ns)) / (random() % 8 == 0 ? 32 : 4096);
      if (random() % 4000 == 0) now += static_cast<std::int64_t>(random() % 4) * 1800 * kSecond;
      std::erase_if(model, [&](const auto& one) { return now / limit.slice_ns - one.second / limit.slice_ns > kSlices; });
      if (model.empty()) estimated = false;
      const auto value = f.table.digest(fmt::format("{}", random() % different))[0];
      const auto answer = take(f.table, "k", limit, value, now);
      if (!estimated) {
        const bool known = model.contains(value);
        REQUIRE((answer.limited == Limited::kAllowed) == (known || model.size() < limit.max));
        if (answer.limited == Limited::kAllowed) model[value] = now;
        estimated = model.size() > kExactMax;
      } else if (answer.limited == Limited::kAllowed) {
        model[value] = now;
      }
      if (estimated) REQUIRE(std::abs(static_cast<double>(answer.count) - static_cast<double>(model.size())) <= 4 + 0.08 * static_cast<double>(model.size()));
      else REQUIRE(answer.count == model.size());
    }
    CAPTURE(model.size());
  }
}

TEST_CASE("distinct: the most that can be counted are, and no more") {
  Fixture f(1);
  const auto limit = Distinct::make(kDistinctMax, 3600 * kSecond).value();
  int allowed = 0;
  for (int i = 0; i < 3 * kDistinctMax; ++i) allowed += take(f.table, "k", limit, f.table.digest(fmt::format("{}", i))[0], kSecond).limited == Limited::kAllowed ? 1 : 0;
  // Those whose slot is taken already do not add to the estimate, so more than that came in between.
  CHECK(allowed > kDistinctMax * 9 / 10);
  CHECK(allowed < kDistinctMax * 11 / 10);
  CHECK(take(f.table, "k", limit, f.table.digest("0")[0], kSecond).limited == Limited::kDenied);
}

// Goal: what several processes see adds up, and one that is killed loses nothing but what it was writing.
TEST_CASE("distinct: of all workers, killed ones too") {
  Fixture f(1);
  const auto limit = Distinct::make(1000, 3600 * kSecond).value();
  for (int worker = 0; worker < 4; ++worker) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      Table table;
      table.attach(f.file.base(), this_process());
      for (int i = 0; i < 20; ++i) (void)take(table, "k", limit, table.digest(fmt::format("{} {}", worker, i))[0], kSecond);
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
  }
  CHECK(show(take(f.table, "k", limit, f.table.digest("0 0")[0], 2 * kSecond)) == "yes 80");
}

TEST_CASE("distinct: no value stands in the table") {
  Fixture f(1);
  const auto limit = Distinct::make(10, 3600 * kSecond).value();
  (void)take(f.table, "k", limit, f.table.digest("ann@example.com")[0], kSecond);
  Record record;
  REQUIRE(f.table.get({kDistinctSpace, "k"}, kSecond, record) == Outcome::kDone);
  REQUIRE(record.found);
  CHECK(record.text().find("ann") == std::string_view::npos);
  // Another table knows it by another number.
  Fixture other(1);
  CHECK(other.table.digest("ann@example.com") != f.table.digest("ann@example.com"));
  CHECK(f.table.digest("ann@example.com") == f.table.digest("ann@example.com"));
}
