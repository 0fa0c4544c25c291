// The engine: a compiled rule set, and one HTTP exchange judged by it.
//
//   auto rules = RW_TRY(RuleSet::compile(RW_TRY(read_seclang_file("main.conf", real_files()))));
//   Transaction t(*rules, world);
//   t.connection(…); t.request_line("GET", "/?a=1", "HTTP/1.1"); t.request_header("Host", "a");
//   if (auto v = t.request_headers_done(); v.action != Verdict::Action::kPass) …   // phase 1
//   t.request_body(piece) …; v = t.request_body_done();                             // phase 2
//   t.response_line(…) …; v = t.response_headers_done();                            // phase 3
//   t.response_body(piece) …; v = t.response_body_done();                           // phase 4
//   t.logging();                                                                    // phase 5
//   Before a phase, t.now(…) says what time it has become.
//
// A RuleSet is immutable and shared by threads; a Transaction belongs to one thread, is reused by reset(), and while it
// judges it opens no file, asks no clock, starts no thread and throws nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "waf/overlay.h"
#include "waf/rule.h"

namespace ringwall::waf {

struct Verdict {
  enum class Action : std::uint8_t { kPass, kDeny, kDrop, kRedirect };
  Action action = Action::kPass;
  int status = 403;
  std::uint64_t rule_id = 0;
  std::string_view location;  // of a redirect; lives until reset()
  std::uint64_t pause_ms = 0;
};

// A rule that matched and is to be logged.
struct Match {
  std::uint64_t rule_id = 0;
  const Rule* rule = nullptr;
  int phase = 0;
  bool log = true, audit_log = true, disruptive = false;
  int severity = -1;
  std::string msg, log_data;
  std::vector<std::string> tags;
  std::string variable, value;  // ARGS:a, and what it held (cut at kValueShownMax)
  std::string operator_text;    // "Matched \"Operator `Rx' with parameter …"
};
inline constexpr std::size_t kValueShownMax = 200;

// A match as ModSecurity writes it to the error log: 'Warning. [id "942100"] [msg "…"] …', without control characters.  The
// id comes first, because servers cut long lines.
std::string log_line(const Match& match);

// The work a request may cost, in steps: of about a nanosecond each, but counted, so that the same request costs the same on every machine.
// All of it takes some 25 ms on a quiet core.  128 KB of plain text in a body take less than a third of it under the Core Rule Set, and
// less than half in many small fields (budget_test.cpp); 128 KB of program text at paranoia level 1 just fit.
// When it is spent the request is refused with 403, by no rule, and a match says why.
struct Budget {
  std::uint64_t steps = 30'000'000;
  bool deny_when_spent = true;
};

class RuleSet;

struct CompileOptions {
  bool fast = true;  // false: the plain path, every rule on every value; what the fast one is compared with
  Budget budget;
  std::shared_ptr<const RuleSet> previous;  // its regular expressions are used again where they are the same
};

struct RuleSetInfo {
  std::size_t rules = 0, patterns = 0, bytes = 0;
};

class RuleSet {
 public:
  static Result<std::shared_ptr<const RuleSet>> compile(RuleSetSource source, const CompileOptions& options = {});
  virtual ~RuleSet() = default;
  virtual const Settings& settings() const = 0;
  virtual RuleSetInfo info() const = 0;
  // kInvalid for exclusions that name no rule of this set.
  virtual Result<std::shared_ptr<const Overlay>> overlay(const Adjustments& adjustments) const = 0;
};

// What changes from exchange to exchange without being part of it.
struct ExchangeInfo {
  std::string_view client_address, server_address, server_name, unique_id;
  std::uint16_t client_port = 0, server_port = 0;
  std::int64_t now_ns = 0;
};

// Collections that outlive an exchange (IP, GLOBAL, SESSION, USER, RESOURCE): a door to wherever they are kept.
class PersistentCollections {
 public:
  virtual ~PersistentCollections() = default;
  // The time of a change, and until when the collection is kept when none follows (SecCollectionTimeout).
  struct When {
    std::int64_t now_ns = 0, idle_until_ns = 0;
  };
  // All pairs of the collection under `key`, which is any bytes; names are lower case.
  virtual std::vector<std::pair<std::string, std::string>> load(Variable collection, std::string_view key, std::int64_t now_ns) = 0;
  // nullopt removes.  The end that expire() gave a value stays.
  virtual void set(Variable collection, std::string_view key, std::string_view name, std::optional<std::string_view> value, const When& when) = 0;
  // Adds to the number the value is (0 when there is none), and nobody else changes it meanwhile: what it is then, nullopt when
  // it could not be kept.  A sum that does not fit changes nothing.
  virtual std::optional<std::int64_t> add(Variable collection, std::string_view key, std::string_view name, std::int64_t by, const When& when) = 0;
  // The value, when there is one, ends then; it need not be before the collection does.
  virtual void expire(Variable collection, std::string_view key, std::string_view name, std::int64_t expires_ns, const When& when) = 0;
};

// Told of each rule (the first of a chain) before and after it is tried: for measuring what rules cost.  What several rules
// share, a transformed text or the prefilter's look at it, falls to the first that needs it.
class RuleObserver {
 public:
  virtual ~RuleObserver() = default;
  virtual void begins(std::uint64_t rule_id) = 0;
  virtual void ended(std::uint64_t rule_id) = 0;
  // Of each value that a rule, or a further one of its chain, matched in between: as it came and as the operator saw it.
  virtual void matched(const Rule&, Variable, std::string_view /*name*/, std::string_view /*raw*/, std::string_view /*seen*/) {}
};

// What is known of texts that many exchanges have in common, so that they are judged once.  Answers stay the same with and
// without; work that is remembered is not done again, and counts no steps.  Belongs to one thread, shared by its transactions.
class TextMemory {
 public:
  static std::shared_ptr<TextMemory> make(const RuleSet& rules);
  virtual ~TextMemory() = default;
  virtual std::size_t memory_bytes() const = 0;
};

class Transaction {
 public:
  // `memory`: of the same rule set.
  static std::unique_ptr<Transaction> make(std::shared_ptr<const RuleSet> rules, PersistentCollections* collections = nullptr, std::shared_ptr<TextMemory> memory = nullptr);
  virtual ~Transaction() = default;
  // Texts given to the functions below are kept by reference until reset(), bodies are copied.
  // `overlay`: of the same rule set; it has to live until the next reset().
  virtual void reset(const ExchangeInfo& info, const Overlay* overlay = nullptr) = 0;
  // The time it has become since: DURATION, and when what is set from here on expires.
  virtual void now(std::int64_t now_ns) = 0;

  virtual void request_line(std::string_view method, std::string_view uri, std::string_view protocol) = 0;
  virtual void request_header(std::string_view name, std::string_view value) = 0;
  // What a rule's `allow` does, at once: no rule of phases 1 to 4 runs.
  virtual void allow() = 0;
  virtual Verdict request_headers_done() = 0;
  // Whether phase 2 wants the body: SecRequestBodyAccess, and what ctl made of it in phase 1.
  virtual bool wants_request_body() const = 0;
  // False: the limit is reached and the rest is not wanted; request_body_done() tells what that means.
  virtual bool request_body(std::string_view piece) = 0;
  virtual Verdict request_body_done() = 0;
  virtual std::string_view request_body_seen() const = 0;  // what of it was taken
  virtual void response_line(int status, std::string_view protocol) = 0;
  virtual void response_header(std::string_view name, std::string_view value) = 0;
  virtual Verdict response_headers_done() = 0;
  // Whether phase 4 wants the body: access is on and the content type is one of SecResponseBodyMimeType.
  virtual bool wants_response_body() const = 0;
  virtual bool response_body(std::string_view piece) = 0;
  virtual Verdict response_body_done() = 0;
  virtual void logging() = 0;

  virtual const std::vector<Match>& matches() const = 0;
  virtual std::uint64_t steps() const = 0;
  virtual bool audit_wanted() const = 0;
  // Whether verdicts are carried out: the engine is On, and not Off or DetectionOnly.
  virtual bool enforcing() const = 0;
  // Of TX, without regard to case; empty: not there.
  virtual std::string_view tx(std::string_view name) const = 0;
  // Before phase 1: what rules find in TX under this name.  The texts live until reset().
  virtual void set_tx(std::string_view name, std::string_view value) = 0;
  // Arguments of this name, whatever the case, of the query and of the body, a JSON body's with or without "json." in front: how many
  // of `room` were filled.  Query and body have half of it each, and in it the first and the last, half and half.  Blanks around names do not count.
  virtual std::size_t arguments(std::string_view name, std::span<std::string_view> room) const = 0;

  virtual void observe(RuleObserver* observer) = 0;  // null: nobody; stays over reset()
  virtual std::size_t memory_bytes() const = 0;      // what the exchange holds now, about
};

}  // namespace ringwall::waf
