#include "collect/fields.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <vector>

#include "base/text.h"

namespace ringwall::collect {

namespace {

constexpr std::size_t kFlattenDepthMax = 8;
constexpr std::size_t kFlattenKeyBytesMax = 256;  // an object under a longer key stays JSON: its key would be repeated for each member

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

constexpr std::string_view kTimeKeys[] = {"time", "timestamp", "@timestamp", "ts", "t", "asctime", "date", "datetime", "eventTime"};
constexpr std::string_view kLevelKeys[] = {"level", "severity", "lvl", "loglevel", "log.level", "levelname", "severityText", "severity_text"};
constexpr std::string_view kMessageKeys[] = {"msg", "message", "@message", "log", "body", "event"};  // the earlier wins
constexpr std::string_view kServiceKeys[] = {"service", "service.name", "dd.service"};
constexpr std::string_view kVersionKeys[] = {"version", "service.version", "dd.version"};
constexpr std::string_view kTraceKeys[] = {"trace_id", "traceId", "traceid", "trace.id", "otelTraceID", "traceID", "logging.googleapis.com/trace", "TraceId"};
constexpr std::string_view kSpanKeys[] = {"span_id", "spanId", "spanid", "span.id", "otelSpanID", "spanID", "logging.googleapis.com/spanId", "SpanId"};
constexpr std::string_view kStatusKeys[] = {"status", "statusCode", "status_code", "http.status_code", "http.response.status_code", "res.statusCode", "response.status", "http.status"};
constexpr std::string_view kMillisecondKeys[] = {"duration_ms", "responseTime", "elapsed_ms", "latency_ms", "took_ms", "durationMs", "response_time_ms"};
constexpr std::string_view kSecondKeys[] = {"request_time", "duration_s", "elapsed_s"};

// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size, with an optional fraction.
// In whole numbers, since a double holds a time only to a few hundred nanoseconds.
bool epoch_in(std::string_view text, std::int64_t& ns) {
  const auto point = std::min(text.find('.'), text.size());
  std::uint64_t whole = 0;
  if (!number_in(text.substr(0, point), whole) || whole < 100'000'000) return false;
  std::uint64_t scale = whole < 100'000'000'000 ? 1'000'000'000 : whole < 100'000'000'000'000 ? 1'000'000 : whole < 100'000'000'000'000'000 ? 1'000 : 1;
  if (whole > 9'223'372'036'854'775'807u / scale - 1) return false;
  std::uint64_t sum = whole * scale;
  for (const char digit : text.substr(std::min(point + 1, text.size()))) {
    if (digit < '0' || digit > '9') return false;
    scale /= 10;
    sum += scale * static_cast<std::uint64_t>(digit - '0');
  }
  ns = static_cast<std::int64_t>(sum);
  return true;
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
    if (lift(key, value, number)) return;
    if (attributes_.size() < base::kRecordAttributesMax) attributes_.emplace_back(std::string(key), std::string(value));
    else ++attributes_over_;
  }
  void message(std::string_view text) { message_ = text, message_rank_ = 0; }
  bool has_message() const { return message_rank_ < std::size(kMessageKeys); }
  void time(std::int64_t ns) { time_ns_ = ns, has_time_ = true; }
  void severity(std::uint8_t severity) { severity_ = severity; }
  void status(std::uint64_t status) {
    if (status >= 100 && status <= 599) status_ = static_cast<std::uint16_t>(status);
  }

  void write() {
    builder_.record(time_ns_, message_);
    for (const auto& [key, value] : attributes_) builder_.attribute(key, value);
    if (attributes_over_ != 0) builder_.attribute("dropped_attributes", std::to_string(attributes_over_));
    auto& b = builder_.batch();
    b.severity.back() = severity_;
    b.trace_id.back() = trace_id_;
    b.span_id.back() = span_id_;
    b.status.back() = status_;
    b.duration_ns.back() = duration_ns_;
    b.resource.back() = resource_of(b);
  }

 private:
  // The first resource, or a copy of it with the line's own service and version.
  std::uint32_t resource_of(base::Batch& b) {
    if (service_.empty() && version_.empty()) return 0;
    const auto same = [&](base::Slice slice, base::Slice first, const std::string& own) { return b.view(slice) == (own.empty() ? b.view(first) : std::string_view(own)); };
    for (std::size_t i = 0; i < b.resources.size(); ++i) {
      if (same(b.resources[i].service, b.resources[0].service, service_) && same(b.resources[i].version, b.resources[0].version, version_)) return static_cast<std::uint32_t>(i);
    }
    if (b.resources.size() > kLineResourcesMax) {
      if (!service_.empty()) builder_.attribute("service", service_);
      if (!version_.empty()) builder_.attribute("version", version_);
      return 0;
    }
    auto resource = b.resources[0];
    if (!service_.empty()) resource.service = builder_.put(service_);
    if (!version_.empty()) resource.version = builder_.put(version_);
    b.resources.push_back(resource);
    return static_cast<std::uint32_t>(b.resources.size() - 1);
  }

  // Of several fields that may be the message the best one is; the others stay attributes.
  bool lift_message(std::string_view key, std::string_view value) {
    const auto rank = static_cast<std::size_t>(std::find(std::begin(kMessageKeys), std::end(kMessageKeys), key) - std::begin(kMessageKeys));
    if (rank >= message_rank_) return false;
    if (has_message()) attributes_.emplace_back(std::string(kMessageKeys[message_rank_]), message_);
    message_ = value;
    message_rank_ = rank;
    return true;
  }

  // True when the field went into a column.
  bool lift(std::string_view key, std::string_view value, bool number) {
    double real = 0;
    std::uint64_t whole = 0;
    if (one_of(key, kMessageKeys)) return lift_message(key, value);
    if (!number && service_.empty() && !value.empty() && one_of(key, kServiceKeys)) return service_ = value, true;
    if (!number && version_.empty() && !value.empty() && one_of(key, kVersionKeys)) return version_ = value, true;
    if (severity_ == 0 && one_of(key, kLevelKeys)) {
      // syslog: 0 emergency … 7 debug.  pino and bunyan: 10 trace … 60 fatal.
      static constexpr std::uint8_t kSyslog[] = {21, 21, 21, 17, 13, 10, 9, 5};
      if (number && number_in(value, whole) && whole <= 7) severity_ = kSyslog[whole];
      else if (number && number_in(value, whole) && whole >= 10 && whole <= 69) severity_ = static_cast<std::uint8_t>(1 + (whole / 10 - 1) * 4);
      else severity_ = base::severity_of(value);
      return severity_ != 0;
    }
    if (!has_time_ && one_of(key, kTimeKeys)) {
      if (const auto parsed = base::parse_rfc3339(value); parsed.ok()) return time(*parsed), true;
      // Python writes no zone; such times are taken for UTC.
      if (const auto parsed = base::parse_rfc3339(std::string(value) + "Z"); parsed.ok()) return time(*parsed), true;
      std::int64_t ns = 0;
      return epoch_in(value, ns) && (time(ns), true);
    }
    if (!trace_id_.valid() && one_of(key, kTraceKeys)) {
      // Google writes projects/p/traces/<id>.
      return base::parse_trace_id(value.substr(value.rfind('/') + 1), trace_id_);
    }
    // Datadog writes the lower half in decimal, or all of it as 32 digits.
    if (!trace_id_.valid() && key == "dd.trace_id") {
      if (base::parse_trace_id(value, trace_id_)) return true;
      if (number_in(value, whole)) trace_id_.low = whole;
      return trace_id_.valid();
    }
    if (span_id_ == 0 && key == "dd.span_id" && number_in(value, whole)) return span_id_ = whole, true;
    if (span_id_ == 0 && one_of(key, kSpanKeys)) return base::parse_span_id(value, span_id_);
    if (!trace_id_.valid() && key == "traceparent" && value.size() == 55) {
      base::TraceId trace;
      std::uint64_t span = 0;
      if (!base::parse_trace_id(value.substr(3, 32), trace) || !base::parse_span_id(value.substr(36, 16), span)) return false;
      trace_id_ = trace;
      span_id_ = span;
      return true;
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
  std::string message_, service_, version_;
  std::size_t message_rank_ = std::size(kMessageKeys);  // how good the message's key is; this: there is none
  std::vector<std::pair<std::string, std::string>> attributes_;
  std::uint64_t attributes_over_ = 0;  // that found no room
  std::int64_t time_ns_, duration_ns_ = base::kDurationUnset;
  base::TraceId trace_id_;
  std::uint64_t span_id_ = 0;
  std::uint8_t severity_ = 0;
  std::uint16_t status_ = 0;
  bool has_time_ = false;
};

namespace dom = simdjson::dom;

void flatten(Line& line, const std::string& prefix, const dom::object& object, std::size_t depth) {
  for (const auto member : object) {
    const std::string key = prefix.empty() ? std::string(member.key) : prefix + "." + std::string(member.key);
    dom::object inner;
    std::string_view text;
    if (member.value.get(text) == simdjson::SUCCESS) {
      line.field(key, text, false);
    } else if (depth < kFlattenDepthMax && key.size() <= kFlattenKeyBytesMax && member.value.get(inner) == simdjson::SUCCESS) {
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
  if (!line.has_message()) line.message(text);
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
  if (std::string iso(text.substr(0, 19)); iso.size() == 19 && iso[4] == '/' && iso[7] == '/') {
    // nginx's error log: 2026/11/23 06:10:10 [error] …
    iso[4] = iso[7] = '-';
    if (const auto parsed = base::parse_rfc3339(iso + "Z"); parsed.ok()) return line.time(*parsed), find_level(line, text.substr(19));
  }
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
