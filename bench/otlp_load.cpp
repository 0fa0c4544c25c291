// otlp_load: sends realistic log records by OTLP/HTTP (protobuf) and counts what was acknowledged.
//
//   otlp_load --endpoint http://127.0.0.1:4318 --records 10000000 --batch 2000 --connections 4
//
//   otlp_load --lines - --records 1000000      the same records as lines of JSON on standard output, nothing is sent
//
// Bodies are made before the clock starts (in rounds of a bounded size), so that the sender's own work does not
// count; what is measured is acknowledged records per second of wall clock while sending.  Prints one JSON line.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/text.h"
#include "base/world.h"
#include "http/client.h"
#include "log_generator.h"

namespace {

using ringwall::bench::GeneratedLog;
using ringwall::bench::kServices;
using ringwall::bench::LogGenerator;

// The protobuf wire format, as far as a sender needs it.
void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  put_varint(out, bytes.size());
  out.append(bytes);
}
void put_fixed64(std::string& out, int field, std::uint64_t value) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | 1);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
std::string key_value(std::string_view key, std::string_view value) {
  std::string any, out;
  put_bytes(any, 1, value);
  put_bytes(out, 1, key);
  put_bytes(out, 2, any);
  return out;
}
std::string big_endian(std::uint64_t value) {
  value = __builtin_bswap64(value);
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string encode_record(const GeneratedLog& log) {
  std::string out, body;
  put_fixed64(out, 1, static_cast<std::uint64_t>(log.time_ns));
  out.append("\x10").push_back(static_cast<char>(log.severity));
  put_bytes(body, 1, log.message);
  put_bytes(out, 5, body);
  for (const auto& [key, value] : log.attributes) put_bytes(out, 6, key_value(key, value));
  if (log.trace_high != 0) {
    put_bytes(out, 9, big_endian(log.trace_high) + big_endian(log.trace_low));
    put_bytes(out, 10, big_endian(log.span));
  }
  return out;
}

// One sender's request: records of one host of one service, as an SDK or agent batches them.
std::string encode_request(int service, int host, const std::string& records) {
  std::string resource, scope_logs = records, resource_logs, request;
  put_bytes(resource, 1, key_value("service.name", kServices[static_cast<std::size_t>(service)]));
  put_bytes(resource, 1, key_value("service.version", "2.4.1"));
  put_bytes(resource, 1, key_value("host.name", fmt::format("ip-10-0-{}-{}", host / 8, host)));
  put_bytes(resource_logs, 1, resource);
  put_bytes(resource_logs, 2, scope_logs);
  put_bytes(request, 1, resource_logs);
  return request;
}

// What a service's own JSON log would say.
void print_line(const GeneratedLog& log) {
  std::string line = fmt::format(R"({{"ts":{},"service":"{}","host":"ip-10-0-{}-{}","severity":{})", log.time_ns,
                                 kServices[static_cast<std::size_t>(log.service)], log.host / 8, log.host, log.severity);
  if (log.trace_high != 0) line += fmt::format(R"(,"trace_id":"{:016x}{:016x}","span_id":"{:016x}")", log.trace_high, log.trace_low, log.span);
  const auto add = [&line](std::string_view key, std::string_view value) {
    line += ',';
    ringwall::base::append_json_string(line, key);
    line += ':';
    ringwall::base::append_json_string(line, value);
  };
  for (const auto& [key, value] : log.attributes) add(key, value);
  add("msg", log.message);
  fmt::print("{}}}\n", line);
}

struct Options {
  std::string endpoint = "http://127.0.0.1:4318";
  std::uint64_t records = 1'000'000, batch = 2000;
  int connections = 4;
  std::int64_t hours = 24;
  bool lines = false;
};

struct Body {
  std::string bytes;
  std::uint64_t records = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--endpoint") options.endpoint = argv[i + 1];
    else if (name == "--records") options.records = std::strtoull(argv[i + 1], nullptr, 10);
    else if (name == "--batch") options.batch = std::strtoull(argv[i + 1], nullptr, 10);
    else if (name == "--connections") options.connections = std::atoi(argv[i + 1]);
    else if (name == "--hours") options.hours = std::atoll(argv[i + 1]);
    else if (name == "--lines") options.lines = true;
    else return fmt::print(stderr, "otlp_load: unknown option {}\n", name), 2;
  }
  const std::int64_t span = options.hours * 3'600'000'000'000;
  LogGenerator generator(options.records, ringwall::base::real_clock().now_ns() - span, span);
  if (options.lines) {
    GeneratedLog log;
    for (std::uint64_t i = 0; i < options.records; ++i) generator.next(log), print_line(log);
    return 0;
  }

  constexpr std::uint64_t kRound = 2'000'000;  // records held encoded at a time: about 500 MB
  std::atomic<std::uint64_t> acknowledged{0}, refused{0}, retried{0}, failed{0};
  std::uint64_t sent_bytes = 0;
  double seconds = 0;
  for (std::uint64_t done = 0; done < options.records;) {
    std::vector<Body> bodies;
    std::map<int, std::pair<std::string, std::uint64_t>> open;  // by host
    const auto close = [&](int host, std::pair<std::string, std::uint64_t>& batch) {
      bodies.push_back({encode_request(host / 3, host, batch.first), batch.second});
      sent_bytes += bodies.back().bytes.size();
      batch = {};
    };
    GeneratedLog log;
    for (std::uint64_t i = 0; i < kRound && done < options.records; ++i, ++done) {
      generator.next(log);
      auto& batch = open[log.host];
      put_bytes(batch.first, 2, encode_record(log));
      if (++batch.second == options.batch) close(log.host, batch);
    }
    for (auto& [host, batch] : open) {
      if (batch.second != 0) close(host, batch);
    }

    std::atomic<std::size_t> next{0};
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> senders;
    for (int c = 0; c < options.connections; ++c) {
      senders.emplace_back([&] {
        for (std::size_t i; (i = next++) < bodies.size();) {
          for (int attempt = 0;; ++attempt) {
            const auto answer = ringwall::http::fetch({.method = "POST", .url = options.endpoint + "/v1/logs",
                                                       .headers = {"Content-Type: application/x-protobuf"}, .body = bodies[i].bytes});
            if (answer.ok() && answer->status == 200) {
              acknowledged += bodies[i].records;
            } else if (answer.ok() && (answer->status == 429 || answer->status == 503) && attempt < 1000) {
              ++retried;
              std::this_thread::sleep_for(std::chrono::milliseconds(20));
              continue;
            } else {
              (answer.ok() ? refused : failed) += bodies[i].records;
            }
            break;
          }
        }
      });
    }
    for (auto& sender : senders) sender.join();
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    fmt::print(stderr, "{} of {} records, {:.0f} records/s\n", done, options.records, static_cast<double>(acknowledged) / seconds);
  }
  fmt::print("{{\"records\":{},\"acknowledged\":{},\"refused\":{},\"failed\":{},\"retries\":{},\"seconds\":{:.2f},\"records_per_second\":{:.0f},\"body_bytes\":{}}}\n",
             options.records, acknowledged.load(), refused.load(), failed.load(), retried.load(), seconds,
             static_cast<double>(acknowledged) / seconds, sent_bytes);
  return acknowledged == options.records ? 0 : 1;
}
