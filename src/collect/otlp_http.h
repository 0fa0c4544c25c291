// OTLP/HTTP: what each request is answered, apart from the listener that carries it.
//
//   200  every record is durable, or partial_success says how many were rejected and why
//   400  the body cannot be read; 404 an unknown path; 405 not POST; 413 too large; 415 an unknown type or encoding
//   429  the queue is full for a moment, 503 the spool or the disk is: both with Retry-After, and the sender tries again
//
// The answer has the request's content type.  Source: OTLP specification, "OTLP/HTTP".
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "collect/collector.h"
#include "collect/otlp.h"

namespace ringwall::collect {

struct OtlpRequest {
  std::string_view method, path, content_type, content_encoding, body;
};

struct OtlpResponse {
  int status = 200;
  std::string content_type, body;
  int retry_after_s = 0;    // 0: no Retry-After
  bool allow_post = false;  // send "Allow: POST"
};

struct OtlpOptions {
  OtlpDefaults defaults;  // its now_ns is set from the clock for each request
  base::Clock* clock = &base::real_clock();
  std::size_t body_bytes_max = 64u << 20;  // after decompression
};

// `answer` is called once, now or from the collector's thread.
void handle_otlp(const OtlpRequest& request, const OtlpOptions& options, Collector& collector, const std::function<void(OtlpResponse)>& answer);

// Export…ServiceResponse with its partial_success; `rejected` 0 and no message is full success.
std::string encode_otlp_success(base::Signal signal, bool json, std::uint64_t rejected, std::string_view message);
// google.rpc.Status
std::string encode_otlp_error(bool json, int rpc_code, std::string_view message);

}  // namespace ringwall::collect
