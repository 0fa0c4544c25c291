// Runs the rules of a phase over an exchange.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "waf/detail/automaton.h"
#include "waf/detail/exchange.h"
#include "waf/detail/program.h"
#include "waf/detail/variants.h"
#include "waf/engine.h"

namespace ringwall::waf::detail {

// Looking at an empty text is work too, and so is all that a match leaves behind.
inline constexpr std::uint64_t kStepsPerRule = 16, kStepsPerOperator = 150, kStepsPerMatch = 1000;

enum class Allowed : std::uint8_t { kNothing, kPhase, kRequest, kEverything };

class Judge {
 public:
  Judge(std::shared_ptr<const Program> program, PersistentCollections* persistent, KnownTexts* known = nullptr);

  void reset(const ExchangeInfo& info, const CompiledOverlay* overlay = nullptr);
  void now(std::int64_t now_ns);
  void allow() { allowed_ = Allowed::kEverything; }
  // Runs one phase; afterwards verdict() may be set.
  void run(int phase);
  // What the opening of the rule set does under an overlay; ends the exchange under judgement.
  Opening opening(const CompiledOverlay* overlay);
  std::string_view tx_value(std::uint32_t slot, std::string_view key) const;
  void set_tx(std::uint32_t slot, std::string_view key, std::string_view value, bool set);

  Exchange exchange;
  Settings settings;  // as ctl has changed them
  Verdict verdict;
  std::vector<Match> matches;
  std::uint64_t steps = 0;
  RuleObserver* observer = nullptr;
  std::size_t memory_bytes() const;

 private:
  struct Value {
    Variable variable;
    std::string_view name, text;
    std::uint32_t id;  // of the text
    bool count;
  };

  bool open();  // does what the opening does, at once; false: this exchange has to run it
  static bool is_open(const Step& gate, Exchange::TxValue& value);
  static std::string_view text_of(const Exchange::TxValue& value, bool count) { return !count ? value.value : value.set ? "1" : "0"; }
  bool spent() const { return steps > program_->budget.steps; }
  void end_of_budget(int phase);
  bool evaluate(std::uint32_t index, int phase, bool is_head);
  bool compare_tx(const CompiledRule& rule);
  bool go_on(const CompiledRule& rule, int phase, bool is_head);
  template <class Each>
  void each_value(const Target& target, Each each);
  bool may_exclude(const CompiledRule& rule, Variable variable) const;
  bool excluded(const CompiledRule& rule, std::uint32_t head, Variable variable, std::string_view name) const;
  static bool covers(const Target& target, Variable variable, std::string_view name);
  bool look_at(const CompiledRule& rule, const Value& value, int phase, bool is_head);
  bool operate(const CompiledRule& rule, std::string_view text, bool known = false);
  // ahead.cpp
  std::optional<bool> told(const CompiledRule& rule, const Value& value, std::uint32_t variant);
  void look_ahead(const CompiledRule& rule, const Value& value, std::uint32_t variant);
  void capture(const Group* groups, int count, std::string_view text);
  void capture_one(std::string_view text);
  void capture_late();
  void on_match(const CompiledRule& rule, const Value& value, std::string_view text);
  void forget_matched();
  void tell_matched();
  void after_match(const CompiledRule& rule, int phase, bool is_head);
  void disrupt(const CompiledRule& rule);
  void set_variables(const CompiledRule& rule);
  void assign(const Assignment& assignment);
  void control(const CompiledControl& control);
  void remove(const Removal& removal);
  void place();
  void log(const CompiledRule& rule, int phase);

  std::string_view expand(const Template& text);
  std::string_view value_of(const Piece& piece);
  std::string_view transformed(const Value& value, std::uint16_t chain);
  // persistent.cpp
  void begin(const Begin& begin);
  void expire(const Expiry& expiry);
  bool look_up_place(std::string_view text);  // geo.cpp
  const std::string& persistent_key(Variable collection) const { return persistent_keys_[static_cast<std::size_t>(collection)]; }
  PersistentCollections::When when() const;

  const std::shared_ptr<const Program> program_;
  PersistentCollections* const persistent_;
  Variants variants_;
  std::int64_t begun_ns_ = 0, now_ns_ = 0;
  Allowed allowed_ = Allowed::kNothing;
  std::vector<bool> removed_;             // by index of rule
  std::vector<const Removal*> target_removals_;
  bool excludes_tx_ = false;              // one of them is of TX
  const CompiledOverlay* overlay_ = nullptr;
  const Opening* opening_ = nullptr;      // null: this exchange has to run its rules one by one
  std::uint32_t head_ = 0;                // the chain under evaluation
  std::size_t at_step_ = 0;               // its place in the phase
  int phase_ = 0;
  std::unordered_map<std::uint64_t, Automaton::Answer> told_of_;  // large texts, by rule and variant
  int skip_ = 0;
  bool skip_after_ = false;
  bool told_spent_ = false;
  std::vector<std::string> persistent_keys_;  // by collection; empty: not begun

  struct Matched {
    Variable variable;
    std::string_view name, text;
    bool count;
  };
  std::vector<Matched> matched_;          // by the chain under evaluation, behind the last one of earlier rules
  // What TX:0 will be, once it may be read: where many values of a rule match, the last one's match alone has to be located.
  const Regex* located_by_ = nullptr;
  std::string_view located_in_;
  const Step* gate_ = nullptr;            // matched after those, and has to be noted once another rule is evaluated
  std::string_view gate_text_;
  std::size_t before_ = 0, told_ = 0;     // how many are of earlier rules; are in MATCHED_VAR and the like
};

}  // namespace ringwall::waf::detail
