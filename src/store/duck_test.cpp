#include "store/duck.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "blob/local.h"
#include "store/store.h"

using namespace ringwall;
using namespace ringwall::store;

namespace {

struct Fixture {
  Fixture() {
    const auto folder = std::string(RINGWALL_BINARY_DIR) + "/test-duck";
    std::filesystem::remove_all(folder);
    blob = std::move(blob::open_local(folder + "/blob")).value();
    duck = std::move(Duck::open({.threads = 2}, *blob)).value();
  }
  std::unique_ptr<blob::Blob> blob;
  std::unique_ptr<Duck> duck;
};

std::string show(const Value& value) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "NULL"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return "d" + std::to_string(v).substr(0, 6); }
    std::string operator()(const std::string& v) const { return "'" + v + "'"; }
  };
  return std::visit(Visitor{}, value);
}

std::string show(const Result<Table>& table) {
  if (!table.ok()) return "error " + std::to_string(static_cast<int>(table.error().code)) + ": " + table.error().message;
  std::string out;
  for (const auto& row : table->rows) {
    for (const auto& cell : row) out += show(cell) + " ";
    out += "| ";
  }
  return out + (table->truncated ? "truncated" : "");
}

}  // namespace

TEST_CASE("duck: values of each type") {
  Fixture f;
  struct Case {
    const char* sql;
    const char* want;
  };
  const Case kCases[] = {
      {"SELECT NULL, true, 1::TINYINT, -1::SMALLINT, 7, 1::UINTEGER", "NULL true 1 -1 7 1 | "},
      {"SELECT 18446744073709551615::UBIGINT, 5::UBIGINT", "'18446744073709551615' 5 | "},
      {"SELECT sum(x) FROM range(3) t(x)", "3 | "},
      {"SELECT 170141183460469231731687303715884105727::HUGEINT", "'170141183460469231731687303715884105727' | "},
      {"SELECT 1.5::DOUBLE, 2.25, 0.5::FLOAT", "d1.5000 d2.2500 d0.5000 | "},
      {"SELECT TIMESTAMP '1970-01-01 00:00:01.5', 'x', DATE '2026-11-23'", "1500000 'x' '2026-11-23' | "},
      {"SELECT '4bf92f35-77b3-4da6-a3ce-929d0e0e4736'::UUID", "'4bf92f35-77b3-4da6-a3ce-929d0e0e4736' | "},
      {"SELECT to_json(MAP {'a': 'b'})", "'{\"a\":\"b\"}' | "},
      {"SELECT x FROM range(3) t(x) ORDER BY x DESC", "2 | 1 | 0 | "},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.sql);
    CHECK(show(f.duck->run(c.sql)) == c.want);
  }
  CHECK(show(f.duck->run("SELECT ?::BIGINT + 1, ?, ?, ?", {std::int64_t{41}, std::string("it's"), std::monostate(), true})) ==
        "42 'it's' NULL true | ");
  CHECK(f.duck->run("SELEC 1").error().code == Errc::kInvalid);
  CHECK(f.duck->run("SELECT nope").error().code == Errc::kInvalid);
  CHECK(f.duck->run("SELECT ?").error().code == Errc::kInvalid);
}

TEST_CASE("duck: rows_max at the limit and one past it; a deadline interrupts") {
  Fixture f;
  CHECK(f.duck->run("FROM range(10)", {}, {.rows_max = 10})->truncated == false);
  CHECK(f.duck->run("FROM range(11)", {}, {.rows_max = 10})->truncated == true);
  CHECK(f.duck->run("FROM range(100000000)", {}, {.rows_max = 10})->rows.size() == 10);
  const RunOptions hurry{.rows_max = 10, .deadline = std::chrono::milliseconds(50)};
  const char* endless = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 3";
  CHECK(f.duck->run(endless, {}, hurry).error().code == Errc::kLimit);
  CHECK(f.duck->run_untrusted(endless, {}, hurry).error().code == Errc::kLimit);
}
