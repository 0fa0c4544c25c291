// The door of engine.h: an exchange handed over piece by piece, a verdict after each phase.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "waf/detail/judge.h"
#include "waf/detail/known_texts.h"

namespace ringwall::waf {

namespace {

class CompiledSet final : public RuleSet {
 public:
  explicit CompiledSet(std::shared_ptr<const detail::Program> program) : program(std::move(program)) {}
  const Settings& settings() const override { return program->source.settings; }
  RuleSetInfo info() const override {
    RuleSetInfo info;
    for (const auto& phase : program->phases) {
      info.rules += static_cast<std::size_t>(std::count_if(phase.begin(), phase.end(), [](const auto& step) { return step.kind != detail::Step::Kind::kMarker; }));
    }
    for (const auto& rule : program->rules) info.patterns += rule.regex != nullptr ? 1 : 0;
    return info;
  }
  Result<std::shared_ptr<const Overlay>> overlay(const Adjustments& adjustments) const override {
    auto made = RW_TRY(detail::compile_overlay(*program, adjustments));
    made->opening = detail::Judge(program, nullptr).opening(made.get());
    return std::shared_ptr<const Overlay>(std::move(made));
  }

  const std::shared_ptr<const detail::Program> program;
};

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return x == y || ((x ^ y) == 0x20 && (x | 0x20) >= 'a' && (x | 0x20) <= 'z'); });
}

class RealTransaction final : public Transaction {
 public:
  RealTransaction(std::shared_ptr<const RuleSet> rules, PersistentCollections* collections, std::shared_ptr<TextMemory> memory)
      : rules_(std::move(rules)), memory_(std::move(memory)), judge_(static_cast<const CompiledSet&>(*rules_).program, collections, static_cast<detail::KnownTexts*>(memory_.get())) {}

  void reset(const ExchangeInfo& info, const Overlay* overlay) override {
    judge_.reset(info, static_cast<const detail::CompiledOverlay*>(overlay));
    request_too_large_ = response_too_large_ = false;
  }
  void now(std::int64_t now_ns) override { judge_.now(now_ns); }
  void request_line(std::string_view method, std::string_view uri, std::string_view protocol) override { judge_.exchange.request_line(method, uri, protocol); }
  void request_header(std::string_view name, std::string_view value) override { judge_.exchange.request_header(name, value); }
  void allow() override { judge_.allow(); }
  Verdict request_headers_done() override { return run(1); }

  bool wants_request_body() const override { return judge_.settings.request_body_access && judge_.settings.engine != Engine::kOff; }
  bool request_body(std::string_view piece) override { return take(piece, judge_.exchange.request_body, judge_.settings.request_body_limit, Variable::kInboundDataError, request_too_large_); }
  Verdict request_body_done() override {
    if (judge_.settings.engine == Engine::kOff) return judge_.verdict;
    if (request_too_large_ && judge_.settings.request_body_limit_action == LimitAction::kReject && judge_.settings.engine == Engine::kOn) {
      return judge_.verdict = {.action = Verdict::Action::kDeny, .status = 413};
    }
    judge_.exchange.read_request_body(judge_.settings);
    return run(2);
  }

  std::string_view request_body_seen() const override { return judge_.exchange.request_body; }

  void response_line(int status, std::string_view protocol) override { judge_.exchange.response_line(status, protocol); }
  void response_header(std::string_view name, std::string_view value) override { judge_.exchange.response_header(name, value); }
  Verdict response_headers_done() override { return run(3); }

  bool wants_response_body() const override {
    if (!judge_.settings.response_body_access || judge_.settings.engine == Engine::kOff) return false;
    const auto type = base::lower_ascii(judge_.exchange.single(Variable::kResponseContentType));
    const auto& types = judge_.settings.response_mime_types;
    return std::any_of(types.begin(), types.end(), [&](const auto& one) { return base::lower_ascii(one) == type; });
  }
  bool response_body(std::string_view piece) override {
    return take(piece, judge_.exchange.response_body, judge_.settings.response_body_limit, Variable::kOutboundDataError, response_too_large_);
  }
  Verdict response_body_done() override {
    if (response_too_large_ && judge_.settings.response_body_limit_action == LimitAction::kReject && judge_.settings.engine == Engine::kOn) {
      return judge_.verdict = {.action = Verdict::Action::kDeny, .status = 500};
    }
    judge_.exchange.set(Variable::kResponseBody, judge_.exchange.response_body);
    return run(4);
  }
  void logging() override { run(5); }

  const std::vector<Match>& matches() const override { return judge_.matches; }
  std::uint64_t steps() const override { return judge_.steps; }
  bool audit_wanted() const override {
    if (judge_.settings.audit_engine == AuditEngine::kOff) return false;
    if (judge_.settings.audit_engine == AuditEngine::kOn) return true;
    return std::any_of(judge_.matches.begin(), judge_.matches.end(), [](const Match& match) { return match.audit_log; });
  }
  bool enforcing() const override { return judge_.settings.engine == Engine::kOn; }
  std::string_view tx(std::string_view name) const override {
    const auto& program = *static_cast<const CompiledSet&>(*rules_).program;
    const auto slot = program.slot_of.find(base::lower_ascii(name));
    return judge_.tx_value(slot == program.slot_of.end() ? detail::kNone : slot->second, name);
  }
  void set_tx(std::string_view name, std::string_view value) override {
    const auto& program = *static_cast<const CompiledSet&>(*rules_).program;
    const auto slot = program.slot_of.find(base::lower_ascii(name));
    judge_.set_tx(slot == program.slot_of.end() ? detail::kNone : slot->second, name, value, true);
  }
  std::size_t arguments(std::string_view name, std::span<std::string_view> room) const override {
    // An application reads the query or the body, and of it the first or the last.
    const auto share = room.size() / 2;
    const auto of_query = first_and_last(Variable::kArgsGet, name, room.first(share));
    return of_query + first_and_last(Variable::kArgsPost, name, room.subspan(of_query).first(share));
  }
  void observe(RuleObserver* observer) override { judge_.observer = observer; }
  std::size_t memory_bytes() const override { return judge_.memory_bytes(); }

 private:
  // How many values of `room` were filled: all there are, or as many of the first and of the last.
  std::size_t first_and_last(Variable variable, std::string_view name, std::span<std::string_view> room) const {
    constexpr std::string_view kJson = "json.";
    std::size_t found = 0;
    for (const auto& entry : judge_.exchange.entries(variable)) {
      const auto written = base::trim(entry.name);
      if (!same_letters(written, name) && !(written.starts_with(kJson) && same_letters(written.substr(kJson.size()), name))) continue;
      if (found >= room.size()) {
        // The first of the later half goes.
        const auto later = room.subspan(room.size() / 2);
        std::move(later.begin() + 1, later.end(), later.begin());
        later.back() = entry.value;
      } else {
        room[found] = entry.value;
      }
      ++found;
    }
    return std::min(found, room.size());
  }
  Verdict run(int phase) {
    judge_.run(phase);
    return judge_.verdict;
  }
  bool take(std::string_view piece, std::string& into, std::uint64_t limit, Variable error, bool& too_large) {
    const auto room = limit > into.size() ? limit - into.size() : 0;
    into.append(piece.substr(0, room));
    if (piece.size() <= room) return true;
    too_large = true;
    judge_.exchange.set_flag(error, true);
    return false;
  }

  const std::shared_ptr<const RuleSet> rules_;
  const std::shared_ptr<TextMemory> memory_;
  detail::Judge judge_;
  bool request_too_large_ = false, response_too_large_ = false;
};

}  // namespace

std::string log_line(const Match& match) {
  std::string line = fmt::format("{}. [id \"{}\"] ", match.disruptive ? "Access denied" : "Warning", match.rule_id);
  if (match.rule != nullptr) line += fmt::format("[file \"{}\"] [line \"{}\"] ", match.rule->place.file, match.rule->place.line);
  line += fmt::format("[msg \"{}\"] [data \"{}\"] [severity \"{}\"] [phase \"{}\"]", match.msg, match.log_data, match.severity, match.phase);
  for (const auto& tag : match.tags) line += fmt::format(" [tag \"{}\"]", tag);
  line += fmt::format(" {} at {}.", match.operator_text, match.variable);
  for (auto& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

Result<std::shared_ptr<const RuleSet>> RuleSet::compile(RuleSetSource source, const CompileOptions& options) {
  const auto* previous = options.previous == nullptr ? nullptr : static_cast<const CompiledSet&>(*options.previous).program.get();
  auto program = RW_TRY(detail::compile_program(std::move(source), options, previous));
  program->opening = detail::Judge(program, nullptr).opening(nullptr);
  return std::shared_ptr<const RuleSet>(std::make_shared<CompiledSet>(std::move(program)));
}

std::shared_ptr<TextMemory> TextMemory::make(const RuleSet& rules) {
  return std::make_shared<detail::KnownTexts>(static_cast<const CompiledSet&>(rules).program->questions.size());
}

std::unique_ptr<Transaction> Transaction::make(std::shared_ptr<const RuleSet> rules, PersistentCollections* collections, std::shared_ptr<TextMemory> memory) {
  return std::make_unique<RealTransaction>(std::move(rules), collections, std::move(memory));
}

}  // namespace ringwall::waf
