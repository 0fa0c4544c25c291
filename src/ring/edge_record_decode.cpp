#include <fmt/format.h>

#include <cstring>

#include "ring/edge_record.h"

namespace ringwall::ring {

Result<EdgeRecord> decode_edge_record(std::string_view bytes) {
  EdgeRecordFixed fixed{};
  if (bytes.size() < kEdgeFixedBytesV1) {
    return fail(Errc::kCorrupt,
                fmt::format("edge record: {} bytes, at least {} expected", bytes.size(), kEdgeFixedBytesV1));
  }
  std::memcpy(&fixed, bytes.data(), kEdgeFixedBytesV1);
  const bool older = fixed.version == 1;
  const std::size_t known_bytes = older ? kEdgeFixedBytesV1 : sizeof fixed;
  if (fixed.version < 1) {
    return fail(Errc::kInvalid, fmt::format("edge record: version {} is unknown", fixed.version));
  }
  if (fixed.size != bytes.size()) {
    return fail(Errc::kCorrupt, fmt::format("edge record: says {} bytes, has {}", fixed.size, bytes.size()));
  }
  const bool newer = fixed.version > kEdgeRecordVersion;
  if ((newer ? fixed.fixed_bytes < known_bytes : fixed.fixed_bytes != known_bytes) || bytes.size() < known_bytes) {
    return fail(Errc::kCorrupt, fmt::format("edge record: fixed part of {} bytes", fixed.fixed_bytes));
  }
  std::memcpy(&fixed, bytes.data(), known_bytes);

  EdgeRecord record;
  std::size_t at = fixed.fixed_bytes;
  for (std::size_t i = 0; i < (older ? kEdgeStringCountV1 : kEdgeStringCount); ++i) {
    const std::size_t length = fixed.string_bytes[i];
    if (length > kEdgeStringBytesMax[i]) {
      return fail(Errc::kCorrupt, fmt::format("edge record: string {} of {} bytes, at most {}", i, length,
                                              kEdgeStringBytesMax[i]));
    }
    if (at > bytes.size() || length > bytes.size() - at) {
      return fail(Errc::kCorrupt, fmt::format("edge record: string {} of {} bytes ends outside", i, length));
    }
    record.strings[i] = bytes.substr(at, length);
    at += length;
  }
  // A newer version may have strings behind ours.
  if (!newer && at != bytes.size()) {
    return fail(Errc::kCorrupt, fmt::format("edge record: {} bytes behind the last string", bytes.size() - at));
  }

  record.start_unix_ns = fixed.start_unix_ns;
  record.header_us = fixed.header_us;
  record.tls_handshake_us = fixed.tls_handshake_us;
  record.upstream_connect_us = fixed.upstream_connect_us;
  record.upstream_header_us = fixed.upstream_header_us;
  record.upstream_total_us = fixed.upstream_total_us;
  record.total_us = fixed.total_us;
  record.bytes_received = fixed.bytes_received;
  record.bytes_sent = fixed.bytes_sent;
  std::memcpy(record.trace_id.data(), fixed.trace_id, sizeof fixed.trace_id);
  std::memcpy(record.span_id.data(), fixed.span_id, sizeof fixed.span_id);
  std::memcpy(record.parent_span_id.data(), fixed.parent_span_id, sizeof fixed.parent_span_id);
  std::memcpy(record.linked_trace_id.data(), fixed.linked_trace_id, sizeof fixed.linked_trace_id);
  std::memcpy(record.linked_span_id.data(), fixed.linked_span_id, sizeof fixed.linked_span_id);
  std::memcpy(record.client_address.data(), fixed.client_address, sizeof fixed.client_address);
  record.client_port = fixed.client_port;
  record.status = fixed.status;
  record.protocol = fixed.protocol;
  record.tls_version = fixed.tls_version;
  record.flags = fixed.flags;
  record.trace_flags = fixed.trace_flags;
  record.upstream_tries = fixed.upstream_tries;
  std::memcpy(record.upstream_status.data(), fixed.upstream_status, sizeof fixed.upstream_status);
  record.connection_requests = fixed.connection_requests;
  record.connection_number = fixed.connection_number;
  record.query_bytes = fixed.query_bytes;
  record.waf_verdict = fixed.waf_verdict;
  record.request_fault = static_cast<RequestFault>(fixed.request_fault);
  record.waf_score = fixed.waf_score;
  record.waf_rule_id = fixed.waf_rule_id;
  record.worker_pid = fixed.worker_pid;
  record.client_asn = fixed.client_asn;
  record.bot_signals = fixed.bot_signals;
  record.bot_score = fixed.bot_score;
  return record;
}

}  // namespace ringwall::ring
