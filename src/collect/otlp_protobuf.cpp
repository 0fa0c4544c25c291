// Field numbers are those of opentelemetry-proto 1.x; each function reads one message type.
#include <fmt/format.h>

#include <iterator>

#include "base/text.h"
#include "collect/otlp.h"
#include "collect/otlp_build.h"
#include "collect/wire.h"

namespace ringwall::collect {

namespace detail {

namespace {

constexpr std::uint64_t kNoRecordedValue = 1;  // DataPointFlags: the series ended, there is no value

void append_base64(std::string& out, std::string_view bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k) word = word << 8 | (i + k < bytes.size() ? static_cast<std::uint8_t>(bytes[i + k]) : 0);
    for (int k = 0; k < 4; ++k) out.push_back(i + static_cast<std::size_t>(k) > bytes.size() ? '=' : kAlphabet[word >> (18 - 6 * k) & 63]);
  }
}

class ProtobufParser {
 public:
  ProtobufParser(base::Signal signal, std::string_view body, const OtlpDefaults& defaults) : signal_(signal), body_(body), builder_(signal, defaults) {}

  Result<OtlpParsed> parse() {
    WireReader reader(body_, body_);
    WireField field;
    while (reader.next(field)) {
      // ExportXServiceRequest.resource_x
      if (field.number == 1 && field.type == WireType::kBytes) RW_TRY(resource_records(field.bytes));
    }
    if (reader.failed()) return reader.error();
    return builder_.take();
  }

 private:
  // ResourceLogs, ResourceSpans, ResourceMetrics: 1 resource, 2 scope_x
  Result<void> resource_records(std::string_view message) {
    builder_.begin_resource();
    WireReader first(message, body_);
    WireField field;
    while (first.next(field)) {
      if (field.number == 1 && field.type == WireType::kBytes) RW_TRY(resource(field.bytes));
    }
    if (first.failed()) return first.error();
    WireReader second(message, body_);
    while (second.next(field)) {
      if (field.number == 2 && field.type == WireType::kBytes) RW_TRY(scope_records(field.bytes));
    }
    return {};
  }

  Result<void> resource(std::string_view message) {
    WireReader reader(message, body_);
    WireField field;
    while (reader.next(field)) {
      if (field.number != 1 || field.type != WireType::kBytes) continue;
      std::string_view key, value;
      RW_TRY(key_value(field.bytes, key, value));
      builder_.resource_attribute(key, value);
    }
    return finish(reader);
  }

  // ScopeLogs, ScopeSpans, ScopeMetrics: 1 scope {1 name, 2 version}, 2 records
  Result<void> scope_records(std::string_view message) {
    std::string_view name, version;
    WireReader first(message, body_);
    WireField field;
    while (first.next(field)) {
      if (field.number != 1 || field.type != WireType::kBytes) continue;
      WireReader scope(field.bytes, body_);
      for (WireField part; scope.next(part);) {
        if (part.number == 1 && part.type == WireType::kBytes) name = part.bytes;
        if (part.number == 2 && part.type == WireType::kBytes) version = part.bytes;
      }
      RW_TRY(finish(scope));
    }
    if (first.failed()) return first.error();
    builder_.scope(name, version);
    WireReader second(message, body_);
    while (second.next(field)) {
      if (field.number != 2 || field.type != WireType::kBytes) continue;
      switch (signal_) {
        case base::Signal::kLog: RW_TRY(log_record(field.bytes)); break;
        case base::Signal::kSpan: RW_TRY(span(field.bytes)); break;
        case base::Signal::kMetric: RW_TRY(metric(field.bytes)); break;
      }
    }
    return {};
  }

  static Result<void> finish(const WireReader& reader) {
    if (reader.failed()) return reader.error();
    return {};
  }

  // KeyValue: 1 key, 2 value.  `value` stays valid until the next call.
  Result<void> key_value(std::string_view message, std::string_view& key, std::string_view& value) {
    WireReader reader(message, body_);
    WireField field;
    key = value = {};
    while (reader.next(field)) {
      if (field.type != WireType::kBytes) continue;
      if (field.number == 1) key = field.bytes;
      if (field.number == 2) value = RW_TRY(any_text(field.bytes));
    }
    return finish(reader);
  }

  // An AnyValue as text: a text as it is, everything else as JSON would write it.
  Result<std::string_view> any_text(std::string_view message) {
    WireReader reader(message, body_);
    WireField field;
    std::string_view text;
    while (reader.next(field)) {
      if (field.number == 1 && field.type == WireType::kBytes) {
        text = field.bytes;
      } else if (field.number >= 2 && field.number <= 7) {
        scratch_.clear();
        if (field.number == 7 && field.type == WireType::kBytes) {
          append_base64(scratch_, field.bytes);
        } else if (field.number == 4 && field.type == WireType::kFixed64) {
          append_number_text(scratch_, field.as_double());
        } else {
          RW_TRY(any_json_field(field, scratch_, 0));
        }
        text = scratch_;
      }
    }
    RW_TRY(finish(reader));
    return text;
  }

  Result<void> any_json(std::string_view message, std::string& out, int depth) {
    if (depth > kNestingMax) return fail(Errc::kInvalid, fmt::format("values nested deeper than {} levels", kNestingMax));
    WireReader reader(message, body_);
    WireField field;
    bool written = false;
    while (reader.next(field)) {
      if (field.number < 1 || field.number > 7 || written) continue;
      RW_TRY(any_json_field(field, out, depth));
      written = true;
    }
    if (!written) out.append("null");
    return finish(reader);
  }

  // One alternative of AnyValue: 1 string, 2 bool, 3 int, 4 double, 5 array, 6 kvlist, 7 bytes
  Result<void> any_json_field(const WireField& field, std::string& out, int depth) {
    const bool bytes = field.type == WireType::kBytes;
    if (field.number == 1 && bytes) {
      base::append_json_string(out, field.bytes);
    } else if (field.number == 2 && !bytes) {
      out.append(field.value != 0 ? "true" : "false");
    } else if (field.number == 3 && !bytes) {
      fmt::format_to(std::back_inserter(out), "{}", static_cast<std::int64_t>(field.value));
    } else if (field.number == 4 && field.type == WireType::kFixed64) {
      base::append_json_number(out, field.as_double());
    } else if (field.number == 5 && bytes) {
      out.push_back('[');
      RW_TRY(values(field.bytes, out, depth, false));
      out.push_back(']');
    } else if (field.number == 6 && bytes) {
      out.push_back('{');
      RW_TRY(values(field.bytes, out, depth, true));
      out.push_back('}');
    } else if (field.number == 7 && bytes) {
      out.push_back('"');
      append_base64(out, field.bytes);
      out.push_back('"');
    } else {
      out.append("null");
    }
    return {};
  }

  // ArrayValue.values of AnyValue, or KeyValueList.values of KeyValue
  Result<void> values(std::string_view message, std::string& out, int depth, bool with_keys) {
    WireReader reader(message, body_);
    WireField field;
    bool first = true;
    while (reader.next(field)) {
      if (field.number != 1 || field.type != WireType::kBytes) continue;
      if (!first) out.push_back(',');
      first = false;
      if (!with_keys) {
        RW_TRY(any_json(field.bytes, out, depth + 1));
        continue;
      }
      std::string_view key, value;
      WireReader entry(field.bytes, body_);
      for (WireField part; entry.next(part);) {
        if (part.number == 1 && part.type == WireType::kBytes) key = part.bytes;
        if (part.number == 2 && part.type == WireType::kBytes) value = part.bytes;
      }
      RW_TRY(finish(entry));
      base::append_json_string(out, key);
      out.push_back(':');
      RW_TRY(any_json(value, out, depth + 1));
    }
    return finish(reader);
  }

  Result<void> record_attribute(std::string_view message) {
    std::string_view key, value;
    RW_TRY(key_value(message, key, value));
    builder_.attribute(key, value);
    return {};
  }

  // {"k":"v"} of repeated KeyValue fields, for events, links
  Result<void> attributes_json(const std::vector<std::string_view>& messages, std::string& out) {
    JsonObject object(out);
    for (const auto message : messages) {
      std::string_view key, value;
      RW_TRY(key_value(message, key, value));
      object.text(key, value);
    }
    object.close();
    return {};
  }

  // LogRecord: 1 time, 2 severity number, 3 severity text, 5 body, 6 attributes, 9 trace id, 10 span id, 11 observed time, 12 event name
  Result<void> log_record(std::string_view message) {
    std::uint64_t time = 0, observed = 0, severity = 0;
    std::string_view severity_text, event_name, trace, span_bytes, body;
    WireReader first(message, body_);
    WireField field;
    while (first.next(field)) {
      switch (field.number) {
        case 1: time = field.value; break;
        case 2: severity = field.value; break;
        case 3: severity_text = field.bytes; break;
        case 5: body = field.bytes; break;
        case 9: trace = field.bytes; break;
        case 10: span_bytes = field.bytes; break;
        case 11: observed = field.value; break;
        case 12: event_name = field.bytes; break;
        default: break;
      }
    }
    if (first.failed()) return first.error();
    base::TraceId trace_id;
    std::uint64_t span_id = 0;
    if (!trace_id_of(trace, trace_id)) return builder_.reject("a trace id is not 16 bytes"), Result<void>();
    if (!span_id_of(span_bytes, span_id)) return builder_.reject("a span id is not 8 bytes"), Result<void>();
    if (time == 0) time = observed;
    if (!time_in_range(time)) return builder_.reject(kTimeOutOfRange), Result<void>();
    const auto text = RW_TRY(any_text(body));
    RW_TRY(builder_.begin_record(static_cast<std::int64_t>(time), text.empty() ? event_name : text));
    auto& b = builder_.batch();
    b.severity.back() = severity >= 1 && severity <= 24 ? static_cast<std::uint8_t>(severity) : base::severity_of(severity_text);
    b.trace_id.back() = trace_id;
    b.span_id.back() = span_id;
    if (!event_name.empty()) builder_.attribute("event.name", event_name);
    WireReader second(message, body_);
    while (second.next(field)) {
      if (field.number == 6 && field.type == WireType::kBytes) RW_TRY(record_attribute(field.bytes));
    }
    return {};
  }

  // Span: 1 trace id, 2 span id, 4 parent, 5 name, 6 kind, 7 start, 8 end, 9 attributes, 11 events, 13 links, 15 status
  Result<void> span(std::string_view message) {
    std::uint64_t start = 0, end = 0, kind = 0, outcome = 0;
    std::string_view name, trace, id_bytes, parent_bytes, outcome_text;
    std::string events, links;
    WireReader first(message, body_);
    WireField field;
    while (first.next(field)) {
      switch (field.number) {
        case 1: trace = field.bytes; break;
        case 2: id_bytes = field.bytes; break;
        case 4: parent_bytes = field.bytes; break;
        case 5: name = field.bytes; break;
        case 6: kind = field.value; break;
        case 7: start = field.value; break;
        case 8: end = field.value; break;
        case 11:
          if (field.type == WireType::kBytes) RW_TRY(append_event(field.bytes, events));
          RW_TRY(within_span_limit(events));
          break;
        case 13:
          if (field.type == WireType::kBytes) RW_TRY(append_link(field.bytes, links));
          RW_TRY(within_span_limit(links));
          break;
        case 15: {
          WireReader status(field.bytes, body_);
          for (WireField part; status.next(part);) {  // Status: 2 message, 3 code
            if (part.number == 2) outcome_text = part.bytes;
            if (part.number == 3) outcome = part.value;
          }
          RW_TRY(finish(status));
          break;
        }
        default: break;
      }
    }
    if (first.failed()) return first.error();
    base::TraceId trace_id;
    std::uint64_t span_id = 0, parent = 0;
    if (!trace_id_of(trace, trace_id) || !trace_id.valid()) return builder_.reject("a span without a trace id of 16 bytes"), Result<void>();
    if (!span_id_of(id_bytes, span_id) || span_id == 0) return builder_.reject("a span without a span id of 8 bytes"), Result<void>();
    if (!span_id_of(parent_bytes, parent)) return builder_.reject("a parent span id is not 8 bytes"), Result<void>();
    if (!time_in_range(start) || !time_in_range(end)) return builder_.reject(kTimeOutOfRange), Result<void>();
    RW_TRY(builder_.begin_record(static_cast<std::int64_t>(start), name));
    auto& b = builder_.batch();
    b.trace_id.back() = trace_id;
    b.span_id.back() = span_id;
    b.parent_span_id.back() = parent;
    b.kind.back() = static_cast<std::uint8_t>(kind <= 5 ? kind : 0);
    b.outcome.back() = static_cast<std::uint8_t>(outcome <= 2 ? outcome : 0);
    b.outcome_text.back() = builder_.put(outcome_text);
    // A clock that went back would make a negative duration.
    b.duration_ns.back() = end > start ? static_cast<std::int64_t>(end - start) : 0;
    if (!events.empty()) b.events.back() = builder_.put(events.append("]"));
    if (!links.empty()) b.links.back() = builder_.put(links.append("]"));
    WireReader second(message, body_);
    while (second.next(field)) {
      if (field.number == 9 && field.type == WireType::kBytes) RW_TRY(record_attribute(field.bytes));
    }
    return {};
  }

  // Event: 1 time, 2 name, 3 attributes
  Result<void> append_event(std::string_view message, std::string& out) {
    out.push_back(out.empty() ? '[' : ',');
    std::uint64_t time = 0;
    std::string_view name;
    std::vector<std::string_view> attributes;
    WireReader reader(message, body_);
    for (WireField field; reader.next(field);) {
      if (field.number == 1) time = field.value;
      if (field.number == 2) name = field.bytes;
      if (field.number == 3 && field.type == WireType::kBytes) attributes.push_back(field.bytes);
    }
    RW_TRY(finish(reader));
    JsonObject object(out);
    object.text("ts", base::rfc3339(static_cast<std::int64_t>(time)));
    object.text("name", name);
    RW_TRY(attributes_json(attributes, object.key("attributes")));
    object.close();
    return {};
  }

  // Link: 1 trace id, 2 span id, 4 attributes
  Result<void> append_link(std::string_view message, std::string& out) {
    base::TraceId trace;
    std::uint64_t id = 0;
    std::vector<std::string_view> attributes;
    WireReader reader(message, body_);
    bool right = true;
    for (WireField field; reader.next(field);) {
      if (field.number == 1) right = right && trace_id_of(field.bytes, trace);
      if (field.number == 2) right = right && span_id_of(field.bytes, id);
      if (field.number == 4 && field.type == WireType::kBytes) attributes.push_back(field.bytes);
    }
    RW_TRY(finish(reader));
    if (!right || !trace.valid()) return {};  // a link to nowhere says nothing
    out.push_back(out.empty() ? '[' : ',');
    JsonObject object(out);
    object.text("trace_id", base::hex(trace));
    object.text("span_id", base::hex(id));
    RW_TRY(attributes_json(attributes, object.key("attributes")));
    object.close();
    return {};
  }

  // Metric: 1 name, 3 unit, 5 gauge, 7 sum, 9 histogram, 10 exponential histogram, 11 summary
  Result<void> metric(std::string_view message) {
    std::string_view name, unit;
    WireReader first(message, body_);
    WireField field;
    while (first.next(field)) {
      if (field.number == 1) name = field.bytes;
      if (field.number == 3) unit = field.bytes;
    }
    if (first.failed()) return first.error();
    WireReader second(message, body_);
    while (second.next(field)) {
      if (field.type != WireType::kBytes || field.number < 5 || field.number > 11) continue;
      RW_TRY(data_points(name, unit, field.number, field.bytes));
    }
    return {};
  }

  // Gauge, Sum, Histogram, ExponentialHistogram, Summary: 1 data points, 2 temporality, 3 monotonic
  Result<void> data_points(std::string_view name, std::string_view unit, std::uint32_t type, std::string_view message) {
    bool monotonic = false;
    temporality_ = 0;
    WireReader first(message, body_);
    WireField field;
    while (first.next(field)) {
      if (field.number == 2) temporality_ = static_cast<int>(field.value);
      if (field.number == 3) monotonic = field.value != 0;
    }
    if (first.failed()) return first.error();
    WireReader second(message, body_);
    while (second.next(field)) {
      if (field.number != 1 || field.type != WireType::kBytes) continue;
      const auto kind = type == 5   ? base::MetricKind::kGauge
                        : type == 7 ? sum_kind(temporality_, monotonic)
                        : type == 11 ? base::MetricKind::kSummary
                                     : base::MetricKind::kHistogram;
      RW_TRY(type == 5 || type == 7 ? number_point(name, unit, kind, field.bytes)
             : type == 9            ? histogram_point(name, unit, field.bytes)
             : type == 10           ? exponential_point(name, unit, field.bytes)
                                    : summary_point(name, unit, field.bytes));
    }
    return {};
  }

  // False when the point was rejected and there is no record.
  Result<bool> begin_point(std::string_view name, std::string_view unit, base::MetricKind kind, std::uint64_t time, double value, const std::vector<std::string_view>& attributes) {
    if (!time_in_range(time)) return builder_.reject(kTimeOutOfRange), false;
    RW_TRY(builder_.begin_record(static_cast<std::int64_t>(time), name));
    auto& b = builder_.batch();
    b.metric_kind.back() = static_cast<std::uint8_t>(kind);
    b.unit.back() = builder_.put(unit);
    b.value.back() = value;
    for (const auto attribute : attributes) RW_TRY(record_attribute(attribute));
    return true;
  }

  // NumberDataPoint: 3 time, 4 double, 6 int, 7 attributes, 8 flags
  Result<void> number_point(std::string_view name, std::string_view unit, base::MetricKind kind, std::string_view message) {
    std::uint64_t time = 0;
    double value = 0;
    bool recorded = true;
    std::vector<std::string_view> attributes;
    WireReader reader(message, body_);
    for (WireField field; reader.next(field);) {
      if (field.number == 3) time = field.value;
      if (field.number == 4) value = field.as_double();
      if (field.number == 6) value = static_cast<double>(static_cast<std::int64_t>(field.value));
      if (field.number == 7 && field.type == WireType::kBytes) attributes.push_back(field.bytes);
      if (field.number == 8 && (field.value & kNoRecordedValue) != 0) recorded = false;
    }
    RW_TRY(finish(reader));
    if (recorded) RW_TRY(begin_point(name, unit, kind, time, value, attributes));
    return {};
  }

  // HistogramDataPoint: 3 time, 4 count, 5 sum, 6 bucket counts, 7 bounds, 9 attributes, 11 min, 12 max
  Result<void> histogram_point(std::string_view name, std::string_view unit, std::string_view message) {
    std::uint64_t time = 0;
    Histogram h;
    h.temporality = temporality_;
    std::vector<std::string_view> attributes;
    bool right = true;
    WireReader reader(message, body_);
    for (WireField field; reader.next(field);) {
      switch (field.number) {
        case 3: time = field.value; break;
        case 4: h.count = field.value; break;
        case 5: h.sum = field.as_double(); break;
        case 6: right = WireReader::packed_fixed64(field, [&](std::uint64_t v) { h.counts.push_back(v); }) && right; break;
        case 7:
          right = WireReader::packed_fixed64(field, [&](std::uint64_t v) {
                    double bound;
                    std::memcpy(&bound, &v, sizeof bound);
                    h.bounds.push_back(bound);
                  }) && right;
          break;
        case 9:
          if (field.type == WireType::kBytes) attributes.push_back(field.bytes);
          break;
        case 11: h.minimum = field.as_double(), h.has_minimum = true; break;
        case 12: h.maximum = field.as_double(), h.has_maximum = true; break;
        default: break;
      }
    }
    RW_TRY(finish(reader));
    if (!right || (!h.counts.empty() && h.counts.size() != h.bounds.size() + 1)) return builder_.reject("a histogram whose counts and bounds do not fit"), Result<void>();
    return end_histogram(name, unit, time, h, attributes);
  }

  Result<void> end_histogram(std::string_view name, std::string_view unit, std::uint64_t time, const Histogram& h, const std::vector<std::string_view>& attributes) {
    if (!RW_TRY(begin_point(name, unit, base::MetricKind::kHistogram, time, h.sum, attributes))) return {};
    builder_.batch().histogram.back() = builder_.put(histogram_json(h));
    return {};
  }

  static constexpr std::size_t kBucketsMax = 4096;  // of an exponential histogram

  // Buckets: 1 offset (sint32), 2 counts
  Result<void> buckets(std::string_view message, std::int32_t& offset, std::vector<std::uint64_t>& counts, bool& right) {
    WireReader reader(message, body_);
    for (WireField field; reader.next(field);) {
      if (field.number == 1) offset = static_cast<std::int32_t>(field.as_sint());
      if (field.number == 2) right = WireReader::packed_varint(field, [&](std::uint64_t v) { if (counts.size() <= kBucketsMax) counts.push_back(v); }) && right;
    }
    return finish(reader);
  }

  // ExponentialHistogramDataPoint: 1 attributes, 3 time, 4 count, 5 sum, 6 scale, 7 zero count, 8 positive, 9 negative, 12 min, 13 max, 14 zero threshold
  Result<void> exponential_point(std::string_view name, std::string_view unit, std::string_view message) {
    std::uint64_t time = 0, count = 0, zero_count = 0;
    double sum = 0, zero_threshold = 0, minimum = 0, maximum = 0;
    bool has_minimum = false, has_maximum = false, right = true;
    int scale = 0;
    std::int32_t positive_offset = 0, negative_offset = 0;
    std::vector<std::uint64_t> positive, negative;
    std::vector<std::string_view> attributes;
    WireReader reader(message, body_);
    for (WireField field; reader.next(field);) {
      switch (field.number) {
        case 1:
          if (field.type == WireType::kBytes) attributes.push_back(field.bytes);
          break;
        case 3: time = field.value; break;
        case 4: count = field.value; break;
        case 5: sum = field.as_double(); break;
        case 6: scale = static_cast<int>(field.as_sint()); break;
        case 7: zero_count = field.value; break;
        case 8: RW_TRY(buckets(field.bytes, positive_offset, positive, right)); break;
        case 9: RW_TRY(buckets(field.bytes, negative_offset, negative, right)); break;
        case 12: minimum = field.as_double(), has_minimum = true; break;
        case 13: maximum = field.as_double(), has_maximum = true; break;
        case 14: zero_threshold = field.as_double(); break;
        default: break;
      }
    }
    RW_TRY(finish(reader));
    if (!right || scale < -10 || scale > 20 || positive.size() + negative.size() > kBucketsMax) return builder_.reject("an exponential histogram outside the specification"), Result<void>();
    auto h = from_exponential(scale, positive_offset, positive, negative_offset, negative, zero_count, zero_threshold);
    h.temporality = temporality_;
    h.count = count;
    h.sum = sum;
    h.minimum = minimum;
    h.maximum = maximum;
    h.has_minimum = has_minimum;
    h.has_maximum = has_maximum;
    return end_histogram(name, unit, time, h, attributes);
  }

  // SummaryDataPoint: 3 time, 4 count, 5 sum, 6 quantiles {1 quantile, 2 value}, 7 attributes
  Result<void> summary_point(std::string_view name, std::string_view unit, std::string_view message) {
    std::uint64_t time = 0, count = 0;
    double sum = 0;
    std::vector<std::string_view> attributes;
    std::string quantiles = "{";
    WireReader reader(message, body_);
    for (WireField field; reader.next(field);) {
      if (field.number == 3) time = field.value;
      if (field.number == 4) count = field.value;
      if (field.number == 5) sum = field.as_double();
      if (field.number == 7 && field.type == WireType::kBytes) attributes.push_back(field.bytes);
      if (field.number != 6 || field.type != WireType::kBytes) continue;
      double quantile = 0, value = 0;
      WireReader inner(field.bytes, body_);
      for (WireField part; inner.next(part);) {
        if (part.number == 1) quantile = part.as_double();
        if (part.number == 2) value = part.as_double();
      }
      RW_TRY(finish(inner));
      fmt::format_to(std::back_inserter(quantiles), "{}\"{}\":", quantiles.size() > 1 ? "," : "", quantile);
      base::append_json_number(quantiles, value);
    }
    RW_TRY(finish(reader));
    if (!RW_TRY(begin_point(name, unit, base::MetricKind::kSummary, time, sum, attributes))) return {};
    std::string json;
    JsonObject object(json);
    object.key("count").append(std::to_string(count));
    base::append_json_number(object.key("sum"), sum);
    object.key("quantiles").append(quantiles).append("}");
    object.close();
    builder_.batch().histogram.back() = builder_.put(json);
    return {};
  }

  base::Signal signal_;
  std::string_view body_;
  OtlpBuilder builder_;
  int temporality_ = 0;  // of the metric being read
  std::string scratch_;
};

}  // namespace
}  // namespace detail

Result<OtlpParsed> parse_otlp_protobuf(base::Signal signal, std::string_view body, const OtlpDefaults& defaults) {
  return detail::ProtobufParser(signal, body, defaults).parse();
}

}  // namespace ringwall::collect
