// Reading cells of a store::Table, and the pieces of SQL that several questions share.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "query/query.h"
#include "query/sql.h"

namespace ringwall::query {

struct Query::Selection {
  store::Relation relation;  // kept while statements run
  std::string from_where;    // " FROM (…) WHERE …"
  std::vector<store::Value> parameters;
  bool empty() const { return relation.files == 0 && relation.young_rows == 0; }
};

// Reads a row from left to right.
class Cells {
 public:
  explicit Cells(const std::vector<store::Value>& row) : row_(row) {}
  std::string text() {
    const auto& value = row_[at_++];
    return std::holds_alternative<std::string>(value) ? std::get<std::string>(value) : std::string();
  }
  std::optional<std::string> text_or_null() {
    const auto& value = row_[at_++];
    if (!std::holds_alternative<std::string>(value)) return std::nullopt;
    return std::get<std::string>(value);
  }
  std::optional<std::int64_t> integer_or_null() {
    const auto& value = row_[at_++];
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
    if (const auto* number = std::get_if<double>(&value)) return static_cast<std::int64_t>(*number);
    return std::nullopt;
  }
  std::int64_t integer() { return integer_or_null().value_or(0); }
  std::uint64_t count() { return static_cast<std::uint64_t>(integer()); }
  double number() {
    const auto& value = row_[at_++];
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
    if (const auto* number = std::get_if<double>(&value)) return *number;
    return Totals::kNone;
  }
  base::TraceId trace_id();
  std::int64_t time_ns() {
    const auto us = integer();
    return us * 1000 + integer();
  }

 private:
  const std::vector<store::Value>& row_;
  std::size_t at_ = 0;
};

// The columns of LogRow and SpanRow, and reading them back.
std::string log_columns();
LogRow read_log(Cells& cells);
std::string span_columns();
SpanRow read_span(Cells& cells);

// "hash AS bucket" for Buckets: the number of the bucket of a record's time.
std::string bucket_expression(const Buckets& buckets);

// Requests, errors, percentiles and maximum of the spans of a group, for read_totals().
std::string totals_aggregates();
inline constexpr std::string_view kTotalsColumns =
    "requests, errors, quantiles[1], quantiles[2], quantiles[3], quantiles[4], longest";
Totals read_totals(Cells& cells, double seconds);

// One of the tags as a column, or an attribute: adds a parameter for the latter.  kInvalid for other names.
Result<std::string> label_expression(std::string_view field, std::vector<store::Value>& parameters);

inline double seconds_of(TimeRange range) { return static_cast<double>(range.to_ns - range.from_ns) / 1e9; }

}  // namespace ringwall::query
