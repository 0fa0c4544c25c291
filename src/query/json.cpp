#include "query/json.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"

namespace ringwall::query {

namespace {

// Writes members and elements with the commas between them.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }
  // Keys are literals of this program and need no escapes.
  JsonWriter& key(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    first_ = true;
    return *this;
  }
  JsonWriter& name(std::string_view foreign) {
    separate();
    base::append_json_string(out_, foreign);
    out_ += ':';
    first_ = true;
    return *this;
  }
  JsonWriter& text(std::string_view value) { return separate(), base::append_json_string(out_, value), *this; }
  JsonWriter& raw(std::string_view json) { return separate(), out_ += json, *this; }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& number(double value) { return separate(), base::append_json_number(out_, value), *this; }
  JsonWriter& integer(std::int64_t value) { return separate(), fmt::format_to(std::back_inserter(out_), "{}", value), *this; }
  JsonWriter& count(std::uint64_t value) { return separate(), fmt::format_to(std::back_inserter(out_), "{}", value), *this; }
  JsonWriter& time(std::int64_t ns) { return separate(), out_ += '"', out_ += base::rfc3339(ns), out_ += '"', *this; }
  JsonWriter& hex_id(const auto& id) { return separate(), out_ += '"', out_ += base::hex(id), out_ += '"', *this; }
  // Nanoseconds as milliseconds, without the noise of binary fractions.
  JsonWriter& milliseconds(std::int64_t ns) { return number(static_cast<double>(ns) / 1e6); }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  std::string& out_;
  bool first_ = true;
};

constexpr std::string_view kLevelNames[] = {"trace", "debug", "info", "warn", "error", "fatal"};
constexpr std::string_view kKindNames[] = {"unspecified", "internal", "server", "client", "producer", "consumer"};
constexpr std::string_view kOutcomeNames[] = {"unset", "ok", "error"};
constexpr std::string_view kMetricKindNames[] = {"gauge", "counter", "delta", "histogram", "summary"};

template <std::size_t N>
std::string_view name_of(const std::string_view (&names)[N], std::size_t index) {
  return index < N ? names[index] : names[0];
}

double error_rate(const Totals& t) { return t.requests == 0 ? 0 : static_cast<double>(t.errors) / static_cast<double>(t.requests); }

void write_totals(JsonWriter& w, const Totals& t) {
  w.key("requests").count(t.requests).key("rate").number(t.rate).key("errors").count(t.errors).key("error_rate").number(error_rate(t));
  w.key("p50_ms").number(t.p50_ms).key("p90_ms").number(t.p90_ms).key("p95_ms").number(t.p95_ms).key("p99_ms").number(t.p99_ms);
  w.key("max_ms").number(t.max_ms);
}

void write_log(JsonWriter& w, const LogRow& row) {
  w.open('{').key("id").text(row.id).key("ts").time(row.time_ns);
  w.key("level").text(base::level_name(row.severity)).key("severity").integer(row.severity);
  w.key("service").text(row.service).key("env").text(row.env).key("version").text(row.version).key("host").text(row.host);
  w.key("region").text(row.region).key("source").text(row.source);
  if (row.trace_id.valid()) w.key("trace_id").hex_id(row.trace_id);
  if (row.span_id != 0) w.key("span_id").hex_id(row.span_id);
  if (row.status.has_value()) w.key("status").integer(*row.status);
  if (row.duration_ns.has_value()) w.key("duration_ms").milliseconds(*row.duration_ns);
  w.key("message").text(row.message).key("attributes").raw(row.attributes_json).key("resource").raw(row.resource_json).close('}');
}

void write_span(JsonWriter& w, const SpanRow& row) {
  w.open('{').key("ts").time(row.time_ns).key("duration_ms").milliseconds(row.duration_ns);
  w.key("service").text(row.service).key("env").text(row.env).key("version").text(row.version).key("host").text(row.host);
  w.key("region").text(row.region).key("source").text(row.source).key("name").text(row.name);
  w.key("kind").text(name_of(kKindNames, row.kind)).key("status").text(name_of(kOutcomeNames, row.outcome));
  if (!row.outcome_text.empty()) w.key("status_message").text(row.outcome_text);
  w.key("trace_id").hex_id(row.trace_id).key("span_id").hex_id(row.span_id);
  if (row.parent_span_id != 0) w.key("parent_span_id").hex_id(row.parent_span_id);
  if (row.http_status.has_value()) w.key("http_status").integer(*row.http_status);
  w.key("attributes").raw(row.attributes_json).key("resource").raw(row.resource_json);
  w.key("events").raw(row.events_json).key("links").raw(row.links_json).close('}');
}

// A cell of a user's statement: times as everywhere else in the API.
void write_cell(JsonWriter& w, const store::Value& value, const std::string& type) {
  if (std::holds_alternative<std::monostate>(value)) {
    w.raw("null");
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    w.boolean(*flag);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    const bool is_time = type == "TIMESTAMP" || type == "TIMESTAMP WITH TIME ZONE";
    // Outside these years nanoseconds do not fit; infinity is such a time.
    if (is_time && std::abs(static_cast<double>(*integer)) < 9.2e15) {
      w.time(*integer * 1000);
    } else {
      w.integer(*integer);
    }
  } else if (const auto* number = std::get_if<double>(&value)) {
    w.number(*number);
  } else {
    w.text(std::get<std::string>(value));
  }
}

template <class Body>
std::string object(Body body) {
  std::string out;
  JsonWriter w(out);
  w.open('{');
  body(w);
  w.close('}');
  return out;
}

}  // namespace

void append_json(std::string& out, const LogRow& row) {
  JsonWriter w(out);
  write_log(w, row);
}

void append_json(std::string& out, const SpanRow& row) {
  JsonWriter w(out);
  write_span(w, row);
}

std::string to_json(const LogsPage& page) {
  return object([&](JsonWriter& w) {
    w.key("rows").open('[');
    for (const auto& row : page.rows) write_log(w, row);
    w.close(']').key("next");
    if (page.next.empty()) {
      w.raw("null");
    } else {
      w.text(page.next);
    }
    w.key("took_ms").number(page.took_ms);
  });
}

std::string to_json(const Histogram& histogram) {
  return object([&](JsonWriter& w) {
    w.key("interval_ms").integer(histogram.interval_ns / 1'000'000).key("buckets").open('[');
    for (const auto& bucket : histogram.buckets) {
      w.open('{').key("ts").time(bucket.time_ns).key("total").count(bucket.total).key("counts").open('{');
      for (std::size_t i = 0; i < 6; ++i) w.key(kLevelNames[i]).count(bucket.counts[i]);
      w.close('}').close('}');
    }
    w.close(']');
  });
}

std::string to_json(const std::vector<Facet>& facets) {
  return object([&](JsonWriter& w) {
    w.key("facets").open('[');
    for (const auto& facet : facets) {
      w.open('{').key("field").text(facet.field).key("values").open('[');
      for (const auto& [value, count] : facet.values) w.open('{').key("value").text(value).key("count").count(count).close('}');
      w.close(']').close('}');
    }
    w.close(']');
  });
}

std::string to_json(const TraceList& list) {
  return object([&](JsonWriter& w) {
    w.key("traces").open('[');
    for (const auto& t : list.traces) {
      w.open('{').key("trace_id").hex_id(t.trace_id).key("ts").time(t.time_ns).key("root_service").text(t.root_service);
      w.key("root_name").text(t.root_name).key("duration_ms").milliseconds(t.duration_ns).key("spans").count(t.spans);
      w.key("errors").count(t.errors).key("services").raw(t.services_json).key("status").text(t.errors > 0 ? "error" : "ok");
      if (t.http_status.has_value()) w.key("http_status").integer(*t.http_status);
      w.close('}');
    }
    w.close(']').key("took_ms").number(list.took_ms);
  });
}

std::string to_json(const Trace& trace) {
  return object([&](JsonWriter& w) {
    w.key("trace_id").hex_id(trace.trace_id).key("spans").open('[');
    for (const auto& span : trace.spans) write_span(w, span);
    w.close(']').key("logs").open('[');
    for (const auto& row : trace.logs) write_log(w, row);
    w.close(']').key("truncated").boolean(trace.truncated);
  });
}

std::string to_json(const std::vector<ServiceTotals>& services) {
  return object([&](JsonWriter& w) {
    w.key("services").open('[');
    for (const auto& service : services) {
      w.open('{').key("service").text(service.service);
      write_totals(w, service.totals);
      w.close('}');
    }
    w.close(']');
  });
}

std::string to_json(const Latency& latency) {
  return object([&](JsonWriter& w) {
    w.key("interval_ms").integer(latency.interval_ns / 1'000'000).key("rows").open('[');
    for (const auto& row : latency.rows) {
      w.open('{').key("service").text(row.service).key("ts").time(row.time_ns);
      write_totals(w, row.totals);
      w.close('}');
    }
    w.close(']').key("took_ms").number(latency.took_ms);
  });
}

std::string to_json(const ServicePage& page) {
  return object([&](JsonWriter& w) {
    w.key("service").text(page.service).key("totals").open('{');
    write_totals(w, page.totals);
    w.close('}').key("interval_ms").integer(page.interval_ns / 1'000'000).key("series").open('[');
    for (const auto& point : page.series) {
      w.open('{').key("ts").time(point.time_ns);
      write_totals(w, point.totals);
      w.close('}');
    }
    w.close(']').key("operations").open('[');
    for (const auto& [name, totals] : page.operations) {
      w.open('{').key("name").text(name);
      write_totals(w, totals);
      w.close('}');
    }
    w.close(']').key("versions").open('[');
    for (const auto& [version, totals] : page.versions) {
      w.open('{').key("version").text(version);
      write_totals(w, totals);
      w.close('}');
    }
    w.close(']');
  });
}

std::string to_json(const ServiceMap& map) {
  return object([&](JsonWriter& w) {
    w.key("nodes").open('[');
    for (const auto& node : map.nodes) w.open('{').key("name").text(node.name).key("kind").text(node.kind).close('}');
    w.close(']').key("edges").open('[');
    for (const auto& edge : map.edges) {
      w.open('{').key("from").text(edge.from).key("to").text(edge.to);
      write_totals(w, edge.totals);
      w.close('}');
    }
    w.close(']');
  });
}

std::string to_json(const Overview& overview) {
  return object([&](JsonWriter& w) {
    w.key("interval_ms").integer(overview.interval_ns / 1'000'000).key("series").open('[');
    for (const auto& point : overview.series) {
      w.open('{').key("ts").time(point.time_ns);
      write_totals(w, point.edge);
      w.key("logs").count(point.logs).key("spans").count(point.spans).close('}');
    }
    w.close(']').key("totals").open('{');
    write_totals(w, overview.edge);
    w.close('}');
  });
}

std::string to_json(const std::vector<MetricName>& metrics) {
  return object([&](JsonWriter& w) {
    w.key("metrics").open('[');
    for (const auto& m : metrics) {
      w.open('{').key("name").text(m.name).key("unit").text(m.unit);
      w.key("kind").text(name_of(kMetricKindNames, static_cast<std::size_t>(m.kind))).key("series").count(m.series).close('}');
    }
    w.close(']');
  });
}

std::string to_json(const MetricSeries& series) {
  return object([&](JsonWriter& w) {
    w.key("name").text(series.name).key("interval_ms").integer(series.interval_ns / 1'000'000).key("series").open('[');
    for (const auto& line : series.series) {
      w.open('{').key("labels").open('{');
      for (const auto& [label, value] : line.labels) w.name(label).text(value);
      w.close('}').key("points").open('[');
      for (const auto& [time_ms, value] : line.points) w.open('[').integer(time_ms).number(value).close(']');
      w.close(']').close('}');
    }
    w.close(']');
  });
}

std::string to_json(const SqlAnswer& answer) {
  return object([&](JsonWriter& w) {
    w.key("columns").open('[');
    for (const auto& column : answer.table.columns) w.open('{').key("name").text(column.name).key("type").text(column.type).close('}');
    w.close(']').key("rows").open('[');
    for (const auto& row : answer.table.rows) {
      w.open('[');
      for (std::size_t i = 0; i < row.size(); ++i) write_cell(w, row[i], answer.table.columns[i].type);
      w.close(']');
    }
    w.close(']').key("truncated").boolean(answer.table.truncated).key("took_ms").number(answer.took_ms);
  });
}

}  // namespace ringwall::query
