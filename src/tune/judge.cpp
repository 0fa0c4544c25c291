#include "tune/detail/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/mask.h"
#include "tune/detail/hidden.h"

namespace ringwall::tune::detail {

namespace {

// The variable TX holds the score under one of these names, by version of the Core Rule Set.
constexpr std::string_view kScores[] = {"blocking_inbound_anomaly_score", "inbound_anomaly_score", "anomaly_score"};

int number_in(std::string_view text) {
  int value = 0;
  for (const char c : text.substr(0, 8)) {
    if (c < '0' || c > '9') break;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool of_body(std::string_view variable) {
  constexpr std::string_view kParts[] = {"ARGS", "REQUEST_BODY", "FILES", "XML", "MULTIPART", "REQBODY", "FULL_REQUEST"};
  return std::any_of(std::begin(kParts), std::end(kParts), [&](std::string_view part) { return variable.starts_with(part); });
}

}  // namespace

bool may_be_missing(const Stored& stored, std::uint64_t rule_id) {
  for (const auto& match : stored.matches) {
    if (match.rule_id != rule_id) continue;
    if (stored.missing.headers_cut || match.value.find(policy::kMasked) != std::string::npos) return true;
    if ((stored.missing.body || stored.missing.body_cut) && of_body(match.variable)) return true;
  }
  return false;
}

std::string Hit::target() const {
  const auto variable_name = waf::name_of(variable);
  return name.empty() ? std::string(variable_name) : fmt::format("{}:{}", variable_name, name);
}

// What matched since a rule began, kept when the rule as a whole did.
class Judge::Collector final : public waf::RuleObserver {
 public:
  explicit Collector(const waf::Transaction& transaction) : transaction_(transaction) {}
  void reset() { found.clear(); }

  void begins(std::uint64_t) override {
    pending_.clear();
    matches_before_ = transaction_.matches().size();
  }
  void matched(const waf::Rule& rule, waf::Variable variable, std::string_view name, std::string_view raw, std::string_view seen) override {
    if (pending_.size() == kHitsMax) return;
    pending_.push_back({&rule, variable, std::string(name), std::string(raw.substr(0, kHitBytesMax)), std::string(seen.substr(0, kHitBytesMax))});
  }
  void ended(std::uint64_t rule_id) override {
    if (transaction_.matches().size() != matches_before_) found.emplace_back(rule_id, std::move(pending_));
    pending_.clear();
  }

  std::vector<std::pair<std::uint64_t, std::vector<Hit>>> found;

 private:
  const waf::Transaction& transaction_;
  std::vector<Hit> pending_;
  std::size_t matches_before_ = 0;
};

Judge::Judge(Rules rules) : rules_(std::move(rules)), transaction_(waf::Transaction::make(rules_.set())), collector_(std::make_unique<Collector>(*transaction_)) {}
Judge::~Judge() = default;

bool finds(const waf::Rule& rule) {
  const auto looks = [](const waf::Rule& one) {
    return std::any_of(one.selectors.begin(), one.selectors.end(), [](const auto& selector) {
      return selector.variable != waf::Variable::kTx && selector.variable != waf::Variable::kMatchedVar && selector.variable != waf::Variable::kMatchedVars;
    });
  };
  return looks(rule) || std::any_of(rule.chained.begin(), rule.chained.end(), looks);
}

bool answer_known(const Stored& stored) { return stored.audited && !stored.refused() && stored.status != 0; }

Judged Judge::run(const Stored& stored, Keep keep) {
  Judged out;
  const auto* place = rules_.place_of(stored);
  if (place == nullptr) return out;
  out.judged = true;
  auto& t = *transaction_;
  collector_->reset();
  t.observe(keep == Keep::kValues ? collector_.get() : nullptr);
  t.reset({.client_address = stored.client,
           .server_address = stored.server,
           .server_name = header_of(stored.headers, "host"),
           .unique_id = stored.trace_id,
           .client_port = stored.client_port,
           .server_port = stored.server_port,
           .now_ns = stored.time_ns},
          place->overlay.get());
  t.request_line(stored.method, stored.uri, stored.protocol);
  for (const auto& [name, value] : stored.headers) t.request_header(name, value);
  if (!stored.audited) {
    // An edge record does not say whether these were there; that they were missing must not be what is found.
    t.request_header("Accept", "*/*");
    if (stored.missing.body) t.request_header("Content-Length", "0");
  }
  auto verdict = t.request_headers_done();
  const auto passes = [&] { return verdict.action == waf::Verdict::Action::kPass; };
  if (passes()) {
    if (t.wants_request_body() && !stored.body.empty()) t.request_body(stored.body);
    verdict = t.request_body_done();
  }
  if (passes() && answer_known(stored)) {
    t.response_line(stored.status, "HTTP/1.1");
    for (const auto& [name, value] : stored.response_headers) t.response_header(name, value);
    verdict = t.response_headers_done();
  }
  out.refused = !passes();
  out.refused_by = verdict.rule_id;
  out.status = out.refused ? verdict.status : 0;
  for (const auto name : kScores) {
    if (const auto score = t.tx(name); !score.empty()) {
      out.score = number_in(score);
      break;
    }
  }
  for (const auto& match : t.matches()) {
    const bool known = std::any_of(out.matches.begin(), out.matches.end(), [&](const auto& one) { return one.rule_id == match.rule_id; });
    if (known) continue;
    RuleMatch one{match.rule_id, match.rule, match.phase, match.severity, match.disruptive, {}, {}, match.variable, {}, {}, {}, match.rule == nullptr || finds(*match.rule)};
    if (keep != Keep::kIds) {
      one.message = match.msg;
      one.data = match.log_data;
      one.value = match.value;
      one.tags = match.tags;
    }
    out.matches.push_back(std::move(one));
  }
  for (auto& [id, hits] : collector_->found) {
    const auto of = std::find_if(out.matches.begin(), out.matches.end(), [id = id](const auto& one) { return one.rule_id == id; });
    if (of != out.matches.end() && of->hits.empty()) of->hits = std::move(hits);
  }
  t.observe(nullptr);
  return out;
}

}  // namespace ringwall::tune::detail
