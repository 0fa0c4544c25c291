// Proposals as a person pastes them into a declaration.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "tune/propose.h"

namespace ringwall::tune {

namespace {

// In double quotes, which YAML 1.2 reads as JSON does.
std::string in_quotes(std::string_view text) {
  std::string out;
  base::append_json_string(out, text);
  return out;
}

// A comment ends with its line.
std::string in_a_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return base::to_utf8(text);
}

std::string share_of(const Proposal& one) {
  return one.path_requests == 0 ? "" : fmt::format(", {:.1f} % of {} there", 100.0 * static_cast<double>(one.requests) / static_cast<double>(one.path_requests), one.path_requests);
}

}  // namespace

std::string to_yaml(const std::vector<Proposal>& proposals) {
  if (proposals.empty()) return "[]\n";
  std::string out;
  for (const auto& one : proposals) {
    const auto line = [&](std::string text) { out += "# " + in_a_line(std::move(text)) + "\n"; };
    line(fmt::format("{} requests of {} clients{}; {} different values, score {} in the middle", one.requests, one.clients, share_of(one), one.values, one.score_median));
    if (!one.places.empty()) line(fmt::format("seen at: {}", fmt::join(one.places, ", ")));
    if (!one.trace_ids.empty()) line(fmt::format("for example: {}", fmt::join(one.trace_ids, " ")));
    line(fmt::format("judged again: {} of {} pass with it alone, {} with all{}", one.passed_alone, one.judged, one.passed_together,
                     one.hidden == 0 ? "" : fmt::format("; {} hold what was not recorded and could not be judged in full", one.hidden)));
    if (one.measured) line(fmt::format("gives up: {} of {} attacks that are refused in this field now{}{}", one.attacks_lost, one.attacks, one.lost.empty() ? "" : ": ", fmt::join(one.lost, ", ")));
    else line("gives up: not measured; name attacks with --attacks");
    out += fmt::format("- rules: {}\n", in_quotes(one.exclusion.rules));
    if (!one.exclusion.targets.empty()) {
      out += "  targets:\n";
      for (const auto& target : one.exclusion.targets) out += fmt::format("    - {}\n", in_quotes(target));
    }
    if (!one.exclusion.path.empty()) out += fmt::format("  path: {}\n", in_quotes(one.exclusion.path));
    out += fmt::format("  reason: {}\n", in_quotes(fmt::format("{} requests of {} clients were refused for no reason", one.requests, one.clients)));
  }
  return out;
}

}  // namespace ringwall::tune
