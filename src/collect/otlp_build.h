// What the two encodings of OTLP share: a resource and records go in field by field, a batch comes out.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "collect/otlp.h"

namespace ringwall::collect::detail {

class OtlpBuilder {
 public:
  OtlpBuilder(base::Signal signal, const OtlpDefaults& defaults) : builder_(signal), defaults_(defaults) {}

  // A resource: its attributes, then the scope, then its records.
  void begin_resource();
  void resource_attribute(std::string_view key, std::string_view value);
  void scope(std::string_view name, std::string_view version);

  // A record; false when the batch is full.  Attributes follow, then the columns of batch() may be set.
  Result<void> begin_record(std::int64_t time_ns, std::string_view text);
  // Keeps an attribute, and lifts what the columns hold: HTTP status, duration.
  void attribute(std::string_view key, std::string_view value);
  base::Batch& batch() { return builder_.batch(); }
  base::Slice put(std::string_view text) { return builder_.put(clean(text, clean_value_)); }

  void reject(std::string_view reason);
  OtlpParsed take();

 private:
  void open_resource();
  void close_record();
  // The text itself when it is UTF-8, or a repaired copy in `room`.
  static std::string_view clean(std::string_view text, std::string& room);

  base::BatchBuilder builder_;
  const OtlpDefaults& defaults_;
  struct Known {
    std::string service, version, env, host, region;
  } known_;
  std::vector<std::pair<std::string, std::string>> resource_attributes_;
  std::string scope_name_, scope_version_;
  bool resource_open_ = false;  // the batch's newest resource is this one
  std::uint64_t attributes_over_ = 0;  // of the newest record
  std::string clean_key_, clean_value_;
  std::uint64_t rejected_ = 0;
  std::string rejected_reason_;
};

// Ids as OTLP carries them; false when the length is wrong.  Empty is none.
bool trace_id_of(std::string_view bytes, base::TraceId& id);
bool span_id_of(std::string_view bytes, std::uint64_t& id);

// An empty event is two bytes of a body and seventy of JSON, so the limit of the body alone would not bound memory.
inline constexpr std::size_t kSpanEventsBytesMax = 16u << 20;  // JSON of one span's events, and of its links
Result<void> within_span_limit(const std::string& json);

// {"ts":…,"name":…,"attributes":{…}} and its kin: what span events and links are kept as.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_.push_back('{'); }
  std::string& key(std::string_view name);
  void text(std::string_view name, std::string_view value);
  void close() { out_.push_back('}'); }

 private:
  std::string& out_;
  bool first_ = true;
};

// The histogram column: explicit bounds, counts one longer than bounds.
struct Histogram {
  int temporality = 0;  // AggregationTemporality
  double sum = 0, minimum = 0, maximum = 0;
  bool has_minimum = false, has_maximum = false;
  std::uint64_t count = 0;
  std::vector<double> bounds;
  std::vector<std::uint64_t> counts;
};
std::string histogram_json(const Histogram& histogram);

// OTLP's exponential buckets as explicit ones: bucket i of `offset + i` ends at base^(offset+i+1), base = 2^(2^-scale).
// Negative values come first, then zero, then positive ones.
Histogram from_exponential(int scale, std::int32_t positive_offset, const std::vector<std::uint64_t>& positive,
                           std::int32_t negative_offset, const std::vector<std::uint64_t>& negative, std::uint64_t zero_count, double zero_threshold);

// The shortest text of a number; NaN, Infinity and -Infinity as protobuf's JSON writes them.
void append_number_text(std::string& out, double value);

// OTLP's times are unsigned; ours end in the year 2262.
inline constexpr const char* kTimeOutOfRange = "a time beyond the year 2262";
inline bool time_in_range(std::uint64_t time) { return time >> 63 == 0; }

// The outcome of a metric point's kind: gauge, sums by temporality and monotonicity.
base::MetricKind sum_kind(int temporality, bool monotonic);

}  // namespace ringwall::collect::detail
