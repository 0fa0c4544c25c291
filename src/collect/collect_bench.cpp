// collect_bench: what one core parses, and what the spool acknowledges.
//
//   collect_bench [folder for the spool]
//
// Records are like those of a web shop: a message of 80 to 120 bytes, five attributes, a trace id, in requests of 2000.
#include <fmt/format.h>
#include <libdeflate.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/hash.h"
#include "collect/collector.h"
#include "collect/fields.h"
#include "collect/inflate.h"
#include "collect/otlp.h"
#include "collect/spool.h"
#include "collect/test_wire.h"

namespace {

using namespace ringwall;
using namespace ringwall::collect;
using namespace ringwall::collect::test;

constexpr int kRecords = 2000;

std::uint64_t random_number(std::uint64_t& state) { return state = base::mix64(state + 0x9e3779b97f4a7c15ULL); }

std::string protobuf_request(std::uint64_t seed) {
  std::string records;
  for (int i = 0; i < kRecords; ++i) {
    const auto a = random_number(seed), b = random_number(seed);
    std::string trace(16, '\0'), span(8, '\0');
    std::memcpy(trace.data(), &a, 8);
    std::memcpy(trace.data() + 8, &b, 8);
    std::memcpy(span.data(), &a, 8);
    records += bytes(2, fixed(1, 1'700'000'000'000'000'000 + static_cast<std::uint64_t>(i) * 1000) + number(2, 9) +
                            bytes(5, text_value(fmt::format("GET /products/{}/reviews answered 200 to customer {} after {} retries with {} rows", a % 50000, b % 200000, a % 3, b % 40))) +
                            bytes(6, key_value("http.request.method", text_value("GET"))) + bytes(6, key_value("http.route", text_value("/products/{id}/reviews"))) +
                            bytes(6, key_value("http.response.status_code", number(3, 200))) + bytes(6, key_value("duration_ms", real(4, static_cast<double>(a % 100000) / 1000))) +
                            bytes(6, key_value("client.address", text_value(fmt::format("10.0.{}.{}", a % 256, b % 256)))) + bytes(9, trace) + bytes(10, span));
  }
  return request(bytes(1, key_value("service.name", text_value("storefront"))) + bytes(1, key_value("host.name", text_value("web-1"))), "", records);
}

std::string json_request(std::uint64_t seed) {
  std::string records;
  for (int i = 0; i < kRecords; ++i) {
    const auto a = random_number(seed), b = random_number(seed);
    records += fmt::format(R"({}{{"timeUnixNano":"{}","severityNumber":9,"body":{{"stringValue":"GET /products/{}/reviews answered 200 to customer {} after {} retries with {} rows"}},"attributes":[)"
                           R"({{"key":"http.request.method","value":{{"stringValue":"GET"}}}},{{"key":"http.route","value":{{"stringValue":"/products/{{id}}/reviews"}}}},)"
                           R"({{"key":"http.response.status_code","value":{{"intValue":200}}}},{{"key":"duration_ms","value":{{"doubleValue":{}}}}},)"
                           R"({{"key":"client.address","value":{{"stringValue":"10.0.{}.{}"}}}}],"traceId":"{:016x}{:016x}","spanId":"{:016x}"}})",
                           i == 0 ? "" : ",", 1'700'000'000'000'000'000 + i * 1000, a % 50000, b % 200000, a % 3, b % 40, static_cast<double>(a % 100000) / 1000, a % 256, b % 256, a, b, a);
  }
  return R"({"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"storefront"}}]},"scopeLogs":[{"logRecords":[)" + records + "]}]}]}";
}

// Repeats `work` for about a second of this thread's processor time and prints what it makes of kRecords.
template <class F>
void measure(const char* name, std::size_t bytes_each, F work) {
  const auto cpu = [] {
    timespec ts{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return static_cast<double>(ts.tv_sec) + static_cast<double>(ts.tv_nsec) / 1e9;
  };
  work();
  const double start = cpu();
  int rounds = 0;
  double seconds = 0;
  for (; seconds < 1; ++rounds, seconds = cpu() - start) work();
  fmt::print("{:<28} {:>10.0f} records/s/core {:>8.0f} MB/s\n", name, rounds * kRecords / seconds, static_cast<double>(bytes_each) * rounds / seconds / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  const OtlpDefaults defaults{"test", "lab", "here", 1};
  const auto wire = protobuf_request(1), json = json_request(1);
  measure("parse OTLP protobuf", wire.size(), [&] { (void)parse_otlp_protobuf(base::Signal::kLog, wire, defaults).value(); });
  measure("parse OTLP JSON", json.size(), [&] { (void)parse_otlp_json(base::Signal::kLog, json, defaults).value(); });
  measure("digest of the body", wire.size(), [&] { (void)base::digest128(wire); });
  const auto batch = parse_otlp_protobuf(base::Signal::kLog, wire, defaults).value().batch;
  measure("encode and compress", batch.bytes(), [&] { (void)compress_batch(batch).value(); });
  const auto payload = compress_batch(batch).value();
  measure("decompress and decode", batch.bytes(), [&] { (void)decompress_batch(payload).value(); });
  auto* compressor = libdeflate_alloc_compressor(6);
  std::string gzip(wire.size(), '\0');
  gzip.resize(libdeflate_gzip_compress(compressor, wire.data(), wire.size(), gzip.data(), gzip.size()));
  libdeflate_free_compressor(compressor);
  measure("inflate gzip", wire.size(), [&] { (void)inflate(gzip, "gzip", 64u << 20).value(); });
  const std::string pino = R"({"level":30,"time":1700000000123,"pid":12,"hostname":"web","trace_id":"0102030405060708090a0b0c0d0e0f10","req":{"method":"GET","url":"/cart"},"res":{"statusCode":200},"responseTime":12.5,"msg":"request completed"})";
  measure("a line of pino", pino.size() * kRecords, [&] {
    base::BatchBuilder builder(base::Signal::kLog);
    builder.resource("s", "", "", "", "", "file");
    for (int i = 0; i < kRecords; ++i) append_line(builder, pino, LineFormat::kAuto, 1);
  });
  fmt::print("protobuf {} bytes a record, in the spool {}\n", wire.size() / kRecords, payload.size() / kRecords);

  // The whole way to durability: parsing and compressing in two threads, as the listener does it.
  const std::string folder = (argc > 1 ? std::string(argv[1]) : std::filesystem::temp_directory_path().string()) + "/collect_bench_spool";
  std::filesystem::remove_all(folder);
  {
    std::vector<std::string> bodies;
    for (std::uint64_t seed = 0; seed < 16; ++seed) bodies.push_back(protobuf_request(seed * 7919));
    auto collector = Collector::open({.directory = folder}, {}, base::real_files(), base::real_clock(), [](const Durable&) {}).value();
    std::atomic<std::uint64_t> accepted{0}, refused{0}, number{0};
    const auto start = std::chrono::steady_clock::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
    std::vector<std::thread> senders;
    for (int t = 0; t < 2; ++t) {
      senders.emplace_back([&] {
        while (elapsed() < 5) {
          const auto i = number++;
          const auto& body = bodies[i % bodies.size()];
          auto parsed = parse_otlp_protobuf(base::Signal::kLog, body, defaults).value();
          auto digest = base::digest128(body);
          digest.high ^= base::mix64(i + 1);
          collector->submit({"otlp", 0, digest, std::move(parsed.batch)}, [&](const Result<std::uint64_t>& outcome) { (outcome.ok() ? accepted : refused) += kRecords; });
        }
      });
    }
    for (auto& sender : senders) sender.join();
    while (collector->counts().pending != 0) std::this_thread::yield();
    fmt::print("acknowledged {:.0f} records/s ({} refused), {} bytes a record on disk\n", static_cast<double>(accepted) / elapsed(), refused.load(),
               collector->spool().bytes / std::max<std::uint64_t>(1, accepted));

    std::uint64_t commits = 0;
    const auto small = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - small < std::chrono::seconds(2)) {
      base::BatchBuilder builder(base::Signal::kLog);
      builder.record(1, "one line");
      (void)collector->submit_and_wait({"test", 0, {}, builder.take()}).value();
      ++commits;
    }
    fmt::print("one waiting sender: {:.2f} ms from submit to acknowledgement\n", 2000.0 / static_cast<double>(commits));
  }
  std::filesystem::remove_all(folder);
  return 0;
}
