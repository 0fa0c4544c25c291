#include "tune/propose.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <tuple>

#include "tune/detail/attacks.h"
#include "tune/detail/groups.h"

namespace ringwall::tune {

namespace {

using detail::Flagged, detail::Group, detail::Judge, detail::Keep;

constexpr std::size_t kLinesPerTurn = 64;
constexpr std::size_t kPruneSample = 200;  // requests that are judged again for each rule of a proposal
constexpr std::size_t kAttackShare = 4;    // one attacker among so many clients of a field is too many

// Runs `work(thread, index)` for every index below `count`.
template <class Work>
void in_parallel(unsigned threads, std::size_t count, Work work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&](unsigned thread) {
    for (std::size_t from; (from = next.fetch_add(kLinesPerTurn)) < count;) {
      for (auto i = from; i < std::min(from + kLinesPerTurn, count); ++i) work(thread, i);
    }
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(run, i);
  run(0);
  for (auto& thread : others) thread.join();
}

// Which of these requests the rules let through.
std::vector<char> passing(const Rules& rules, const std::vector<const Flagged*>& requests, unsigned threads) {
  std::vector<std::unique_ptr<Judge>> judges;
  for (unsigned i = 0; i < threads; ++i) judges.push_back(std::make_unique<Judge>(rules));
  std::vector<char> out(requests.size(), 0);
  in_parallel(threads, requests.size(), [&](unsigned thread, std::size_t i) { out[i] = judges[thread]->run(requests[i]->stored, Keep::kIds).refused ? 0 : 1; });
  return out;
}

std::uint64_t count_of(const std::vector<char>& flags) { return static_cast<std::uint64_t>(std::count(flags.begin(), flags.end(), 1)); }

std::string joined(const std::vector<std::uint64_t>& rules) { return fmt::format("{}", fmt::join(rules, ",")); }

bool has_hidden(const Flagged& flagged, const std::vector<std::uint64_t>& rules) {
  return std::any_of(flagged.findings.begin(), flagged.findings.end(), [&](const auto& finding) { return finding.hidden && std::binary_search(rules.begin(), rules.end(), finding.rule_id); });
}

// One exclusion on its way to a proposal.
struct Candidate {
  Group group;
  std::vector<std::string> targets;
  std::vector<std::uint64_t> rules;
  policy::PlacedExclusion exclusion() const { return {joined(rules), targets, group.path}; }
};

}  // namespace

struct Tuner::State {
  Rules rules;
  TuneOptions options;
  std::vector<std::unique_ptr<Judge>> judges;
  detail::Clients clients;
  std::vector<Flagged> flagged;
  std::vector<detail::Payload> payloads;
  TuneReport report;

  bool trusted(const std::string& address) const { return options.trusted.contains(address); }

  detail::Hostile hostile(const std::string& address) const {
    if (trusted(address)) return detail::Hostile::kNone;
    const auto* client = clients.find(address);
    return client == nullptr ? detail::Hostile::kNone : detail::judge_client(*client);
  }

  // Empty: it may be proposed.
  std::string why_not(const Group& group, const Proposal& evidence, std::uint64_t attackers) const {
    // That nothing passes by which somebody else attacked is still seen to (drop_dangerous).
    if (std::any_of(group.requests.begin(), group.requests.end(), [&](const auto* one) { return trusted(one->stored.client); })) return {};
    if (evidence.clients < options.clients_min) return fmt::format("of {} clients, {} are needed (--clients)", evidence.clients, options.clients_min);
    if (evidence.requests < options.requests_min) return fmt::format("{} requests, {} are needed (--requests)", evidence.requests, options.requests_min);
    if (attackers * kAttackShare > evidence.clients) return fmt::format("{} attackers use this field too", attackers);
    if (clients.history()) {
      if (evidence.clients_known * 2 < evidence.clients) return "most of these clients did nothing else here";
    } else if (evidence.clients < 2 * options.clients_min || evidence.values < 2) {
      return "nothing else is known of these clients, and too few of them say the same; edge records would tell more";
    }
    if (evidence.score_median > detail::kScoreMedianMax) return fmt::format("it scores as attacks do: {} in the middle", evidence.score_median);
    std::size_t let_through = 0, failed = 0;
    for (const auto* one : group.requests) {
      if (one->stored.refused() || one->stored.status == 0) continue;
      ++let_through;
      failed += one->stored.status >= 400;
    }
    if (let_through != 0 && failed * 2 > let_through) return "where it was let through, the application refused most of it itself";
    return {};
  }

  Proposal evidence_of(const std::string& target, const Group& group) const {
    Proposal out;
    std::set<std::string> addresses, values, places;
    std::vector<int> scores;
    for (const auto* one : group.requests) {
      addresses.insert(one->stored.client);
      if (!one->stored.policy.empty()) places.insert(one->stored.policy);
      scores.push_back(one->score);
      for (const auto& finding : one->findings) {
        if (detail::target_of(finding) == target) values.insert(finding.value);
      }
      out.hidden += has_hidden(*one, group.rules) || !one->refused_again;
      if (out.trace_ids.size() < kExamplesMax && !one->stored.trace_id.empty()) out.trace_ids.push_back(one->stored.trace_id);
    }
    std::nth_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(scores.size() / 2), scores.end());
    out.score_median = scores[scores.size() / 2];
    out.requests = group.requests.size();
    out.clients = addresses.size();
    out.values = values.size();
    out.places.assign(places.begin(), places.end());
    for (const auto& address : addresses) {
      const auto* client = clients.find(address);
      out.clients_known += client != nullptr && client->passed >= detail::kHistoryMin;
    }
    out.path_requests = clients.requests_of(group.path);
    return out;
  }

  // Attackers that were found in this field of these pages.
  std::uint64_t attackers_of(const Group& group, const std::vector<const Flagged*>& bad) const {
    std::set<std::string> out;
    for (const auto* one : bad) {
      if (!detail::covers(group.path, detail::decoded_path(one->stored.uri))) continue;
      for (const auto& finding : one->findings) {
        if (detail::target_of(finding) == group.target) out.insert(one->stored.client);
      }
    }
    return out.size();
  }

  void doubt(const Group& group, const std::string& targets, const Proposal& evidence, std::uint64_t attackers, std::string why) {
    report.doubts.push_back({joined(group.rules), targets, group.path, std::move(why), evidence.requests, evidence.clients, attackers, evidence.trace_ids});
  }

  std::vector<Candidate> candidates(const std::vector<const Flagged*>& good, const std::vector<const Flagged*>& bad);
  Result<void> prune(std::vector<Candidate>& all);
  Result<void> verify(std::vector<Candidate>& all, const std::vector<const Flagged*>& good, const std::vector<const Flagged*>& bad);
  void doubt_nameless(const std::vector<const Flagged*>& good);
  Result<void> drop_dangerous(std::vector<Candidate>& all, const std::vector<const Flagged*>& bad);
};

Tuner::Tuner(Rules rules, const TuneOptions& options) : state_(std::make_unique<State>(State{std::move(rules), options, {}, {}, {}, {}, {}})) {
  state_->options.threads = std::max(1u, options.threads);
  for (unsigned i = 0; i < state_->options.threads; ++i) state_->judges.push_back(std::make_unique<Judge>(state_->rules));
}
Tuner::~Tuner() = default;

void Tuner::add(const std::vector<std::string>& lines) {
  auto& s = *state_;
  struct Read {
    bool broken = false, refused = false;
    std::optional<Stored> passed;
    std::optional<Flagged> flagged;
  };
  std::vector<Read> all(lines.size());
  in_parallel(s.options.threads, lines.size(), [&](unsigned thread, std::size_t i) {
    if (lines[i].empty()) return;
    auto stored = read_stored(lines[i]);
    all[i].broken = !stored.ok();
    if (!stored.ok() || !*stored) return;
    auto& one = **stored;
    if (!one.audited) {
      // What matched has an audit record, which tells more.
      if (one.action.empty() || one.action == "pass") all[i].passed = std::move(one);
      return;
    }
    const auto judged = s.judges[thread]->run(one, Keep::kValues);
    const bool recorded = one.refused() || std::any_of(one.matches.begin(), one.matches.end(), [&](const auto& match) { return match.phase <= 2 && s.rules.refuses(match.rule_id); });
    auto flagged = detail::flag(*s.judges[thread], std::move(one), judged);
    // Of a recorded refusal that the rules no longer give there is nothing left to mend.
    const bool hidden = std::any_of(flagged.findings.begin(), flagged.findings.end(), [](const auto& finding) { return finding.hidden; });
    if (judged.refused || (recorded && hidden)) all[i].flagged = std::move(flagged);
    else all[i].passed = std::move(flagged.stored);
  });
  for (auto& one : all) {
    ++s.report.lines;
    s.report.unread += one.broken;
    if (one.passed) s.clients.passed(*one.passed);
    if (one.flagged) s.clients.flagged(*one.flagged);
    s.report.requests += one.passed || one.flagged;
    s.report.refused += one.flagged.has_value();
    if (!one.flagged) continue;
    if (s.flagged.size() < kEvidenceMax) s.flagged.push_back(std::move(*one.flagged));
    else ++s.report.left_out;
  }
}

void Tuner::add_attacks(const std::vector<ftw::Test>& tests) { detail::payloads_of(tests, *state_->judges[0], state_->payloads); }

std::vector<Candidate> Tuner::State::candidates(const std::vector<const Flagged*>& good, const std::vector<const Flagged*>& bad) {
  std::vector<Candidate> out;
  for (auto& group : detail::group(good)) {
    const auto evidence = evidence_of(group.target, group);
    const auto attackers = attackers_of(group, bad);
    if (auto why = why_not(group, evidence, attackers); !why.empty()) {
      doubt(group, group.target, evidence, attackers, std::move(why));
      continue;
    }
    // Fields of the same pages that trouble the same rules are one exclusion.
    const auto same = std::find_if(out.begin(), out.end(), [&](const auto& one) { return one.rules == group.rules && one.group.path == group.path; });
    if (same == out.end()) {
      out.push_back({group, {group.target}, group.rules});
      continue;
    }
    same->targets.push_back(group.target);
    for (const auto* request : group.requests) {
      if (std::find(same->group.requests.begin(), same->group.requests.end(), request) == same->group.requests.end()) same->group.requests.push_back(request);
    }
  }
  return out;
}

// Leaves out rules without which the evidence passes as well: what is not excluded goes on protecting.
Result<void> Tuner::State::prune(std::vector<Candidate>& all) {
  const auto together = [&]() -> Result<Rules> {
    std::vector<policy::PlacedExclusion> exclusions;
    for (const auto& one : all) {
      if (!one.rules.empty()) exclusions.push_back(one.exclusion());
    }
    return rules.with(exclusions);
  };
  for (auto& one : all) {
    auto sample = one.group.requests;
    sample.resize(std::min(sample.size(), kPruneSample));
    for (const auto rule : std::vector<std::uint64_t>(one.rules)) {
      const bool hidden = std::any_of(one.group.requests.begin(), one.group.requests.end(), [&](const auto* request) { return !request->refused_again || has_hidden(*request, {rule}); });
      if (hidden) continue;  // nobody can say
      const auto before = count_of(passing(RW_TRY(together()), sample, options.threads));
      const auto kept = one.rules;
      std::erase(one.rules, rule);
      if (count_of(passing(RW_TRY(together()), sample, options.threads)) < before) one.rules = kept;
    }
    one.group.rules = one.rules;
  }
  std::erase_if(all, [&](const Candidate& one) {
    if (!one.rules.empty()) return false;
    doubt(one.group, fmt::format("{}", fmt::join(one.targets, ", ")), evidence_of(one.group.target, one.group), 0, "it alone changes nothing: these requests pass without it, or do not pass with it");
    return true;
  });
  return {};
}

// Nothing by which an attack passes that was refused.
Result<void> Tuner::State::drop_dangerous(std::vector<Candidate>& all, const std::vector<const Flagged*>& bad) {
  std::vector<const Flagged*> attacks;
  std::copy_if(bad.begin(), bad.end(), std::back_inserter(attacks), [](const auto* one) { return one->refused_again; });
  std::vector<Candidate> safe;
  for (auto& one : all) {
    const auto lost = count_of(passing(RW_TRY(rules.with({one.exclusion()})), attacks, options.threads));
    if (lost == 0) {
      safe.push_back(std::move(one));
      continue;
    }
    doubt(one.group, fmt::format("{}", fmt::join(one.targets, ", ")), evidence_of(one.group.target, one.group), attackers_of(one.group, bad), fmt::format("{} attacks that were seen would pass", lost));
  }
  all = std::move(safe);
  return {};
}

Result<void> Tuner::State::verify(std::vector<Candidate>& all, const std::vector<const Flagged*>& good, const std::vector<const Flagged*>& bad) {
  std::vector<policy::PlacedExclusion> exclusions;
  for (const auto& one : all) exclusions.push_back(one.exclusion());
  const auto together = RW_TRY(rules.with(exclusions));
  const auto cured = passing(together, good, options.threads);
  for (std::size_t i = 0; i < good.size(); ++i) report.cured += good[i]->refused_again && cured[i] != 0;
  auto pool = payloads;
  for (const auto* one : bad) {
    for (const auto& finding : one->findings) {
      if (!finding.hidden && pool.size() < kPayloadsMax) pool.push_back({finding.value, "seen in " + one->stored.trace_id, finding.rule_id});
    }
  }
  report.payloads = pool.size();
  for (auto& one : all) {
    auto proposal = evidence_of(one.targets[0], one.group);
    proposal.exclusion = one.exclusion();
    const auto alone = RW_TRY(rules.with({proposal.exclusion}));
    std::vector<const Flagged*> again;
    std::copy_if(one.group.requests.begin(), one.group.requests.end(), std::back_inserter(again), [](const auto* request) { return request->refused_again; });
    proposal.judged = again.size();
    proposal.passed_alone = count_of(passing(alone, again, options.threads));
    proposal.passed_together = count_of(passing(together, again, options.threads));
    for (const auto& target : one.targets) {
      // Any request that had this field shows where it is.
      const detail::Finding* field = nullptr;
      const Flagged* like = nullptr;
      for (const auto* request : one.group.requests) {
        for (const auto& finding : request->findings) {
          if (field == nullptr && detail::target_of(finding) == target) field = &finding, like = request;
        }
      }
      if (field == nullptr || pool.empty() || !detail::with_payload(like->stored, "/", *field, "x")) continue;
      const auto price = detail::price_of(pool, rules, alone, like->stored, std::string(path_of(like->stored.uri)), *field, options.threads);
      proposal.measured = true;
      proposal.attacks += price.attacks;
      proposal.attacks_lost += price.lost;
      for (const auto& example : price.examples) {
        if (proposal.lost.size() < kExamplesMax) proposal.lost.push_back(example);
      }
    }
    proposal.exclusion.targets = one.targets;
    report.proposals.push_back(std::move(proposal));
  }
  return {};
}

// What is wrong with a request as a whole has no field that could be left out.
void Tuner::State::doubt_nameless(const std::vector<const Flagged*>& good) {
  std::map<std::string, Group> groups;
  for (const auto* one : good) {
    for (const auto& finding : one->findings) {
      if (detail::target_of(finding)) continue;
      const std::string variable(waf::name_of(finding.variable));
      auto& group = groups[variable];
      group.target = variable;
      if (group.requests.empty() || group.requests.back() != one) group.requests.push_back(one);
      const auto at = std::lower_bound(group.rules.begin(), group.rules.end(), finding.rule_id);
      if (at == group.rules.end() || *at != finding.rule_id) group.rules.insert(at, finding.rule_id);
    }
  }
  for (const auto& [variable, group] : groups) doubt(group, variable, evidence_of(variable, group), 0, "no field that an exclusion could name: mend the client, or exclude the rule as a whole");
}

Result<TuneReport> Tuner::propose() {
  auto& s = *state_;
  std::vector<const Flagged*> good, bad;
  for (const auto& one : s.flagged) (s.hostile(one.stored.client) == detail::Hostile::kNone ? good : bad).push_back(&one);
  s.report.clients = s.clients.size();
  s.report.attackers = s.clients.hostile();
  for (const auto& address : s.options.trusted) {
    const auto* client = s.clients.find(address);
    s.report.attackers -= client != nullptr && detail::judge_client(*client) != detail::Hostile::kNone;
  }
  s.report.false_positives = good.size();
  s.report.doubts.clear();
  s.report.proposals.clear();
  s.report.cured = 0;
  auto candidates = s.candidates(good, bad);
  RW_TRY(s.prune(candidates));
  RW_TRY(s.drop_dangerous(candidates, bad));
  RW_TRY(s.verify(candidates, good, bad));
  s.doubt_nameless(good);
  std::stable_sort(s.report.proposals.begin(), s.report.proposals.end(), [](const auto& a, const auto& b) { return b.requests < a.requests; });
  std::stable_sort(s.report.doubts.begin(), s.report.doubts.end(), [](const auto& a, const auto& b) { return b.requests < a.requests; });
  return s.report;
}

}  // namespace ringwall::tune
