#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/hash.h"
#include "base/text.h"
#include "query/detail/table.h"

namespace ringwall::query {

namespace {

void append_pairs(std::string& out, const base::Batch& batch, const std::vector<base::Slice>& keys,
                  const std::vector<base::Slice>& values, std::uint32_t begin, std::uint32_t end) {
  out = "{";
  for (auto i = begin; i < end; ++i) {
    const auto key = batch.view(keys[i]);
    bool repeated = false;  // the first value counts, as in the store
    for (auto k = begin; k < i && !repeated; ++k) repeated = batch.view(keys[k]) == key;
    if (repeated) continue;
    if (out.size() > 1) out += ',';
    base::append_json_string(out, key);
    out += ':';
    base::append_json_string(out, batch.view(values[i]));
  }
  out += '}';
}

}  // namespace

base::TraceId Cells::trace_id() {
  std::string hex = text();
  hex.erase(std::remove(hex.begin(), hex.end(), '-'), hex.end());
  base::TraceId id;
  if (!base::parse_trace_id(hex, id)) return {};
  return id;
}

std::string log_id(const LogRow& row) {
  std::uint64_t hash = row.severity;
  for (const auto* text : {&row.service, &row.host, &row.source, &row.message}) hash = base::hash64(*text, base::mix64(hash));
  for (const auto number : {row.trace_id.high, row.trace_id.low, row.span_id}) hash = base::mix64(hash ^ number);
  return fmt::format("{:x}-{:016x}", static_cast<std::uint64_t>(row.time_ns), hash);
}

LogRow log_row(const base::Batch& batch, std::size_t record) {
  const auto& r = batch.resources[batch.resource[record]];
  const auto text = [&](base::Slice slice) { return base::to_utf8(batch.view(slice)); };
  LogRow row;
  row.time_ns = batch.time_ns[record];
  row.severity = batch.severity[record];
  row.service = text(r.service);
  row.env = text(r.env);
  row.version = text(r.version);
  row.host = text(r.host);
  row.region = text(r.region);
  row.source = text(r.source);
  row.trace_id = batch.trace_id[record];
  row.span_id = batch.span_id[record];
  if (batch.status[record] != 0) row.status = batch.status[record];
  if (batch.duration_ns[record] != base::kDurationUnset) row.duration_ns = batch.duration_ns[record];
  row.message = text(batch.text[record]);
  append_pairs(row.attributes_json, batch, batch.attribute_keys, batch.attribute_values, batch.attributes_begin(record),
               batch.attributes_end[record]);
  append_pairs(row.resource_json, batch, batch.resource_keys, batch.resource_values, r.attributes_begin, r.attributes_end);
  row.id = log_id(row);
  return row;
}

std::string log_columns() {
  return "ts, ts_ns, severity, service, env, version, host, region, source, trace_id::VARCHAR, span_id, status, duration_ns, "
         "message, to_json(attributes)::VARCHAR, to_json(resource)::VARCHAR";
}

LogRow read_log(Cells& cells) {
  LogRow row;
  row.time_ns = cells.time_ns();
  row.severity = static_cast<std::uint8_t>(cells.integer());
  row.service = cells.text();
  row.env = cells.text();
  row.version = cells.text();
  row.host = cells.text();
  row.region = cells.text();
  row.source = cells.text();
  row.trace_id = cells.trace_id();
  row.span_id = static_cast<std::uint64_t>(cells.integer());
  row.status = cells.integer_or_null();
  row.duration_ns = cells.integer_or_null();
  row.message = cells.text();
  row.attributes_json = cells.text();
  row.resource_json = cells.text();
  row.id = log_id(row);
  return row;
}

std::string span_columns() {
  return "ts, ts_ns, duration_ns, service, env, version, host, region, source, name, kind, outcome, outcome_text, "
         "trace_id::VARCHAR, span_id, parent_span_id, status, to_json(attributes)::VARCHAR, to_json(resource)::VARCHAR, events, links";
}

SpanRow read_span(Cells& cells) {
  SpanRow row;
  row.time_ns = cells.time_ns();
  row.duration_ns = cells.integer();
  row.service = cells.text();
  row.env = cells.text();
  row.version = cells.text();
  row.host = cells.text();
  row.region = cells.text();
  row.source = cells.text();
  row.name = cells.text();
  row.kind = static_cast<std::uint8_t>(cells.integer());
  row.outcome = static_cast<std::uint8_t>(cells.integer());
  row.outcome_text = cells.text();
  row.trace_id = cells.trace_id();
  row.span_id = static_cast<std::uint64_t>(cells.integer());
  row.parent_span_id = static_cast<std::uint64_t>(cells.integer());
  row.http_status = cells.integer_or_null();
  row.attributes_json = cells.text();
  row.resource_json = cells.text();
  row.events_json = cells.text_or_null().value_or("[]");
  row.links_json = cells.text_or_null().value_or("[]");
  return row;
}

std::string bucket_expression(const Buckets& buckets) {
  // Whole microseconds need not look at the remainder column.
  if (buckets.begin_ns % 1000 == 0) {
    return fmt::format("(epoch_us(ts) - {}) // {}", buckets.begin_ns / 1000, buckets.interval_ns / 1000);
  }
  return fmt::format("(epoch_us(ts) * 1000 + ts_ns - {}) // {}", buckets.begin_ns, buckets.interval_ns);
}

std::string totals_aggregates() {
  return fmt::format("count(*) AS requests, count(*) FILTER (WHERE {}) AS errors, quantile_cont(duration_ns, [0.5, 0.9, 0.95, 0.99]) AS quantiles, "
                     "max(duration_ns) AS longest",
                     store::kSpanFailedCondition);
}

Totals read_totals(Cells& cells, double seconds) {
  Totals out;
  out.requests = cells.count();
  out.errors = cells.count();
  out.p50_ms = cells.number() / 1e6;
  out.p90_ms = cells.number() / 1e6;
  out.p95_ms = cells.number() / 1e6;
  out.p99_ms = cells.number() / 1e6;
  out.max_ms = cells.number() / 1e6;
  out.rate = static_cast<double>(out.requests) / seconds;
  return out;
}

Result<std::string> label_expression(std::string_view field, std::vector<store::Value>& parameters) {
  for (const std::string_view tag : {"service", "env", "version", "host", "region", "source"}) {
    if (field == tag) return std::string(tag);
  }
  if (field.size() > 1 && field[0] == '@') {
    parameters.emplace_back(std::string(field.substr(1)));
    return fmt::format("coalesce(attributes[${0}], resource[${0}])", parameters.size());
  }
  return fail(Errc::kInvalid, fmt::format("'{}' is not a field", field), "service, env, version, host, region, source or an attribute as @name");
}

}  // namespace ringwall::query
