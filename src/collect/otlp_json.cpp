// OTLP/JSON: the protobuf JSON mapping with hexadecimal ids and enumerations as integers (OTLP specification, "JSON
// Protobuf Encoding").  Both camelCase, as specified, and nothing else.
#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <iterator>

#include "base/text.h"
#include "collect/otlp.h"
#include "collect/otlp_build.h"

namespace ringwall::collect {

namespace detail {

namespace {

namespace dom = simdjson::dom;
using Element = dom::element;

constexpr std::size_t kJsonDepthMax = 64;
constexpr std::int64_t kNoRecordedValue = 1;  // DataPointFlags: the series ended, there is no value

// A member, or nothing when it is absent or null.
bool get(const dom::object& object, std::string_view key, Element& out) { return object[key].get(out) == simdjson::SUCCESS && !out.is_null(); }

std::string_view text_of(const dom::object& object, std::string_view key) {
  std::string_view text;
  Element element;
  if (get(object, key, element) && element.get(text) != simdjson::SUCCESS) text = {};
  return text;
}

// 64-bit integers come as numbers or as text.
bool number_of(const Element& element, std::int64_t& out) {
  std::int64_t number;
  if (element.get(number) == simdjson::SUCCESS) return out = number, true;
  std::uint64_t wide;
  if (element.get(wide) == simdjson::SUCCESS) return out = static_cast<std::int64_t>(wide), true;
  std::string_view text;
  if (element.get(text) != simdjson::SUCCESS) return false;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size()) return out = number, true;
  const auto unsigned_parsed = std::from_chars(text.data(), text.data() + text.size(), wide);
  if (unsigned_parsed.ec == std::errc{} && unsigned_parsed.ptr == text.data() + text.size()) return out = static_cast<std::int64_t>(wide), true;
  return false;
}
std::int64_t number_of(const dom::object& object, std::string_view key) {
  std::int64_t number = 0;
  Element element;
  if (get(object, key, element)) number_of(element, number);
  return number;
}
// Doubles come as numbers or as "NaN", "Infinity", "-Infinity" or digits in text.
bool double_of(const Element& element, double& out) {
  if (element.get(out) == simdjson::SUCCESS) return true;
  std::string_view text;
  if (element.get(text) != simdjson::SUCCESS) return false;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}
double double_of(const dom::object& object, std::string_view key) {
  double number = 0;
  Element element;
  if (get(object, key, element)) double_of(element, number);
  return number;
}

class JsonParser {
 public:
  JsonParser(base::Signal signal, const OtlpDefaults& defaults) : signal_(signal), builder_(signal, defaults) {}

  Result<OtlpParsed> parse(std::string_view body) {
    dom::parser parser;
    if (parser.allocate(std::max<std::size_t>(body.size(), 64), kJsonDepthMax) != simdjson::SUCCESS) return fail(Errc::kLimit, "the body is too large");
    dom::object root;
    const auto error = parser.parse(body.data(), body.size()).get(root);
    if (error != simdjson::SUCCESS) return fail(Errc::kInvalid, fmt::format("not a JSON object of OTLP: {}", simdjson::error_message(error)));
    static constexpr std::string_view kLists[] = {"resourceLogs", "resourceSpans", "resourceMetrics"};
    RW_TRY(each(root, kLists[static_cast<int>(signal_)], [this](const dom::object& object) { return resource_records(object); }));
    return builder_.take();
  }

 private:
  // Calls `f` with each object of a list member; an absent list is empty.
  template <class F>
  Result<void> each(const dom::object& object, std::string_view key, F f) {
    Element element;
    if (!get(object, key, element)) return {};
    dom::array list;
    if (element.get(list) != simdjson::SUCCESS) return fail(Errc::kInvalid, fmt::format("{} is not a list", key));
    for (const Element item : list) {
      dom::object inner;
      if (item.get(inner) != simdjson::SUCCESS) return fail(Errc::kInvalid, fmt::format("{} holds something that is not an object", key));
      RW_TRY(f(inner));
    }
    return {};
  }

  Result<void> resource_records(const dom::object& object) {
    static constexpr std::string_view kLists[] = {"scopeLogs", "scopeSpans", "scopeMetrics"};
    builder_.begin_resource();
    dom::object resource;
    Element element;
    if (get(object, "resource", element) && element.get(resource) == simdjson::SUCCESS) {
      RW_TRY(attributes(resource, [this](std::string_view key, std::string_view value) { builder_.resource_attribute(key, value); }));
    }
    return each(object, kLists[static_cast<int>(signal_)], [this](const dom::object& inner) { return scope_records(inner); });
  }

  Result<void> scope_records(const dom::object& object) {
    dom::object scope;
    Element element;
    if (get(object, "scope", element) && element.get(scope) == simdjson::SUCCESS) {
      builder_.scope(text_of(scope, "name"), text_of(scope, "version"));
    } else {
      builder_.scope("", "");
    }
    switch (signal_) {
      case base::Signal::kLog: return each(object, "logRecords", [this](const dom::object& record) { return log_record(record); });
      case base::Signal::kSpan: return each(object, "spans", [this](const dom::object& record) { return span(record); });
      case base::Signal::kMetric: return each(object, "metrics", [this](const dom::object& record) { return metric(record); });
    }
    return {};
  }

  template <class F>
  Result<void> attributes(const dom::object& object, F f) {
    const auto one = [&](const dom::object& pair) -> Result<void> {
      Element value;
      if (get(pair, "value", value)) {
        f(text_of(pair, "key"), RW_TRY(any_text(value)));
      } else {
        f(text_of(pair, "key"), std::string_view());
      }
      return {};
    };
    return each(object, "attributes", one);
  }
  Result<void> record_attributes(const dom::object& object) {
    return attributes(object, [this](std::string_view key, std::string_view value) { builder_.attribute(key, value); });
  }

  // AnyValue as text: a text as it is, everything else as JSON.  Valid until the next call.
  Result<std::string_view> any_text(const Element& value) {
    dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return fail(Errc::kInvalid, "a value that is not an AnyValue object");
    std::string_view text;
    Element element;
    if (get(object, "stringValue", element) && element.get(text) == simdjson::SUCCESS) return text;
    if (get(object, "bytesValue", element) && element.get(text) == simdjson::SUCCESS) return text;
    scratch_.clear();
    double number = 0;
    if (get(object, "doubleValue", element) && double_of(element, number)) {
      append_number_text(scratch_, number);
    } else {
      RW_TRY(any_json(object, scratch_, 0));
      if (scratch_ == "null") scratch_.clear();
    }
    return std::string_view(scratch_);
  }

  Result<void> any_json(const dom::object& object, std::string& out, int depth) {
    if (depth > kNestingMax) return fail(Errc::kInvalid, fmt::format("values nested deeper than {} levels", kNestingMax));
    Element element;
    bool boolean = false;
    std::int64_t integer = 0;
    double number = 0;
    std::string_view text;
    dom::object inner;
    if ((get(object, "stringValue", element) || get(object, "bytesValue", element)) && element.get(text) == simdjson::SUCCESS) {
      base::append_json_string(out, text);
    } else if (get(object, "boolValue", element) && element.get(boolean) == simdjson::SUCCESS) {
      out.append(boolean ? "true" : "false");
    } else if (get(object, "intValue", element) && number_of(element, integer)) {
      out.append(std::to_string(integer));
    } else if (get(object, "doubleValue", element) && double_of(element, number)) {
      base::append_json_number(out, number);
    } else if (get(object, "arrayValue", element) && element.get(inner) == simdjson::SUCCESS) {
      bool first = true;
      out.push_back('[');
      const auto item = [&](const dom::object& value) -> Result<void> {
        if (!first) out.push_back(',');
        first = false;
        return any_json(value, out, depth + 1);
      };
      RW_TRY(each(inner, "values", item));
      out.push_back(']');
    } else if (get(object, "kvlistValue", element) && element.get(inner) == simdjson::SUCCESS) {
      JsonObject json(out);
      const auto item = [&](const dom::object& pair) -> Result<void> {
        auto& target = json.key(text_of(pair, "key"));
        Element value;
        dom::object value_object;
        if (get(pair, "value", value) && value.get(value_object) == simdjson::SUCCESS) return any_json(value_object, target, depth + 1);
        target.append("null");
        return {};
      };
      RW_TRY(each(inner, "values", item));
      json.close();
    } else {
      out.append("null");
    }
    return {};
  }

  Result<void> attributes_json(const dom::object& object, std::string& out) {
    JsonObject json(out);
    RW_TRY(attributes(object, [&](std::string_view key, std::string_view value) { json.text(key, value); }));
    json.close();
    return {};
  }

  static bool trace_id(const dom::object& object, std::string_view key, base::TraceId& id) {
    const auto text = text_of(object, key);
    return text.empty() || base::parse_trace_id(text, id);
  }
  static bool span_id(const dom::object& object, std::string_view key, std::uint64_t& id) {
    const auto text = text_of(object, key);
    return text.empty() || base::parse_span_id(text, id);
  }

  Result<void> log_record(const dom::object& record) {
    base::TraceId trace;
    std::uint64_t span = 0;
    if (!trace_id(record, "traceId", trace)) return builder_.reject("a trace id is not 32 hexadecimal digits"), Result<void>();
    if (!span_id(record, "spanId", span)) return builder_.reject("a span id is not 16 hexadecimal digits"), Result<void>();
    auto time = number_of(record, "timeUnixNano");
    if (time == 0) time = number_of(record, "observedTimeUnixNano");
    if (time < 0) return builder_.reject(kTimeOutOfRange), Result<void>();
    std::string_view text;
    Element body;
    if (get(record, "body", body)) text = RW_TRY(any_text(body));
    const auto event_name = text_of(record, "eventName");
    RW_TRY(builder_.begin_record(time, text.empty() ? event_name : text));
    auto& b = builder_.batch();
    const auto severity = number_of(record, "severityNumber");
    b.severity.back() = severity >= 1 && severity <= 24 ? static_cast<std::uint8_t>(severity) : base::severity_of(text_of(record, "severityText"));
    b.trace_id.back() = trace;
    b.span_id.back() = span;
    if (!event_name.empty()) builder_.attribute("event.name", event_name);
    return record_attributes(record);
  }

  Result<void> span(const dom::object& record) {
    base::TraceId trace;
    std::uint64_t id = 0, parent = 0;
    if (!trace_id(record, "traceId", trace) || !trace.valid()) return builder_.reject("a span without a trace id of 32 hexadecimal digits"), Result<void>();
    if (!span_id(record, "spanId", id) || id == 0) return builder_.reject("a span without a span id of 16 hexadecimal digits"), Result<void>();
    if (!span_id(record, "parentSpanId", parent)) return builder_.reject("a parent span id is not 16 hexadecimal digits"), Result<void>();
    const auto start = number_of(record, "startTimeUnixNano"), end = number_of(record, "endTimeUnixNano");
    if (start < 0 || end < 0) return builder_.reject(kTimeOutOfRange), Result<void>();
    RW_TRY(builder_.begin_record(start, text_of(record, "name")));
    auto& b = builder_.batch();
    b.trace_id.back() = trace;
    b.span_id.back() = id;
    b.parent_span_id.back() = parent;
    const auto kind = number_of(record, "kind");
    b.kind.back() = static_cast<std::uint8_t>(kind >= 0 && kind <= 5 ? kind : 0);
    // A clock that went back would make a negative duration.
    b.duration_ns.back() = end > start ? end - start : 0;
    dom::object status;
    Element element;
    if (get(record, "status", element) && element.get(status) == simdjson::SUCCESS) {
      const auto code = number_of(status, "code");
      b.outcome.back() = static_cast<std::uint8_t>(code >= 0 && code <= 2 ? code : 0);
      b.outcome_text.back() = builder_.put(text_of(status, "message"));
    }
    std::string events, links;
    const auto event = [&](const dom::object& object) -> Result<void> {
      events.push_back(events.empty() ? '[' : ',');
      JsonObject json(events);
      json.text("ts", base::rfc3339(number_of(object, "timeUnixNano")));
      json.text("name", text_of(object, "name"));
      RW_TRY(attributes_json(object, json.key("attributes")));
      json.close();
      return within_span_limit(events);
    };
    const auto link = [&](const dom::object& object) -> Result<void> {
      base::TraceId other;
      std::uint64_t other_span = 0;
      if (!trace_id(object, "traceId", other) || !span_id(object, "spanId", other_span) || !other.valid()) return {};
      links.push_back(links.empty() ? '[' : ',');
      JsonObject json(links);
      json.text("trace_id", base::hex(other));
      json.text("span_id", base::hex(other_span));
      RW_TRY(attributes_json(object, json.key("attributes")));
      json.close();
      return within_span_limit(links);
    };
    RW_TRY(each(record, "events", event));
    RW_TRY(each(record, "links", link));
    if (!events.empty()) builder_.batch().events.back() = builder_.put(events.append("]"));
    if (!links.empty()) builder_.batch().links.back() = builder_.put(links.append("]"));
    return record_attributes(record);
  }

  Result<void> metric(const dom::object& record) {
    name_ = text_of(record, "name");
    unit_ = text_of(record, "unit");
    dom::object data;
    Element element;
    const auto open = [&](std::string_view key) { return get(record, key, element) && element.get(data) == simdjson::SUCCESS; };
    if (open("gauge")) return each(data, "dataPoints", [this](const dom::object& point) { return number_point(base::MetricKind::kGauge, point); });
    if (open("sum")) {
      bool monotonic = false;
      if (get(data, "isMonotonic", element) && element.get(monotonic) != simdjson::SUCCESS) monotonic = false;
      const auto kind = sum_kind(temporality(data), monotonic);
      return each(data, "dataPoints", [this, kind](const dom::object& point) { return number_point(kind, point); });
    }
    const bool histogram = open("histogram"), exponential = !histogram && open("exponentialHistogram");
    if (histogram || exponential) temporality_ = temporality(data);
    if (histogram) return each(data, "dataPoints", [this](const dom::object& point) { return histogram_point(point); });
    if (exponential) return each(data, "dataPoints", [this](const dom::object& point) { return exponential_point(point); });
    if (open("summary")) return each(data, "dataPoints", [this](const dom::object& point) { return summary_point(point); });
    return {};
  }

  static int temporality(const dom::object& data) { return static_cast<int>(number_of(data, "aggregationTemporality")); }

  // False when the point was rejected and there is no record.
  Result<bool> begin_point(base::MetricKind kind, const dom::object& point, double value) {
    const auto time = number_of(point, "timeUnixNano");
    if (time < 0) return builder_.reject(kTimeOutOfRange), false;
    RW_TRY(builder_.begin_record(time, name_));
    auto& b = builder_.batch();
    b.metric_kind.back() = static_cast<std::uint8_t>(kind);
    b.unit.back() = builder_.put(unit_);
    b.value.back() = value;
    RW_TRY(record_attributes(point));
    return true;
  }

  Result<void> number_point(base::MetricKind kind, const dom::object& point) {
    Element element;
    std::int64_t integer = 0;
    double value = 0;
    if (get(point, "asInt", element) && number_of(element, integer)) {
      value = static_cast<double>(integer);
    } else if (get(point, "asDouble", element)) {
      double_of(element, value);
    }
    if ((number_of(point, "flags") & kNoRecordedValue) == 0) RW_TRY(begin_point(kind, point, value));
    return {};
  }

  // A list of numbers; false when it holds something else.
  template <class T, class Read>
  static bool numbers(const dom::object& object, std::string_view key, std::vector<T>& out, Read read) {
    Element element;
    if (!get(object, key, element)) return true;
    dom::array list;
    if (element.get(list) != simdjson::SUCCESS) return false;
    for (const Element item : list) {
      if (!read(item, out.emplace_back())) return false;
    }
    return true;
  }
  static bool counts(const dom::object& object, std::string_view key, std::vector<std::uint64_t>& out) {
    return numbers(object, key, out, [](const Element& item, std::uint64_t& value) {
      std::int64_t number = 0;
      const bool right = number_of(item, number);
      value = static_cast<std::uint64_t>(number);
      return right;
    });
  }
  void range(const dom::object& point, Histogram& h) const {
    Element element;
    h.temporality = temporality_;
    h.has_minimum = get(point, "min", element) && double_of(element, h.minimum);
    h.has_maximum = get(point, "max", element) && double_of(element, h.maximum);
    h.count = static_cast<std::uint64_t>(number_of(point, "count"));
    h.sum = double_of(point, "sum");
  }

  Result<void> end_histogram(const dom::object& point, const Histogram& h) {
    if (!RW_TRY(begin_point(base::MetricKind::kHistogram, point, h.sum))) return {};
    builder_.batch().histogram.back() = builder_.put(histogram_json(h));
    return {};
  }

  Result<void> histogram_point(const dom::object& point) {
    Histogram h;
    const bool right = counts(point, "bucketCounts", h.counts) &&
                       numbers(point, "explicitBounds", h.bounds, [](const Element& item, double& value) { return double_of(item, value); });
    if (!right || (!h.counts.empty() && h.counts.size() != h.bounds.size() + 1)) return builder_.reject("a histogram whose counts and bounds do not fit"), Result<void>();
    range(point, h);
    return end_histogram(point, h);
  }

  Result<void> exponential_point(const dom::object& point) {
    constexpr std::size_t kBucketsMax = 4096;
    std::vector<std::uint64_t> positive, negative;
    std::int32_t positive_offset = 0, negative_offset = 0;
    bool right = true;
    const auto buckets = [&](std::string_view key, std::int32_t& offset, std::vector<std::uint64_t>& out) {
      dom::object inner;
      Element element;
      if (!get(point, key, element) || element.get(inner) != simdjson::SUCCESS) return;
      offset = static_cast<std::int32_t>(number_of(inner, "offset"));
      right = counts(inner, "bucketCounts", out) && right;
    };
    buckets("positive", positive_offset, positive);
    buckets("negative", negative_offset, negative);
    const auto scale = number_of(point, "scale");
    if (!right || scale < -10 || scale > 20 || positive.size() + negative.size() > kBucketsMax) return builder_.reject("an exponential histogram outside the specification"), Result<void>();
    auto h = from_exponential(static_cast<int>(scale), positive_offset, positive, negative_offset, negative, static_cast<std::uint64_t>(number_of(point, "zeroCount")),
                              double_of(point, "zeroThreshold"));
    range(point, h);
    return end_histogram(point, h);
  }

  Result<void> summary_point(const dom::object& point) {
    std::string quantiles = "{";
    const auto one = [&](const dom::object& entry) -> Result<void> {
      fmt::format_to(std::back_inserter(quantiles), "{}\"{}\":", quantiles.size() > 1 ? "," : "", double_of(entry, "quantile"));
      base::append_json_number(quantiles, double_of(entry, "value"));
      return {};
    };
    RW_TRY(each(point, "quantileValues", one));
    if (!RW_TRY(begin_point(base::MetricKind::kSummary, point, double_of(point, "sum")))) return {};
    std::string json;
    JsonObject object(json);
    object.key("count").append(std::to_string(number_of(point, "count")));
    base::append_json_number(object.key("sum"), double_of(point, "sum"));
    object.key("quantiles").append(quantiles).append("}");
    object.close();
    builder_.batch().histogram.back() = builder_.put(json);
    return {};
  }

  base::Signal signal_;
  OtlpBuilder builder_;
  std::string scratch_;
  int temporality_ = 0;
  std::string_view name_, unit_;  // of the metric being read
};

}  // namespace
}  // namespace detail

Result<OtlpParsed> parse_otlp_json(base::Signal signal, std::string_view body, const OtlpDefaults& defaults) {
  return detail::JsonParser(signal, defaults).parse(body);
}

}  // namespace ringwall::collect
