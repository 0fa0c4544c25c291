#include "query/match.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace ringwall::query {

namespace {

using base::Batch;

std::string_view tag_of(const Batch& batch, std::size_t record, Column column) {
  const auto& r = batch.resources[batch.resource[record]];
  switch (column) {
    case Column::kService: return batch.view(r.service);
    case Column::kEnv: return batch.view(r.env);
    case Column::kVersion: return batch.view(r.version);
    case Column::kHost: return batch.view(r.host);
    case Column::kRegion: return batch.view(r.region);
    case Column::kSource: return batch.view(r.source);
    case Column::kName: return batch.view(batch.text[record]);
    case Column::kUnit: return batch.view(batch.unit[record]);
    default: return {};
  }
}

std::optional<std::int64_t> number_of(const Batch& batch, std::size_t record, Column column) {
  switch (column) {
    case Column::kSeverity: return batch.severity[record];
    case Column::kStatus:
      if (batch.status[record] == 0) return std::nullopt;
      return batch.status[record];
    case Column::kDuration:
      if (batch.duration_ns[record] == base::kDurationUnset) return std::nullopt;
      return batch.duration_ns[record];
    case Column::kKind: return batch.kind[record];
    case Column::kOutcome: return batch.outcome[record];
    default: return std::nullopt;
  }
}

std::uint64_t id_of(const Batch& batch, std::size_t record, Column column) {
  return column == Column::kSpanId ? batch.span_id[record] : batch.parent_span_id[record];
}

std::optional<std::string_view> attribute_of(const Batch& batch, std::size_t record, std::string_view key) {
  for (auto i = batch.attributes_begin(record); i < batch.attributes_end[record]; ++i) {
    if (batch.view(batch.attribute_keys[i]) == key) return batch.view(batch.attribute_values[i]);
  }
  const auto& r = batch.resources[batch.resource[record]];
  for (auto i = r.attributes_begin; i < r.attributes_end; ++i) {
    if (batch.view(batch.resource_keys[i]) == key) return batch.view(batch.resource_values[i]);
  }
  return std::nullopt;
}

// What DuckDB's cast from text to DOUBLE takes for a number, as far as it is finite.
std::optional<double> cast_number(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  // "1_000": an underscore between two digits
  std::string plain;
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_' && i > 0 && digit(i - 1) && digit(i + 1)) continue;
    plain += text[i];
  }
  double value = 0;
  const auto [end, code] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  // DuckDB takes what is too small for zero, and what is too large for infinite.
  const auto exponent = plain.find_first_of("eE");
  const bool tiny = code == std::errc::result_out_of_range && exponent != std::string::npos && plain[exponent + 1] == '-';
  if (tiny) {
    value = 0;
  } else if (code != std::errc{}) {
    return std::nullopt;
  }
  if (end != plain.data() + plain.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

bool matches(const Condition& c, const Batch& batch, std::size_t record) {
  using Kind = Condition::Kind;
  switch (c.kind) {
    case Kind::kAll: return true;
    case Kind::kAnd:
      for (const auto& child : c.children) {
        if (!matches(child, batch, record)) return false;
      }
      return true;
    case Kind::kOr:
      for (const auto& child : c.children) {
        if (matches(child, batch, record)) return true;
      }
      return false;
    case Kind::kNot: return !matches(c.children[0], batch, record);
    case Kind::kText: return c.search.matches(batch.view(batch.text[record]));
    case Kind::kColumnText: return matches_whole(c.pattern, tag_of(batch, record, c.column));
    case Kind::kColumnPresent:
      if (c.column <= Column::kUnit) return !tag_of(batch, record, c.column).empty();
      if (c.column == Column::kSpanId || c.column == Column::kParentSpanId) return id_of(batch, record, c.column) != 0;
      return number_of(batch, record, c.column).has_value();
    case Kind::kColumnNumber: {
      const auto value = number_of(batch, record, c.column);
      return value.has_value() && *value >= c.low && *value <= c.high;
    }
    case Kind::kColumnId: return c.id != 0 && id_of(batch, record, c.column) == c.id;
    case Kind::kTraceId: return c.trace_id.valid() && batch.trace_id[record] == c.trace_id;
    case Kind::kTracePresent: return batch.trace_id[record].valid();
    case Kind::kAttributeText: {
      const auto value = attribute_of(batch, record, c.key);
      return value.has_value() && matches_whole(c.pattern, *value);
    }
    case Kind::kAttributePresent: return attribute_of(batch, record, c.key).has_value();
    case Kind::kAttributeNumber: {
      const auto value = attribute_of(batch, record, c.key);
      const auto number = value.has_value() ? cast_number(*value) : std::nullopt;
      return number.has_value() && *number >= c.number_low && *number <= c.number_high;
    }
    case Kind::kError: return batch.outcome[record] == 2 || batch.status[record] >= 500;
  }
  return false;
}

}  // namespace ringwall::query
