// Attacks put into a field: what of them an exclusion would let through.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ftw/ftw.h"
#include "tune/detail/evidence.h"

namespace ringwall::tune::detail {

// A value that attack rules matched, and where it comes from ("942100-3", or the trace id of an attack that was seen).
struct Payload {
  std::string value, from;
  std::uint64_t rule_id = 0;
};

// Of tests that expect rules in the log; each value once, at most kPayloadsMax with those that `out` has.
void payloads_of(const std::vector<ftw::Test>& tests, Judge& judge, std::vector<Payload>& out);
// A request to `path` with the value in this field; nothing when a value cannot be put there.
std::optional<Stored> with_payload(const Stored& like, const std::string& path, const Finding& field, const std::string& value);

struct Price {
  std::uint64_t attacks = 0, lost = 0;
  std::vector<std::string> examples;
};
// How many of the payloads are refused by `before` at this field, and of these not by `after`.
Price price_of(const std::vector<Payload>& payloads, const Rules& before, const Rules& after, const Stored& like, const std::string& path, const Finding& field, unsigned threads);

}  // namespace ringwall::tune::detail
