#include "ftw/ftw.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ftw/offline.h"
#include "waf/seclang.h"

using namespace ringwall;
using namespace ringwall::ftw;

namespace {

std::string request_of(const std::string& input) {
  const auto tests = read_tests("rule_id: 1\ntests:\n  - test_id: 1\n    stages:\n      - input:\n" + input + "        output: {status: 200}\n", "t.yaml");
  REQUIRE_MESSAGE(tests.ok(), (tests.ok() ? "" : tests.error().message));
  return tests->at(0).stages.at(0).request;
}

}  // namespace

TEST_CASE("ftw: requests are completed as go-ftw does") {
  CHECK(request_of("          headers: {Host: h, Accept: a}\n") == "GET / HTTP/1.1\r\nAccept: a\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(request_of("          method: POST\n          data: \"a=b c&d\"\n") ==
        "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: 7\r\n\r\na=b+c&d");
  CHECK(request_of("          method: POST\n          data: \"a=%20\"\n").ends_with("\r\n\r\na=%20"));
  CHECK(request_of("          autocomplete_headers: false\n          uri: /x\n          version: HTTP/1.0\n") == "GET /x HTTP/1.0\r\n\r\n");
  CHECK(request_of("          method: PUT\n") == "PUT / HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  CHECK(request_of("          headers: {Content-Type: 'multipart/form-data; boundary=x'}\n          data: \"a\\nb\"\n").ends_with("Content-Length: 4\r\n\r\na\r\nb"));
  CHECK(request_of("          encoded_request: R0VUIC8gSFRUUC8xLjENCg0K\n") == "GET / HTTP/1.1\r\n\r\n");
  CHECK(request_of("          data: 'x={{ \"ab\" | repeat 3 }}'\n").ends_with("x=ababab"));
}

TEST_CASE("ftw: results are judged") {
  const Outcome outcome{200, "hello", {"Warning. [id \"942100\"] [msg \"a b\"]", "{\"ruleId\":\"920\"}"}};
  CHECK(judge({}, outcome) == "");
  CHECK(judge({.statuses = {403}}, outcome) == "status 200 instead of 403");
  CHECK(judge({.statuses = {403, 400}}, outcome) == "status 200 instead of 403 or 400");
  CHECK(judge({.statuses = {403, 200}}, outcome) == "");
  CHECK(judge({.ids = {942100, 920}}, outcome) == "");
  CHECK(judge({.ids = {1}}, outcome) == "1 did not match; those that did: 920 942100");
  CHECK(judge({.no_ids = {920}}, outcome) == "920 matched");
  CHECK(judge({.match_regex = "msg \"a"}, outcome) == "");
  CHECK(judge({.match_regex = "zz"}, outcome) != "");
  CHECK(judge({.no_match_regex = "a b"}, outcome) != "");
  CHECK(judge({.response_contains = "h.llo"}, outcome) == "");
  CHECK(judge({.error = true}, outcome) != "");
  CHECK(judge({.error = true}, {}) == "");
  CHECK(judge({}, {}) == "no answer");
}

TEST_CASE("ftw: the format of version 3 of the Core Rule Set is read") {
  const auto tests = read_tests(
      "meta: {enabled: true, name: 942100.yaml}\n"
      "tests:\n"
      "  - test_title: 942100-7\n"
      "    stages:\n"
      "      - stage:\n"
      "          input: {method: POST, stop_magic: true, data: [a, b]}\n"
      "          output: {status: [403, 400], log_contains: 'id \"942100\"'}\n"
      "  - test_title: 942100-9\n"
      "    stages: [{stage: {input: {method: POST, headers: {Content-Type: multipart/form-data; boundary=b}, data: \"a\\r\\nb\\nc\"}, output: {}}}]\n"
      "  - test_title: 920180-3\n"
      "    stages: [{stage: {input: {method: POST}, output: {}}}]\n"
      "  - test_title: 942100-8FP\n"
      "    stages:\n"
      "      - stage:\n"
      "          input: {raw_request: \"GET / HTTP/1.0\\r\\n\\r\\n\"}\n"
      "          output: {no_log_contains: 'id \"942100\"'}\n",
      "old.yaml");
  REQUIRE(tests.ok());
  REQUIRE(tests->size() == 4);
  const auto &first = tests->at(0), &second = tests->at(3);
  CHECK(tests->at(1).stages.at(0).request.ends_with("\r\n\r\na\r\nb\r\nc"));
  CHECK(tests->at(2).stages.at(0).request == "POST / HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK(first.rule_id == 942100);
  CHECK(first.id == 7);
  CHECK(first.stages.at(0).request == "POST / HTTP/1.1\r\n\r\na\r\nb");
  CHECK(first.stages.at(0).expected.statuses == std::vector<int>{403, 400});
  CHECK(judge(first.stages.at(0).expected, {403, "", {"[id \"942100\"]"}}) == "");
  CHECK(judge(first.stages.at(0).expected, {403, "", {"[id \"1\"]"}}) != "");
  CHECK(second.id == 8);
  CHECK(second.stages.at(0).request == "GET / HTTP/1.0\r\n\r\n");
  CHECK(judge(second.stages.at(0).expected, {200, "", {"[id \"942100\"]"}}) != "");
  CHECK(read_tests("meta: {enabled: false}\ntests:\n  - test_title: 1-1\n    stages: []\n", "off.yaml")->empty());
}

TEST_CASE("ftw: mistakes in files are told") {
  CHECK(read_tests("tests: [", "a.yaml").error().message.starts_with("a.yaml:"));
  CHECK(read_tests("# nothing\n", "a.yaml")->empty());
  CHECK(read_overrides("test_overrides:\n  - rule_id: 7\n    test_ids: [1, 2]\n    output: {status: 400}\n", "o.yaml")->size() == 2);
}

// The suite of the Core Rule Set without a server before the engine: what a server itself answers 400 to is not to be
// expected here, nor what only Apache does.
TEST_CASE("ftw: the Core Rule Set's own tests against the engine alone") {
  const auto folder = std::string(RINGWALL_SOURCE_DIR) + "/../shared/crs";
  if (!std::filesystem::exists(folder)) {
    std::printf("skipped: the Core Rule Set's tests: shared/crs is not there\n");
    return;
  }
  const std::string text =
      "SecRuleEngine DetectionOnly\nSecRequestBodyAccess On\nSecResponseBodyAccess On\nSecResponseBodyMimeType text/plain text/html text/xml application/json\n"
      "SecRule REQUEST_HEADERS:Content-Type \"^(?:application(?:/soap\\+|/)|text/)xml\" \"id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML\"\n"
      "SecRule REQUEST_HEADERS:Content-Type \"^application/(?:[a-z0-9.-]+\\+)?json\" \"id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
      "SecRule REQBODY_ERROR \"!@eq 0\" \"id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.',logdata:'%{reqbody_error_msg}'\"\n"
      "SecAction \"id:900005,phase:1,nolog,pass,setvar:tx.blocking_paranoia_level=4,setvar:tx.detection_paranoia_level=4,setvar:tx.crs_validate_utf8_encoding=1,"
      "setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=6400,setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535\"\n"
      "Include " + folder + "/crs-setup.conf.example\nInclude " + folder + "/rules/*.conf\n";
  auto source = waf::read_seclang(text, folder + "/main.conf", waf::real_files());
  REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
  const auto rules = waf::RuleSet::compile(std::move(*source));
  REQUIRE_MESSAGE(rules.ok(), (rules.ok() ? "" : rules.error().message));
  std::vector<Test> tests;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder + "/tests/regression/tests")) {
    if (entry.path().extension() != ".yaml" && entry.path().extension() != ".yml") continue;
    std::ifstream file(entry.path());
    std::stringstream content;
    content << file.rdbuf();
    auto some = read_tests(content.str(), entry.path().filename());
    REQUIRE_MESSAGE(some.ok(), (some.ok() ? "" : some.error().message));
    for (auto& test : *some) tests.push_back(std::move(test));
  }
  CHECK(tests.size() == 5082);
  const auto report = run(tests, {}, offline_runner(*rules));
  std::size_t unexpected = 0, of_servers = 0;
  for (const auto& failure : report.failures) {
    const bool server = failure.why.starts_with("status 200 instead of 400") || failure.why.starts_with("answered") || failure.rule_id == 920620 || failure.rule_id == 920640 || failure.rule_id == 920181;
    if (server) {
      ++of_servers;
      continue;
    }
    ++unexpected;
    MESSAGE(failure.rule_id << " " << failure.test_id << ": " << failure.why);
  }
  CHECK(unexpected == 0);
  CHECK(of_servers <= 25);
  std::printf("Core Rule Set against the engine alone: %zu passed, %zu need a server, %zu failed\n", report.passed, of_servers, unexpected);
}
