// What speaks for and against exclusions: refused requests with the values that were matched, and what is known of clients.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tune/detail/judge.h"

namespace ringwall::tune::detail {

// A value that a rule counted against a request.
struct Finding {
  std::uint64_t rule_id = 0;
  waf::Variable variable = waf::Variable::kArgs;
  std::string name;       // of the argument, header, …
  std::string value;      // its beginning, as it came
  bool counts = false;    // the rule looks at how many there are (&ARGS)
  bool hidden = false;    // known from the record alone: masked, or behind its end
};

struct Flagged {
  Stored stored;
  int score = 0;
  bool refused_again = false;  // judged from the record it is refused, too
  std::vector<Finding> findings;
  std::set<std::string> attacks;  // tags "attack-…"
};

// Why a client is held for an attacker; kNone: it is not.
enum class Hostile : std::uint8_t { kNone, kScanner, kHighScore, kForbiddenFiles, kManyFields, kSearchesPages };
const char* to_text(Hostile hostile);

// The numbers behind it.
inline constexpr int kHostileScore = 40;            // of one request: eight critical rules
inline constexpr std::size_t kHostileFields = 5;    // fields of pages in which rules found something; more, and
inline constexpr std::size_t kHostileShare = 5;     // at least every fifth of its requests did
inline constexpr std::size_t kHostileMisses = 10;   // answers 404, and half of all its requests
inline constexpr std::size_t kHistoryMin = 2;       // other requests that make a client a known one
inline constexpr int kScoreMedianMax = 25;          // of what one exclusion is for

struct Client {
  std::uint64_t requests = 0, passed = 0, flagged = 0, misses = 0;
  int score_max = 0;
  bool scanner = false, forbidden_files = false;
  std::set<std::string> fields;  // up to kHostileFields + 1
};
Hostile judge_client(const Client& client);

class Clients {
 public:
  // A request in which nothing was refused.
  void passed(const Stored& stored);
  void flagged(const Flagged& flagged);
  const Client* find(const std::string& address) const;
  std::size_t size() const { return all_.size(); }
  bool history() const { return passed_ != 0; }  // whether there are any requests that passed
  // Requests whose path the exclusion's path covers.
  std::uint64_t requests_of(std::string_view path) const;
  std::uint64_t hostile() const;

 private:
  Client* of(const std::string& address);
  void count_path(const Stored& stored);
  std::map<std::string, Client> all_;
  std::map<std::string, std::uint64_t, std::less<>> paths_;
  std::uint64_t passed_ = 0;
};

// What of a judged request counts against it; with what only the record knows.
Flagged flag(const Judge& judge, Stored stored, const Judged& judged);
// Whether this rule adds to a score or refuses by itself, as its author wrote it.
bool weighs(const waf::Rule& rule);

// A path as rules see it (REQUEST_FILENAME): %XX decoded.
std::string decoded_path(std::string_view uri);
// Whether an exclusion's path ("", "/a/", "= /a") covers a decoded one.
bool covers(std::string_view path, std::string_view decoded);

}  // namespace ringwall::tune::detail
