// Regression tests of rule sets in the format of go-ftw, as the Core Rule Set keeps them.
//
// Source: go-ftw's test schema (ftw-tests-schema) and README; how headers are completed and results are judged follows
// go-ftw 2. Files are YAML; each holds the tests of one rule, each test stages of a request and what is expected.  The format
// before it, in which version 3 of the Core Rule Set has its tests, is read too: `test_title` ("942100-1"), `stop_magic`,
// `log_contains`, several statuses, and files that are switched off (`meta.enabled`), which hold no tests then.
//
// Errors: kInvalid "FILE: what is wrong", kLimit for what is larger than the limits below.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ringwall::ftw {

inline constexpr std::size_t kFileBytesMax = 16 << 20;

struct Expected {
  std::vector<int> statuses;                   // one of them; empty: any
  std::vector<std::uint64_t> ids, no_ids;      // in the log; not in the log
  std::string match_regex, no_match_regex;     // of a line of the log
  std::string response_contains;
  bool error = false;                          // the server gives no HTTP answer
  bool retry_once = false, isolated = false;
};

struct Stage {
  std::string request;  // the bytes that go out
  std::string method;   // HEAD has no body in its answer
  Expected expected;
};

struct Test {
  std::uint64_t rule_id = 0;
  int id = 0;
  std::string description, file;
  std::vector<Stage> stages;
};

// What a platform answers otherwise: by rule and test.
using Overrides = std::map<std::pair<std::uint64_t, int>, Expected>;

Result<std::vector<Test>> read_tests(std::string_view yaml, const std::string& file);
Result<Overrides> read_overrides(std::string_view yaml, const std::string& file);

// What happened to a stage's request.
struct Outcome {
  std::optional<int> status;          // none: no HTTP answer
  std::string body;
  std::vector<std::string> log;       // lines, each with its [id "N"]
};
// "": as expected; otherwise why not.
std::string judge(const Expected& expected, const Outcome& outcome);

// Sends a request and tells what became of it.
using Runner = std::function<Outcome(const Stage&)>;

struct Failure {
  std::uint64_t rule_id;
  int test_id;
  std::string file, why;
};
struct Report {
  std::size_t passed = 0;
  std::vector<Failure> failures;
};
Report run(const std::vector<Test>& tests, const Overrides& overrides, const Runner& runner, const std::function<void(std::size_t done)>& progress = {});

}  // namespace ringwall::ftw
