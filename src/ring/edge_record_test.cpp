#include "ring/edge_record.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

namespace {

using namespace ringwall;
using namespace ringwall::ring;

EdgeRecord sample() {
  EdgeRecord record;
  record.start_unix_ns = 1'763'878'000'123'456'789;
  record.header_us = 1;
  record.tls_handshake_us = 2;
  record.upstream_connect_us = 3;
  record.upstream_header_us = 4;
  record.upstream_total_us = 5;
  record.total_us = 6;
  record.bytes_received = 7;
  record.bytes_sent = 1ull << 40;
  for (std::size_t i = 0; i < 16; ++i) {
    record.trace_id[i] = static_cast<std::uint8_t>(i + 1);
    record.linked_trace_id[i] = static_cast<std::uint8_t>(i + 65);
    record.client_address[i] = static_cast<std::uint8_t>(i + 97);
  }
  for (std::size_t i = 0; i < 8; ++i) {
    record.span_id[i] = static_cast<std::uint8_t>(i + 33);
    record.parent_span_id[i] = static_cast<std::uint8_t>(i + 49);
    record.linked_span_id[i] = static_cast<std::uint8_t>(i + 81);
  }
  record.client_port = 54321;
  record.status = 200;
  record.protocol = 2000;
  record.tls_version = 0x0304;
  record.flags = kEdgeTls | kEdgeGrpc;
  record.trace_flags = 1;
  record.upstream_tries = 2;
  record.upstream_status = {502, 200, 0, 0};
  record.connection_requests = 11;
  record.connection_number = 12;
  record.query_bytes = 13;
  record.worker_pid = 14;
  record.waf_verdict = 2;
  record.request_fault = RequestFault::kOtherHost;
  record.waf_score = 15;
  record.waf_rule_id = 942100;
  record.bot_signals = 16;
  record.bot_score = 17;
  record[EdgeString::kMethod] = "GET";
  record[EdgeString::kHost] = "shop.example";
  record[EdgeString::kPath] = "/cart";
  record[EdgeString::kQuery] = "a=1";
  record[EdgeString::kService] = "front";
  record[EdgeString::kRoute] = "front:0";
  record[EdgeString::kUpstream] = "127.0.0.1:3000";
  record[EdgeString::kUserAgent] = "curl/8";
  record[EdgeString::kReferer] = "https://a/";
  record[EdgeString::kRequestId] = "r-1";
  record[EdgeString::kSni] = "shop.example";
  record[EdgeString::kTlsCipher] = "TLS_AES_256_GCM_SHA384";
  record.client_asn = 64496;
  record[EdgeString::kWafList] = "threats";
  record[EdgeString::kClientCountry] = "DE";
  record[EdgeString::kClientOrganization] = "Example Net";
  record[EdgeString::kWafLimit] = "login.accounts";
  return record;
}

std::string bytes_of(EdgeRecord record) {
  std::string out(prepare(record), '\0');
  encode(record, out.data());
  return out;
}

std::string error_of(std::string_view bytes) {
  auto record = decode_edge_record(bytes);
  return record.ok() ? "ok" : record.error().message;
}

template <class T>
void put(std::string& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

}  // namespace

TEST_CASE("edge record: what is encoded is decoded") {
  const auto bytes = bytes_of(sample());
  const auto record = decode_edge_record(bytes).value();
  const auto want = sample();
  CHECK(record.start_unix_ns == want.start_unix_ns);
  CHECK(record.bytes_sent == want.bytes_sent);
  CHECK(record.trace_id == want.trace_id);
  CHECK(record.span_id == want.span_id);
  CHECK(record.parent_span_id == want.parent_span_id);
  CHECK(record.linked_trace_id == want.linked_trace_id);
  CHECK(record.linked_span_id == want.linked_span_id);
  CHECK(record.client_address == want.client_address);
  CHECK(record.upstream_status == want.upstream_status);
  CHECK(record.upstream_total_us == 5);
  CHECK(record.total_us == 6);
  CHECK(record.waf_rule_id == 942100);
  CHECK(record.worker_pid == 14);
  CHECK(record.strings == want.strings);
  // Every other field: the same bytes again.
  CHECK(bytes_of(record) == bytes);
}

// Format: the offsets in the header are a promise to other implementations.
TEST_CASE("edge record: bytes lie where the header says") {
  const auto bytes = bytes_of(sample());
  CHECK(static_cast<unsigned char>(bytes[0]) + 256 * static_cast<unsigned char>(bytes[1]) ==
        static_cast<int>(bytes.size()));
  CHECK(bytes[4] == 2);
  CHECK(static_cast<unsigned char>(bytes[6]) == 224);
  CHECK(bytes.substr(56, 3) == "\x01\x02\x03");
  CHECK(bytes.substr(112, 3) == "abc");
  CHECK(bytes.substr(208, 12) == std::string("\xf0\xfb\0\0\x10\0\0\0\x11\0\0\0", 12));
  CHECK(bytes.substr(224, 15) == "GETshop.example");
}

TEST_CASE("edge record: strings are kept whole at their limit and cut one past it") {
  for (std::size_t i = 0; i < kEdgeStringCount; ++i) {
    CAPTURE(i);
    const std::string text(kEdgeStringBytesMax[i] + 1, 'x');
    auto record = sample();
    record.strings[i] = std::string_view(text).substr(1);
    auto decoded = decode_edge_record(bytes_of(record)).value();
    CHECK((decoded.flags & kEdgeTruncated) == 0);
    record.strings[i] = text;
    const auto bytes = bytes_of(record);
    decoded = decode_edge_record(bytes).value();
    CHECK((decoded.flags & kEdgeTruncated) != 0);
    CHECK(decoded.strings[i].size() == kEdgeStringBytesMax[i]);
  }
}

TEST_CASE("edge record: foreign bytes are refused with their reason") {
  const auto good = bytes_of(sample());
  CHECK(error_of("") == "edge record: 0 bytes, at least 200 expected");
  CHECK(error_of(good.substr(0, good.size() - 1)).starts_with("edge record: says "));
  auto bytes = good;
  put<std::uint16_t>(bytes, 4, 0);
  CHECK(error_of(bytes) == "edge record: version 0 is unknown");
  bytes = good;
  put<std::uint16_t>(bytes, 6, 207);
  CHECK(error_of(bytes) == "edge record: fixed part of 207 bytes");
  bytes = good;
  put<std::uint16_t>(bytes, 176, 17);
  CHECK(error_of(bytes) == "edge record: string 0 of 17 bytes, at most 16");
  bytes = good;
  put<std::uint16_t>(bytes, 206, 60);
  CHECK(error_of(bytes) == "edge record: string 15 of 60 bytes ends outside");
  bytes = good;
  put<std::uint16_t>(bytes, 206, 1);
  CHECK(error_of(bytes) == "edge record: 13 bytes behind the last string");
  CHECK(error_of(good.substr(0, 207)) == "edge record: says 360 bytes, has 207");
}

TEST_CASE("edge record: a newer version is read as far as we know it") {
  auto bytes = bytes_of(sample());
  bytes.insert(224, "12345678");
  bytes += "a further string";
  put<std::uint32_t>(bytes, 0, static_cast<std::uint32_t>(bytes.size()));
  put<std::uint16_t>(bytes, 4, 3);
  put<std::uint16_t>(bytes, 6, 232);
  const auto record = decode_edge_record(bytes).value();
  CHECK(record[EdgeString::kPath] == "/cart");
  CHECK(record[EdgeString::kTlsCipher] == "TLS_AES_256_GCM_SHA384");
}

// An nginx that was started before the core was replaced goes on writing these.
TEST_CASE("edge record: version 1 is read, without what it did not know") {
  auto old = sample();
  for (const auto newer : {EdgeString::kWafList, EdgeString::kClientCountry, EdgeString::kClientOrganization, EdgeString::kWafLimit}) old[newer] = {};
  auto bytes = bytes_of(old);
  bytes.erase(kEdgeFixedBytesV1, sizeof(EdgeRecordFixed) - kEdgeFixedBytesV1);
  put<std::uint32_t>(bytes, 0, static_cast<std::uint32_t>(bytes.size()));
  put<std::uint16_t>(bytes, 4, 1);
  put<std::uint16_t>(bytes, 6, kEdgeFixedBytesV1);
  const auto record = decode_edge_record(bytes).value();
  CHECK(record[EdgeString::kTlsCipher] == "TLS_AES_256_GCM_SHA384");
  CHECK(record[EdgeString::kWafLimit].empty());
  CHECK(record.waf_rule_id == 942100);
  CHECK(record.bot_signals == 0);
  CHECK(record.client_asn == 0);
  CHECK(error_of(bytes.substr(0, 199)) == "edge record: 199 bytes, at least 200 expected");
}
