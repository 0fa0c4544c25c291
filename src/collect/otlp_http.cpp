#include "collect/otlp_http.h"

#include <fmt/format.h>

#include "base/text.h"
#include "collect/inflate.h"

namespace ringwall::collect {

namespace {

// google.rpc.Code
constexpr int kRpcInvalidArgument = 3, kRpcNotFound = 5, kRpcResourceExhausted = 8, kRpcUnimplemented = 12, kRpcUnavailable = 14;

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
void put_text(std::string& out, int field, std::string_view text) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  put_varint(out, text.size());
  out.append(text);
}

bool signal_of(std::string_view path, base::Signal& signal) {
  if (path == "/v1/logs") return signal = base::Signal::kLog, true;
  if (path == "/v1/traces") return signal = base::Signal::kSpan, true;
  if (path == "/v1/metrics") return signal = base::Signal::kMetric, true;
  return false;
}

// The body without its content encoding.  `inflated` holds it when there was one.
Result<std::string_view> plain_body(const OtlpRequest& request, std::string_view encoding, std::size_t bytes_max, std::string& inflated) {
  if (encoding == "gzip" || encoding == "deflate") {
    inflated = RW_TRY(inflate(request.body, encoding, bytes_max));
    return std::string_view(inflated);
  }
  if (request.body.size() > bytes_max) return fail(Errc::kLimit, fmt::format("the body is larger than {} bytes", bytes_max), "send smaller batches");
  return request.body;
}

}  // namespace

std::string encode_otlp_success(base::Signal signal, bool json, std::uint64_t rejected, std::string_view message) {
  static constexpr std::string_view kFields[] = {"rejectedLogRecords", "rejectedSpans", "rejectedDataPoints"};
  const bool partial = rejected != 0 || !message.empty();
  if (json) {
    if (!partial) return "{}";
    std::string out = fmt::format("{{\"partialSuccess\":{{\"{}\":\"{}\",\"errorMessage\":", kFields[static_cast<int>(signal)], rejected);
    base::append_json_string(out, message);
    return out + "}}";
  }
  if (!partial) return "";
  std::string inner, out;
  put_varint(inner, 1 << 3);
  put_varint(inner, rejected);
  put_text(inner, 2, message);
  put_text(out, 1, inner);
  return out;
}

std::string encode_otlp_error(bool json, int rpc_code, std::string_view message) {
  std::string out;
  if (json) {
    out = fmt::format("{{\"code\":{},\"message\":", rpc_code);
    base::append_json_string(out, message);
    return out + "}";
  }
  put_varint(out, 1 << 3);
  put_varint(out, static_cast<std::uint64_t>(rpc_code));
  put_text(out, 2, message);
  return out;
}

void handle_otlp(const OtlpRequest& request, const OtlpOptions& options, Collector& collector, const std::function<void(OtlpResponse)>& answer) {
  const auto type = base::lower_ascii(base::trim(request.content_type.substr(0, request.content_type.find(';'))));
  const bool json = type == "application/json";
  const auto refuse = [&](int status, int rpc_code, std::string_view message) {
    answer({status, json ? "application/json" : "application/x-protobuf", encode_otlp_error(json, rpc_code, message), 0, status == 405});
  };
  base::Signal signal;
  if (!signal_of(request.path, signal)) return refuse(404, kRpcNotFound, "send to /v1/logs, /v1/traces or /v1/metrics");
  if (request.method != "POST") return refuse(405, kRpcUnimplemented, "records are sent with POST");
  const auto drop = [&](const char* reason) {
    // How many records a body held that could not be read, nobody knows; it counts as one.
    collector.count_received("otlp", signal, 1);
    collector.count_dropped("otlp", reason, 1);
  };
  if (!json && type != "application/x-protobuf" && type != "application/protobuf") {
    drop("bad_request");
    return refuse(415, kRpcInvalidArgument, "Content-Type is application/x-protobuf or application/json");
  }
  const auto encoding = base::lower_ascii(request.content_encoding);
  if (!encoding.empty() && encoding != "identity" && encoding != "gzip" && encoding != "deflate") {
    drop("bad_request");
    return refuse(415, kRpcInvalidArgument, "Content-Encoding is gzip, deflate or none");
  }
  std::string inflated;
  const auto body = plain_body(request, encoding, options.body_bytes_max, inflated);
  if (!body.ok()) {
    const bool large = body.error().code == Errc::kLimit;
    drop(large ? "too_large" : "bad_request");
    return refuse(large ? 413 : 400, large ? kRpcResourceExhausted : kRpcInvalidArgument, body.error().message);
  }
  auto defaults = options.defaults;
  defaults.now_ns = options.clock->now_ns();
  auto parsed = json ? parse_otlp_json(signal, *body, defaults) : parse_otlp_protobuf(signal, *body, defaults);
  if (!parsed.ok()) {
    const bool large = parsed.error().code == Errc::kLimit;
    drop(large ? "too_large" : "bad_request");
    return refuse(large ? 413 : 400, large ? kRpcResourceExhausted : kRpcInvalidArgument, parsed.error().message);
  }
  if (parsed->rejected != 0) {
    collector.count_received("otlp", signal, parsed->rejected);
    collector.count_dropped("otlp", "rejected", parsed->rejected);
  }
  const auto succeed = [answer, signal, json, rejected = parsed->rejected, reason = parsed->rejected_reason] {
    answer({200, json ? "application/json" : "application/x-protobuf", encode_otlp_success(signal, json, rejected, reason), 0});
  };
  if (parsed->batch.size() == 0) return succeed();
  // The signal is part of the digest: an empty-looking body may be valid for two of them.
  auto digest = base::digest128(*body);
  digest.high ^= static_cast<std::uint64_t>(signal) + 1;
  collector.submit({.source = "otlp", .digest = digest, .batch = std::move(parsed->batch)}, [answer, succeed, json](const Result<std::uint64_t>& outcome) {
    if (outcome.ok()) return succeed();
    const bool later = outcome.error().code == Errc::kUnavailable;
    const bool queue = outcome.error().message.find(kQueueFull) != std::string::npos;
    answer({later ? (queue ? 429 : 503) : 413, json ? "application/json" : "application/x-protobuf",
            encode_otlp_error(json, later ? kRpcUnavailable : kRpcResourceExhausted, outcome.error().message), later ? 1 : 0});
  });
}

}  // namespace ringwall::collect
