// Stored traffic judged by changed rules: what would be refused that was not, what no longer, and which rules say something new.
//
//   Replay replay(current, next, {.threads = 2});
//   while (…) replay.add(lines);          // some thousand lines at a time, judged by all threads
//   replay.report();
//
// With `current` rules each request is judged by both sets, so that what a record does not hold (the rest of a long body, masked
// secrets, cookies of edge records) counts for neither.  Without, what was recorded is compared: what cannot have happened again for
// want of data is counted as unsure and is no change.
//
// Compared are phases 1 and 2, and 3 where the answer's headers were recorded; answers' bodies never are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tune/rules.h"

namespace ringwall::tune {

inline constexpr std::size_t kChangesShownMax = 1000;  // of each kind; the others are counted
inline constexpr std::size_t kUnreadShownMax = 5;

struct ReplayOptions {
  unsigned threads = 1;
};

struct RequestChange {
  enum class Kind : std::uint8_t { kNewlyRefused, kNoLongerRefused, kOtherMatches };
  Kind kind = Kind::kOtherMatches;
  std::string trace_id, client, method, uri, place;
  std::int64_t time_ns = 0;
  int status = 0, score = 0;         // as judged now
  std::uint64_t refused_by = 0;
  std::vector<std::uint64_t> newly, no_longer;  // rules, without those that only add up
  std::string missing;               // of the record; empty: nothing
};

struct RuleChange {
  std::uint64_t rule_id = 0;
  std::string message;
  std::uint64_t before = 0, now = 0;           // requests it matched
  std::uint64_t newly = 0, no_longer = 0;      // of them in one judgement only
  std::uint64_t newly_refused = 0, no_longer_refused = 0;  // of these, requests whose verdict changed
};

struct ReplayReport {
  std::uint64_t lines = 0, audited = 0, edge = 0;  // read
  std::uint64_t other = 0, unread = 0;             // records of another kind; lines that are broken
  std::uint64_t judged = 0;                        // twice, or compared with the record
  std::uint64_t not_judged = 0;                    // no place for them, or it is off
  std::uint64_t no_audit = 0;                      // edge records of requests that matched: their audit record tells more
  std::uint64_t unsure = 0;                        // not compared: see above
  std::uint64_t newly_refused = 0, no_longer_refused = 0, other_matches = 0;
  std::uint64_t refused_before = 0, refused_now = 0;
  // How many of the judged records lack something.
  std::uint64_t without_headers = 0, without_body = 0, body_cut = 0, secrets_hidden = 0;
  std::vector<RuleChange> rules;        // that changed, most newly refused first
  std::vector<RequestChange> requests;  // by kind, then in the order they came
  std::vector<std::string> unread_shown;
};

class Replay {
 public:
  Replay(std::optional<Rules> current, Rules next, const ReplayOptions& options);
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  // Blocks until all are judged.
  void add(const std::vector<std::string>& lines);
  ReplayReport report() const;

 private:
  class Worker;
  const Rules next_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::uint64_t lines_ = 0;
};

}  // namespace ringwall::tune
