// What requests are made of: the tests' requests and their parts, the rules' phrases and patterns.
#include <algorithm>

#include "prove/detail/layout.h"
#include "prove/detail/pattern.h"
#include "prove/prove.h"
#include "waf/operators.h"

namespace ringwall::prove {

namespace {

constexpr std::size_t kPieceBytesMax = 4000;

void add_rule(const waf::Rule& rule, Bank& bank) {
  using waf::Operator;
  const auto text = rule.argument.constant() ? rule.argument.text() : std::string();
  switch (rule.op) {
    case Operator::kRx:
    case Operator::kRxGlobal:
      if (!text.empty()) bank.patterns.push_back(std::make_shared<const Pattern>(text));
      break;
    case Operator::kPm:
      for (auto& phrase : waf::parse_phrases(text)) bank.literals.push_back(std::move(phrase));
      break;
    case Operator::kPmFromFile:
      bank.literals.insert(bank.literals.end(), rule.file_lines.begin(), rule.file_lines.end());
      break;
    case Operator::kBeginsWith:
    case Operator::kContains:
    case Operator::kContainsWord:
    case Operator::kEndsWith:
    case Operator::kStreq:
    case Operator::kStrmatch:
    case Operator::kWithin:
      bank.literals.push_back(text);
      break;
    default: break;
  }
  for (const auto& next : rule.chained) add_rule(next, bank);
}

void make_distinct(std::vector<std::string>& all) {
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  std::erase_if(all, [](const auto& one) { return one.empty() || one.size() > kPieceBytesMax; });
}

}  // namespace

Bank make_bank(const std::vector<ftw::Test>& tests, const waf::RuleSetSource& rules) {
  Bank bank;
  for (const auto& test : tests) {
    for (const auto& stage : test.stages) {
      auto exchange = parse_exchange(stage.request);
      if (!exchange.ok()) continue;
      for (auto& [name, value] : detail::arguments_of(*exchange)) {
        bank.pieces.push_back(std::move(name));
        bank.pieces.push_back(std::move(value));
      }
      for (const auto& header : exchange->headers) bank.pieces.push_back(header.value);
      bank.pieces.push_back(exchange->uri);
      bank.pieces.push_back(exchange->body);
      bank.pieces.push_back(exchange->response_body);
      bank.seeds.push_back(std::move(*exchange));
    }
  }
  for (const auto& item : rules.items) {
    if (item.rule) add_rule(*item.rule, bank);
  }
  make_distinct(bank.pieces);
  make_distinct(bank.literals);
  // Something to begin with there always is.
  if (bank.seeds.empty()) bank.seeds.push_back({.headers = {{"Host", "localhost"}}});
  if (bank.pieces.empty()) bank.pieces.push_back("a");
  return bank;
}

}  // namespace ringwall::prove
