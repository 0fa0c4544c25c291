#include "tune/detail/evidence.h"

#include <algorithm>

#include "policy/mask.h"
#include "tune/detail/hidden.h"
#include "tune/propose.h"

namespace ringwall::tune::detail {

namespace {

constexpr std::size_t kValueKept = 256;

bool of_path(waf::Variable variable) {
  return variable == waf::Variable::kRequestFilename || variable == waf::Variable::kRequestBasename || variable == waf::Variable::kRequestUri || variable == waf::Variable::kRequestUriRaw;
}

bool named(const Hit& hit) { return !hit.name.empty() && hit.variable != waf::Variable::kTx && hit.variable != waf::Variable::kMatchedVars; }

// An exclusion's targets are left out of every rule of a chain, so one of its rules is enough: the first that found values with
// names, "ARGS:a" rather than REQUEST_METHOD, or else the first that looks at the request.
const waf::Rule* narrowest_link(const RuleMatch& match) {
  for (const auto& hit : match.hits) {
    const bool all_named = std::all_of(match.hits.begin(), match.hits.end(), [&](const Hit& other) { return other.rule != hit.rule || named(other); });
    if (all_named) return hit.rule;
  }
  for (const auto& hit : match.hits) {
    if (hit.variable != waf::Variable::kTx && hit.variable != waf::Variable::kMatchedVar && hit.variable != waf::Variable::kMatchedVars) return hit.rule;
  }
  return nullptr;
}

bool counts_values(const waf::Rule& rule, waf::Variable variable) {
  return std::any_of(rule.selectors.begin(), rule.selectors.end(), [&](const auto& one) { return one.variable == variable && one.count; });
}

}  // namespace

const char* to_text(Hostile hostile) {
  constexpr const char* kTexts[] = {"", "is a scanner", "sent a request of a high score", "asked for files that are forbidden", "found something in many fields", "searched for pages that do not exist"};
  return kTexts[static_cast<std::size_t>(hostile)];
}

Hostile judge_client(const Client& client) {
  if (client.scanner) return Hostile::kScanner;
  if (client.forbidden_files) return Hostile::kForbiddenFiles;
  if (client.score_max > kHostileScore) return Hostile::kHighScore;
  if (client.fields.size() > kHostileFields && client.flagged * kHostileShare >= client.requests) return Hostile::kManyFields;
  if (client.misses >= kHostileMisses && client.misses * 2 >= client.requests) return Hostile::kSearchesPages;
  return Hostile::kNone;
}

Client* Clients::of(const std::string& address) {
  const auto found = all_.find(address);
  if (found != all_.end()) return &found->second;
  return all_.size() >= kClientsMax ? nullptr : &all_[address];
}

void Clients::count_path(const Stored& stored) {
  auto path = decoded_path(stored.uri);
  const auto found = paths_.find(path);
  if (found != paths_.end()) ++found->second;
  else if (paths_.size() < kClientsMax) paths_.emplace(std::move(path), 1);
}

void Clients::passed(const Stored& stored) {
  ++passed_;
  count_path(stored);
  auto* client = of(stored.client);
  if (client == nullptr) return;
  ++client->requests;
  ++client->passed;
  client->misses += stored.status == 404;
}

void Clients::flagged(const Flagged& flagged) {
  count_path(flagged.stored);
  auto* client = of(flagged.stored.client);
  if (client == nullptr) return;
  ++client->requests;
  ++client->flagged;
  client->misses += flagged.stored.status == 404;
  client->score_max = std::max(client->score_max, flagged.score);
  client->scanner = client->scanner || flagged.attacks.contains("attack-reputation-scanner");
  const auto path = decoded_path(flagged.stored.uri);
  for (const auto& finding : flagged.findings) {
    if (client->fields.size() <= kHostileFields) client->fields.insert(path + "\n" + finding.name);
    client->forbidden_files = client->forbidden_files || (of_path(finding.variable) && flagged.attacks.contains("attack-lfi"));
  }
}

const Client* Clients::find(const std::string& address) const {
  const auto found = all_.find(address);
  return found == all_.end() ? nullptr : &found->second;
}

std::uint64_t Clients::requests_of(std::string_view path) const {
  std::uint64_t out = 0;
  const bool exact = path.starts_with("= ");
  const auto begin = exact ? path.substr(2) : path;
  for (auto at = paths_.lower_bound(begin); at != paths_.end() && at->first.starts_with(begin); ++at) {
    if (!exact || at->first == begin) out += at->second;
  }
  return out;
}

std::uint64_t Clients::hostile() const {
  return static_cast<std::uint64_t>(std::count_if(all_.begin(), all_.end(), [](const auto& one) { return judge_client(one.second) != Hostile::kNone; }));
}

bool weighs(const waf::Rule& rule) {
  const auto adds = [](const waf::Rule& one) {
    return std::any_of(one.actions.set_vars.begin(), one.actions.set_vars.end(), [](const auto& set) {
      return set.collection == waf::Variable::kTx && set.kind == waf::SetVar::Kind::kAdd && !set.key.pieces.empty() && set.key.pieces[0].literal.find("anomaly_score") != std::string::npos;
    });
  };
  const auto d = rule.actions.disruptive;
  const bool refuses = d == waf::Disruptive::kDeny || d == waf::Disruptive::kBlock || d == waf::Disruptive::kDrop || d == waf::Disruptive::kRedirect || d == waf::Disruptive::kProxy;
  return refuses || adds(rule) || std::any_of(rule.chained.begin(), rule.chained.end(), adds);
}

Flagged flag(const Judge& judge, Stored stored, const Judged& judged) {
  Flagged out;
  out.score = judged.score;
  out.refused_again = judged.refused;
  const auto tagged = [&out](const std::vector<std::string>& tags) {
    for (const auto& tag : tags) {
      if (tag.starts_with("attack-")) out.attacks.insert(tag);
    }
  };
  std::set<std::uint64_t> again;
  for (const auto& match : judged.matches) {
    again.insert(match.rule_id);
    if (!match.finds || match.phase > 2 || match.rule == nullptr || !weighs(*match.rule)) continue;
    tagged(match.tags);
    const auto* link = narrowest_link(match);
    for (const auto& hit : match.hits) {
      if (hit.rule != link) continue;
      out.findings.push_back({match.rule_id, hit.variable, hit.name, hit.raw.substr(0, kValueKept), counts_values(*match.rule, hit.variable), false});
    }
  }
  for (const auto& match : stored.matches) {
    const auto* rule = judge.rules().rule(match.rule_id);
    if (match.phase > 2 || again.contains(match.rule_id) || rule == nullptr || !finds(*rule) || !weighs(*rule) || !may_be_missing(stored, match.rule_id)) continue;
    const auto colon = match.variable.find(':');
    const auto variable = waf::variable_named(match.variable.substr(0, colon));
    if (!variable) continue;
    tagged(match.tags);
    out.findings.push_back({match.rule_id, *variable, colon == std::string::npos ? "" : match.variable.substr(colon + 1), match.value.substr(0, kValueKept), counts_values(*rule, *variable), true});
  }
  int recorded = 0;
  for (const char c : stored.score.substr(0, 6)) recorded = c >= '0' && c <= '9' ? recorded * 10 + (c - '0') : recorded;
  out.score = std::max(out.score, recorded);
  out.stored = std::move(stored);
  return out;
}

std::string decoded_path(std::string_view uri) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  const auto path = path_of(uri);
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size() && digit(path[i + 1]) >= 0 && digit(path[i + 2]) >= 0) {
      out += static_cast<char>(digit(path[i + 1]) * 16 + digit(path[i + 2]));
      i += 2;
    } else {
      out += path[i];
    }
  }
  return out;
}

bool covers(std::string_view path, std::string_view decoded) { return path.starts_with("= ") ? decoded == path.substr(2) : decoded.starts_with(path); }

}  // namespace ringwall::tune::detail
