// What the edge knows about one request, as it travels from an nginx worker to the core.
//
//   record  := fixed strings             little-endian, offsets in EdgeRecordFixed below
//   fixed   := EdgeRecordFixed           `fixed_bytes` long; a later version only appends.  Version 1 ends before `bot_signals`
//   strings := the bytes of the strings, one after the other in the order of EdgeString, no terminators
//
// Strings are what the client sent, cut at the limits below: not necessarily UTF-8.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "base/result.h"

namespace ringwall::ring {

// Version 1 ends with the first kEdgeStringCountV1 sizes of strings; nginx may have a module loaded that still writes it.
inline constexpr std::uint16_t kEdgeRecordVersion = 2;
inline constexpr std::size_t kUpstreamStatusMax = 4;
inline constexpr std::uint32_t kPhaseAbsent = 0xffffffff;  // this phase did not happen

enum class EdgeString : std::uint8_t {
  kMethod,
  kHost,
  kPath,
  kQuery,
  kService,
  kRoute,
  kUpstream,
  kUserAgent,
  kReferer,
  kRequestId,
  kSni,
  kTlsCipher,
  // From version 2 on.
  kWafList,             // that decided about the client, or noted it
  kClientCountry,       // ISO 3166, two letters
  kClientOrganization,  // that announces the client's network
  kWafLimit,            // the limit that was reached
};
inline constexpr std::size_t kEdgeStringCount = 16, kEdgeStringCountV1 = 12;
// Bytes kept of each, in that order.
inline constexpr std::array<std::uint16_t, kEdgeStringCount> kEdgeStringBytesMax = {
    16, 255, 1024, 1024, 64, 64, 128, 512, 512, 128, 255, 64, 64, 2, 128, 128};

enum EdgeFlag : std::uint16_t {
  kEdgeWebsocket = 1 << 0,       // answered 101
  kEdgeGrpc = 1 << 1,            // request content-type application/grpc*
  kEdgeTraceContinued = 1 << 2,  // trace id and parent span came from the client
  kEdgeTls = 1 << 3,
  kEdgeTlsResumed = 1 << 4,
  kEdgeClientGone = 1 << 5,  // the client closed before the answer was complete
  kEdgeTruncated = 1 << 6,   // one of the strings was cut
  kEdgeFirstOnConnection = 1 << 7,
};

// Why the edge refused a request as one whose end or host two readers could see differently (nginx/framing.cpp).
enum class RequestFault : std::uint8_t { kNone, kCodingInHttp2, kOtherHost, kNoVersion, kHiddenParent };
constexpr std::string_view words_of(RequestFault fault) {
  constexpr std::string_view kWords[] = {"", "Transfer-Encoding in HTTP/2", "Host differs from the target's", "HTTP/0.9", "a parent folder hidden in the path"};
  const auto at = static_cast<std::size_t>(fault);
  return at < std::size(kWords) ? kWords[at] : "unknown";
}

struct EdgeRecord {
  std::uint64_t start_unix_ns = 0;  // first byte of the request

  // Microseconds.  What nginx itself measures (upstream_*) has a resolution of 1 ms.
  std::uint32_t header_us = 0;                       // first byte to whole header
  std::uint32_t tls_handshake_us = 0;                // on the first request of a connection, else 0
  std::uint32_t upstream_connect_us = kPhaseAbsent;  // last try
  std::uint32_t upstream_header_us = kPhaseAbsent;   // last try: asked to first byte of the answer
  std::uint32_t upstream_total_us = kPhaseAbsent;    // all tries together
  std::uint32_t total_us = 0;                        // start to logged

  std::uint64_t bytes_received = 0;  // request line, header and body as on the wire
  std::uint64_t bytes_sent = 0;

  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};         // of the edge's span
  std::array<std::uint8_t, 8> parent_span_id{};  // the client's, all zero for a root
  // What an untrusted client claimed, for a link; all zero otherwise.
  std::array<std::uint8_t, 16> linked_trace_id{};
  std::array<std::uint8_t, 8> linked_span_id{};

  std::array<std::uint8_t, 16> client_address{};  // IPv6; IPv4 as ::ffff:a.b.c.d; zero for a unix socket
  std::uint16_t client_port = 0;
  std::uint16_t status = 0;
  std::uint16_t protocol = 0;     // 9, 1000, 1001, 2000; 0 when the request line made no sense
  std::uint16_t tls_version = 0;  // 0x0303, 0x0304; 0 without TLS
  std::uint16_t flags = 0;        // EdgeFlag
  std::uint8_t trace_flags = 0;
  std::uint8_t upstream_tries = 0;                                  // 255 means 255 or more
  std::array<std::uint16_t, kUpstreamStatusMax> upstream_status{};  // of the last tries, oldest first
  std::uint32_t connection_requests = 0;
  std::uint64_t connection_number = 0;  // of this machine's nginx master, in order of accepting
  std::uint32_t query_bytes = 0;        // before cutting
  std::uint32_t worker_pid = 0;

  // Room for the firewall's verdict.
  std::uint8_t waf_verdict = 0;  // 0 not judged
  RequestFault request_fault = RequestFault::kNone;
  std::uint16_t waf_score = 0;
  std::uint32_t waf_rule_id = 0;
  std::uint32_t client_asn = 0;  // of the client's network; 0: not known
  std::uint32_t bot_signals = 0;  // policy/bots.h
  std::uint16_t bot_score = 0;

  std::array<std::string_view, kEdgeStringCount> strings{};

  std::string_view& operator[](EdgeString s) { return strings[static_cast<std::size_t>(s)]; }
  std::string_view operator[](EdgeString s) const { return strings[static_cast<std::size_t>(s)]; }
};

struct EdgeRecordFixed {
  std::uint32_t size;         //   0  of the whole record
  std::uint16_t version;      //   4
  std::uint16_t fixed_bytes;  //   6
  std::uint64_t start_unix_ns;
  std::uint32_t header_us;  //  16
  std::uint32_t tls_handshake_us;
  std::uint32_t upstream_connect_us;
  std::uint32_t upstream_header_us;
  std::uint32_t upstream_total_us;
  std::uint32_t total_us;
  std::uint64_t bytes_received;  //  40
  std::uint64_t bytes_sent;
  std::uint8_t trace_id[16];  //  56
  std::uint8_t span_id[8];
  std::uint8_t parent_span_id[8];
  std::uint8_t linked_trace_id[16];  //  88
  std::uint8_t linked_span_id[8];
  std::uint8_t client_address[16];  // 112
  std::uint16_t client_port;
  std::uint16_t status;
  std::uint16_t protocol;
  std::uint16_t tls_version;
  std::uint16_t flags;  // 136
  std::uint8_t trace_flags;
  std::uint8_t upstream_tries;
  std::uint16_t upstream_status[4];  // 140
  std::uint32_t connection_requests;
  std::uint64_t connection_number;  // 152
  std::uint32_t query_bytes;
  std::uint8_t waf_verdict;  // 164
  std::uint8_t request_fault;  // 0 in records of builds that did not know it
  std::uint16_t waf_score;
  std::uint32_t waf_rule_id;
  std::uint32_t worker_pid;                      // 172
  std::uint16_t string_bytes[kEdgeStringCount];  // 176
  std::uint32_t client_asn;                      // 208
  std::uint32_t bot_signals;
  std::uint16_t bot_score;                       // 216
  std::uint16_t reserved;                        // of no meaning, zero
  std::uint32_t reserved2;
};
inline constexpr std::size_t kEdgeFixedBytesV1 = 200;
static_assert(sizeof(EdgeRecordFixed) == 224 && offsetof(EdgeRecordFixed, string_bytes) + 2 * kEdgeStringCountV1 == kEdgeFixedBytesV1 && offsetof(EdgeRecordFixed, trace_id) == 56 &&
              offsetof(EdgeRecordFixed, flags) == 136 && offsetof(EdgeRecordFixed, string_bytes) == 176);

constexpr std::size_t edge_record_bytes_max() {
  std::size_t sum = sizeof(EdgeRecordFixed);
  for (const auto limit : kEdgeStringBytesMax) sum += limit;
  return sum;
}

// Cuts every string at its limit and sets kEdgeTruncated if that changed one.  Returns the encoded size.
std::size_t prepare(EdgeRecord& record) noexcept;

// Writes the prepared record; `out` has room for what prepare() returned.  No allocation, no exception.
void encode(const EdgeRecord& record, char* out) noexcept;

// Reads foreign bytes, of version 1 too: nginx goes on with the module it has when the core is replaced.  The strings point into
// `bytes`.  kCorrupt when lengths or limits do not fit, kInvalid for an impossible version; a newer one with a longer fixed part is
// read as far as we know it.
Result<EdgeRecord> decode_edge_record(std::string_view bytes);

}  // namespace ringwall::ring
