// The answers of Query as the JSON that docs/api.md describes.
//
// Absent members are left out where the document marks them with '?'; a percentile of nothing is null.
#pragma once

#include <string>
#include <vector>

#include "query/rows.h"

namespace ringwall::query {

// One LOG or SPAN object, appended.
void append_json(std::string& out, const LogRow& row);
void append_json(std::string& out, const SpanRow& row);

std::string to_json(const LogsPage& page);
std::string to_json(const Histogram& histogram);
std::string to_json(const std::vector<Facet>& facets);
std::string to_json(const TraceList& list);
std::string to_json(const Trace& trace);
std::string to_json(const std::vector<ServiceTotals>& services);
std::string to_json(const Latency& latency);
std::string to_json(const ServicePage& page);
std::string to_json(const ServiceMap& map);
std::string to_json(const Overview& overview);
std::string to_json(const std::vector<MetricName>& metrics);
std::string to_json(const MetricSeries& series);
std::string to_json(const SqlAnswer& answer);

}  // namespace ringwall::query
