// Threads take blocks of numbers; which numbers differ is noted, and what they are is looked at when all are done, so that
// the report does not depend on the count of threads.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "prove/prove.h"

namespace ringwall::prove {

namespace {

constexpr std::uint64_t kBlock = 64;                       // numbers a thread takes at once
constexpr std::size_t kDifferencesNotedMax = 10'000;       // of these the shown ones are chosen
constexpr auto kProgressEvery = std::chrono::seconds(5);

struct Shared {
  std::atomic<std::uint64_t> next{0}, done{0}, matched{0}, differences{0};
  std::mutex mutex;
  std::condition_variable ended;
  unsigned running = 0;                // guarded by mutex
  std::vector<std::uint64_t> numbers;  // guarded by mutex
  std::set<std::uint64_t> rule_ids;    // guarded by mutex
};

// The two transactions of a thread.
struct Pair {
  std::unique_ptr<waf::Transaction> one, other;
};

void compare_blocks(Pair pair, const Bank& bank, const VerifyOptions& options, Shared& shared) {
  std::set<std::uint64_t> rule_ids;
  while (true) {
    const auto begin = shared.next.fetch_add(kBlock);
    if (begin >= options.requests) break;
    for (auto i = begin; i < std::min(begin + kBlock, options.requests); ++i) {
      const auto exchange = mutated(bank, options.seed, options.first + i);
      const auto a = judge(*pair.one, exchange), b = judge(*pair.other, exchange);
      if (!a.matches->empty() || !b.matches->empty()) ++shared.matched;
      for (const auto& match : *a.matches) rule_ids.insert(match.rule_id);
      if (!same(a, b)) {
        ++shared.differences;
        const std::lock_guard lock(shared.mutex);
        if (shared.numbers.size() < kDifferencesNotedMax) shared.numbers.push_back(options.first + i);
      }
      ++shared.done;
    }
  }
  const std::lock_guard lock(shared.mutex);
  shared.rule_ids.merge(rule_ids);
  --shared.running;
  shared.ended.notify_all();
}

// What only the first of them has, in order.
std::vector<std::string> lines_only_in(const std::vector<std::string>& lines, std::vector<std::string> others) {
  std::vector<std::string> out;
  for (const auto& line : lines) {
    if (const auto at = std::find(others.begin(), others.end(), line); at != others.end()) others.erase(at);
    else out.push_back(line);
  }
  return out;
}

std::vector<std::uint64_t> ids_of(const Said& said) {
  std::vector<std::uint64_t> out;
  for (const auto& match : *said.matches) out.push_back(match.rule_id);
  std::sort(out.begin(), out.end());
  return out;
}

// Which rules only one of them saw: differences of one kind are shown once.
std::vector<std::uint64_t> kind_of(const Said& a, const Said& b) {
  const auto x = ids_of(a), y = ids_of(b);
  std::vector<std::uint64_t> out;
  std::set_symmetric_difference(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(out));
  return out;
}

Difference explained(Pair& pair, const Exchange& exchange, std::uint64_t number) {
  const auto kind = kind_of(judge(*pair.one, exchange), judge(*pair.other, exchange));
  Difference out{.number = number};
  out.exchange = minimised(exchange, [&](const Exchange& candidate) {
    const auto a = judge(*pair.one, candidate), b = judge(*pair.other, candidate);
    return !same(a, b) && kind_of(a, b) == kind;
  });
  const auto one = lines(judge(*pair.one, out.exchange)), other = lines(judge(*pair.other, out.exchange));
  out.one = lines_only_in(one, other);
  out.other = lines_only_in(other, one);
  // The same lines in another order.
  if (out.one.empty() && out.other.empty()) out.one = one, out.other = other;
  return out;
}

}  // namespace

VerifyReport verify(const std::shared_ptr<const waf::RuleSet>& one, const std::shared_ptr<const waf::RuleSet>& other, const Bank& bank, const VerifyOptions& options,
                    const std::function<void(const VerifyProgress&)>& progress) {
  Shared shared;
  shared.running = std::max(options.threads, 1u);
  // The one remembers texts as a server does.
  const auto pair = [&] { return Pair{waf::Transaction::make(one, nullptr, waf::TextMemory::make(*one)), waf::Transaction::make(other)}; };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(options.threads, 1u); ++i) {
    threads.emplace_back([&, own = pair()]() mutable { compare_blocks(std::move(own), bank, options, shared); });
  }
  {
    std::unique_lock lock(shared.mutex);
    while (!shared.ended.wait_for(lock, kProgressEvery, [&] { return shared.running == 0; })) {
      if (!progress) continue;
      lock.unlock();
      progress({shared.done, shared.matched, shared.differences});
      lock.lock();
    }
  }
  for (auto& thread : threads) thread.join();

  VerifyReport report{shared.done, shared.matched, shared.differences, {shared.rule_ids.begin(), shared.rule_ids.end()}, {}};
  std::sort(shared.numbers.begin(), shared.numbers.end());
  std::set<std::vector<std::uint64_t>> kinds;
  auto own = pair();
  for (const auto number : shared.numbers) {
    if (report.shown.size() == kDifferencesShownMax) break;
    const auto exchange = mutated(bank, options.seed, number);
    if (!kinds.insert(kind_of(judge(*own.one, exchange), judge(*own.other, exchange))).second) continue;
    report.shown.push_back(explained(own, exchange, number));
  }
  return report;
}

}  // namespace ringwall::prove
