// What a search means for records of one signal: fields found, values understood, ready for SQL (sql.h) and for the
// live tail (match.h).
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/record.h"
#include "query/pattern.h"
#include "query/search.h"

namespace ringwall::query {

enum class Column : std::uint8_t {
  kService, kEnv, kVersion, kHost, kRegion, kSource, kName, kUnit,              // text
  kSeverity, kStatus, kDuration, kKind, kOutcome,                               // whole numbers; duration in nanoseconds
  kSpanId, kParentSpanId,                                                       // ids
};
std::string_view column_name(Column column);  // in the store's relations

struct Condition {
  enum class Kind {
    kAll,
    kAnd, kOr, kNot,     // children
    kText,               // search: in the message of a log, the name of a span or metric
    kColumnText,         // column (text) is `pattern`, case-sensitive
    kColumnPresent,      // column has a value: text is not empty, a number or id is set
    kColumnNumber,       // low <= column <= high, and the column is set
    kColumnId,           // column (id) == id
    kTraceId,            // trace_id
    kTracePresent,
    kAttributeText,      // attribute `key` of the record, or else of its resource, is `pattern`
    kAttributePresent,
    kAttributeNumber,    // the attribute is a number between number_low and number_high
    kError,              // of spans: outcome is error, or HTTP status >= 500
  };
  Kind kind = Kind::kAll;
  std::vector<Condition> children;
  Column column = Column::kService;
  std::int64_t low = std::numeric_limits<std::int64_t>::min();
  std::int64_t high = std::numeric_limits<std::int64_t>::max();
  std::uint64_t id = 0;
  base::TraceId trace_id;
  Pattern pattern;
  TextSearch search;
  std::string key;
  double number_low = -std::numeric_limits<double>::max();  // both included; never infinite, so that attributes that
  double number_high = std::numeric_limits<double>::max();  // say "inf" or "nan" are no numbers
};

// Fails with kInvalid and the byte of the field or value that has no meaning, with the nearest name as the hint.
Result<Condition> resolve(const Search& search, base::Signal signal);
// parse() and resolve().
Result<Condition> understand(std::string_view text, base::Signal signal);

// A decimal number, as in 5, -0.5, 1e3; nothing before or after it.
bool parse_number(std::string_view text, double& number);

}  // namespace ringwall::query
