// What requests cost under the Core Rule Set, in steps: plain ones are far from the budget, and what is made to cost a lot meets it.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <random>
#include <string>

#include "waf/engine.h"
#include "waf/seclang.h"

using namespace ringwall::waf;

namespace {

constexpr std::size_t kBodyBytes = 131'072 - 1024;  // what SecRequestBodyNoFilesLimit is by default

std::shared_ptr<const RuleSet> core_rules(int paranoia) {
  const auto folder = std::string(RINGWALL_SOURCE_DIR) + "/../shared/crs";
  if (!std::filesystem::exists(folder)) {
    std::printf("skipped: the budget under the Core Rule Set: shared/crs is not there\n");
    return nullptr;
  }
  const auto rules = fmt::format(
      "SecRuleEngine On\nSecRequestBodyAccess On\nSecRequestBodyNoFilesLimit 131072\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/html\nSecResponseBodyLimit 524288\n"
      "SecRule REQUEST_HEADERS:Content-Type \"^application/json\" \"id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
      "SecAction \"id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level={0},setvar:tx.detection_paranoia_level={0}\"\n"
      "Include {1}/crs-setup.conf.example\nInclude {1}/rules/*.conf\n",
      paranoia, folder);
  return RuleSet::compile(read_seclang(rules, folder + "/budget.conf", real_files()).value()).value();
}

// Sentences as people write them: commas, brackets, quotes, apostrophes, numbers, paragraphs.
std::string prose(std::size_t bytes) {
  static constexpr const char* kWords[] = {"the", "customer", "asked", "for", "a", "new", "invoice", "because", "address", "on", "it", "had", "been", "wrong", "since", "March", "we", "sent", "another", "one", "and", "wrote", "that",
                                           "delivery", "would", "take", "three", "days", "longer", "than", "usual", "but", "nobody", "answered", "their", "letter", "about", "blue", "chairs", "which", "were", "not", "in", "stock",
                                           "don't", "it's", "(see below)", "\"tomorrow\"", "12", "3.50", "2024", "of", "to", "is", "with", "room", "garden", "morning", "people", "water", "story", "paper", "between", "without"};
  std::mt19937 random(7);
  std::string out;
  while (out.size() < bytes) {
    const auto count = 5 + random() % 14;
    for (std::size_t i = 0; i < count; ++i) out += std::string(i == 0 ? "" : random() % 9 == 0 ? ", " : " ") + kWords[random() % std::size(kWords)];
    out += random() % 7 == 0 ? ".\n\n" : random() % 11 == 0 ? "? " : ". ";
  }
  out.resize(bytes);
  return out;
}

std::string form_text(std::string_view text, std::size_t bytes) {
  std::string out;
  for (const char c : text) {
    if (out.size() + 3 > bytes) break;
    if (c == ' ') out += '+';
    else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.') out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}
std::string json_text(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '"' ? "\\\"" : c == '\n' ? "\\n" : std::string(1, c);
  return out;
}

struct Judged {
  std::uint64_t steps = 0;
  bool refused_by_no_rule = false;
  std::string told;
};
Judged judge(Transaction& t, std::string_view type, std::string_view body, std::string_view page = {}) {
  t.reset({.client_address = "192.0.2.1"});
  t.request_line(body.empty() ? "GET" : "POST", "/letters", "HTTP/1.1");
  t.request_header("Host", "shop.example");
  t.request_header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
  t.request_header("Accept", "*/*");
  const auto size = std::to_string(body.size());
  if (!body.empty()) t.request_header("Content-Type", type), t.request_header("Content-Length", size);
  auto verdict = t.request_headers_done();
  if (verdict.action == Verdict::Action::kPass) {
    t.request_body(body);
    verdict = t.request_body_done();
  }
  if (verdict.action == Verdict::Action::kPass && !page.empty()) {
    t.response_line(200, "HTTP/1.1");
    t.response_header("Content-Type", "text/html");
    verdict = t.response_headers_done();
    t.response_body(page);
    verdict = t.response_body_done();
  }
  Judged out{t.steps(), verdict.action == Verdict::Action::kDeny && verdict.rule_id == 0 && verdict.status == 403, {}};
  if (!t.matches().empty()) out.told = t.matches().back().msg;
  return out;
}

constexpr std::string_view kForm = "application/x-www-form-urlencoded", kJson = "application/json";

}  // namespace

TEST_CASE("budget: large plain requests and answers are far from it") {
  const auto rules = core_rules(1);
  if (rules == nullptr) return;
  const auto t = Transaction::make(rules);
  const auto text = prose(kBodyBytes);
  std::string fields, items = "[";
  for (std::size_t at = 0; fields.size() + 400 < kBodyBytes; at += 90) fields += fmt::format("{}field_{}={}", at == 0 ? "" : "&", at / 90, form_text(text.substr(at, 90), 400));
  for (std::size_t at = 0; items.size() + 300 < kBodyBytes; at += 60) items += fmt::format("{}{{\"id\":{},\"name\":\"{}\",\"price\":{}.95,\"sold\":true}}", at == 0 ? "" : ",", at, json_text(text.substr(at, 60)), at % 90);
  items += "]";
  std::string page = "<!DOCTYPE html>\n<html><head><title>letters</title></head><body>\n";
  for (std::size_t at = 0; page.size() < 524'000; at = (at + 80) % (kBodyBytes - 80)) page += fmt::format("<div class=\"row\"><a href=\"/letters/{}\" title=\"read\">{}</a></div>\n", at, text.substr(at, 80));
  struct Case {
    const char* what;
    std::string_view type;
    std::string body, page;
    std::uint64_t times = 3;  // in the budget
  };
  const Case kCases[] = {
      {"a form of one text", kForm, "text=" + form_text(text, kBodyBytes - 5), ""},
      {"a form of many fields", kForm, fields, "", 2},
      {"a JSON document of one text", kJson, "{\"text\":\"" + json_text(text.substr(0, kBodyBytes - 8192)) + "\"}", ""},
      {"a JSON document of many", kJson, items, ""},
      {"a page of HTML", "", "", page},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.what);
    for (int round = 0; round < 2; ++round) {
      const auto said = judge(*t, c.type, c.body, c.page);
      CHECK(said.told == "");
      CHECK(said.steps > 100'000);
      CHECK(said.steps * (round == 0 ? 1 : c.times) < Budget().steps);  // at first there are automata to build
    }
  }
}

TEST_CASE("budget: what is made to cost a lot is refused, the same each time") {
  const auto rules = core_rules(4);
  if (rules == nullptr) return;
  const auto t = Transaction::make(rules);
  // Pieces of what many rules look for, so that the prefilter rules out next to nothing.
  const std::string pieces = "$(\\u0027 <a href=x onload= ;`${ union /* select <!-- '\" or 1=1 -- %0d%0a || && ../ @@ eval( system( print( <? .php?cmd= <script =~ {{ }} && ";
  const auto piece = form_text(pieces, 1000);
  std::string body;
  for (int i = 0; body.size() + piece.size() + 16 < kBodyBytes; ++i) body += fmt::format("{}a{}={}{}", i == 0 ? "" : "&", i, piece, i);
  std::uint64_t steps = 0;
  for (int round = 0; round < 4; ++round) {
    const auto said = judge(*t, kForm, body);
    CHECK(said.refused_by_no_rule);
    CHECK(said.told == fmt::format("The request costs more than the {} steps of its work budget", Budget().steps));
    CHECK(said.steps < Budget().steps + Budget().steps / 2);
    if (round > 1) CHECK(said.steps == steps);
    steps = said.steps;
  }
}
