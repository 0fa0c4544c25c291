// Small batches for the tests of this module, and batches as text.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/record.h"

namespace ringwall::collect {

inline base::Batch log_batch(std::initializer_list<std::string_view> messages) {
  base::BatchBuilder builder(base::Signal::kLog);
  builder.resource("shop", "test", "1", "here", "lab", "test");
  std::int64_t time_ns = 1'700'000'000'000'000'000;
  for (const auto message : messages) {
    builder.record(++time_ns, message);
    builder.attribute("word", message);
  }
  return builder.take();
}

// The messages, joined by a space.
inline std::string texts(const base::Batch& batch) {
  std::string out;
  for (const auto text : batch.text) out.append(out.empty() ? "" : " ").append(batch.view(text));
  return out;
}

// Everything of one record but its resource, columns at their default left out.
inline std::string show(const base::Batch& b, std::size_t i) {
  std::string out = fmt::format("{} '{}'", b.time_ns[i], b.view(b.text[i]));
  const auto add = [&out](std::string_view name, const auto& value, bool there) {
    if (there) out += fmt::format(" {}={}", name, value);
  };
  add("trace", base::hex(b.trace_id[i]), b.trace_id[i].valid());
  add("span", base::hex(b.span_id[i]), b.span_id[i] != 0);
  if (b.signal != base::Signal::kMetric) {
    add("status", b.status[i], b.status[i] != 0);
    add("took", b.duration_ns[i], b.duration_ns[i] != base::kDurationUnset);
  }
  if (b.signal == base::Signal::kLog) add("severity", b.severity[i], b.severity[i] != 0);
  if (b.signal == base::Signal::kSpan) {
    add("parent", base::hex(b.parent_span_id[i]), b.parent_span_id[i] != 0);
    add("kind", b.kind[i], true);
    add("outcome", b.outcome[i], b.outcome[i] != 0);
    add("outcome_text", b.view(b.outcome_text[i]), !b.outcome_text[i].empty());
    add("events", b.view(b.events[i]), !b.events[i].empty());
    add("links", b.view(b.links[i]), !b.links[i].empty());
  }
  if (b.signal == base::Signal::kMetric) {
    add("metric", b.metric_kind[i], true);
    add("unit", b.view(b.unit[i]), !b.unit[i].empty());
    add("value", b.value[i], true);
    add("histogram", b.view(b.histogram[i]), !b.histogram[i].empty());
  }
  out += " {";
  for (auto a = b.attributes_begin(i); a < b.attributes_end[i]; ++a) {
    out += fmt::format("{}{}={}", a == b.attributes_begin(i) ? "" : " ", b.view(b.attribute_keys[a]), b.view(b.attribute_values[a]));
  }
  return out + "}";
}

// Resources when they change, and records, one per line.
inline std::string show(const base::Batch& b) {
  std::string out;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (i == 0 || b.resource[i] != b.resource[i - 1]) {
      const auto& r = b.resources[b.resource[i]];
      out += fmt::format("[{} {} {} {} {} {}", b.view(r.service), b.view(r.env), b.view(r.version), b.view(r.host), b.view(r.region), b.view(r.source));
      for (auto a = r.attributes_begin; a < r.attributes_end; ++a) out += fmt::format(" {}={}", b.view(b.resource_keys[a]), b.view(b.resource_values[a]));
      out += "]\n";
    }
    out += show(b, i) + "\n";
  }
  return out;
}

}  // namespace ringwall::collect
