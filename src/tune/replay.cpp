#include "tune/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "tune/detail/hidden.h"
#include "tune/detail/judge.h"

namespace ringwall::tune {

namespace {

using detail::Judged, detail::Keep;
using Ids = std::set<std::uint64_t>;

// Lines a worker takes at a time.
constexpr std::size_t kLinesAtOnce = 64;

struct Before {
  bool refused = false, unsure = false;
  Ids ids;
};

// Rules that only add up (they look at TX) say nothing of their own.
Ids ids_of(const Judged& judged) {
  Ids out;
  for (const auto& match : judged.matches) {
    if (match.finds) out.insert(match.rule_id);
  }
  return out;
}

// What was recorded.  Places in mode log refuse nothing: there the rules that matched say what they would have done.
Before recorded(const Stored& stored, const Rules& rules) {
  Before out;
  out.refused = stored.refused();
  const int last_phase = detail::answer_known(stored) ? 3 : 2;
  bool by_answer = false;
  for (const auto& match : stored.matches) {
    const bool refuses = rules.refuses(match.rule_id);
    if (match.phase <= last_phase) {
      const auto* rule = rules.rule(match.rule_id);
      if (rule == nullptr ? !match.variable.starts_with("TX:") : detail::finds(*rule)) out.ids.insert(match.rule_id);
      if (!stored.refused() && refuses) out.refused = true;
    } else if (match.phase <= 4 && refuses) {
      by_answer = true;
    }
  }
  // Refused for its answer, which is not there; or for something that the record had no room for.
  out.unsure = (stored.refused() && by_answer) || (stored.missing.matches_cut && !out.refused);
  return out;
}

}  // namespace

class Replay::Worker {
 public:
  Worker(const std::optional<Rules>& current, const Rules& next) : next_(next) {
    if (current) current_.emplace(*current);
  }

  void line(std::uint64_t number, const std::string& text) {
    auto stored = read_stored(text);
    if (!stored.ok()) {
      ++report.unread;
      if (broken.size() < kUnreadShownMax) broken.emplace_back(number, stored.error().message);
    } else if (!*stored) {
      ++report.other;
    } else {
      one(number, **stored);
    }
  }

  ReplayReport report;
  std::map<std::uint64_t, RuleChange> rules;
  std::vector<std::pair<std::uint64_t, RequestChange>> changes;  // by number of their line
  std::vector<std::pair<std::uint64_t, std::string>> broken;
  std::uint64_t shown[3] = {};

 private:
  void one(std::uint64_t number, const Stored& stored) {
    ++(stored.audited ? report.audited : report.edge);
    if (!stored.audited && !stored.action.empty() && stored.action != "pass") {
      ++report.no_audit;
      return;
    }
    const auto now = next_.run(stored, Keep::kIds);
    Judged then;
    if (current_) then = current_->run(stored, Keep::kIds);
    if (!now.judged && !then.judged) {
      ++report.not_judged;
      return;
    }
    const auto before = current_ ? Before{then.refused, false, ids_of(then)} : recorded(stored, next_.rules());
    const auto ids = ids_of(now);
    const bool lost = std::any_of(before.ids.begin(), before.ids.end(), [&](const auto id) { return !ids.contains(id) && detail::may_be_missing(stored, id); });
    if (!current_ && (before.unsure || lost)) {
      ++report.unsure;
      return;
    }
    ++report.judged;
    report.without_headers += stored.missing.headers;
    report.without_body += stored.missing.body;
    report.body_cut += stored.missing.body_cut;
    report.secrets_hidden += stored.missing.secrets;
    report.refused_before += before.refused;
    report.refused_now += now.refused;
    compare(number, stored, before, now, ids);
  }

  void compare(std::uint64_t number, const Stored& stored, const Before& before, const Judged& now, const Ids& ids) {
    using Kind = RequestChange::Kind;
    RequestChange change;
    std::set_difference(ids.begin(), ids.end(), before.ids.begin(), before.ids.end(), std::back_inserter(change.newly));
    std::set_difference(before.ids.begin(), before.ids.end(), ids.begin(), ids.end(), std::back_inserter(change.no_longer));
    const bool more = now.refused && !before.refused, less = !now.refused && before.refused;
    for (const auto id : ids) ++rule(id).now;
    for (const auto id : before.ids) ++rule(id).before;
    for (const auto id : change.newly) {
      ++rule(id).newly;
      rule(id).newly_refused += more;
    }
    for (const auto id : change.no_longer) {
      ++rule(id).no_longer;
      rule(id).no_longer_refused += less;
    }
    if (!more && !less && change.newly.empty() && change.no_longer.empty()) return;
    change.kind = more ? Kind::kNewlyRefused : less ? Kind::kNoLongerRefused : Kind::kOtherMatches;
    ++(more ? report.newly_refused : less ? report.no_longer_refused : report.other_matches);
    if (++shown[static_cast<std::size_t>(change.kind)] > kChangesShownMax) return;
    change.trace_id = stored.trace_id;
    change.client = stored.client;
    change.method = stored.method;
    change.uri = stored.uri;
    const auto* place = next_.rules().place_of(stored);
    change.place = place == nullptr ? stored.policy : place->name;
    change.time_ns = stored.time_ns;
    change.status = now.status;
    change.score = now.score;
    change.refused_by = now.refused_by;
    change.missing = to_text(stored.missing);
    changes.emplace_back(number, std::move(change));
  }

  RuleChange& rule(std::uint64_t id) { return rules[id]; }

  detail::Judge next_;
  std::optional<detail::Judge> current_;
};

Replay::Replay(std::optional<Rules> current, Rules next, const ReplayOptions& options) : next_(std::move(next)) {
  for (unsigned i = 0; i < std::max(1u, options.threads); ++i) workers_.push_back(std::make_unique<Worker>(current, next_));
}
Replay::~Replay() = default;

void Replay::add(const std::vector<std::string>& lines) {
  std::atomic<std::size_t> next{0};
  const auto first = lines_;
  const auto work = [&](Worker& worker) {
    for (;;) {
      const auto from = next.fetch_add(kLinesAtOnce);
      if (from >= lines.size()) return;
      for (auto i = from; i < std::min(from + kLinesAtOnce, lines.size()); ++i) {
        if (!lines[i].empty()) worker.line(first + i + 1, lines[i]);
      }
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < workers_.size(); ++i) threads.emplace_back([&work, worker = workers_[i].get()] { work(*worker); });
  work(*workers_[0]);
  for (auto& thread : threads) thread.join();
  lines_ += lines.size();
}

ReplayReport Replay::report() const {
  ReplayReport out;
  out.lines = lines_;
  std::map<std::uint64_t, RuleChange> rules;
  std::vector<std::pair<std::uint64_t, RequestChange>> changes;
  std::vector<std::pair<std::uint64_t, std::string>> broken;
  for (const auto& worker : workers_) {
    const auto& one = worker->report;
    constexpr std::uint64_t ReplayReport::*kSums[] = {
        &ReplayReport::audited,       &ReplayReport::edge,           &ReplayReport::other,       &ReplayReport::unread,        &ReplayReport::judged,       &ReplayReport::not_judged,
        &ReplayReport::no_audit,      &ReplayReport::unsure,         &ReplayReport::newly_refused, &ReplayReport::no_longer_refused, &ReplayReport::other_matches, &ReplayReport::refused_before,
        &ReplayReport::refused_now,   &ReplayReport::without_headers, &ReplayReport::without_body, &ReplayReport::body_cut,      &ReplayReport::secrets_hidden};
    for (const auto sum : kSums) out.*sum += one.*sum;
    broken.insert(broken.end(), worker->broken.begin(), worker->broken.end());
    for (const auto& [id, change] : worker->rules) {
      auto& sum = rules[id];
      sum.before += change.before, sum.now += change.now;
      sum.newly += change.newly, sum.no_longer += change.no_longer;
      sum.newly_refused += change.newly_refused, sum.no_longer_refused += change.no_longer_refused;
    }
    changes.insert(changes.end(), worker->changes.begin(), worker->changes.end());
  }
  std::sort(broken.begin(), broken.end());
  for (std::size_t i = 0; i < std::min(broken.size(), kUnreadShownMax); ++i) out.unread_shown.push_back(fmt::format("line {}: {}", broken[i].first, broken[i].second));
  for (auto& [id, change] : rules) {
    if (change.newly == 0 && change.no_longer == 0) continue;
    change.rule_id = id;
    const auto* rule = next_.rule(id);
    if (rule != nullptr && rule->actions.msg.constant()) change.message = rule->actions.msg.text();
    out.rules.push_back(std::move(change));
  }
  std::stable_sort(out.rules.begin(), out.rules.end(), [](const auto& a, const auto& b) { return std::tuple(b.newly_refused, b.newly, b.no_longer) < std::tuple(a.newly_refused, a.newly, a.no_longer); });
  std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return std::tuple(a.second.kind, a.first) < std::tuple(b.second.kind, b.first); });
  std::size_t of_kind[3] = {};
  for (auto& [number, change] : changes) {
    if (++of_kind[static_cast<std::size_t>(change.kind)] <= kChangesShownMax) out.requests.push_back(std::move(change));
  }
  return out;
}

}  // namespace ringwall::tune
