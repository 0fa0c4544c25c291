// The names of variables and operators, and the name somebody probably meant.
//
// Source: ModSecurity reference manual v3, "Variables" and "Operators"; the second spellings are those
// libmodsecurity 3.0.9 also takes.
#include <algorithm>
#include <array>

#include "waf/detail/seclang.h"

namespace ringwall::waf {

namespace seclang {

namespace {

// In the order of enum Variable.
constexpr std::string_view kVariableNames[] = {
    "ARGS",
    "ARGS_GET",
    "ARGS_POST",
    "ARGS_NAMES",
    "ARGS_GET_NAMES",
    "ARGS_POST_NAMES",
    "REQUEST_HEADERS",
    "REQUEST_HEADERS_NAMES",
    "REQUEST_COOKIES",
    "REQUEST_COOKIES_NAMES",
    "RESPONSE_HEADERS",
    "RESPONSE_HEADERS_NAMES",
    "FILES",
    "FILES_NAMES",
    "FILES_SIZES",
    "FILES_TMPNAMES",
    "FILES_TMP_CONTENT",
    "MULTIPART_PART_HEADERS",
    "MATCHED_VARS",
    "MATCHED_VARS_NAMES",
    "TX",
    "IP",
    "GLOBAL",
    "SESSION",
    "USER",
    "RESOURCE",
    "ENV",
    "GEO",
    "RULE",
    "XML",
    "ARGS_COMBINED_SIZE",
    "AUTH_TYPE",
    "DURATION",
    "FILES_COMBINED_SIZE",
    "FULL_REQUEST",
    "FULL_REQUEST_LENGTH",
    "HIGHEST_SEVERITY",
    "INBOUND_DATA_ERROR",
    "MATCHED_VAR",
    "MATCHED_VAR_NAME",
    "MODSEC_BUILD",
    "MULTIPART_CRLF_LF_LINES",
    "MULTIPART_FILENAME",
    "MULTIPART_NAME",
    "MULTIPART_STRICT_ERROR",
    "MULTIPART_UNMATCHED_BOUNDARY",
    "MULTIPART_BOUNDARY_QUOTED",
    "MULTIPART_BOUNDARY_WHITESPACE",
    "MULTIPART_DATA_BEFORE",
    "MULTIPART_DATA_AFTER",
    "MULTIPART_HEADER_FOLDING",
    "MULTIPART_LF_LINE",
    "MULTIPART_SEMICOLON_MISSING",
    "MULTIPART_INVALID_QUOTING",
    "MULTIPART_INVALID_PART",
    "MULTIPART_INVALID_HEADER_FOLDING",
    "MULTIPART_FILE_LIMIT_EXCEEDED",
    "MSC_PCRE_ERROR",
    "MSC_PCRE_LIMITS_EXCEEDED",
    "OUTBOUND_DATA_ERROR",
    "PATH_INFO",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REMOTE_HOST",
    "REMOTE_PORT",
    "REMOTE_USER",
    "REQBODY_ERROR",
    "REQBODY_ERROR_MSG",
    "REQBODY_PROCESSOR",
    "REQBODY_PROCESSOR_ERROR",
    "REQBODY_PROCESSOR_ERROR_MSG",
    "REQUEST_BASENAME",
    "REQUEST_BODY",
    "REQUEST_BODY_LENGTH",
    "REQUEST_FILENAME",
    "REQUEST_LINE",
    "REQUEST_METHOD",
    "REQUEST_PROTOCOL",
    "REQUEST_URI",
    "REQUEST_URI_RAW",
    "RESPONSE_BODY",
    "RESPONSE_CONTENT_LENGTH",
    "RESPONSE_CONTENT_TYPE",
    "RESPONSE_PROTOCOL",
    "RESPONSE_STATUS",
    "SERVER_ADDR",
    "SERVER_NAME",
    "SERVER_PORT",
    "SESSIONID",
    "STATUS_LINE",
    "TIME",
    "TIME_DAY",
    "TIME_EPOCH",
    "TIME_HOUR",
    "TIME_MIN",
    "TIME_MON",
    "TIME_SEC",
    "TIME_WDAY",
    "TIME_YEAR",
    "UNIQUE_ID",
    "URLENCODED_ERROR",
    "USERID",
    "WEBAPPID",
};
static_assert(std::size(kVariableNames) == static_cast<std::size_t>(Variable::kWebAppId) + 1);

struct SecondName {
  std::string_view name;
  Variable variable;
};
constexpr SecondName kSecondNames[] = {
    {"MULTIPART_MISSING_SEMICOLON", Variable::kMultipartSemicolonMissing},
    {"STATUS", Variable::kResponseStatus},
};

// In the order of enum Operator.
constexpr std::string_view kOperatorNames[] = {
    "beginsWith",
    "contains",
    "containsWord",
    "detectSQLi",
    "detectXSS",
    "endsWith",
    "eq",
    "fuzzyHash",
    "ge",
    "geoLookup",
    "gt",
    "inspectFile",
    "ipMatch",
    "ipMatchFromFile",
    "le",
    "lt",
    "noMatch",
    "pm",
    "pmFromFile",
    "rbl",
    "rsub",
    "rx",
    "rxGlobal",
    "streq",
    "strmatch",
    "unconditionalMatch",
    "validateByteRange",
    "validateDTD",
    "validateSchema",
    "validateUrlEncoding",
    "validateUtf8Encoding",
    "verifyCC",
    "verifyCPF",
    "verifySSN",
    "verifySVNR",
    "within",
};
static_assert(std::size(kOperatorNames) == static_cast<std::size_t>(Operator::kWithin) + 1);

constexpr std::size_t kNearTextMax = 64;  // nobody misspells a longer name; it also bounds the work below

// The least number of letters to add, remove, replace or swap with their neighbour, without regard to case.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::array<std::size_t, kNearTextMax + 1> before{}, last{}, row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto same = [&](std::size_t x, std::size_t y) { return lower(a[x]) == lower(b[y]); };
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same(i - 1, j - 1) ? 0 : 1)});
      if (i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

std::size_t same_beginning(std::string_view a, std::string_view b) {
  std::size_t same = 0;
  while (same < a.size() && same < b.size() && lower(a[same]) == lower(b[same])) ++same;
  return same;
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string did_you_mean(std::string_view text, const std::vector<std::string_view>& names,
                         std::string_view prefix) {
  if (text.empty() || text.size() > kNearTextMax) return "";
  std::string_view best;
  // Of two names as near, the one that begins alike: "Of" is Off, not On.
  auto best_edits = std::max<std::size_t>(1, text.size() / 3) + 1;
  std::size_t best_alike = 0;
  for (const auto name : names) {
    const auto longer = std::max(name.size(), text.size()) - std::min(name.size(), text.size());
    if (name.size() > kNearTextMax || longer > best_edits) continue;  // each letter more is an edit
    const auto edits = edits_between(text, name);
    const auto alike = same_beginning(text, name);
    if (edits > best_edits || (edits == best_edits && (best.empty() || alike <= best_alike))) continue;
    best_edits = edits, best_alike = alike, best = name;
  }
  return best.empty() ? "" : "did you mean " + std::string(prefix) + std::string(best) + "?";
}

std::vector<std::string_view> variable_names() {
  return {std::begin(kVariableNames), std::end(kVariableNames)};
}
std::vector<std::string_view> operator_names() {
  return {std::begin(kOperatorNames), std::end(kOperatorNames)};
}
std::vector<std::string_view> transformation_names() {
  std::vector<std::string_view> names{"none"};
  for (std::size_t i = 0; i < kTransformationCount; ++i)
    names.push_back(name_of(static_cast<Transformation>(i)));
  return names;
}

}  // namespace seclang

std::optional<Variable> variable_named(std::string_view name) {
  for (std::size_t i = 0; i < std::size(seclang::kVariableNames); ++i) {
    if (seclang::same_word(name, seclang::kVariableNames[i])) return static_cast<Variable>(i);
  }
  for (const auto& second : seclang::kSecondNames) {
    if (seclang::same_word(name, second.name)) return second.variable;
  }
  return std::nullopt;
}
std::string_view name_of(Variable variable) {
  return seclang::kVariableNames[static_cast<std::size_t>(variable)];
}
bool is_collection(Variable variable) { return variable <= Variable::kXml; }

std::optional<Operator> operator_named(std::string_view name) {
  for (std::size_t i = 0; i < std::size(seclang::kOperatorNames); ++i) {
    if (seclang::same_word(name, seclang::kOperatorNames[i])) return static_cast<Operator>(i);
  }
  if (seclang::same_word(name, "pmf")) return Operator::kPmFromFile;
  if (seclang::same_word(name, "ipMatchF")) return Operator::kIpMatchFromFile;
  return std::nullopt;
}
std::string_view name_of(Operator op) { return seclang::kOperatorNames[static_cast<std::size_t>(op)]; }

}  // namespace ringwall::waf
