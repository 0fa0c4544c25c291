#include "collect/otlp_build.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace ringwall::collect::detail {

namespace {

std::uint64_t big_endian(const char* bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return __builtin_bswap64(value);
}

constexpr std::string_view kStatusKeys[] = {"http.response.status_code", "http.status_code"};

}  // namespace

void OtlpBuilder::begin_resource() {
  known_ = {};
  resource_attributes_.clear();
  scope_name_.clear();
  scope_version_.clear();
  resource_open_ = false;
}

std::string_view OtlpBuilder::clean(std::string_view text, std::string& room) {
  std::size_t at = 0;
  for (std::uint64_t word; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080u) != 0) break;
  }
  while (at < text.size() && static_cast<signed char>(text[at]) >= 0) ++at;
  if (at == text.size() || base::valid_utf8(text)) return text;
  room = base::to_utf8(text);
  return room;
}

void OtlpBuilder::resource_attribute(std::string_view key, std::string_view value) {
  if (key.empty()) return;
  key = clean(key, clean_key_);
  value = clean(value, clean_value_);
  if (key == "service.name") known_.service = value;
  else if (key == "service.version") known_.version = value;
  else if (key == "deployment.environment.name" || key == "deployment.environment") known_.env = value;
  else if (key == "host.name") known_.host = value;
  else if (key == "cloud.region") known_.region = value;
  else if (resource_attributes_.size() < base::kRecordAttributesMax) resource_attributes_.emplace_back(key, value);
}

void OtlpBuilder::scope(std::string_view name, std::string_view version) {
  if (resource_open_ && (scope_name_ != name || scope_version_ != version)) resource_open_ = false;
  scope_name_ = clean(name, clean_value_);
  scope_version_ = clean(version, clean_value_);
}

void OtlpBuilder::open_resource() {
  const auto or_default = [](const std::string& value, const std::string& otherwise) -> std::string_view { return value.empty() ? otherwise : value; };
  // The specification's name for a resource that does not say.
  builder_.resource(known_.service.empty() ? std::string_view("unknown_service") : known_.service, or_default(known_.env, defaults_.env), known_.version,
                    or_default(known_.host, defaults_.host), or_default(known_.region, defaults_.region), "otlp");
  for (const auto& [key, value] : resource_attributes_) builder_.resource_attribute(key, value);
  if (!scope_name_.empty()) builder_.resource_attribute("otel.scope.name", scope_name_);
  if (!scope_version_.empty()) builder_.resource_attribute("otel.scope.version", scope_version_);
  resource_open_ = true;
}

Result<void> OtlpBuilder::begin_record(std::int64_t time_ns, std::string_view text) {
  const auto& b = builder_.batch();
  if (b.size() >= base::kBatchRecordsMax) return fail(Errc::kLimit, fmt::format("more than {} records in one request", base::kBatchRecordsMax), "send smaller batches");
  if (b.arena.size() >= kOtlpTextBytesMax) return fail(Errc::kLimit, fmt::format("more than {} bytes of text in one request", kOtlpTextBytesMax), "send smaller batches");
  if (!resource_open_) {
    if (b.resource_keys.size() + resource_attributes_.size() > kOtlpResourceAttributesMax) {
      return fail(Errc::kLimit, fmt::format("more than {} resource attributes in one request", kOtlpResourceAttributesMax), "send smaller batches");
    }
    open_resource();
  }
  close_record();
  builder_.record(time_ns != 0 ? time_ns : defaults_.now_ns, clean(text, clean_value_));
  return {};
}

void OtlpBuilder::close_record() {
  if (attributes_over_ != 0) builder_.attribute("dropped_attributes", std::to_string(attributes_over_));
  attributes_over_ = 0;
}

void OtlpBuilder::attribute(std::string_view key, std::string_view value) {
  auto& b = builder_.batch();
  const auto record = b.size() - 1;
  if (key.empty()) return;
  if (b.attributes_end[record] - b.attributes_begin(record) >= base::kRecordAttributesMax) {
    ++attributes_over_;
    return;
  }
  if (b.signal != base::Signal::kMetric) {
    if (key.starts_with("http.") && (key == kStatusKeys[0] || key == kStatusKeys[1])) {
      int status = 0;
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), status);
      if (parsed.ec == std::errc{} && parsed.ptr == value.data() + value.size() && status >= 100 && status <= 599) {
        // Kept as an attribute as well: people search by the name their instrumentation uses.
        b.status.back() = static_cast<std::uint16_t>(status);
      }
    } else if (b.signal == base::Signal::kLog && key == "duration_ms") {
      double duration = 0;
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), duration);
      if (parsed.ec == std::errc{} && parsed.ptr == value.data() + value.size() && duration >= 0 && duration < 1e12) {
        b.duration_ns.back() = static_cast<std::int64_t>(std::llround(duration * 1e6));
        return;
      }
    }
  }
  builder_.attribute(clean(key, clean_key_), clean(value, clean_value_));
}

void OtlpBuilder::reject(std::string_view reason) {
  if (rejected_++ == 0) rejected_reason_ = reason;
}

OtlpParsed OtlpBuilder::take() {
  close_record();
  return {builder_.take(), rejected_, std::move(rejected_reason_)};
}

bool trace_id_of(std::string_view bytes, base::TraceId& id) {
  if (bytes.empty()) return true;
  if (bytes.size() != 16) return false;
  id = {big_endian(bytes.data()), big_endian(bytes.data() + 8)};
  return true;
}

bool span_id_of(std::string_view bytes, std::uint64_t& id) {
  if (bytes.empty()) return true;
  if (bytes.size() != 8) return false;
  id = big_endian(bytes.data());
  return true;
}

std::string& JsonObject::key(std::string_view name) {
  if (!first_) out_.push_back(',');
  first_ = false;
  base::append_json_string(out_, name);
  out_.push_back(':');
  return out_;
}

void JsonObject::text(std::string_view name, std::string_view value) { base::append_json_string(key(name), value); }

std::string histogram_json(const Histogram& h) {
  std::string out;
  JsonObject object(out);
  object.key("count").append(std::to_string(h.count));
  base::append_json_number(object.key("sum"), h.sum);
  if (h.has_minimum) base::append_json_number(object.key("min"), h.minimum);
  if (h.has_maximum) base::append_json_number(object.key("max"), h.maximum);
  object.key("bounds").push_back('[');
  for (std::size_t i = 0; i < h.bounds.size(); ++i) {
    if (i != 0) out.push_back(',');
    base::append_json_number(out, h.bounds[i]);
  }
  out.push_back(']');
  object.key("counts").push_back('[');
  for (std::size_t i = 0; i < h.counts.size(); ++i) {
    if (i != 0) out.push_back(',');
    out.append(std::to_string(h.counts[i]));
  }
  out.push_back(']');
  if (h.temporality == 1 || h.temporality == 2) object.text("temporality", h.temporality == 1 ? "delta" : "cumulative");
  object.close();
  return out;
}

void append_number_text(std::string& out, double value) {
  if (std::isnan(value)) {
    out.append("NaN");
  } else if (std::isinf(value)) {
    out.append(value > 0 ? "Infinity" : "-Infinity");
  } else {
    base::append_json_number(out, value);
  }
}

Histogram from_exponential(int scale, std::int32_t positive_offset, const std::vector<std::uint64_t>& positive, std::int32_t negative_offset,
                           const std::vector<std::uint64_t>& negative, std::uint64_t zero_count, double zero_threshold) {
  Histogram h;
  const double growth = std::exp2(-scale);
  const auto edge = [&](std::int64_t index) { return std::min(std::exp2(static_cast<double>(index) * growth), std::numeric_limits<double>::max()); };
  for (std::size_t i = negative.size(); i-- > 0;) {
    h.counts.push_back(negative[i]);
    h.bounds.push_back(-edge(std::int64_t{negative_offset} + static_cast<std::int64_t>(i)));
  }
  h.counts.push_back(zero_count);
  h.bounds.push_back(positive.empty() ? zero_threshold : edge(positive_offset));
  for (std::size_t i = 0; i < positive.size(); ++i) {
    h.counts.push_back(positive[i]);
    h.bounds.push_back(edge(std::int64_t{positive_offset} + static_cast<std::int64_t>(i) + 1));
  }
  h.counts.push_back(0);
  return h;
}

base::MetricKind sum_kind(int temporality, bool monotonic) {
  constexpr int kDeltaTemporality = 1;
  if (temporality == kDeltaTemporality) return base::MetricKind::kDelta;
  return monotonic ? base::MetricKind::kCounter : base::MetricKind::kGauge;
}

Result<void> within_span_limit(const std::string& json) {
  if (json.size() <= kSpanEventsBytesMax) return {};
  return fail(Errc::kLimit, fmt::format("events or links of one span: more than {} bytes", kSpanEventsBytesMax), "record fewer events on a span");
}

}  // namespace ringwall::collect::detail
