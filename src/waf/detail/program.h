// A rule set in the form the engine runs: names resolved to numbers, patterns compiled, chains and jumps as indices.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "waf/detail/prefilter.h"
#include "waf/engine.h"
#include "waf/operators.h"
#include "waf/regex.h"

namespace ringwall::waf::detail {

inline constexpr std::uint16_t kRaw = 0;  // the chain without transformations
inline constexpr std::uint32_t kNone = ~std::uint32_t{0};

// Values of requests, their whole bodies and those of answers have filters of their own: either would only find what the others'
// rules look for.
enum Family : std::uint8_t { kOfRequests, kOfBodies, kOfAnswers };
inline constexpr std::size_t kFamilies = 3;
inline constexpr Family kAllFamilies[kFamilies] = {kOfRequests, kOfBodies, kOfAnswers};
constexpr Family family_of(Variable variable) { return variable == Variable::kResponseBody ? kOfAnswers : variable == Variable::kRequestBody ? kOfBodies : kOfRequests; }

// Chains of transformations as a trie; node 0 is the text itself.
struct ChainNode {
  std::uint16_t parent = kRaw;
  Transformation last = Transformation::kBase64Decode;
  std::uint16_t scanner = 0;  // of the prefilters: knows the patterns of this node and those below
  // Of untransformed texts, for a rule under this chain to be possible; or for one of this node and those below.
  Needs needs[kFamilies], needs_below[kFamilies];
};

struct Target {
  Variable variable = Variable::kArgs;
  Selector::Kind kind = Selector::Kind::kAll;
  bool count = false;
  std::string key;              // lower case when kName
  std::uint32_t slot = kNone;   // of TX:key
  std::shared_ptr<const Regex> regex;
  std::vector<std::uint32_t> slots;  // of TX keys the regex matches
  std::string shown;            // as written: "ARGS:a"
};

// A macro with its TX names resolved.
struct Piece {
  std::string literal;
  Variable variable = Variable::kTx;
  bool is_variable = false;
  std::string key;
  std::uint32_t slot = kNone;
};
struct Template {
  std::vector<Piece> pieces;
  bool constant = true;
  std::string text;  // of a constant one
};

struct Assignment {
  Variable collection = Variable::kTx;
  Template key;
  std::uint32_t slot = kNone;  // of a constant TX key
  SetVar::Kind kind = SetVar::Kind::kAssign;
  Template value;
};

// initcol, and setuid, setsid and setrsc, which also say who or what it is.
struct Begin {
  Variable collection = Variable::kIp;
  Template key;
  std::optional<Variable> names;  // USERID, SESSIONID
};
struct Expiry {
  Variable collection = Variable::kIp;
  Template key, seconds;
};

// Which rules a ctl action names: evaluated once, at compile time, into a set of rules.
struct Removal {
  std::vector<std::uint32_t> rules;  // indices of chain heads
  std::vector<Target> targets;       // empty: the whole rule
};

// What the rules that begin phase 1 do to TX, where they depend on TX alone: settings that a set gives its defaults.  It is the same in
// every exchange, so it is done once.
struct Step;
struct Opening {
  bool known = false;
  std::vector<std::pair<std::uint32_t, std::string>> values;  // of TX, by slot
  const Step* last = nullptr;  // the gate that matched last, and what it looked at; null: none did
  std::string last_text;
  std::uint64_t steps = 0;
};

// A removal that belongs to a place and not to a rule.
struct PlacedRemoval {
  Removal removal;
  std::string path;
  bool exact = false;
};

class CompiledOverlay final : public Overlay {
 public:
  Mode mode = Mode::kAsRules;
  std::vector<std::pair<std::uint32_t, std::string>> slots;           // of TX
  std::vector<std::pair<std::string, std::string>> dynamic;           // TX keys that no rule names
  std::vector<PlacedRemoval> removals;
  Opening opening;
};

struct CompiledControl {
  Control::Kind kind;
  std::string value;
  std::uint32_t removal = kNone;
};

struct CompiledRule {
  const Rule* source = nullptr;
  const Actions* head = nullptr;       // of the chain's first rule
  std::uint64_t id = 0;
  std::vector<Target> targets, exclusions;
  std::uint16_t chain = kRaw;
  std::vector<std::uint16_t> stages;   // of multiMatch: every node on the way to `chain`, kRaw first

  Operator op = Operator::kUnconditionalMatch;
  bool negated = false, capture = false;
  bool captures_late = false;          // of many values that match, only the last one's match has to be located
  int groups = kGroupsMax;             // that somebody reads of what is captured
  Template argument;
  std::int64_t number = 0;             // of a constant argument
  std::shared_ptr<const Regex> regex;
  std::shared_ptr<const PhraseSet> phrases;
  std::shared_ptr<const IpSet> addresses;
  ByteSet bytes;
  static_assert(kFamilies == 3);       // each has an initial value
  std::uint32_t pattern[kFamilies] = {kNone, kNone, kNone};  // in the prefilters
  Needs needs[kFamilies] = {{{}, true}, {{}, true}, {{}, true}};  // of untransformed texts, for the operator to find something
  std::uint32_t signature = kNone;     // of a skippable rule
  std::uint32_t question = kNone;      // in Program::questions
  bool tx_number = false;              // TX:key or &TX:key compared with a number, and nothing else
  bool plain = false;                  // a match changes variables and skips, and does nothing else
  bool skips_after = false;
  bool skippable = false;              // when no value of its targets can match, nothing needs to be done

  std::vector<Begin> begins;
  std::vector<Assignment> assignments;
  std::vector<Expiry> expiries;
  std::vector<CompiledControl> controls;
  Template msg, log_data, redirect;
  std::vector<Template> tags;
  std::uint32_t next_in_chain = kNone;  // index in Program::rules
};

// All values of a variable under a chain.
struct ValueGroup {
  Variable variable = Variable::kArgs;
  std::uint16_t chain = kRaw;
  std::uint32_t before = kNone;  // the same under the chain without its last transformation; kNone: this is the untransformed one
  std::uint32_t raw = kNone;     // the untransformed one
  std::uint32_t place = kNone;   // of the variable in Program::looked_at
};

// What rules look at: rules of the same signature are told apart by their patterns alone.
struct Signature {
  std::vector<std::uint32_t> groups;  // in Program::groups
  bool operator==(const Signature&) const = default;
};

// What a phase runs, in order.
struct Step {
  enum class Kind : std::uint8_t { kRule, kMarker, kGate };
  Kind kind = Kind::kRule;
  // Of a gate, a rule that compares TX:key with a number: most are closed, and then the rule itself need not be looked at.
  Operator op = Operator::kUnconditionalMatch;
  bool count = false;
  bool only_skips = false;      // open, it does nothing but skip
  bool folds = false;           // depends on TX alone and changes TX alone
  std::uint32_t rule = 0;       // index of a chain head
  std::uint32_t skip_to = kNone;  // of a rule with skipAfter: the step behind the marker, or the end of the phase
  std::uint32_t slot = kNone;
  std::int64_t number = 0;
  // Of a skippable rule with patterns, here so that most rules need not be looked at themselves.
  std::uint32_t signature = kNone, question = kNone;
  std::uint32_t pattern[kFamilies] = {kNone, kNone, kNone};
};

// What a regular expression is made into; the next rule set that has the same one takes it over.
struct Pattern {
  std::shared_ptr<const Regex> regex;
  std::shared_ptr<const std::vector<Clause>> clauses;
};

// For look-ups without a string made for them.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

struct Program {
  RuleSetSource source;
  Budget budget;
  std::vector<CompiledRule> rules;
  std::array<std::vector<Step>, 6> phases;  // 1..5
  std::uint32_t opening_begin = 0, opening_end = 0;  // steps of phase 1
  std::vector<bool> opening_slots;                      // of TX: those it reads or writes
  Opening opening;                                      // without an overlay
  std::vector<ChainNode> chains{1};
  std::vector<std::string> slots;                       // names of TX keys, lower case
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> slot_of;
  std::vector<Removal> removals;
  std::unordered_map<std::string, Pattern> patterns;    // by their text
  std::unordered_map<std::string, std::shared_ptr<const PhraseSet>> phrase_sets;  // by their phrases and these' sizes
  std::vector<Signature> signatures;
  std::vector<ValueGroup> groups;
  std::vector<std::uint32_t> looked_at;                 // of each variable that groups have: the untransformed one
  std::vector<std::uint32_t> questions;                 // rules whose answer depends on the text alone, of requests; see KnownTexts
  std::shared_ptr<const std::array<Prefilter, kFamilies>> prefilter;  // null: the plain path
};

// Marks gates and the steps of the opening.
void find_opening(Program& program);
Result<std::shared_ptr<Program>> compile_program(RuleSetSource source, const CompileOptions& options, const Program* previous);
Result<std::shared_ptr<CompiledOverlay>> compile_overlay(const Program& program, const Adjustments& adjustments);

}  // namespace ringwall::waf::detail
