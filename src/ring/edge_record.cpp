#include "ring/edge_record.h"

#include <bit>
#include <cstring>

static_assert(std::endian::native == std::endian::little, "records are little-endian");

namespace ringwall::ring {

std::size_t prepare(EdgeRecord& record) noexcept {
  std::size_t size = sizeof(EdgeRecordFixed);
  for (std::size_t i = 0; i < kEdgeStringCount; ++i) {
    auto& text = record.strings[i];
    if (text.size() > kEdgeStringBytesMax[i]) {
      text = text.substr(0, kEdgeStringBytesMax[i]);
      record.flags |= kEdgeTruncated;
    }
    size += text.size();
  }
  return size;
}

void encode(const EdgeRecord& record, char* out) noexcept {
  EdgeRecordFixed fixed;
  fixed.version = kEdgeRecordVersion;
  fixed.fixed_bytes = sizeof fixed;
  fixed.start_unix_ns = record.start_unix_ns;
  fixed.header_us = record.header_us;
  fixed.tls_handshake_us = record.tls_handshake_us;
  fixed.upstream_connect_us = record.upstream_connect_us;
  fixed.upstream_header_us = record.upstream_header_us;
  fixed.upstream_total_us = record.upstream_total_us;
  fixed.total_us = record.total_us;
  fixed.bytes_received = record.bytes_received;
  fixed.bytes_sent = record.bytes_sent;
  std::memcpy(fixed.trace_id, record.trace_id.data(), sizeof fixed.trace_id);
  std::memcpy(fixed.span_id, record.span_id.data(), sizeof fixed.span_id);
  std::memcpy(fixed.parent_span_id, record.parent_span_id.data(), sizeof fixed.parent_span_id);
  std::memcpy(fixed.linked_trace_id, record.linked_trace_id.data(), sizeof fixed.linked_trace_id);
  std::memcpy(fixed.linked_span_id, record.linked_span_id.data(), sizeof fixed.linked_span_id);
  std::memcpy(fixed.client_address, record.client_address.data(), sizeof fixed.client_address);
  fixed.client_port = record.client_port;
  fixed.status = record.status;
  fixed.protocol = record.protocol;
  fixed.tls_version = record.tls_version;
  fixed.flags = record.flags;
  fixed.trace_flags = record.trace_flags;
  fixed.upstream_tries = record.upstream_tries;
  std::memcpy(fixed.upstream_status, record.upstream_status.data(), sizeof fixed.upstream_status);
  fixed.connection_requests = record.connection_requests;
  fixed.connection_number = record.connection_number;
  fixed.query_bytes = record.query_bytes;
  fixed.waf_verdict = record.waf_verdict;
  fixed.request_fault = static_cast<std::uint8_t>(record.request_fault);
  fixed.waf_score = record.waf_score;
  fixed.waf_rule_id = record.waf_rule_id;
  fixed.worker_pid = record.worker_pid;
  fixed.client_asn = record.client_asn;
  fixed.bot_signals = record.bot_signals;
  fixed.bot_score = record.bot_score;
  fixed.reserved = 0;
  fixed.reserved2 = 0;

  char* at = out + sizeof fixed;
  for (std::size_t i = 0; i < kEdgeStringCount; ++i) {
    const auto text = record.strings[i];
    fixed.string_bytes[i] = static_cast<std::uint16_t>(text.size());
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
  fixed.size = static_cast<std::uint32_t>(at - out);
  std::memcpy(out, &fixed, sizeof fixed);
}

}  // namespace ringwall::ring
