// OTLP: export requests of logs, traces and metrics as record batches.
//
// Follows opentelemetry-proto 1.x (logs, trace, metrics, common, resource) and the OTLP specification: protobuf, and
// JSON with hexadecimal ids, enumerations as integers, 64-bit integers as text or number.  Unknown fields are ignored.
//
// A message that cannot be read is refused whole (kInvalid, with the byte).  A record that is wrong by itself is
// rejected and counted, and the rest is kept (partial success).
//
// Text that is not UTF-8 gets U+FFFD where it is not; attributes without a key are left out.
//
// Limits: kNestingMax of AnyValue; base::kRecordAttributesMax per record, further ones are left out and counted in the
// attribute dropped_attributes; base::kBatchRecordsMax, kOtlpTextBytesMax and kOtlpResourceAttributesMax per request
// (kLimit).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/record.h"
#include "base/result.h"

namespace ringwall::collect {
inline constexpr int kNestingMax = 16;
inline constexpr std::size_t kOtlpTextBytesMax = 256u << 20;           // a body of 64 MiB can name its resource's text again and again
inline constexpr std::size_t kOtlpResourceAttributesMax = 1u << 20;  // of all resources of a request

// Tags of records whose resource does not say, and the time of those that have none.
struct OtlpDefaults {
  std::string env, region, host;
  std::int64_t now_ns = 0;
};

struct OtlpParsed {
  base::Batch batch;
  std::uint64_t rejected = 0;   // records
  std::string rejected_reason;  // of the first one
};

Result<OtlpParsed> parse_otlp_protobuf(base::Signal signal, std::string_view body, const OtlpDefaults& defaults);
Result<OtlpParsed> parse_otlp_json(base::Signal signal, std::string_view body, const OtlpDefaults& defaults);

}  // namespace ringwall::collect
