#include "collect/fields.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <iterator>
#include <vector>

#include "base/text.h"

namespace ringwall::collect {

namespace {

constexpr std::size_t kFlattenDepthMax = 8;

bool number_in(std::string_view text, double& out) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() && std::isfinite(out);
}
bool number_in(std::string_view text, std::uint64_t& out) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

template <std::size_t N>
bool one_of(std::string_view key, const std::string_view (&names)[N]) {
  for (const auto name : names) {
    if (key == name) return true;
  }
  return false;
}

constexpr std::string_view kTimeKeys[] = {"time", "timestamp", "@timestamp", "ts", "t", "date", "datetime", "eventTime"};
constexpr std::string_view kLevelKeys[] = {"level", "severity", "lvl", "loglevel", "log.level", "levelname", "severityText", "severity_text"};
constexpr std::string_view kMessageKeys[] = {"msg", "message", "@message", "log", "body", "event"};
constexpr std::string_view kTraceKeys[] = {"trace_id", "traceId", "traceid", "trace.id", "otelTraceID", "dd.trace_id", "traceID", "logging.googleapis.com/trace", "TraceId"};
constexpr std::string_view kSpanKeys[] = {"span_id", "spanId", "spanid", "span.id", "otelSpanID", "dd.span_id", "spanID", "logging.googleapis.com/spanId", "SpanId"};
constexpr std::string_view kStatusKeys[] = {"status", "statusCode", "status_code", "http.status_code", "http.response.status_code", "res.statusCode", "response.status", "http.status"};
constexpr std::string_view kMillisecondKeys[] = {"duration_ms", "responseTime", "elapsed_ms", "latency_ms", "took_ms", "durationMs", "response_time_ms"};
constexpr std::string_view kSecondKeys[] = {"request_time", "duration_s", "elapsed_s"};

// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size.
std::int64_t epoch_ns(double number) {
  const double magnitude = std::fabs(number);
  const double factor = magnitude < 1e11 ? 1e9 : magnitude < 1e14 ? 1e6 : magnitude < 1e17 ? 1e3 : 1;
  return std::fabs(number * factor) < 9.2e18 ? static_cast<std::int64_t>(std::llround(number * factor)) : 0;
}

// "12.3ms", "1.5s", "250µs", "3m": what Go prints.
bool duration_in(std::string_view text, std::int64_t& ns) {
  const auto end = text.find_first_not_of("0123456789.");
  if (end == 0 || end == std::string_view::npos) return false;
  double value = 0;
  if (!number_in(text.substr(0, end), value)) return false;
  const auto unit = text.substr(end);
  const double factor = unit == "ns" ? 1 : unit == "us" || unit == "\xc2\xb5s" || unit == "\xce\xbcs" ? 1e3 : unit == "ms" ? 1e6 : unit == "s" ? 1e9 : unit == "m" ? 6e10 : 0;
  if (factor == 0 || value * factor > 9e18) return false;
  ns = static_cast<std::int64_t>(std::llround(value * factor));
  return true;
}

// Collects the fields of one line and writes them as a record at the end, since the message may come last.
class Line {
 public:
  Line(base::BatchBuilder& builder, std::int64_t now_ns) : builder_(builder), time_ns_(now_ns) {}

  // A field as the line has it; `number` says that it was written without quotes.
  void field(std::string_view key, std::string_view value, bool number) {
    if (!lift(key, value, number) && attributes_.size() < base::kRecordAttributesMax) attributes_.emplace_back(std::string(key), std::string(value));
  }
  void message(std::string_view text) { message_ = text, has_message_ = true; }
  void time(std::int64_t ns) { time_ns_ = ns, has_time_ = true; }
  void severity(std::uint8_t severity) { severity_ = severity; }
  void status(std::uint64_t status) {
    if (status >= 100 && status <= 599) status_ = static_cast<std::uint16_t>(status);
  }

  void write() {
    builder_.record(time_ns_, message_);
    for (const auto& [key, value] : attributes_) builder_.attribute(key, value);
    auto& b = builder_.batch();
    b.severity.back() = severity_;
    b.trace_id.back() = trace_id_;
    b.span_id.back() = span_id_;
    b.status.back() = status_;
    b.duration_ns.back() = duration_ns_;
  }

 private:
  // True when the field went into a column.
  bool lift(std::string_view key, std::string_view value, bool number) {
    double real = 0;
    std::uint64_t whole = 0;
    if (!has_message_ && one_of(key, kMessageKeys)) return message(value), true;
    if (severity_ == 0 && one_of(key, kLevelKeys)) {
      // pino and bunyan: 10 trace … 60 fatal.
      if (number && number_in(value, whole) && whole >= 10 && whole <= 69) severity_ = static_cast<std::uint8_t>(1 + (whole / 10 - 1) * 4);
      else severity_ = base::severity_of(value);
      return severity_ != 0;
    }
    if (!has_time_ && one_of(key, kTimeKeys)) {
      if (const auto parsed = base::parse_rfc3339(value); parsed.ok()) return time(*parsed), true;
      if (number_in(value, real) && real > 1e8) return time(epoch_ns(real)), true;
      return false;
    }
    if (!trace_id_.valid() && one_of(key, kTraceKeys)) {
      // Google writes projects/p/traces/<id>, Datadog the lower half in decimal.
      const auto tail = value.substr(value.rfind('/') + 1);
      if (base::parse_trace_id(tail, trace_id_)) return true;
      return number_in(value, trace_id_.low);
    }
    if (span_id_ == 0 && one_of(key, kSpanKeys)) return base::parse_span_id(value, span_id_) || number_in(value, span_id_);
    if (!trace_id_.valid() && key == "traceparent" && value.size() == 55) {
      return base::parse_trace_id(value.substr(3, 32), trace_id_) && base::parse_span_id(value.substr(36, 16), span_id_);
    }
    if (status_ == 0 && one_of(key, kStatusKeys) && number_in(value, whole) && whole >= 100 && whole <= 599) return status(whole), true;
    if (duration_ns_ == base::kDurationUnset) {
      if (one_of(key, kMillisecondKeys) && number_in(value, real) && real >= 0 && real < 1e12) return duration_ns_ = std::llround(real * 1e6), true;
      if (one_of(key, kSecondKeys) && number_in(value, real) && real >= 0 && real < 1e9) return duration_ns_ = std::llround(real * 1e9), true;
      if (key == "duration" || key == "took" || key == "elapsed" || key == "latency") return duration_in(value, duration_ns_);
    }
    return false;
  }

  base::BatchBuilder& builder_;
  std::string message_;
  std::vector<std::pair<std::string, std::string>> attributes_;
  std::int64_t time_ns_, duration_ns_ = base::kDurationUnset;
  base::TraceId trace_id_;
  std::uint64_t span_id_ = 0;
  std::uint8_t severity_ = 0;
  std::uint16_t status_ = 0;
  bool has_message_ = false, has_time_ = false;
};

namespace dom = simdjson::dom;

void flatten(Line& line, const std::string& prefix, const dom::object& object, std::size_t depth) {
  for (const auto member : object) {
    const std::string key = prefix.empty() ? std::string(member.key) : prefix + "." + std::string(member.key);
    dom::object inner;
    std::string_view text;
    if (member.value.get(text) == simdjson::SUCCESS) {
      line.field(key, text, false);
    } else if (depth < kFlattenDepthMax && member.value.get(inner) == simdjson::SUCCESS) {
      flatten(line, key, inner, depth + 1);
    } else if (!member.value.is_null()) {
      line.field(key, simdjson::minify(member.value), member.value.is_number());
    }
  }
}

bool read_json(Line& line, std::string_view text) {
  thread_local dom::parser parser;
  dom::object object;
  if (parser.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS) return false;
  flatten(line, "", object, 0);
  return true;
}

// key=value and key="value with \" escapes"; words without '=' are not logfmt.
bool read_logfmt(Line& line, std::string_view text, std::size_t pairs_min) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && text[at] == ' ') ++at;
    if (at == text.size()) break;
    const auto equals = text.find_first_of("= \"", at);
    if (equals == std::string_view::npos || text[equals] != '=' || equals == at) return false;
    std::string key(text.substr(at, equals - at)), value;
    at = equals + 1;
    if (at < text.size() && text[at] == '"') {
      for (++at;; ++at) {
        if (at == text.size()) return false;
        if (text[at] == '"') break;
        if (text[at] == '\\' && at + 1 < text.size()) {
          ++at;
          value.push_back(text[at] == 'n' ? '\n' : text[at] == 't' ? '\t' : text[at]);
        } else {
          value.push_back(text[at]);
        }
      }
      ++at;
    } else {
      const auto end = std::min(text.find(' ', at), text.size());
      value = text.substr(at, end - at);
      at = end;
    }
    pairs.emplace_back(std::move(key), std::move(value));
  }
  if (pairs.size() < pairs_min) return false;
  for (const auto& [key, value] : pairs) line.field(key, value, !value.empty() && value[0] >= '0' && value[0] <= '9');
  return true;
}

// "10/Oct/2000:13:55:36 -0700"
bool clf_time(std::string_view text, std::int64_t& ns) {
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 26) return false;
  const auto month = kMonths.find(text.substr(3, 3));
  if (month == std::string_view::npos || month % 3 != 0) return false;
  const auto iso = fmt::format("{}-{:02}-{}T{}{}", text.substr(7, 4), month / 3 + 1, text.substr(0, 2), text.substr(12, 8), text.substr(21, 5));
  const auto parsed = base::parse_rfc3339(iso);
  if (!parsed.ok()) return false;
  ns = *parsed;
  return true;
}

// host ident user [time] "request" status bytes ["referer" "agent"]
bool read_access(Line& line, std::string_view text) {
  std::size_t at = 0;
  const auto until = [&](char end) -> std::string_view {
    const auto found = text.find(end, at);
    if (found == std::string_view::npos) return at = std::string_view::npos, std::string_view();
    const auto part = text.substr(at, found - at);
    at = found + 1;
    return part;
  };
  const auto quoted = [&]() -> std::string_view {
    if (at >= text.size() || text[at] != '"') return at = std::string_view::npos, std::string_view();
    const auto begin = ++at;
    while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    if (at >= text.size()) return at = std::string_view::npos, std::string_view();
    return text.substr(begin, at++ - begin);
  };
  const auto client = until(' ');
  if (at == std::string_view::npos) return false;
  until(' ');
  if (at == std::string_view::npos) return false;
  const auto user = until(' ');
  if (at >= text.size() || text[at++] != '[') return false;
  std::int64_t time = 0;
  if (!clf_time(until(']'), time) || at >= text.size() || text[at++] != ' ') return false;
  const auto request = quoted();
  if (at >= text.size() || text[at++] != ' ') return false;
  const auto status_text = until(' ');
  std::uint64_t status = 0;
  if (at == std::string_view::npos || !number_in(status_text, status)) return false;
  const auto bytes_end = std::min(text.find(' ', at), text.size());
  const auto bytes = text.substr(at, bytes_end - at);
  at = bytes_end;
  line.message(text);
  line.time(time);
  line.status(status);
  line.severity(status >= 500 ? 17 : status >= 400 ? 13 : 9);
  line.field("client.address", client, false);
  if (user != "-") line.field("user.name", user, false);
  const auto method_end = request.find(' ');
  const auto path_end = request.rfind(' ');
  if (method_end != std::string_view::npos && path_end > method_end) {
    line.field("http.request.method", request.substr(0, method_end), false);
    line.field("url.path", request.substr(method_end + 1, path_end - method_end - 1), false);
  }
  if (bytes != "-") line.field("http.response.body.size", bytes, true);
  if (at < text.size() && ++at < text.size()) {
    const auto referer = quoted();
    if (at < text.size() && text[at] == ' ') {
      ++at;
      const auto agent = quoted();
      if (!referer.empty() && referer != "-") line.field("http.request.header.referer", referer, false);
      if (!agent.empty() && agent != "-") line.field("user_agent.original", agent, false);
    }
  }
  return true;
}

// The first of the next few words that names a level, with or without brackets and a colon.
void find_level(Line& line, std::string_view text) {
  constexpr int kWordsMax = 6;
  for (int word = 0; word < kWordsMax && !text.empty(); ++word) {
    const auto begin = text.find_first_not_of(" \t[(|");
    if (begin == std::string_view::npos) return;
    const auto end = std::min(text.find_first_of(" \t])|:", begin), text.size());
    const auto candidate = text.substr(begin, end - begin);
    // Words like "log" and "error" stand in sentences; a level is written in capitals, or in brackets.
    const bool marked = (!candidate.empty() && candidate[0] >= 'A' && candidate[0] <= 'Z' && candidate.back() >= 'A' && candidate.back() <= 'Z') ||
                        (begin > 0 && text[begin - 1] == '[');
    if (const auto severity = base::severity_of(candidate); severity != 0 && marked) return line.severity(severity);
    text.remove_prefix(end);
    if (!text.empty()) text.remove_prefix(1);
  }
}

// A time at the beginning, and the first of its words that is a level, e.g. "2026-01-31 12:00:00,123 [main] ERROR …".
void read_text(Line& line, std::string_view text) {
  line.message(text);
  for (const std::size_t length : {30u, 29u, 27u, 24u, 23u, 20u, 19u}) {
    if (text.size() < length || text[0] < '0' || text[0] > '9') continue;
    std::string candidate(text.substr(0, length));
    if (const auto parsed = base::parse_rfc3339(candidate); parsed.ok()) return line.time(*parsed), find_level(line, text.substr(length));
    if (const auto parsed = base::parse_rfc3339(candidate + "Z"); parsed.ok()) return line.time(*parsed), find_level(line, text.substr(length));
  }
  find_level(line, text);
}

}  // namespace

LineFormat line_format(std::string_view name) {
  static constexpr std::pair<std::string_view, LineFormat> kNames[] = {{"json", LineFormat::kJson},     {"logfmt", LineFormat::kLogfmt}, {"nginx", LineFormat::kNginx},
                                                                       {"common", LineFormat::kCommon}, {"text", LineFormat::kText}};
  for (const auto& [known, format] : kNames) {
    if (known == name) return format;
  }
  return LineFormat::kAuto;
}

void append_line(base::BatchBuilder& builder, std::string_view text, LineFormat format, std::int64_t now_ns) {
  const std::string clean = base::valid_utf8(text) ? std::string() : base::to_utf8(text);
  if (!clean.empty()) text = clean;
  Line line(builder, now_ns);
  const auto trimmed = base::trim(text);
  const bool automatic = format == LineFormat::kAuto;
  const bool read = ((automatic || format == LineFormat::kJson) && trimmed.starts_with('{') && read_json(line, trimmed)) ||
                    ((automatic || format == LineFormat::kNginx || format == LineFormat::kCommon) && read_access(line, trimmed)) ||
                    ((automatic || format == LineFormat::kLogfmt) && read_logfmt(line, trimmed, automatic ? 2 : 1));
  if (!read) read_text(line, text);
  line.write();
}

}  // namespace ringwall::collect
