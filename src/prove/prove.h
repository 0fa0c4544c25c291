// Proof of the WAF engine: the same answers from its fast and its plain path on requests nobody thought of, and what the
// dearest request costs.
//
//   go-ftw tests ──┐
//                  ├─ make_bank ──▶ Bank ── mutated(seed, number) ──▶ Exchange ── judge ──▶ Said, twice, and compared
//   rules ─────────┘
//
// Request `number` of a `seed` is the same on every machine and with any count of threads, so a difference is found again
// by these two numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ftw/ftw.h"
#include "waf/engine.h"

namespace ringwall::prove {

inline constexpr std::size_t kExchangeBytesMax = 64 << 10;  // of a mutated request's uri, of its body, of an answer's body
inline constexpr std::size_t kDifferencesShownMax = 20;     // minimised and kept; the others are counted

struct Header {
  std::string name, value;
};

// A request, and what a server behind the engine answers to it.
struct Exchange {
  std::string method = "GET", uri = "/", protocol = "HTTP/1.1";
  std::vector<Header> headers;
  std::string body;
  int status = 200;
  std::vector<Header> response_headers;
  std::string response_body;
};

// Reads a request the way a tolerant server does, chunked bodies too.  A POST to /reflect names its own answer (JSON with
// status, headers, body or encodedBody), as in the Core Rule Set's tests.  kInvalid for what has no request line.
Result<Exchange> parse_exchange(std::string_view raw);
// The request as it would be sent; the answer is left out.
std::string raw_request(const Exchange& exchange);

// What the engine said; refers to the transaction until its next reset().
struct Said {
  waf::Verdict verdict;
  int ended_in = 0;  // the phase of a verdict that is not to pass; 4: it went through
  const std::vector<waf::Match>* matches = nullptr;
  bool audit_wanted = false;
  std::uint64_t steps = 0;  // work is no part of what has to agree
};
Said judge(waf::Transaction& transaction, const Exchange& exchange);
bool same(const Said& a, const Said& b);
// One line for the verdict, one for each match, one for the audit.
std::vector<std::string> lines(const Said& said);

class Pattern;

// What requests are made of.
struct Bank {
  std::vector<Exchange> seeds;
  std::vector<std::string> pieces;    // values of arguments, headers and cookies, paths, bodies
  std::vector<std::string> literals;  // phrases and other plain arguments of operators
  std::vector<std::shared_ptr<const Pattern>> patterns;  // the regular expressions, to draw texts from
};
// Tests that hold no readable request are left out.
Bank make_bank(const std::vector<ftw::Test>& tests, const waf::RuleSetSource& rules);

Exchange mutated(const Bank& bank, std::uint64_t seed, std::uint64_t number);

// Deletes what `still` does not need, until nothing more can go or `tries_max` questions were asked.
Exchange minimised(Exchange exchange, const std::function<bool(const Exchange&)>& still, std::size_t tries_max = 3000);

struct VerifyOptions {
  std::uint64_t requests = 100'000, seed = 1, first = 0;  // the numbers first .. first + requests - 1
  unsigned threads = 1;
};
struct Difference {
  std::uint64_t number = 0;
  Exchange exchange;                     // minimised
  std::vector<std::string> one, other;   // the lines only one of them has
};
struct VerifyReport {
  std::uint64_t requests = 0, matched = 0, differences = 0;
  std::vector<std::uint64_t> rule_ids;  // that matched at least once (and log), ascending
  std::vector<Difference> shown;  // one for each way to differ, by number; at most kDifferencesShownMax
};
struct VerifyProgress {
  std::uint64_t requests = 0, matched = 0, differences = 0;
};
// Compares two rule sets, in general the same rules compiled for the fast and the plain path.  `progress` is called every
// five seconds by the calling thread.
VerifyReport verify(const std::shared_ptr<const waf::RuleSet>& one, const std::shared_ptr<const waf::RuleSet>& other, const Bank& bank, const VerifyOptions& options,
                    const std::function<void(const VerifyProgress&)>& progress = {});

// The dearest request: what a client can make one request cost inside the limits of sizes.
inline constexpr std::size_t kHeadBytesMax = 16 << 10;  // uri and headers together, as servers accept
inline constexpr std::size_t kWorstShownMax = 20;

struct WorstOptions {
  double seconds = 60;
  std::size_t bytes = 131'072, answer_bytes = 524'288;  // of the bodies; less where the rules' settings say so
  std::uint64_t seed = 1;
};
struct RuleCost {
  std::uint64_t rule_id = 0;
  std::int64_t cpu_ns = 0;
};
struct Costly {
  std::string what;  // where, and what it is filled with
  Exchange exchange;
  std::size_t bytes = 0, memory_bytes = 0;
  std::uint64_t steps = 0;
  // CPU time of the thread when the request came a second time, and the first time, when automata had to be built for it.
  std::int64_t cpu_ns = 0, first_cpu_ns = 0;
  std::vector<RuleCost> rules;  // the dearest
};
struct WorstReport {
  std::uint64_t tried = 0;
  std::size_t head_bytes = 0, body_bytes = 0, answer_bytes = 0, memory_bytes_max = 0;
  std::vector<Costly> worst;  // the dearest first, one of each kind
};
struct WorstProgress {
  std::uint64_t tried = 0;
  std::int64_t cpu_ns_max = 0;
};
WorstReport worst(const std::shared_ptr<const waf::RuleSet>& rules, const Bank& bank, const WorstOptions& options, const std::function<void(const WorstProgress&)>& progress = {});

}  // namespace ringwall::prove
