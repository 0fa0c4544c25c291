#include <fmt/format.h>

#include <algorithm>

#include "ftw/ftw.h"
#include "waf/regex.h"

namespace ringwall::ftw {

namespace {

// The ids a log names: [id "942100"], and "id":"942100" or "ruleId":"942100" of JSON.
std::set<std::uint64_t> ids_in(const std::vector<std::string>& log) {
  std::set<std::uint64_t> ids;
  for (const auto& line : log) {
    for (const std::string_view mark : {"[id \"", "\"id\":", "\"ruleId\":"}) {
      for (std::size_t at = 0; (at = line.find(mark, at)) != std::string::npos;) {
        at += mark.size();
        const auto digits = line.find_first_of("0123456789", at);
        if (digits != std::string::npos && digits - at < 3) ids.insert(std::strtoull(line.c_str() + digits, nullptr, 10));
      }
    }
  }
  return ids;
}

// Empty patterns ask for nothing.
bool any_line(const std::string& pattern, const std::vector<std::string>& log) {
  const auto regex = waf::Regex::compile(pattern);
  return regex.ok() && std::any_of(log.begin(), log.end(), [&](const auto& line) { return (*regex)->search(line) == waf::Found::kYes; });
}

std::string shown(const std::set<std::uint64_t>& ids) {
  std::string out;
  for (const auto id : ids) out += fmt::format("{}{}", out.empty() ? "" : " ", id);
  return out.empty() ? "none" : out;
}

}  // namespace

std::string judge(const Expected& expected, const Outcome& outcome) {
  if (expected.error) return outcome.status ? fmt::format("answered {} where no answer is expected", *outcome.status) : "";
  if (!outcome.status) return "no answer";
  const auto& statuses = expected.statuses;
  if (!statuses.empty() && std::find(statuses.begin(), statuses.end(), *outcome.status) == statuses.end()) {
    return fmt::format("status {} instead of {}", *outcome.status, fmt::join(statuses, " or "));
  }
  if (!expected.response_contains.empty() && !any_line(expected.response_contains, {outcome.body})) return fmt::format("the answer does not match {}", expected.response_contains);
  if (!expected.match_regex.empty() && !any_line(expected.match_regex, outcome.log)) return fmt::format("no line of the log matches {}", expected.match_regex);
  if (!expected.no_match_regex.empty() && any_line(expected.no_match_regex, outcome.log)) return fmt::format("a line of the log matches {}", expected.no_match_regex);
  const auto ids = ids_in(outcome.log);
  for (const auto id : expected.ids) {
    if (!ids.contains(id)) return fmt::format("{} did not match; those that did: {}", id, shown(ids));
  }
  for (const auto id : expected.no_ids) {
    if (ids.contains(id)) return fmt::format("{} matched", id);
  }
  if (expected.isolated && ids.size() > 1) return fmt::format("more than one rule matched: {}", shown(ids));
  return {};
}

Report run(const std::vector<Test>& tests, const Overrides& overrides, const Runner& runner, const std::function<void(std::size_t)>& progress) {
  Report report;
  std::size_t done = 0;
  for (const auto& test : tests) {
    const auto override = overrides.find({test.rule_id, test.id});
    std::string why;
    for (const auto& stage : test.stages) {
      const auto& expected = override == overrides.end() ? stage.expected : override->second;
      for (int attempt = 0; attempt < (expected.retry_once ? 2 : 1); ++attempt) {
        why = judge(expected, runner(stage));
        if (why.empty()) break;
      }
      if (!why.empty()) break;
    }
    if (why.empty()) ++report.passed;
    else report.failures.push_back({test.rule_id, test.id, test.file, why});
    if (progress) progress(++done);
  }
  return report;
}

}  // namespace ringwall::ftw
