// The search: many recipes at a small size, then the dearest of each kind at the whole size, changed again and again.
#include <time.h>

#include <algorithm>
#include <map>

#include "base/world.h"
#include "prove/detail/recipe.h"
#include "prove/prove.h"

namespace ringwall::prove {

namespace {

using detail::Random;
using detail::Recipe;
using detail::RecipeSizes;

constexpr std::size_t kSmaller = 8;            // the first look is at an eighth of the size
constexpr double kSweepShare = 0.3;            // of the time
constexpr std::size_t kBred = 24;              // of how many dearest ones changes are tried
constexpr std::size_t kRulesNamed = 4;
constexpr std::int64_t kProgressEveryNs = 5'000'000'000;

std::int64_t thread_cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

class RuleCosts final : public waf::RuleObserver {
 public:
  void begins(std::uint64_t) override { begin_ = thread_cpu_ns(); }
  void ended(std::uint64_t rule_id) override { ns_[rule_id] += thread_cpu_ns() - begin_; }
  std::vector<RuleCost> dearest() const {
    std::vector<RuleCost> all;
    for (const auto& [id, ns] : ns_) all.push_back({id, ns});
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.cpu_ns > b.cpu_ns; });
    if (all.size() > kRulesNamed) all.resize(kRulesNamed);
    return all;
  }

 private:
  std::int64_t begin_ = 0;
  std::map<std::uint64_t, std::int64_t> ns_;
};

struct Measured {
  Recipe recipe;
  std::uint64_t steps = 0;
  std::int64_t cpu_ns = 0, first_cpu_ns = 0;
  std::size_t memory_bytes = 0;
};

class Search {
 public:
  Search(const std::shared_ptr<const waf::RuleSet>& rules, const Bank& bank, const WorstOptions& options, const std::function<void(const WorstProgress&)>& progress)
      : bank_(bank), options_(options), progress_(progress), transaction_(waf::Transaction::make(rules)), random_(options.seed, 0) {
    const auto& settings = rules->settings();
    sizes_ = {std::min<std::size_t>(options.bytes, kHeadBytesMax), std::min<std::size_t>(options.bytes, settings.request_body_limit),
              settings.response_body_access ? std::min<std::size_t>(options.answer_bytes, settings.response_body_limit) : 0};
    report_.head_bytes = sizes_.head_bytes, report_.body_bytes = sizes_.body_bytes, report_.answer_bytes = sizes_.answer_bytes;
  }

  WorstReport run() {
    const auto begin = base::real_clock().monotonic_ns();
    const auto end = begin + static_cast<std::int64_t>(options_.seconds * 1e9);
    const auto sweep_end = begin + static_cast<std::int64_t>(options_.seconds * 1e9 * kSweepShare);
    last_told_ = begin;
    sweep(sweep_end);
    breed(end);
    finish();
    return std::move(report_);
  }

 private:
  Measured measure(Recipe recipe, const RecipeSizes& sizes) {
    Measured out{.recipe = std::move(recipe)};
    const auto exchange = exchange_of(out.recipe, bank_, sizes);
    for (int round = 0; round < 2; ++round) {
      const auto begin = thread_cpu_ns();
      const auto said = judge(*transaction_, exchange);
      const auto took = thread_cpu_ns() - begin;
      if (round == 0) out.first_cpu_ns = took;
      else out.cpu_ns = took;
      out.steps = said.steps;
    }
    out.memory_bytes = transaction_->memory_bytes();
    report_.memory_bytes_max = std::max(report_.memory_bytes_max, out.memory_bytes);
    ++report_.tried;
    return out;
  }

  bool time_is_up(std::int64_t end) {
    const auto now = base::real_clock().monotonic_ns();
    if (progress_ && now - last_told_ > kProgressEveryNs) {
      last_told_ = now;
      std::int64_t most = 0;
      for (const auto& one : best_) most = std::max(most, one.second.cpu_ns);
      progress_({report_.tried, most});
    }
    return now >= end;
  }

  // One of each kind is kept: where it stands and what it is filled with.
  static std::string kind_of(const Recipe& recipe) {
    std::string out;
    for (const auto& [place, filling] : recipe.parts) {
      out += std::string(name_of(place)) + static_cast<char>('0' + static_cast<int>(filling.kind));
      if (filling.kind == detail::Filling::Kind::kRepeated) out += filling.piece.substr(0, 1);
    }
    return out;
  }
  void keep(Measured&& one) {
    auto& best = best_[kind_of(one.recipe)];
    if (one.cpu_ns > best.cpu_ns) best = std::move(one);
  }
  // The dearest first: by time, and now and then one by steps, which no noise of the machine lifts.
  std::vector<const Measured*> dearest(std::size_t count) const {
    std::vector<const Measured*> all;
    for (const auto& one : best_) all.push_back(&one.second);
    std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return a->cpu_ns > b->cpu_ns; });
    if (all.size() > count) all.resize(count);
    return all;
  }

  void sweep(std::int64_t end) {
    const RecipeSizes small{std::max<std::size_t>(sizes_.head_bytes / kSmaller, 256), std::max<std::size_t>(sizes_.body_bytes / kSmaller, 512), sizes_.answer_bytes / kSmaller};
    std::vector<Measured> first;
    const auto add = [&](Recipe recipe) { first.push_back(measure(std::move(recipe), small)); };
    // Every single byte in a form, then whatever comes.
    for (int c = 0; c < 256 && !time_is_up(end); ++c) add({{detail::Part{detail::Place::kFormEncoded, {.piece = std::string(1, static_cast<char>(c))}}}});
    while (!time_is_up(end)) add(fresh_recipe(bank_, random_));
    // An answer is larger than a request may be: by what a byte costs, neither hides the other.
    const auto per_byte = [&](const Measured& one) { return static_cast<double>(one.cpu_ns) / (one.recipe.parts[0].place == detail::Place::kAnswer ? static_cast<double>(small.answer_bytes) / static_cast<double>(small.body_bytes) : 1); };
    std::sort(first.begin(), first.end(), [&](const auto& a, const auto& b) { return per_byte(a) > per_byte(b); });
    for (std::size_t i = 0; i < std::min<std::size_t>(first.size(), 2 * kBred); ++i) keep(measure(std::move(first[i].recipe), sizes_));
  }

  void breed(std::int64_t end) {
    do {
      const auto parents = dearest(kBred);
      auto recipe = parents[random_.below(parents.size())]->recipe;
      for (auto changes = random_.below(3) + 1; changes > 0; --changes) recipe = changed(std::move(recipe), bank_, random_);
      keep(measure(std::move(recipe), sizes_));
    } while (!time_is_up(end));
  }

  void finish() {
    for (const auto* one : dearest(kWorstShownMax)) {
      Costly costly;
      costly.what = shown(one->recipe);
      costly.exchange = exchange_of(one->recipe, bank_, sizes_);
      costly.bytes = raw_request(costly.exchange).size();
      // Measured once more, in peace: what was only the machine's noise goes down.
      const auto again = measure(one->recipe, sizes_);
      costly.steps = again.steps;
      costly.cpu_ns = std::min(again.cpu_ns, one->cpu_ns);
      costly.first_cpu_ns = one->first_cpu_ns;
      costly.memory_bytes = again.memory_bytes;
      RuleCosts costs;
      transaction_->observe(&costs);
      (void)judge(*transaction_, costly.exchange);
      transaction_->observe(nullptr);
      costly.rules = costs.dearest();
      report_.worst.push_back(std::move(costly));
    }
    std::stable_sort(report_.worst.begin(), report_.worst.end(), [](const auto& a, const auto& b) { return a.cpu_ns > b.cpu_ns; });
  }

  const Bank& bank_;
  const WorstOptions options_;
  const std::function<void(const WorstProgress&)>& progress_;
  const std::unique_ptr<waf::Transaction> transaction_;
  Random random_;
  RecipeSizes sizes_{};
  std::map<std::string, Measured> best_;
  std::int64_t last_told_ = 0;
  WorstReport report_;
};

}  // namespace

WorstReport worst(const std::shared_ptr<const waf::RuleSet>& rules, const Bank& bank, const WorstOptions& options, const std::function<void(const WorstProgress&)>& progress) {
  return Search(rules, bank, options, progress).run();
}

}  // namespace ringwall::prove
