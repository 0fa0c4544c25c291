// SecLang read: directives to rules, with every exclusion and update in the text already applied.
//
// Source: ModSecurity reference manual v3 and what libmodsecurity 3.0.9 accepts.  What is not supported is an error with
// file and line; directives that have no meaning here (where the debug log lies, which user Apache runs as) are warnings.
//
// Errors: kInvalid "FILE:LINE: what is wrong" with a hint; kNotFound for files; kLimit for the limits below.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "places/shared_bytes.h"
#include "waf/rule.h"

namespace ringwall::waf {

inline constexpr std::size_t kRulesMax = 100'000;
inline constexpr std::size_t kLineBytesMax = 1 << 20;   // of one directive, its continuation lines joined
inline constexpr int kIncludeDepthMax = 16;

// How the files a rule set names are read; the engine itself opens none.
struct Files {
  std::function<Result<std::string>(const std::string& path)> read;
  // Paths that match a pattern with * and ?, sorted; the pattern's folder is relative to nothing: callers make it absolute.
  std::function<Result<std::vector<std::string>>(const std::string& pattern)> glob;
  // The whole of a large file that is used where it lies (SecGeoLookupDb): it must not change while somebody has it.
  std::function<Result<places::SharedBytes>(const std::string& path)> map;
};
Files real_files();

// `text` stands for a file of the name `path`, beside which relative names are looked for.
Result<RuleSetSource> read_seclang(std::string_view text, const std::string& path, const Files& files);
Result<RuleSetSource> read_seclang_file(const std::string& path, const Files& files);

// The parts, for exclusions written elsewhere: "ARGS|!ARGS:csrf", "%{tx.a}: %{MATCHED_VAR}".
Result<std::vector<Selector>> parse_selectors(std::string_view text);
Result<Macro> parse_macro(std::string_view text);

}  // namespace ringwall::waf
