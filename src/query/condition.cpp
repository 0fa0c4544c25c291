#include "query/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace ringwall::query {

namespace {

using base::Signal;
using ConditionKind = Condition::Kind;
using SearchKind = Search::Kind;

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();

enum class FieldType { kText, kMessage, kLevel, kStatus, kDuration, kSpanKind, kTrace, kSpan, kError };
constexpr unsigned kLogs = 1, kSpans = 2, kMetrics = 4;

struct FieldDef {
  std::string_view name;
  FieldType type;
  Column column;
  unsigned signals;
};

constexpr FieldDef kFields[] = {
    {"service", FieldType::kText, Column::kService, kLogs | kSpans | kMetrics},
    {"env", FieldType::kText, Column::kEnv, kLogs | kSpans | kMetrics},
    {"version", FieldType::kText, Column::kVersion, kLogs | kSpans | kMetrics},
    {"host", FieldType::kText, Column::kHost, kLogs | kSpans | kMetrics},
    {"region", FieldType::kText, Column::kRegion, kLogs | kSpans | kMetrics},
    {"source", FieldType::kText, Column::kSource, kLogs | kSpans | kMetrics},
    {"message", FieldType::kMessage, Column::kName, kLogs | kSpans},
    {"level", FieldType::kLevel, Column::kSeverity, kLogs},
    {"severity", FieldType::kLevel, Column::kSeverity, kLogs},
    {"status", FieldType::kStatus, Column::kStatus, kLogs | kSpans},
    {"duration", FieldType::kDuration, Column::kDuration, kLogs | kSpans},
    {"trace_id", FieldType::kTrace, Column::kSpanId, kLogs | kSpans},
    {"span_id", FieldType::kSpan, Column::kSpanId, kLogs | kSpans},
    {"parent_span_id", FieldType::kSpan, Column::kParentSpanId, kSpans},
    {"name", FieldType::kText, Column::kName, kSpans | kMetrics},
    {"kind", FieldType::kSpanKind, Column::kKind, kSpans},
    {"error", FieldType::kError, Column::kOutcome, kSpans},
    {"unit", FieldType::kText, Column::kUnit, kMetrics},
};

constexpr std::string_view kSpanKinds[] = {"unspecified", "internal", "server", "client", "producer", "consumer"};
constexpr std::string_view kOutcomes[] = {"unset", "ok", "error"};

unsigned bit_of(Signal signal) {
  return signal == Signal::kLog ? kLogs : signal == Signal::kSpan ? kSpans : kMetrics;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

Error unknown_field(const Search& s, Signal signal) {
  const FieldDef* nearest = nullptr;
  std::size_t best = 3;  // more than two typing errors is another word
  for (const auto& field : kFields) {
    if (s.field.size() > 32 || (field.signals & bit_of(signal)) == 0) continue;
    const auto distance = edit_distance(s.field, field.name);
    if (distance < best) best = distance, nearest = &field;
  }
  std::string hint = nearest != nullptr ? fmt::format("did you mean {}:?  ", nearest->name) : "";
  hint += fmt::format("an attribute is written @{}:…, and text with a colon goes in quotes", s.field);
  for (const auto& field : kFields) {
    if (field.name == s.field) {
      return search_error(s.offset, fmt::format("{} have no field '{}'", base::signal_name(signal), s.field), hint);
    }
  }
  return search_error(s.offset, fmt::format("'{}' is not a field", s.field), hint);
}

// The numbers a term allows.  A missing bound is infinite.
struct Interval {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  bool low_included = true, high_included = true;
};

// Whole numbers inside the interval, as an inclusive range.
void round_inward(const Interval& interval, std::int64_t& low, std::int64_t& high) {
  constexpr double kLimit = 9.2e18;  // inside std::int64_t
  low = kLowest;
  high = kHighest;
  if (interval.low > -kLimit) {
    const double up = std::ceil(interval.low);
    low = up >= kLimit ? kHighest : static_cast<std::int64_t>(up) + (up == interval.low && !interval.low_included ? 1 : 0);
    if (up >= kLimit) high = kLowest;
  }
  if (interval.high < kLimit) {
    const double down = std::floor(interval.high);
    if (down <= -kLimit) {
      high = kLowest;
      low = kHighest;
    } else {
      high = std::min(high, static_cast<std::int64_t>(down) - (down == interval.high && !interval.high_included ? 1 : 0));
    }
  }
}

class Resolver {
 public:
  explicit Resolver(Signal signal) : signal_(signal) {}

  Result<Condition> resolve(const Search& s) const {
    Condition c;
    switch (s.kind) {
      case SearchKind::kAll: return c;
      case SearchKind::kAnd: c.kind = ConditionKind::kAnd; break;
      case SearchKind::kOr: c.kind = ConditionKind::kOr; break;
      case SearchKind::kNot: c.kind = ConditionKind::kNot; break;
      default: return term(s);
    }
    for (const auto& child : s.children) c.children.push_back(RW_TRY(resolve(child)));
    return c;
  }

 private:
  using Number = Result<double> (*)(const Search&, std::string_view);

  static bool is_text(const Search& s) { return s.kind == SearchKind::kText || s.kind == SearchKind::kPhrase; }
  static bool present(const Search& s) { return s.kind == SearchKind::kText && s.text.any(); }
  static Error wrong(const Search& s, std::string what, std::string hint = {}) {
    return search_error(s.value_offset, std::move(what), std::move(hint));
  }

  Result<Condition> term(const Search& s) const {
    if (s.attribute) return attribute(s);
    if (s.field.empty()) return message(s);
    const auto* field = std::find_if(std::begin(kFields), std::end(kFields), [&](const FieldDef& f) {
      return f.name == s.field && (f.signals & bit_of(signal_)) != 0;
    });
    if (field == std::end(kFields)) return unknown_field(s, signal_);
    switch (field->type) {
      case FieldType::kText: return column_text(s, field->column);
      case FieldType::kMessage: return message(s);
      case FieldType::kLevel: return level(s);
      case FieldType::kStatus: return status(s);
      case FieldType::kDuration: return column_number(s, Column::kDuration, milliseconds);
      case FieldType::kSpanKind: return span_kind(s);
      case FieldType::kTrace: return trace(s);
      case FieldType::kSpan: return span(s, field->column);
      case FieldType::kError: return error(s);
    }
    return unknown_field(s, signal_);
  }

  static Result<Condition> message(const Search& s) {
    if (!is_text(s)) return wrong(s, "messages are searched for words and phrases, not compared");
    Condition c;
    if (present(s)) return c;
    c.kind = ConditionKind::kText;
    c.search = TextSearch(s.text, s.kind == SearchKind::kPhrase ? TextMode::kPhrase : TextMode::kWords);
    return c;
  }

  static Result<Condition> column_text(const Search& s, Column column) {
    if (!is_text(s)) {
      return wrong(s, fmt::format("{} is text and has no order", s.field), fmt::format("as in {}:name or {}:na*", s.field, s.field));
    }
    Condition c;
    c.kind = present(s) ? ConditionKind::kColumnPresent : ConditionKind::kColumnText;
    c.column = column;
    c.pattern = s.text;
    return c;
  }

  static Result<Interval> interval_of(const Search& s, Number number) {
    Interval out;
    if (s.kind == SearchKind::kRange) {
      if (!s.low.unbounded) out.low = RW_TRY(number(s, s.low.text));
      if (!s.high.unbounded) out.high = RW_TRY(number(s, s.high.text));
      out.low_included = s.low.included;
      out.high_included = s.high.included;
      return out;
    }
    if (!s.text.plain()) return wrong(s, fmt::format("{} is a number and takes no wildcards", s.field), "a range is written [400 TO 499]");
    const double value = RW_TRY(number(s, s.text.text()));
    if (is_text(s)) {
      out.low = out.high = value;
    } else if (s.compare == Search::Compare::kGreater || s.compare == Search::Compare::kGreaterEqual) {
      out.low = value;
      out.low_included = s.compare == Search::Compare::kGreaterEqual;
    } else {
      out.high = value;
      out.high_included = s.compare == Search::Compare::kLessEqual;
    }
    return out;
  }

  static Result<double> plain_number(const Search& s, std::string_view text) {
    double value = 0;
    if (!parse_number(text, value)) return wrong(s, fmt::format("'{}' is not a number", text));
    return value;
  }

  // Milliseconds, or with a unit; in nanoseconds.
  static Result<double> milliseconds(const Search& s, std::string_view text) {
    static constexpr struct {
      std::string_view unit;
      double nanoseconds;
    } kUnits[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"", 1e6}};
    for (const auto& unit : kUnits) {
      double value = 0;
      if (!text.ends_with(unit.unit) || !parse_number(text.substr(0, text.size() - unit.unit.size()), value)) continue;
      // To the nanosecond, so that 1.001 is 1001000 and not a little less.
      const double nanoseconds = value * unit.nanoseconds;
      return std::abs(nanoseconds) < 9e15 ? std::round(nanoseconds) : nanoseconds;
    }
    return wrong(s, fmt::format("'{}' is not a duration", text), "a number of milliseconds, or with a unit: 250us, 100ms, 1.5s");
  }

  static Result<Condition> column_number(const Search& s, Column column, Number number) {
    Condition c;
    c.column = column;
    if (present(s)) {
      c.kind = ConditionKind::kColumnPresent;
      return c;
    }
    c.kind = ConditionKind::kColumnNumber;
    round_inward(RW_TRY(interval_of(s, number)), c.low, c.high);
    return c;
  }

  static Condition between(Column column, std::int64_t low, std::int64_t high) {
    Condition c;
    c.kind = ConditionKind::kColumnNumber;
    c.column = column;
    c.low = low;
    c.high = high;
    return c;
  }

  // Levels are bands of four severity numbers; severity 0 (no level) is in none of them.
  static Result<std::pair<std::int64_t, std::int64_t>> band(const Search& s, std::string_view text) {
    double number = 0;
    if (parse_number(text, number) && number >= 1 && number <= 24 && number == std::floor(number)) {
      return std::pair{static_cast<std::int64_t>(number), static_cast<std::int64_t>(number)};
    }
    const std::int64_t severity = base::severity_of(text);
    if (severity == 0) {
      return wrong(s, fmt::format("'{}' is not a level", text), "levels are trace, debug, info, warn, error and fatal");
    }
    const std::int64_t low = (severity - 1) / 4 * 4 + 1;
    return std::pair{low, low + 3};
  }

  static Result<Condition> level(const Search& s) {
    if (present(s)) return between(Column::kSeverity, 1, 24);
    if (s.kind == SearchKind::kRange) {
      Condition c = between(Column::kSeverity, 1, 24);
      if (!s.low.unbounded) {
        const auto [low, high] = RW_TRY(band(s, s.low.text));
        c.low = s.low.included ? low : high + 1;
      }
      if (!s.high.unbounded) {
        const auto [low, high] = RW_TRY(band(s, s.high.text));
        c.high = s.high.included ? high : low - 1;
      }
      return c;
    }
    if (!s.text.plain()) return wrong(s, "levels take no wildcards", "as in level:>=warn");
    const auto [low, high] = RW_TRY(band(s, s.text.text()));
    if (is_text(s)) return between(Column::kSeverity, low, high);
    switch (s.compare) {
      case Search::Compare::kGreater: return between(Column::kSeverity, high + 1, 24);
      case Search::Compare::kGreaterEqual: return between(Column::kSeverity, low, 24);
      case Search::Compare::kLess: return between(Column::kSeverity, 1, low - 1);
      case Search::Compare::kLessEqual: return between(Column::kSeverity, 1, high);
    }
    return Condition{};
  }

  // An HTTP status; for people who come from Datadog also a level (logs) or an outcome (spans); 5xx is [500 TO 599].
  Result<Condition> status(const Search& s) const {
    if (is_text(s) && s.text.plain()) {
      const std::string text = base::lower_ascii(s.text.text());
      if (text.size() == 3 && text[0] >= '1' && text[0] <= '9' && text.substr(1) == "xx") {
        const std::int64_t low = (text[0] - '0') * 100;
        return between(Column::kStatus, low, low + 99);
      }
      if (signal_ == Signal::kLog && base::severity_of(text) != 0) return level(s);
      if (signal_ == Signal::kSpan) {
        for (std::int64_t i = 0; i < 3; ++i) {
          if (text == kOutcomes[i]) return between(Column::kOutcome, i, i);
        }
      }
      double number = 0;
      if (!parse_number(text, number)) {
        return wrong(s, fmt::format("'{}' is not a status", s.text.text()),
                     signal_ == Signal::kLog ? "an HTTP status as in status:404, status:5xx, status:>=500, or a level"
                                             : "an HTTP status as in status:404, status:5xx, status:>=500, or ok, error, unset");
      }
    }
    return column_number(s, Column::kStatus, plain_number);
  }

  static Result<Condition> span_kind(const Search& s) {
    if (!is_text(s) || !s.text.plain()) return wrong(s, "a kind is one of its names", "server, client, internal, producer, consumer");
    for (std::int64_t i = 0; i < 6; ++i) {
      if (s.text.text() == kSpanKinds[i]) return between(Column::kKind, i, i);
    }
    return wrong(s, fmt::format("'{}' is not a kind of span", s.text.text()), "server, client, internal, producer, consumer");
  }

  static Result<Condition> trace(const Search& s) {
    Condition c;
    if (present(s)) {
      c.kind = ConditionKind::kTracePresent;
      return c;
    }
    c.kind = ConditionKind::kTraceId;
    if (is_text(s) && s.text.plain()) {
      std::string text = s.text.text();
      text.erase(std::remove(text.begin(), text.end(), '-'), text.end());
      if (base::parse_trace_id(text, c.trace_id)) return c;
    }
    return wrong(s, "a trace id is 32 hexadecimal digits");
  }

  static Result<Condition> span(const Search& s, Column column) {
    Condition c;
    c.column = column;
    if (present(s)) {
      c.kind = ConditionKind::kColumnPresent;
      return c;
    }
    c.kind = ConditionKind::kColumnId;
    if (is_text(s) && s.text.plain() && base::parse_span_id(s.text.text(), c.id)) return c;
    return wrong(s, "a span id is 16 hexadecimal digits");
  }

  static Result<Condition> error(const Search& s) {
    Condition c;
    c.kind = ConditionKind::kError;
    if (is_text(s) && s.text.plain() && s.text.text() == "true") return c;
    if (is_text(s) && s.text.plain() && s.text.text() == "false") {
      Condition inverse;
      inverse.kind = ConditionKind::kNot;
      inverse.children.push_back(std::move(c));
      return inverse;
    }
    return wrong(s, "error is true or false");
  }

  static Result<Condition> attribute(const Search& s) {
    Condition c;
    c.key = s.field;
    if (is_text(s)) {
      c.kind = present(s) ? ConditionKind::kAttributePresent : ConditionKind::kAttributeText;
      c.pattern = s.text;
      return c;
    }
    c.kind = ConditionKind::kAttributeNumber;
    const auto interval = RW_TRY(interval_of(s, plain_number));
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    c.number_low = interval.low_included ? interval.low : std::nextafter(interval.low, kInfinity);
    c.number_high = interval.high_included ? interval.high : std::nextafter(interval.high, -kInfinity);
    c.number_low = std::max(c.number_low, -std::numeric_limits<double>::max());
    c.number_high = std::min(c.number_high, std::numeric_limits<double>::max());
    return c;
  }

  const Signal signal_;
};

}  // namespace

std::string_view column_name(Column column) {
  static constexpr std::string_view kNames[] = {"service", "env", "version", "host", "region", "source", "name", "unit",
                                                "severity", "status", "duration_ns", "kind", "outcome", "span_id", "parent_span_id"};
  return kNames[static_cast<std::size_t>(column)];
}

bool parse_number(std::string_view text, double& number) {
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return false;
  if (text[0] == '+') text.remove_prefix(1);
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc{} && end == text.data() + text.size();
}

Result<Condition> resolve(const Search& search, Signal signal) { return Resolver(signal).resolve(search); }

Result<Condition> understand(std::string_view text, Signal signal) { return resolve(RW_TRY(parse(text)), signal); }

}  // namespace ringwall::query
