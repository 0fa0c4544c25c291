// One request at the edge as telemetry: a span and a log record.  Pure.
//
// Attribute names follow the OpenTelemetry semantic conventions for HTTP servers (1.2x: http.request.method,
// url.path, http.route, http.response.status_code, server.address, client.address, user_agent.original, …);
// what they have no name for is called ringwall.*.  Values of query parameters that usually carry secrets are
// replaced by REDACTED.
#pragma once

#include <string>

#include "base/record.h"
#include "ring/edge_record.h"
#include "ring/waf_event.h"

namespace ringwall::edge {

struct EdgeIdentity {
  std::string env, version, host, region;
};

// Makes service and source `edge` the resource of the records that follow.
void begin_edge_resource(base::BatchBuilder& builder, const EdgeIdentity& identity);

// Kind server, named "GET /route"; outcome error from status 500 on.
void add_edge_span(base::BatchBuilder& spans, const ring::EdgeRecord& record);
// "GET /cart?x=1 200 12.3ms", at the time the request ended; info, from 400 warn, from 500 error.
void add_edge_log(base::BatchBuilder& logs, const ring::EdgeRecord& record);

// "firewall deny: SQL Injection (942100) GET /search?q=…": an audit record, with the trace of its request.
void add_waf_log(base::BatchBuilder& logs, const ring::WafEvent& event);

// "a=1&token=REDACTED"
std::string redact_query(std::string_view query);

}  // namespace ringwall::edge
