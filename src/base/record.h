// The record types: what every source produces and every later stage consumes.
//
// A Batch holds records of one signal in columns over one arena of text.  It is built once by a source, becomes
// immutable, is written to the spool (encode/decode below), searched while it is young, and turned into Parquet.
//
//   signal   text             other columns that mean something
//   log      the message      severity, status, duration
//   span     the span's name  parent_span_id, duration, kind, outcome, outcome_text, events, links, status
//   metric   the metric name  metric_kind, unit, value, histogram
//
// Every record has a time, a resource (service, env, version, host, region, source and further attributes, shared
// by many records), an optional trace and span id, and attributes (text to text; a number is its shortest text).
//
// Follows the OpenTelemetry data model (opentelemetry-proto 1.x): times are Unix nanoseconds, severity is the OTel
// severity number (1..24, 0 unset), kind and outcome are the numbers of Span.SpanKind and Status.StatusCode.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ringwall::base {

enum class Signal : std::uint8_t { kLog = 0, kSpan = 1, kMetric = 2 };
inline constexpr std::array<Signal, 3> kSignals = {Signal::kLog, Signal::kSpan, Signal::kMetric};
std::string_view signal_name(Signal signal);  // "logs", "spans", "metrics"

enum class MetricKind : std::uint8_t { kGauge = 0, kCounter = 1, kDelta = 2, kHistogram = 3, kSummary = 4 };

// A piece of the batch's arena.
struct Slice {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  bool empty() const { return length == 0; }
};

struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool valid() const { return (high | low) != 0; }
  bool operator==(const TraceId&) const = default;
};

struct Resource {
  Slice service, env, version, host, region, source;
  std::uint32_t attributes_begin = 0;  // range in Batch::resource_keys and resource_values
  std::uint32_t attributes_end = 0;
};

inline constexpr std::int64_t kDurationUnset = -1;
inline constexpr std::size_t kBatchRecordsMax = 1u << 20;
inline constexpr std::size_t kBatchArenaBytesMax = 1u << 30;
inline constexpr std::size_t kRecordAttributesMax = 1024;  // further ones are dropped and counted in the record

struct Batch {
  Signal signal = Signal::kLog;
  std::string arena;

  std::vector<Resource> resources;
  std::vector<Slice> resource_keys, resource_values;

  // One entry per record.
  std::vector<std::int64_t> time_ns;
  std::vector<std::uint32_t> resource;  // index into resources
  std::vector<TraceId> trace_id;        // zero: none
  std::vector<std::uint64_t> span_id;   // 0: none
  std::vector<Slice> text;
  std::vector<std::uint16_t> status;      // HTTP status, 0: none           (logs, spans)
  std::vector<std::int64_t> duration_ns;  // kDurationUnset: none           (logs, spans)
  std::vector<std::uint32_t> attributes_end;  // record i owns [end of i-1, end of i)
  std::vector<Slice> attribute_keys, attribute_values;

  std::vector<std::uint8_t> severity;  // logs

  std::vector<std::uint64_t> parent_span_id;   // spans; 0: root
  std::vector<std::uint8_t> kind, outcome;     // spans
  std::vector<Slice> outcome_text;             // spans
  std::vector<Slice> events, links;            // spans; JSON arrays as the API shows them, empty when none

  std::vector<std::uint8_t> metric_kind;  // metrics; MetricKind
  std::vector<Slice> unit;                // metrics
  std::vector<double> value;              // metrics; for histograms the sum
  std::vector<Slice> histogram;           // metrics; JSON {"count","sum","min","max","bounds":[],"counts":[]}, or empty

  std::size_t size() const { return time_ns.size(); }
  std::size_t bytes() const;  // of memory, roughly; what budgets count
  std::string_view view(Slice slice) const { return {arena.data() + slice.offset, slice.length}; }
  std::uint32_t attributes_begin(std::size_t record) const { return record == 0 ? 0 : attributes_end[record - 1]; }
  // The value of one attribute, or an empty view.
  std::string_view attribute(std::size_t record, std::string_view key) const;
};

// Fills a Batch record by record.  Not thread-safe.  The caller keeps within the limits above; full() says when to stop.
class BatchBuilder {
 public:
  explicit BatchBuilder(Signal signal);

  // Copies text into the arena.
  Slice put(std::string_view text);

  // Starts a resource and makes it current for the records that follow; attributes may be added until the first record.
  void resource(std::string_view service, std::string_view env, std::string_view version, std::string_view host,
                std::string_view region, std::string_view source);
  void resource_attribute(std::string_view key, std::string_view value);

  // Appends a record with every column at its default; the setters below act on the newest record.
  void record(std::int64_t time_ns, std::string_view text);
  void attribute(std::string_view key, std::string_view value);
  Batch& batch() { return batch_; }  // for the columns: batch().severity.back() = 9

  std::size_t size() const { return batch_.size(); }
  bool full() const;
  Batch take();

 private:
  Batch batch_;
};

// Bytes of the batch for the spool, uncompressed; format in docs/formats/spool.md.
std::string encode(const Batch& batch);
// Fails with kCorrupt (and the offset) on anything encode() would not have written.
Result<Batch> decode(std::string_view bytes);

// Ids as lower-case hexadecimal.  parse_* accept either case and fail (false) on other lengths and characters.
std::string hex(TraceId id);
std::string hex(std::uint64_t id);
bool parse_trace_id(std::string_view text, TraceId& id);
bool parse_span_id(std::string_view text, std::uint64_t& id);

// "info" for 9; "" for 0.  Levels are trace, debug, info, warn, error, fatal.
std::string_view level_name(std::uint8_t severity);
// The lowest severity of a level by any of its usual names (warning, err, critical, notice, ...); 0 when unknown.
std::uint8_t severity_of(std::string_view level);

}  // namespace ringwall::base
