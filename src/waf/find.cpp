#include "waf/detail/find.h"

#include <algorithm>

#include "waf/detect.h"

namespace ringwall::waf::detail {

namespace {

bool verifies(Operator op, const Regex& regex, std::string_view text, std::uint64_t& steps) {
  for (std::size_t from = 0; from < text.size();) {
    Group groups[kGroupsMax];
    int count = 1;
    if (regex.search(text.substr(from), groups, &count, &steps) != Found::kYes) return false;
    const auto candidate = text.substr(from + groups[0].offset, groups[0].size);
    const bool valid = op == Operator::kVerifyCc    ? valid_credit_card(candidate)
                       : op == Operator::kVerifyCpf ? valid_cpf(candidate)
                       : op == Operator::kVerifySsn ? valid_ssn(candidate)
                                                    : valid_svnr(candidate);
    if (valid) return true;
    from += groups[0].offset + std::max<std::size_t>(groups[0].size, 1);
  }
  return false;
}

}  // namespace

bool compares(Operator op, std::int64_t left, std::int64_t right) {
  switch (op) {
    case Operator::kEq: return left == right;
    case Operator::kGe: return left >= right;
    case Operator::kGt: return left > right;
    case Operator::kLe: return left <= right;
    default: return left < right;
  }
}

std::shared_ptr<const Regex> regex_of(std::string_view argument) {
  auto made = Regex::compile(argument);
  return made.ok() ? std::move(*made) : nullptr;
}

bool finds(const CompiledRule& rule, std::string_view text, std::string_view argument, std::uint64_t& steps) {
  switch (rule.op) {
    case Operator::kRx:
    case Operator::kRxGlobal: {
      if (rule.regex != nullptr) return rule.regex->search(text, nullptr, nullptr, &steps) != Found::kNo;
      const auto made = regex_of(argument);
      return made != nullptr && made->search(text, nullptr, nullptr, &steps) != Found::kNo;
    }
    case Operator::kPm:
    case Operator::kPmFromFile: {
      std::size_t offset = 0, size = 0;
      return rule.phrases->find(text, offset, size);
    }
    case Operator::kDetectSqli: {
      char fingerprint[kFingerprintMax];
      return detect_sqli(text, fingerprint);
    }
    case Operator::kDetectXss: return detect_xss(text);
    case Operator::kBeginsWith: return text.starts_with(argument);
    case Operator::kEndsWith: return text.ends_with(argument);
    case Operator::kContains:
    case Operator::kStrmatch: return contains(text, argument);
    case Operator::kContainsWord: return contains_word(text, argument);
    case Operator::kStreq: return text == argument;
    case Operator::kWithin: return contains(argument, text);
    case Operator::kEq:
    case Operator::kGe:
    case Operator::kGt:
    case Operator::kLe:
    case Operator::kLt: return compares(rule.op, number_of(text), rule.argument.constant ? rule.number : number_of(argument));
    case Operator::kIpMatch:
    case Operator::kIpMatchFromFile: return rule.addresses->contains(text);
    case Operator::kValidateByteRange: return outside_range(text, rule.bytes);
    case Operator::kValidateUrlEncoding: return bad_url_encoding(text);
    case Operator::kValidateUtf8Encoding: return bad_utf8(text);
    case Operator::kVerifyCc:
    case Operator::kVerifyCpf:
    case Operator::kVerifySsn:
    case Operator::kVerifySvnr: return verifies(rule.op, *rule.regex, text, steps);
    case Operator::kUnconditionalMatch: return true;
    default: return false;  // kNoMatch; the others do not compile
  }
}

}  // namespace ringwall::waf::detail
