// store_bench [ROWS] [FOLDER] [HOURS]: what the store costs per record, and questions over what it stored, before and
// after small files were merged.
//
// The records are made up: twenty services over HOURS (24), access lines, statements, calls, payments, stack traces;
// two thirds belong to traces of about eight records; three hold a needle.  Times of making them are not counted.
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "base/log.h"
#include "base/text.h"
#include "blob/local.h"
#include "store/store.h"

using namespace ringwall;
using namespace ringwall::store;
using base::Signal;

namespace {

constexpr std::int64_t kHourNs = 3'600'000'000'000;
constexpr std::int64_t kBeginNs = 1'790'035'200'000'000'000;  // midnight
constexpr const char* kNeedle = "needle-Qx7pL2vK9";

double cpu_seconds() {
  timespec ts{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
  return static_cast<double>(ts.tv_sec) + static_cast<double>(ts.tv_nsec) * 1e-9;
}
double wall_seconds() { return static_cast<double>(base::real_clock().monotonic_ns()) * 1e-9; }

struct Random {
  std::uint64_t state = 7;
  std::uint64_t next() { return base::mix64(state += 0x9e3779b97f4a7c15ULL); }
  std::uint64_t below(std::uint64_t n) { return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // Small numbers are common, as user and product numbers are.
  std::uint64_t skewed(std::uint64_t n) {
    const double u = unit();
    return static_cast<std::uint64_t>(std::pow(static_cast<double>(n), u * u)) % n;
  }
};

constexpr const char* kServices[] = {"edge", "shop", "cart", "catalog", "search", "login", "payment", "stock", "shipping", "mail",
                                     "advice", "profile", "images", "billing", "notify", "gateway", "report", "hooks", "sessions", "audit"};
constexpr const char* kPages[] = {"/", "/products/", "/cart", "/checkout", "/users/", "/orders/", "/img/p/", "/search", "/login", "/health"};
constexpr const char* kAgents[] = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1", "curl/8.5.0"};
constexpr const char* kTables[] = {"orders", "order_items", "users", "sessions", "products", "stock", "payments"};
constexpr const char* kFaults[] = {"ConnectionResetError: peer closed", "TimeoutError: upstream took longer than 3000 ms",
                                   "TypeError: cannot read properties of undefined (reading 'price')", "DeadlockDetected: transaction rolled back"};

class Generator {
 public:
  Generator(std::uint64_t total, std::int64_t span_ns) : total_(total), span_ns_(span_ns), traces_(40) {
    for (auto& trace : traces_) renew(trace);
  }

  base::Batch batch(std::uint64_t count) {
    base::BatchBuilder builder(Signal::kLog);
    for (int service = 0; service < 20; ++service) {
      for (int host = 0; host < 3; ++host) {
        builder.resource(kServices[service], "prod", "1.4.2", "web-" + std::to_string(service * 3 + host), "eu", service == 0 ? "edge" : "otlp");
        builder.resource_attribute("process.pid", std::to_string(1000 + service * 17 + host));
      }
    }
    for (std::uint64_t i = 0; i < count; ++i) one(builder);
    return builder.take();
  }

 private:
  struct Trace {
    base::TraceId id;
    std::uint64_t user, left;
  };
  void renew(Trace& trace) { trace = {{random_.next(), random_.next()}, random_.skewed(200'000), 3 + random_.below(12)}; }

  void number(std::uint64_t value) { text_ += std::to_string(value); }
  void uuid() {
    const auto hex = base::hex(base::TraceId{random_.next(), random_.next()});
    text_ += hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-4" + hex.substr(13, 3) + "-a" + hex.substr(17, 3) + "-" + hex.substr(20);
  }

  void one(base::BatchBuilder& builder) {
    const auto row = row_++;
    auto time = static_cast<double>(row) / static_cast<double>(total_) * static_cast<double>(span_ns_) + random_.unit() * 4e9;
    if (random_.below(100) == 0) time = std::max(0.0, time - random_.unit() * 60e9);
    const auto time_ns = kBeginNs + static_cast<std::int64_t>(time) / 1000 * 1000;
    const auto service = random_.below(10) < 3 ? 0 : 1 + random_.skewed(19);
    const auto luck = random_.below(1000);
    const int severity = luck < 50 ? 5 : luck < 870 ? 9 : luck < 955 ? 13 : 17;
    auto user = random_.skewed(200'000);
    Trace* trace = random_.below(100) < 65 ? &traces_[random_.below(traces_.size())] : nullptr;
    if (trace != nullptr) user = trace->user;
    const auto duration_us = static_cast<std::uint64_t>(std::exp(6.5 + 2.2 * (random_.unit() + random_.unit() + random_.unit() - 1.5)));
    const auto shape = service == 0 ? 0 : 1 + (service * 3 + random_.below(5)) % 9;
    std::uint64_t status = 0;
    bool timed = true;
    const char* key = "thread";
    std::string value = "worker-" + std::to_string(random_.below(32));
    text_.clear();
    switch (shape) {
      case 0: {
        status = severity == 17 ? 500 + random_.below(5) : severity == 13 ? 400 + random_.below(30) : 200;
        const auto* page = kPages[random_.below(10)];
        text_ += "GET ", text_ += page;
        if (page[std::char_traits<char>::length(page) - 1] == '/') number(random_.skewed(90'000));
        text_ += " ", number(status), text_ += " ", number(200 + random_.skewed(60'000)), text_ += " \"", text_ += kAgents[random_.skewed(4)], text_ += "\"";
        key = "http.route", value = page;
        break;
      }
      case 1:
        text_ += "SELECT * FROM ", text_ += kTables[random_.skewed(7)], text_ += " WHERE id = $1 LIMIT 50 rows=", number(random_.below(51));
        key = "db.system", value = "postgresql";
        break;
      case 2:
        text_ += "call to http://", text_ += kServices[random_.below(20)], text_ += ":8080/api/", number(random_.skewed(90'000)), text_ += " returned ",
            text_ += random_.below(30) != 0 ? "200" : "503", text_ += " (attempt ", number(1 + random_.skewed(3)), text_ += "/3)";
        key = "peer.service", value = kServices[random_.below(20)];
        break;
      case 3:
        text_ += "cache ", text_ += random_.below(5) != 0 ? "hit" : "miss", text_ += " key=product:", number(random_.skewed(90'000)), text_ += ":v", number(random_.below(4));
        timed = false;
        break;
      case 4:
        text_ += "payment ", uuid(), text_ += " authorised amount=", number(random_.below(100'000)), text_ += " for user ", number(user);
        key = "user.id", value = std::to_string(user);
        timed = false;
        break;
      case 5:
        text_ += "consumer group=", text_ += kServices[service], text_ += " topic=", text_ += kTables[random_.below(7)], text_ += " partition=", number(random_.below(24)),
            text_ += " offset=", number(900'000'000 + row), text_ += " lag=", number(random_.skewed(500));
        timed = false;
        break;
      case 6:
        text_ += "user ", number(user), text_ += " signed in from 10.", number(random_.below(4)), text_ += ".", number(random_.below(255)), text_ += ".", number(random_.below(255)),
            text_ += " session=", uuid();
        timed = false;
        break;
      case 7: text_ += "resized /img/p/", number(random_.skewed(90'000)), text_ += ".jpg to 800x600 bytes=", number(10'000 + random_.below(200'000)); break;
      case 8:
        if (severity == 17) {
          text_ += "unhandled ", text_ += kFaults[random_.skewed(4)];
          for (std::uint64_t depth = 0, of = 4 + random_.below(6); depth < of; ++depth) {
            text_ += "\n    at handler", number((service * 7 + depth) % 23), text_ += " (/app/src/", text_ += kServices[(service + depth / 4) % 20], text_ += ".js:", number(40 + (service * 31 + depth * 17) % 400), text_ += ")";
          }
        } else {
          text_ += "pool: active=", number(random_.below(20)), text_ += " idle=", number(random_.below(30)), text_ += " waiting=", number(random_.skewed(10)), text_ += " max=50";
        }
        timed = false;
        break;
      default:
        text_ += "order ", number(50'000'000 + row / 3), text_ += " of user ", number(user), text_ += " total=", number(random_.below(500)), text_ += ".", number(random_.below(100)), text_ += " items=", number(1 + random_.below(9));
        break;
    }
    if (row == total_ / 7 || row == total_ / 2 || row == total_ - total_ / 11) text_ += std::string(" correlation=") + kNeedle;
    builder.record(time_ns, text_);
    builder.attribute(key, value);
    auto& batch = builder.batch();
    batch.resource.back() = static_cast<std::uint32_t>(service * 3 + random_.below(3));
    batch.severity.back() = static_cast<std::uint8_t>(severity);
    batch.status.back() = static_cast<std::uint16_t>(status);
    if (timed) batch.duration_ns.back() = static_cast<std::int64_t>(duration_us) * 1000;
    if (trace != nullptr) {
      batch.trace_id.back() = trace->id;
      batch.span_id.back() = random_.next();
      if (row == total_ / 3 || wanted_trace == base::TraceId{}) wanted_trace = trace->id;
      if (--trace->left == 0) renew(*trace);
    }
    text_bytes += text_.size();
  }

  const std::uint64_t total_;
  const std::int64_t span_ns_;
  Random random_;
  std::vector<Trace> traces_;
  std::uint64_t row_ = 0;
  std::string text_;

 public:
  base::TraceId wanted_trace;
  std::uint64_t text_bytes = 0;
};

void ask(Store& store, Duck& duck, const char* name, const std::string& before, const std::string& after, const Hints& hints) {
  double best = 1e9, first = 0, cpu = 1e9;
  std::size_t rows = 0, files = 0;
  for (int round = 0; round < 5; ++round) {
    const auto begin = wall_seconds(), cpu_begin = cpu_seconds();
    const auto relation = store.relation(Signal::kLog, kBeginNs - kHourNs, kBeginNs + 1000 * kHourNs, hints).value();
    const auto table = duck.run(before + relation.sql + after);
    const auto took = (wall_seconds() - begin) * 1e3;
    if (!table.ok()) {
      std::printf("%s: %s\n", name, table.error().message.c_str());
      return;
    }
    if (round == 0) first = took;
    best = std::min(best, took);
    cpu = std::min(cpu, (cpu_seconds() - cpu_begin) * 1e3);
    rows = table->rows.size();
    files = relation.files;
  }
  std::printf("  %-34s first %7.1f ms   best %7.1f ms   cpu %7.1f ms   %zu rows, %zu files read\n", name, first, best, cpu, rows, files);
}

void ask_latency(Store& store, const char* name, std::int64_t from_ns, std::int64_t step_ns) {
  double best = 1e9, first = 0, cpu = 1e9, sum = 0;
  std::size_t rows = 0;
  for (int round = 0; round < 5; ++round) {
    const auto begin = wall_seconds(), cpu_begin = cpu_seconds();
    {
      const auto answer = store.latency(Signal::kLog, from_ns, kBeginNs + 23 * kHourNs + (from_ns < kBeginNs ? 1000 * kHourNs : 59'999'999'999), step_ns).value();
      for (const auto& row : answer) sum += row.histogram.quantile(0.95);
      rows = answer.size();
    }
    const auto took = (wall_seconds() - begin) * 1e3;
    if (round == 0) first = took;
    best = std::min(best, took);
    cpu = std::min(cpu, (cpu_seconds() - cpu_begin) * 1e3);
  }
  std::printf("  %-34s first %7.1f ms   best %7.1f ms   cpu %7.1f ms   %zu rows, %.0f ms on average\n", name, first, best, cpu, rows, sum / 5e6 / static_cast<double>(rows));
}

void ask_all(Store& store, Duck& duck, base::TraceId trace) {
  Hints needle, by_trace;
  needle.fragments = {"eedle-Qx7pL2v"};
  by_trace.trace_id = trace;
  const auto hex = base::hex(trace);
  ask(store, duck, "substring, 3 hits", "SELECT * FROM ", " WHERE contains(lower(message), 'eedle-qx7pl2v')", needle);
  ask(store, duck, "substring, no hint (scan)", "SELECT * FROM ", " WHERE contains(lower(message), 'eedle-qx7pl2v')", {});
  ask(store, duck, "trace by id", "SELECT * FROM ", " WHERE trace_id = '" + hex + "'::UUID", by_trace);
  ask(store, duck, "p95 by service and minute, exact scan",
      "SELECT service, time_bucket(INTERVAL 1 minute, ts) AS minute, quantile_disc(duration_ns, 0.95) FROM ", " WHERE duration_ns IS NOT NULL GROUP BY ALL", {});
  ask_latency(store, "the same from histograms", kBeginNs - kHourNs, kMinuteNs);
  ask_latency(store, "the same, ends within minutes", kBeginNs + 12'345'678'901, kMinuteNs);
  ask_latency(store, "p95 by service, from histograms", kBeginNs - kHourNs, 0);
  ask(store, duck, "count by level and minute", "SELECT severity, time_bucket(INTERVAL 1 minute, ts) AS minute, count(*) FROM ", " GROUP BY ALL", {});
}

void report(Store& store, std::uint64_t rows) {
  const auto stats = store.stats().at(Signal::kLog);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  std::printf("%llu files, %.2f bytes per record stored (Parquet and sidecars), peak memory %.0f MB\n", static_cast<unsigned long long>(stats.files),
              static_cast<double>(stats.bytes) / static_cast<double>(rows), static_cast<double>(usage.ru_maxrss) / 1024);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const std::string folder = argc > 2 ? argv[2] : "store_bench.tmp";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  auto blob = std::move(blob::open_local(folder + "/blob")).value();
  auto catalog = std::move(catalog::open_sqlite(folder + "/catalog")).value();
  auto duck = std::move(Duck::open({}, *blob)).value();
  StoreOptions options;
  options.threads = Threads::kNone;
  options.memory_bytes_max = 4ull << 30;
  options.retention = std::chrono::hours(24 * 365 * 100);
  auto store = std::move(Store::open(options, *blob, *catalog, *duck, base::real_clock(), nullptr)).value();

  Generator generator(rows, static_cast<std::int64_t>(argc > 3 ? std::atof(argv[3]) * kHourNs : 24.0 * kHourNs));
  double cpu = 0, wall = 0;
  std::uint64_t sequence = 0, young = 0;
  for (std::uint64_t done = 0; done < rows;) {
    const auto count = std::min<std::uint64_t>(8192, rows - done);
    auto batch = std::make_shared<const base::Batch>(generator.batch(count));
    const auto cpu_begin = cpu_seconds(), wall_begin = wall_seconds();
    store->accept({++sequence, "bench", 0, {}, std::move(batch)});
    done += count;
    young += count;
    if (young >= options.flush_rows || done == rows) {
      if (auto flushed = store->flush(); !flushed.ok()) return std::printf("%s\n", flushed.error().message.c_str()), 1;
      young = 0;
    }
    cpu += cpu_seconds() - cpu_begin;
    wall += wall_seconds() - wall_begin;
  }
  std::printf("%llu records of %.0f bytes of text: accept and flush %.2f s cpu, %.2f s wall: %.0f k records/s/core\n", static_cast<unsigned long long>(rows),
              static_cast<double>(generator.text_bytes) / static_cast<double>(rows), cpu, wall, static_cast<double>(rows) / cpu / 1e3);
  report(*store, rows);
  ask_all(*store, *duck, generator.wanted_trace);
  const auto begin = cpu_seconds();
  if (auto kept = store->maintain(); !kept.ok()) return std::printf("%s\n", kept.error().message.c_str()), 1;
  std::printf("merged in %.2f s cpu = %.2f us per record\n", cpu_seconds() - begin, (cpu_seconds() - begin) / static_cast<double>(rows) * 1e6);
  report(*store, rows);
  ask_all(*store, *duck, generator.wanted_trace);
  store.reset();
  std::filesystem::remove_all(folder);
  return 0;
}
