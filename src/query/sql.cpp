#include "query/sql.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringwall::query {

namespace {

constexpr std::int64_t kColumnLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kColumnHighest = std::numeric_limits<std::int64_t>::max();

class SqlWriter {
 public:
  SqlWriter(base::Signal signal, std::size_t first) : text_(signal == base::Signal::kLog ? "message" : "name"), next_(first) {}

  std::vector<store::Value> take_parameters() { return std::move(parameters_); }

  std::string write(const Condition& c) {
    using Kind = Condition::Kind;
    switch (c.kind) {
      case Kind::kAll: return "TRUE";
      case Kind::kAnd: return join(c, " AND ");
      case Kind::kOr: return join(c, " OR ");
      // What is absent is NULL and matches nothing, so its opposite matches.
      case Kind::kNot: return fmt::format("NOT coalesce({}, FALSE)", write(c.children[0]));
      case Kind::kText: return text(c.search);
      case Kind::kColumnText: return compare(std::string(column_name(c.column)), c.pattern);
      case Kind::kColumnPresent:
        return std::string(column_name(c.column)) + (c.column <= Column::kUnit ? " <> ''" : " IS NOT NULL");
      case Kind::kColumnNumber: return number(c);
      case Kind::kColumnId: return fmt::format("{} = {}", column_name(c.column), parameter(static_cast<std::int64_t>(c.id)));
      case Kind::kTraceId: return fmt::format("trace_id = {}::UUID", parameter(base::hex(c.trace_id)));
      case Kind::kTracePresent: return "trace_id IS NOT NULL";
      case Kind::kAttributeText: return compare(attribute(c.key), c.pattern);
      case Kind::kAttributePresent: return attribute(c.key) + " IS NOT NULL";
      case Kind::kAttributeNumber:
        return fmt::format("TRY_CAST({} AS DOUBLE) BETWEEN {} AND {}", attribute(c.key), parameter(c.number_low), parameter(c.number_high));
      case Kind::kError: return std::string(store::kSpanFailedCondition);
    }
    return "FALSE";
  }

 private:
  std::string parameter(store::Value value) {
    parameters_.push_back(std::move(value));
    return fmt::format("${}", next_++);
  }

  std::string join(const Condition& c, std::string_view word) {
    std::string out = "(";
    for (std::size_t i = 0; i < c.children.size(); ++i) {
      if (i != 0) out += word;
      out += write(c.children[i]);
    }
    return out + ")";
  }

  // DuckDB tries the cheap expression first and the exact one only on what is left.
  std::string text(const TextSearch& search) {
    const std::string loose = search.loose();
    const auto exact = fmt::format("regexp_matches({}, {})", text_, parameter(search.exact()));
    return loose.empty() ? exact : fmt::format("(regexp_matches({}, {}) AND {})", text_, parameter(loose), exact);
  }

  std::string compare(const std::string& value, const Pattern& pattern) {
    if (pattern.plain()) return fmt::format("{} = {}", value, parameter(pattern.text()));
    bool needs_escape = false;
    const std::string like = like_pattern(pattern, needs_escape);
    return fmt::format("{} LIKE {}{}", value, parameter(like), needs_escape ? " ESCAPE '\\'" : "");
  }

  std::string number(const Condition& c) {
    const auto column = column_name(c.column);
    if (c.low > c.high) return "FALSE";
    if (c.low == c.high) return fmt::format("{} = {}", column, parameter(c.low));
    if (c.low == kColumnLowest && c.high == kColumnHighest) return fmt::format("{} IS NOT NULL", column);
    if (c.low == kColumnLowest) return fmt::format("{} <= {}", column, parameter(c.high));
    if (c.high == kColumnHighest) return fmt::format("{} >= {}", column, parameter(c.low));
    return fmt::format("{} BETWEEN {} AND {}", column, parameter(c.low), parameter(c.high));
  }

  std::string attribute(const std::string& key) {
    const auto name = parameter(key);
    return fmt::format("coalesce(attributes[{0}], resource[{0}])", name);
  }

  const std::string_view text_;
  std::size_t next_;
  std::vector<store::Value> parameters_;
};

// Only what every matching record must have: the condition itself and the parts of an AND.
void add_hints(const Condition& c, store::Hints& hints) {
  switch (c.kind) {
    case Condition::Kind::kAnd:
      for (const auto& child : c.children) add_hints(child, hints);
      break;
    case Condition::Kind::kText:
      for (auto& word : c.search.words()) hints.words.push_back(std::move(word));
      for (auto& fragment : c.search.fragments()) hints.fragments.push_back(std::move(fragment));
      break;
    case Condition::Kind::kTraceId: hints.trace_id = c.trace_id; break;
    case Condition::Kind::kColumnText:
      if (c.column == Column::kService && c.pattern.plain() && hints.services.empty()) hints.services = {c.pattern.text()};
      break;
    case Condition::Kind::kOr: {
      // service:(a OR b)
      std::vector<std::string> services;
      for (const auto& child : c.children) {
        if (child.kind != Condition::Kind::kColumnText || child.column != Column::kService || !child.pattern.plain()) return;
        services.push_back(child.pattern.text());
      }
      if (hints.services.empty()) hints.services = std::move(services);
      break;
    }
    default: break;
  }
}

}  // namespace

Predicate predicate_of(const Condition& condition, base::Signal signal, std::size_t first_parameter) {
  SqlWriter writer(signal, first_parameter);
  Predicate out;
  out.sql = writer.write(condition);
  out.parameters = writer.take_parameters();
  add_hints(condition, out.hints);
  return out;
}

}  // namespace ringwall::query
