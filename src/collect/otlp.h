// OTLP: export requests of logs, traces and metrics as record batches.
//
// Follows opentelemetry-proto 1.x (logs, trace, metrics, common, resource) and the OTLP specification: protobuf, and
// JSON with hexadecimal ids, enumerations as integers, 64-bit integers as text or number.  Unknown fields are ignored.
//
// A message that cannot be read is refused whole (kInvalid, with the byte).  A record that is wrong by itself is
// rejected and counted, and the rest is kept (partial success).
//
// Limits: kNestingMax of AnyValue, kRecordAttributesMax per record (further ones are left out), base::kBatchRecordsMax.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/record.h"
#include "base/result.h"

namespace ringwall::collect {

inline constexpr int kNestingMax = 16;

// Tags of records whose resource does not say.
struct OtlpDefaults {
  std::string env, region, host;
};

struct OtlpParsed {
  base::Batch batch;
  std::uint64_t rejected = 0;   // records
  std::string rejected_reason;  // of the first one
};

Result<OtlpParsed> parse_otlp_protobuf(base::Signal signal, std::string_view body, const OtlpDefaults& defaults);
Result<OtlpParsed> parse_otlp_json(base::Signal signal, std::string_view body, const OtlpDefaults& defaults);

}  // namespace ringwall::collect
