// From what the firewall matched to the narrowest exclusions for false positives, each with its evidence and its price.
//
//   Tuner tuner(rules, {});
//   while (…) tuner.add(lines);               // exchange.h
//   tuner.add_attacks(tests);                 // payloads whose loss is counted, from go-ftw tests
//   const auto report = tuner.propose();
//   to_yaml(report.proposals)                 // for waf.exclusions of a declaration
//
// What tells a false positive from an attack is in README.md; the numbers are the constants below.  Nothing is proposed for what
// clients sent that also attack, and nothing by which an attack that was seen would pass.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ftw/ftw.h"
#include "tune/rules.h"

namespace ringwall::tune {

inline constexpr std::size_t kEvidenceMax = 50'000;    // refused requests that are kept; further ones are counted
inline constexpr std::size_t kClientsMax = 1'000'000;  // and paths, in the same way
inline constexpr std::size_t kPayloadsMax = 5'000;
inline constexpr std::size_t kPayloadBytesMax = 2'048;
inline constexpr std::size_t kExamplesMax = 5;
inline constexpr std::size_t kTargetBytesMax = 128;

struct TuneOptions {
  unsigned threads = 1;
  std::size_t clients_min = 3;   // different ones, of what is proposed
  std::size_t requests_min = 5;
  // Addresses of those who test the application: what they sent is no attack, however it looks and however few they are.
  std::set<std::string> trusted;
};

// One exclusion; its rules, targets and path are what its evidence has in common.
struct Proposal {
  policy::PlacedExclusion exclusion;
  std::vector<std::string> places;          // where it was seen
  // Evidence.
  std::uint64_t requests = 0, clients = 0, values = 0;  // values: different ones
  std::uint64_t clients_known = 0;          // of them with other requests that found nothing
  std::uint64_t path_requests = 0;          // all requests of the path, whoever's
  int score_median = 0;
  std::vector<std::string> trace_ids;
  // Verified: its evidence judged again with it alone, and with all proposals.
  std::uint64_t judged = 0, passed_alone = 0, passed_together = 0;
  std::uint64_t hidden = 0;                 // of the requests; their values are masked or cut off, and cannot be judged again
  // Its price: attacks put into the excluded targets that are refused now, and that would pass.
  bool measured = false;                    // false: nothing can be put there, or there are no attacks
  std::uint64_t attacks = 0, attacks_lost = 0;
  std::vector<std::string> lost;            // examples, by the rule they are for and where they come from
};

// What was refused and is not proposed, and why.
struct Doubt {
  std::string rules, target, path, why;
  std::uint64_t requests = 0, clients = 0, attackers = 0;
  std::vector<std::string> trace_ids;
};

struct TuneReport {
  std::uint64_t lines = 0, unread = 0, requests = 0, refused = 0, left_out = 0;  // left_out: beyond kEvidenceMax
  std::uint64_t clients = 0, attackers = 0;
  std::uint64_t false_positives = 0, cured = 0;  // refused requests of clients that do not attack; that pass with all proposals
  std::uint64_t payloads = 0;
  std::vector<Proposal> proposals;  // most evidence first
  std::vector<Doubt> doubts;
};

class Tuner {
 public:
  Tuner(Rules rules, const TuneOptions& options);
  ~Tuner();
  Tuner(const Tuner&) = delete;
  Tuner& operator=(const Tuner&) = delete;

  void add(const std::vector<std::string>& lines);
  // Tests that expect rules to match; the others hold no attacks.
  void add_attacks(const std::vector<ftw::Test>& tests);
  // Errors: those of Rules::with, which would be our own mistake.
  Result<TuneReport> propose();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The proposals as a declaration's list, with their evidence as comments; "[]" without any.
std::string to_yaml(const std::vector<Proposal>& proposals);

}  // namespace ringwall::tune
