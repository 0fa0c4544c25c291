#include "keep/limits.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <deque>
#include <random>

#include "keep/test_support.h"

using namespace ringwall;
using namespace ringwall::keep;
using namespace ringwall::keep::test;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000, kMillisecond = 1'000'000;

// "yes 2": allowed, two more would be; "no 500": denied, in 500 ms it would be allowed.
std::string show(const RateAnswer& answer) {
  if (answer.limited == Limited::kNoState) return "no state";
  return answer.limited == Limited::kAllowed ? fmt::format("yes {}", answer.remaining) : fmt::format("no {}", answer.retry_after_ns / kMillisecond);
}

// "in 2": allowed, two are inside; "full 3 for 500": three are inside, the first lease ends in 500 ms.
std::string show(const LeaseAnswer& answer) {
  if (answer.limited == Limited::kNoState) return "no state";
  return answer.limited == Limited::kAllowed ? fmt::format("in {}", answer.inside) : fmt::format("full {} for {}", answer.inside, answer.retry_after_ns / kMillisecond);
}

}  // namespace

TEST_CASE("limits: a rate") {
  Fixture f(4);
  struct Case {
    std::int64_t now_ms;
    std::string_view key;
    std::string_view want;
  };
  // Two a second, three at once.
  const auto rate = Rate::make(2, kSecond, 3).value();
  const Case kCases[] = {
      {0, "a", "yes 2"},
      {0, "a", "yes 1"},
      {0, "a", "yes 0"},
      {0, "a", "no 500"},
      {0, "b", "yes 2"},
      {499, "a", "no 1"},
      {500, "a", "yes 0"},
      {500, "a", "no 500"},
      {1499, "a", "yes 0"},
      {1500, "a", "yes 0"},
      {1501, "a", "no 499"},
      {9000, "a", "yes 2"},   // all of it is back
      {2000, "a", "no 500"},  // the clock goes back seven seconds: as if a full burst had just come
      {2500, "a", "yes 0"},
  };
  // Nothing is lost by rounding when the clock is at 2026.
  for (const std::int64_t begin : {std::int64_t{0}, std::int64_t{1'790'000'000} * kSecond}) {
    for (const auto& c : kCases) {
      CAPTURE(c.now_ms);
      const auto key = fmt::format("{} {}", begin, c.key);
      // Looking takes nothing.
      CHECK(show(look(f.table, key, rate, begin + c.now_ms * kMillisecond)) == c.want);
      CHECK(show(take(f.table, key, rate, begin + c.now_ms * kMillisecond)) == c.want);
    }
  }
  Table none;
  CHECK(show(take(none, "a", rate, 0)) == "no state");
}

TEST_CASE("limits: rates that can be") {
  struct Case {
    std::int64_t count, period_ns, burst;
    const char* want;
  };
  constexpr std::int64_t kYear = kBurstNsMax;
  const Case kCases[] = {
      {1, kYear, 1, ""},
      {1, kYear, 2, "2 at once at 1 in 31536000000000000 ns: they would take more than a year to come back"},
      {1'000'000'000, kSecond, 1, ""},
      {1'000'000'001, kSecond, 1, "1000000001 in 1000000000 ns: more than one in a nanosecond"},
      {10, kSecond, INT64_MAX, "9223372036854775807 at once at 10 in 1000000000 ns: they would take more than a year to come back"},
      {0, kSecond, 1, "a rate of 0 in 1000000000 ns, 1 at once: each is at least 1"},
      {1, -1, 1, "a rate of 1 in -1 ns, 1 at once: each is at least 1"},
      {1, 1, 0, "a rate of 1 in 1 ns, 0 at once: each is at least 1"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.count);
    const auto rate = Rate::make(c.count, c.period_ns, c.burst);
    CHECK((rate.ok() ? "" : rate.error().message) == c.want);
  }
}

// Goal: in no stretch of time more than the burst and what that time brings back; and who waits as long as told is let in, a
// nanosecond earlier not.
TEST_CASE("limits: a rate holds under any arrivals") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Fixture f(1);
    std::mt19937_64 random(seed);
    const auto burst = static_cast<std::int64_t>(1 + random() % 20);
    const auto rate = Rate::make(static_cast<std::int64_t>(1 + random() % 50), kSecond, burst).value();
    std::deque<std::int64_t> allowed;
    std::int64_t now = 1'790'000'000 * kSecond;
    for (int i = 0; i < 3000; ++i) {
      now += static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * rate.interval_ns));
      if (random() % 50 == 0) now += rate.burst_ns;
      for (auto n = random() % 3; n != 0; --n) {
        const auto answer = take(f.table, "k", rate, now);
        if (answer.limited == Limited::kAllowed) {
          allowed.push_back(now);
          // Backwards from here, every stretch.
          for (std::size_t k = 1; k <= allowed.size() && k < 60; ++k) {
            const auto stretch = now - allowed[allowed.size() - k];
            REQUIRE(static_cast<std::int64_t>(k) <= burst + stretch / rate.interval_ns);
          }
        } else if (random() % 4 == 0) {
          REQUIRE(take(f.table, "k", rate, now + answer.retry_after_ns - 1).limited == Limited::kDenied);
          now += answer.retry_after_ns;
          REQUIRE(take(f.table, "k", rate, now).limited == Limited::kAllowed);
          allowed.push_back(now);
        }
      }
    }
  }
}

TEST_CASE("limits: how many at once") {
  Fixture f(4);
  const Concurrency limit{.max = 2, .lease_ns = 8 * kSecond};  // leases end on whole seconds
  const auto a = enter(f.table, "k", limit, 100);
  CHECK(show(a) == "in 1");
  CHECK(a.lease == 9 * kSecond);
  const auto b = enter(f.table, "k", limit, kSecond);
  CHECK(show(b) == "in 2");
  CHECK(b.lease == 10 * kSecond);
  CHECK(show(enter(f.table, "k", limit, kSecond)) == "full 2 for 8000");
  CHECK(show(enter(f.table, "other", limit, kSecond)) == "in 1");
  CHECK(leave(f.table, "k", a.lease, kSecond));
  CHECK(show(enter(f.table, "k", limit, kSecond)) == "in 2");
  CHECK(show(enter(f.table, "k", limit, kSecond)) == "full 2 for 9000");
  CHECK(leave(f.table, "k", 12345, kSecond));  // no such lease
  CHECK(show(enter(f.table, "k", limit, 10 * kSecond - 1)) == "full 2 for 0");
  CHECK(show(enter(f.table, "k", limit, 10 * kSecond)) == "in 1");  // nobody left, both had ended
  // Renewed, it stays; ended, it begins anew even where it is full.
  auto c = enter(f.table, "r", {.max = 1, .lease_ns = 8 * kSecond}, 0).lease;
  CHECK((c = renew(f.table, "r", limit, c, 5 * kSecond)) == 14 * kSecond);
  CHECK(show(enter(f.table, "r", {.max = 1}, 13 * kSecond)) == "full 1 for 1000");
  const auto other = enter(f.table, "r", {.max = 1, .lease_ns = 8 * kSecond}, 14 * kSecond);
  CHECK(show(other) == "in 1");
  CHECK((c = renew(f.table, "r", limit, c, 14 * kSecond)) == 23 * kSecond);
  CHECK(show(enter(f.table, "r", {.max = 2}, 14 * kSecond)) == "full 2 for 9000");
  CHECK(leave(f.table, "r", c, 14 * kSecond));
  CHECK(leave(f.table, "r", other.lease, 14 * kSecond));
  Record record;
  CHECK(f.table.get({kLeaseSpace, "r"}, 14 * kSecond, record) == Outcome::kDone);
  CHECK_FALSE(record.found);  // the last one turns off the light
  Table none;
  CHECK(show(enter(none, "k", limit, 0)) == "no state");
  CHECK_FALSE(leave(none, "k", 1, 0));
  CHECK(renew(none, "k", limit, 1, 0) == 1);
}

TEST_CASE("limits: many at once, leases of many lengths, as a naive model counts") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Fixture f(1);
    std::mt19937_64 random(seed);
    std::vector<std::int64_t> model;  // when each lease ends
    std::int64_t now = 1'790'000'000 * kSecond;
    for (int i = 0; i < 4000; ++i) {
      now += static_cast<std::int64_t>(random() % kSecond) / 8;
      std::erase_if(model, [now](std::int64_t ends) { return ends <= now; });
      const Concurrency limit{.max = 300, .lease_ns = seed % 2 == 0 ? 20 * kSecond : static_cast<std::int64_t>(1 + random() % 60) * kSecond};
      if (random() % 3 != 0) {
        const auto answer = enter(f.table, "k", limit, now);
        REQUIRE((answer.limited == Limited::kAllowed) == (model.size() < limit.max));
        if (answer.limited != Limited::kAllowed) continue;
        // Not before its time, and not an eighth later; unless there were too many lengths.
        REQUIRE(answer.lease > now + (seed % 2 == 0 ? limit.lease_ns : 0));
        if (seed % 2 == 0) REQUIRE(answer.lease <= now + limit.lease_ns + limit.lease_ns / kLeaseParts);
        model.push_back(answer.lease);
        REQUIRE(answer.inside == model.size());
      } else if (!model.empty()) {
        const auto which = random() % model.size();
        REQUIRE(leave(f.table, "k", model[which], now));
        model.erase(model.begin() + static_cast<std::ptrdiff_t>(which));
      }
    }
  }
}

// Goal: what killed workers held comes back, and never more than the limit are inside.
TEST_CASE("limits: a killed worker gives its places back with its leases") {
  Fixture f(1);
  const Concurrency limit{.max = 3, .lease_ns = 8 * kSecond};
  for (int i = 0; i < 5; ++i) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      Table table;
      table.attach(f.file.base(), this_process());
      (void)enter(table, "k", limit, kSecond + i);
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
  }
  CHECK(show(enter(f.table, "k", limit, 2 * kSecond)) == "full 3 for 8000");
  CHECK(show(enter(f.table, "k", limit, 10 * kSecond)) == "in 1");
}
