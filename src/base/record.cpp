#include "base/record.h"

#include <fmt/format.h>

#include <cstring>

namespace ringwall::base {

std::string_view signal_name(Signal signal) {
  switch (signal) {
    case Signal::kLog: return "logs";
    case Signal::kSpan: return "spans";
    case Signal::kMetric: return "metrics";
  }
  return "";
}

std::size_t Batch::bytes() const {
  return arena.size() + size() * 96 + attribute_keys.size() * 16 + resources.size() * sizeof(Resource);
}

std::string_view Batch::attribute(std::size_t record, std::string_view key) const {
  for (auto i = attributes_begin(record); i < attributes_end[record]; ++i) {
    if (view(attribute_keys[i]) == key) return view(attribute_values[i]);
  }
  return {};
}

BatchBuilder::BatchBuilder(Signal signal) { batch_.signal = signal; }

Slice BatchBuilder::put(std::string_view text) {
  const Slice slice{static_cast<std::uint32_t>(batch_.arena.size()), static_cast<std::uint32_t>(text.size())};
  batch_.arena.append(text);
  return slice;
}

void BatchBuilder::resource(std::string_view service, std::string_view env, std::string_view version,
                            std::string_view host, std::string_view region, std::string_view source) {
  Resource resource;
  resource.service = put(service);
  resource.env = put(env);
  resource.version = put(version);
  resource.host = put(host);
  resource.region = put(region);
  resource.source = put(source);
  resource.attributes_begin = resource.attributes_end = static_cast<std::uint32_t>(batch_.resource_keys.size());
  batch_.resources.push_back(resource);
}

void BatchBuilder::resource_attribute(std::string_view key, std::string_view value) {
  RW_ASSERT(!batch_.resources.empty());
  batch_.resource_keys.push_back(put(key));
  batch_.resource_values.push_back(put(value));
  ++batch_.resources.back().attributes_end;
}

void BatchBuilder::record(std::int64_t time_ns, std::string_view text) {
  if (batch_.resources.empty()) resource({}, {}, {}, {}, {}, {});
  Batch& b = batch_;
  b.time_ns.push_back(time_ns);
  b.resource.push_back(static_cast<std::uint32_t>(b.resources.size() - 1));
  b.trace_id.emplace_back();
  b.span_id.push_back(0);
  b.text.push_back(put(text));
  b.attributes_end.push_back(static_cast<std::uint32_t>(b.attribute_keys.size()));
  switch (b.signal) {
    case Signal::kLog:
      b.severity.push_back(0);
      b.status.push_back(0);
      b.duration_ns.push_back(kDurationUnset);
      break;
    case Signal::kSpan:
      b.status.push_back(0);
      b.duration_ns.push_back(0);
      b.parent_span_id.push_back(0);
      b.kind.push_back(0);
      b.outcome.push_back(0);
      b.outcome_text.emplace_back();
      b.events.emplace_back();
      b.links.emplace_back();
      break;
    case Signal::kMetric:
      b.metric_kind.push_back(0);
      b.unit.emplace_back();
      b.value.push_back(0);
      b.histogram.emplace_back();
      break;
  }
}

void BatchBuilder::attribute(std::string_view key, std::string_view value) {
  batch_.attribute_keys.push_back(put(key));
  batch_.attribute_values.push_back(put(value));
  ++batch_.attributes_end.back();
}

bool BatchBuilder::full() const {
  return batch_.size() >= kBatchRecordsMax || batch_.arena.size() >= kBatchArenaBytesMax / 2;
}

Batch BatchBuilder::take() {
  Batch taken = std::move(batch_);
  batch_ = Batch{};
  batch_.signal = taken.signal;
  return taken;
}

namespace {

// format := version:u8 signal:u8 zero:u16 records:u32 columns..., little-endian, in the order of each_column().
// A column is count:u32 and its elements as they lie in memory (all are padding-free little-endian structs).
constexpr std::uint8_t kFormatVersion = 1;

template <class Batch, class F>
void each_column(Batch& b, F&& f) {
  f(b.resources);
  f(b.resource_keys);
  f(b.resource_values);
  f(b.time_ns);
  f(b.resource);
  f(b.trace_id);
  f(b.span_id);
  f(b.text);
  f(b.status);
  f(b.duration_ns);
  f(b.attributes_end);
  f(b.attribute_keys);
  f(b.attribute_values);
  f(b.severity);
  f(b.parent_span_id);
  f(b.kind);
  f(b.outcome);
  f(b.outcome_text);
  f(b.events);
  f(b.links);
  f(b.metric_kind);
  f(b.unit);
  f(b.value);
  f(b.histogram);
}

void put_u32(std::string& out, std::size_t value) {
  const auto v = static_cast<std::uint32_t>(value);
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  Error corrupt(std::string_view what) const {
    return fail(Errc::kCorrupt, fmt::format("batch: byte {}: {}", at_, what));
  }
  Result<std::uint32_t> u32() {
    std::uint32_t value;
    if (bytes_.size() - at_ < sizeof value) return corrupt("cut short");
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  template <class T>
  Result<void> column(std::vector<T>& out) {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::size_t count = RW_TRY(u32());
    if ((bytes_.size() - at_) / sizeof(T) < count) return corrupt("column longer than the batch");
    out.resize(count);
    if (count != 0) std::memcpy(static_cast<void*>(out.data()), bytes_.data() + at_, count * sizeof(T));
    at_ += count * sizeof(T);
    return {};
  }
  std::string_view rest() const { return bytes_.substr(at_); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

bool inside(const Batch& b, const std::vector<Slice>& slices) {
  for (const auto slice : slices) {
    if (slice.offset > b.arena.size() || b.arena.size() - slice.offset < slice.length) return false;
  }
  return true;
}

// What the rest of the program relies on without looking again.
const char* defect(const Batch& b) {
  const auto n = b.size();
  const bool log = b.signal == Signal::kLog, span = b.signal == Signal::kSpan, metric = b.signal == Signal::kMetric;
  const auto has = [n](const auto& column, bool wanted) { return column.size() == (wanted ? n : 0); };
  if (!has(b.resource, true) || !has(b.trace_id, true) || !has(b.span_id, true) || !has(b.text, true) ||
      !has(b.attributes_end, true) || !has(b.status, log || span) || !has(b.duration_ns, log || span) ||
      !has(b.severity, log) || !has(b.parent_span_id, span) || !has(b.kind, span) || !has(b.outcome, span) ||
      !has(b.outcome_text, span) || !has(b.events, span) || !has(b.links, span) || !has(b.metric_kind, metric) ||
      !has(b.unit, metric) || !has(b.value, metric) || !has(b.histogram, metric)) {
    return "columns of different lengths";
  }
  for (const auto index : b.resource) {
    if (index >= b.resources.size()) return "resource index out of range";
  }
  std::uint32_t end = 0;
  for (const auto next : b.attributes_end) {
    if (next < end) return "attribute ranges overlap";
    end = next;
  }
  if (end != b.attribute_keys.size() || end != b.attribute_values.size()) return "attribute count differs";
  if (b.resource_keys.size() != b.resource_values.size()) return "resource attribute count differs";
  std::vector<Slice> names;
  for (const auto& r : b.resources) {
    if (r.attributes_begin > r.attributes_end || r.attributes_end > b.resource_keys.size()) {
      return "resource attributes out of range";
    }
    names.insert(names.end(), {r.service, r.env, r.version, r.host, r.region, r.source});
  }
  const auto* named = &std::as_const(names);
  for (const auto* slices : {named, &b.resource_keys, &b.resource_values, &b.text, &b.attribute_keys,
                             &b.attribute_values, &b.outcome_text, &b.events, &b.links, &b.unit, &b.histogram}) {
    if (!inside(b, *slices)) return "text outside the arena";
  }
  return nullptr;
}

}  // namespace

std::string encode(const Batch& batch) {
  std::string out;
  out.reserve(batch.bytes() + 256);
  out.push_back(static_cast<char>(kFormatVersion));
  out.push_back(static_cast<char>(batch.signal));
  out.append(2, '\0');
  put_u32(out, batch.size());
  each_column(batch, [&out](const auto& column) {
    put_u32(out, column.size());
    if (!column.empty()) {
      out.append(reinterpret_cast<const char*>(column.data()), column.size() * sizeof(column[0]));
    }
  });
  out.append(batch.arena);
  return out;
}

Result<Batch> decode(std::string_view bytes) {
  if (bytes.size() < 8) return fail(Errc::kCorrupt, "batch: shorter than its header");
  if (static_cast<std::uint8_t>(bytes[0]) != kFormatVersion) {
    return fail(Errc::kCorrupt, fmt::format("batch: format version {}, expected {}",
                                            static_cast<std::uint8_t>(bytes[0]), kFormatVersion));
  }
  if (static_cast<std::uint8_t>(bytes[1]) > 2) return fail(Errc::kCorrupt, "batch: unknown signal");
  Batch batch;
  batch.signal = static_cast<Signal>(bytes[1]);
  Reader reader(bytes.substr(4));
  const auto records = RW_TRY(reader.u32());
  if (records > kBatchRecordsMax) return reader.corrupt("too many records");
  Result<void> outcome;
  each_column(batch, [&](auto& column) {
    if (outcome.ok()) outcome = reader.column(column);
  });
  RW_TRY(outcome);
  batch.arena = reader.rest();
  if (batch.size() != records) return reader.corrupt("record count differs");
  if (const char* what = defect(batch)) return reader.corrupt(what);
  return batch;
}

std::string hex(TraceId id) { return fmt::format("{:016x}{:016x}", id.high, id.low); }
std::string hex(std::uint64_t id) { return fmt::format("{:016x}", id); }

bool parse_span_id(std::string_view text, std::uint64_t& id) {
  if (text.size() != 16) return false;
  std::uint64_t value = 0;
  for (const char c : text) {
    const char lower = static_cast<char>(c | 0x20);
    int digit;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (lower >= 'a' && lower <= 'f') {
      digit = lower - 'a' + 10;
    } else {
      return false;
    }
    value = value << 4 | static_cast<std::uint64_t>(digit);
  }
  id = value;
  return true;
}

bool parse_trace_id(std::string_view text, TraceId& id) {
  TraceId parsed;
  if (text.size() != 32 || !parse_span_id(text.substr(0, 16), parsed.high) ||
      !parse_span_id(text.substr(16), parsed.low)) {
    return false;
  }
  id = parsed;
  return true;
}

std::string_view level_name(std::uint8_t severity) {
  static constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error", "fatal"};
  return severity == 0 || severity > 24 ? std::string_view{} : kLevels[(severity - 1) / 4];
}

std::uint8_t severity_of(std::string_view level) {
  if (level.empty() || level.size() > 11) return 0;
  char lower[12] = {};
  for (std::size_t i = 0; i < level.size(); ++i) {
    const char c = level[i];
    lower[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  static constexpr struct {
    std::string_view name;
    std::uint8_t severity;
  } kNames[] = {{"trace", 1},     {"debug", 5},  {"info", 9},      {"information", 9}, {"notice", 10}, {"log", 9},
                {"warn", 13},     {"warning", 13}, {"error", 17},  {"err", 17},        {"critical", 21}, {"crit", 21},
                {"alert", 21},    {"fatal", 21}, {"panic", 21},    {"emerg", 21},      {"emergency", 21}, {"verbose", 5}};
  for (const auto& entry : kNames) {
    if (entry.name == std::string_view(lower, level.size())) return entry.severity;
  }
  return 0;
}

}  // namespace ringwall::base
