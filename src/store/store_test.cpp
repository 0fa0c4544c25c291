#include "store/store.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "blob/local.h"
#include "store/detail/compaction.h"
#include "store/detail/order.h"
#include "store/detail/sidecar.h"

using namespace ringwall;
using namespace ringwall::store;
using base::Signal;

namespace {

constexpr std::int64_t kStart = 1'790'000'000'000'000'000;  // 2026-09-21, 13 minutes into an hour
constexpr std::int64_t kMinute = 60'000'000'000;
constexpr std::int64_t kAlways = std::numeric_limits<std::int64_t>::max();

class TestClock final : public base::Clock {
 public:
  std::int64_t now_ns() override { return kStart + elapsed; }
  std::int64_t monotonic_ns() override { return elapsed; }
  std::atomic<std::int64_t> elapsed{0};
};

std::string test_folder(const std::string& name) {
  const auto folder = std::string(RINGWALL_BINARY_DIR) + "/test-store/" + name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

// Fails every operation from the n-th on, as a process that was killed there would.
struct Fault {
  std::atomic<std::int64_t> left{std::numeric_limits<std::int64_t>::max()};
  Result<void> step() {
    if (left.fetch_sub(1) > 0) return {};
    return fail(Errc::kUnavailable, "injected");
  }
};

class FaultyWriter final : public blob::Writer {
 public:
  FaultyWriter(std::unique_ptr<blob::Writer> inner, Fault& fault) : inner_(std::move(inner)), fault_(fault) {}
  Result<void> append(std::string_view bytes) override { return inner_->append(bytes); }
  Result<void> commit() override {
    RW_TRY(fault_.step());
    RW_TRY(inner_->commit());
    return fault_.step();  // it happened, but nobody was told
  }

 private:
  std::unique_ptr<blob::Writer> inner_;
  Fault& fault_;
};

class FaultyBlob final : public blob::Blob {
 public:
  FaultyBlob(blob::Blob& inner, Fault& fault) : inner_(inner), fault_(fault) {}
  Result<std::unique_ptr<blob::Writer>> create(const std::string& key) override {
    RW_TRY(fault_.step());
    return std::unique_ptr<blob::Writer>(new FaultyWriter(RW_TRY(inner_.create(key)), fault_));
  }
  Result<std::unique_ptr<blob::Reader>> open(const std::string& key) override {
    RW_TRY(fault_.step());
    return inner_.open(key);
  }
  Result<std::vector<blob::Entry>> list(const std::string& prefix) override {
    RW_TRY(fault_.step());
    return inner_.list(prefix);
  }
  Result<void> remove(const std::string& key) override {
    RW_TRY(fault_.step());
    RW_TRY(inner_.remove(key));
    return fault_.step();
  }

 private:
  blob::Blob& inner_;
  Fault& fault_;
};

class FaultyCatalog final : public catalog::Catalog {
 public:
  FaultyCatalog(catalog::Catalog& inner, Fault& fault) : inner_(inner), fault_(fault) {}
  Result<std::vector<std::int64_t>> publish(const catalog::Publication& publication) override {
    RW_TRY(fault_.step());
    auto ids = inner_.publish(publication);
    RW_TRY(fault_.step());
    return ids;
  }
  Result<std::vector<catalog::File>> live_files() override { return inner_.live_files(); }
  Result<std::vector<catalog::File>> retired_files() override { return inner_.retired_files(); }
  Result<void> forget(const std::vector<std::int64_t>& ids) override {
    RW_TRY(fault_.step());
    RW_TRY(inner_.forget(ids));
    return fault_.step();
  }
  Result<std::map<Signal, std::uint64_t>> checkpoints() override { return inner_.checkpoints(); }
  Result<std::map<std::string, std::uint64_t>> positions() override { return inner_.positions(); }
  Result<std::vector<base::Digest>> digests() override { return inner_.digests(); }
  Result<std::int64_t> add_token(const catalog::Token& token) override { return inner_.add_token(token); }
  Result<std::optional<catalog::Token>> find_token(const std::string& hash) override { return inner_.find_token(hash); }
  Result<std::vector<catalog::Token>> tokens() override { return inner_.tokens(); }
  Result<void> touch_token(std::int64_t id, std::int64_t now) override { return inner_.touch_token(id, now); }
  Result<void> remove_token(std::int64_t id) override { return inner_.remove_token(id); }
  Result<void> put_session(const catalog::Session& session) override { return inner_.put_session(session); }
  Result<std::optional<catalog::Session>> find_session(const std::string& hash) override { return inner_.find_session(hash); }
  Result<void> remove_session(const std::string& hash) override { return inner_.remove_session(hash); }
  Result<void> remove_sessions_expired(std::int64_t now) override { return inner_.remove_sessions_expired(now); }
  Result<void> put_setting(const std::string& key, const std::string& value) override { return inner_.put_setting(key, value); }
  Result<std::optional<std::string>> setting(const std::string& key) override { return inner_.setting(key); }
  Result<void> remove_setting(const std::string& key) override { return inner_.remove_setting(key); }

 private:
  catalog::Catalog& inner_;
  Fault& fault_;
};

// A house with everything in it, which can be left and entered again.
struct House {
  explicit House(const std::string& name, StoreOptions with = {}) : folder(test_folder(name)), options(with) {
    options.threads = with.threads;
    blob = std::move(blob::open_local(folder + "/blob")).value();
    catalog = std::move(catalog::open_sqlite(folder + "/catalog")).value();
    enter();
  }
  void enter() {
    store.reset();
    duck.reset();
    fault.left = std::numeric_limits<std::int64_t>::max();
    faulty_blob = std::make_unique<FaultyBlob>(*blob, fault);
    faulty_catalog = std::make_unique<FaultyCatalog>(*catalog, fault);
    duck = std::move(Duck::open({.threads = 2}, *faulty_blob)).value();
    store = std::move(Store::open(options, *faulty_blob, *faulty_catalog, *duck, clock, [this](std::uint64_t to) { published = to; })).value();
  }
  void replay(const std::vector<Accepted>& spool) {
    for (const auto& accepted : spool) {
      if (accepted.sequence > store->checkpoint()) store->accept(accepted);
    }
  }
  std::string ask(const std::string& select, Signal signal, std::int64_t from = std::numeric_limits<std::int64_t>::min(),
                  std::int64_t to = kAlways, const Hints& hints = {}) {
    const auto relation = store->relation(signal, from, to, hints);
    if (!relation.ok()) return "error: " + relation.error().message;
    const auto table = duck->run(select + " FROM " + relation->sql);
    if (!table.ok()) return "error: " + table.error().message;
    std::string out;
    for (const auto& row : table->rows) {
      for (const auto& cell : row) {
        if (const auto* number = std::get_if<std::int64_t>(&cell)) out += std::to_string(*number);
        else if (const auto* text = std::get_if<std::string>(&cell)) out += *text;
        else if (const auto* real = std::get_if<double>(&cell)) out += std::to_string(*real).substr(0, 5);
        else out += "-";
        out += " ";
      }
      out += "| ";
    }
    return out;
  }
  std::string all(Signal signal = Signal::kLog) {
    return ask("SELECT count(*), count(DISTINCT duration_ns), coalesce(sum(duration_ns), 0)", signal);
  }

  TestClock clock;
  std::string folder;
  StoreOptions options;
  std::unique_ptr<blob::Blob> blob;
  std::unique_ptr<catalog::Catalog> catalog;
  Fault fault;
  std::unique_ptr<FaultyBlob> faulty_blob;
  std::unique_ptr<FaultyCatalog> faulty_catalog;
  std::unique_ptr<Duck> duck;
  std::unique_ptr<Store> store;
  std::atomic<std::uint64_t> published{0};
};

constexpr StoreOptions kByHand{.threads = Threads::kNone};

// `count` records numbered from `first` in duration_ns, one second apart.
std::shared_ptr<const base::Batch> numbered(Signal signal, std::int64_t first, std::int64_t count, std::int64_t time_ns,
                                            const std::string& service = "shop") {
  base::BatchBuilder builder(signal);
  builder.resource(service, "prod", "1.0", "web-1", "eu", "otlp");
  for (std::int64_t i = first; i < first + count; ++i) {
    builder.record(time_ns + (i - first) * 1'000'000'000, "order number" + std::to_string(i) + " placed");
    builder.attribute("n", std::to_string(i));
    if (signal != Signal::kMetric) {
      builder.batch().duration_ns.back() = i;
      builder.batch().trace_id.back() = {static_cast<std::uint64_t>(i), 99};
    }
  }
  return std::make_shared<const base::Batch>(builder.take());
}

std::string expected(std::int64_t first, std::int64_t count) {
  const auto sum = count * first + count * (count - 1) / 2;
  return std::to_string(count) + " " + std::to_string(count) + " " + std::to_string(sum) + " | ";
}

std::size_t objects(House& house) { return house.blob->list("")->size(); }

}  // namespace

TEST_CASE("store: every column comes back, from memory, from a file and from a merged file") {
  auto options = kByHand;
  options.retention = std::chrono::hours(24 * 365 * 100);
  House house("columns", options);
  base::BatchBuilder logs(Signal::kLog);
  logs.resource("cart", "prod", "1.2", "web-1", "eu", "otlp");
  logs.resource_attribute("k8s.pod", "cart-7");
  logs.record(kStart + 1'234, "it's a \"long\" message, \xc3\xa9 and more");
  logs.attribute("http.route", "/cart");
  logs.attribute("http.route", "twice");
  logs.attribute("bad", "x\xff");
  logs.batch().severity.back() = 17;
  logs.batch().trace_id.back() = {0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
  logs.batch().span_id.back() = ~0ull;
  logs.batch().status.back() = 503;
  logs.batch().duration_ns.back() = 0;
  logs.record(kStart - 1, "");
  base::BatchBuilder spans(Signal::kSpan);
  spans.resource("edge", "", "", "", "", "edge");
  spans.record(-1'001, "GET /");
  auto& span = spans.batch();
  span.span_id.back() = 5;
  span.parent_span_id.back() = 6;
  span.kind.back() = 2;
  span.outcome.back() = 2;
  span.outcome_text.back() = spans.put("broken");
  span.events.back() = spans.put("[{\"name\":\"exception\"}]");
  span.duration_ns.back() = 77;
  spans.record(kStart, "bare");
  base::BatchBuilder metrics(Signal::kMetric);
  metrics.resource("host", "", "", "h", "", "host");
  metrics.record(kStart, "cpu");
  metrics.batch().metric_kind.back() = 3;
  metrics.batch().unit.back() = metrics.put("s");
  metrics.batch().value.back() = 2.5;
  metrics.batch().histogram.back() = metrics.put("{\"count\":1}");
  metrics.record(kStart + kMinute, "mem");

  const auto check = [&] {
    CHECK(house.ask("SELECT epoch_us(ts) * 1000 + ts_ns, service, env, version, host, region, source, severity, trace_id, span_id, status, "
                    "duration_ns, message, to_json(attributes), to_json(resource)", Signal::kLog, kStart) ==
          "1790000000000001234 cart prod 1.2 web-1 eu otlp 17 4bf92f35-77b3-4da6-a3ce-929d0e0e4736 -1 503 0 it's a \"long\" message, \xc3\xa9 and more "
          "{\"http.route\":\"/cart\",\"bad\":\"x\xef\xbf\xbd\"} {\"k8s.pod\":\"cart-7\"} | ");
    CHECK(house.ask("SELECT epoch_us(ts) * 1000 + ts_ns, trace_id, span_id, status, duration_ns, message, to_json(attributes)", Signal::kLog, kStart - 1, kStart) ==
          "1789999999999999999 - - - -  {} | ");
    CHECK(house.ask("SELECT epoch_us(ts) * 1000 + ts_ns, service, trace_id, span_id, parent_span_id, name, kind, outcome, outcome_text, status, "
                    "duration_ns, events, links, to_json(resource)", Signal::kSpan, -2000, 0) ==
          "-1001 edge - 5 6 GET / 2 2 broken - 77 [{\"name\":\"exception\"}] - {} | ");
    CHECK(house.ask("SELECT name, parent_span_id, outcome_text, events, duration_ns", Signal::kSpan, 0) == "bare - - - 0 | ");
    CHECK(house.ask("SELECT name, kind, unit, value, histogram, service, host", Signal::kMetric, kStart, kStart + 1) ==
          "cpu 3 s 2.500 {\"count\":1} host h | ");
    CHECK(house.ask("SELECT name, unit, histogram", Signal::kMetric, kStart + 1) == "mem  - | ");
    // Bounds are exact to the nanosecond.
    CHECK(house.ask("SELECT count(*)", Signal::kLog, kStart + 1'234, kStart + 1'235) == "1 | ");
    CHECK(house.ask("SELECT count(*)", Signal::kLog, kStart + 1'235) == "0 | ");
    CHECK(house.ask("SELECT count(*)", Signal::kLog, kStart - 1, kStart + 1'234) == "1 | ");
  };
  const auto typed = house.ask("SELECT count(*), any_value(typeof(ts)) ", Signal::kLog);
  CHECK(typed == "0 - | ");
  std::uint64_t sequence = 0;
  for (auto* builder : {&logs, &spans, &metrics}) {
    house.store->accept({++sequence, "otlp", 0, {}, std::make_shared<const base::Batch>(builder->take())});
  }
  check();
  CHECK(house.store->checkpoint() == 0);
  REQUIRE(house.store->flush().ok());
  CHECK(house.store->checkpoint() == 3);
  CHECK(house.published == 3);
  CHECK(house.store->stats().at(Signal::kLog).young_rows == 0);
  CHECK(house.store->stats().at(Signal::kLog).files == 1);  // one millisecond before and after are of the same hour
  check();
  house.enter();
  CHECK(house.store->checkpoint() == 3);
  check();
  // The same records again as more files, merged when their hour is over.
  house.clock.elapsed = 3 * kHourNs;
  REQUIRE(house.store->maintain().ok());
  check();
}

TEST_CASE("store: merged files hold the same rows, replaced ones go after the grace and after their readers") {
  House house("merge", kByHand);
  std::uint64_t sequence = 0;
  for (int i = 0; i < 9; ++i) {
    house.store->accept({++sequence, "otlp", 0, {}, numbered(Signal::kLog, i * 100, 100, kStart + i * 60 * 1'000'000'000LL, i % 2 ? "a" : "b")});
    house.store->accept({++sequence, "otlp", 0, {}, numbered(Signal::kSpan, i * 100, 100, kStart)});
    REQUIRE(house.store->flush().ok());
  }
  CHECK(house.store->stats().at(Signal::kLog).files == 9);
  const auto rows = [&] {
    return house.ask("SELECT md5(string_agg(concat_ws('|', epoch_us(ts), service, duration_ns, message, trace_id, to_json(attributes)), ',' ORDER BY duration_ns))",
                     Signal::kLog);
  };
  const auto before = rows();
  const auto relation = house.store->relation(Signal::kLog, 0, kAlways).value();
  REQUIRE(house.store->maintain().ok());
  CHECK(house.store->stats().at(Signal::kLog).files == 1);
  CHECK(house.store->stats().at(Signal::kSpan).files == 1);
  CHECK(rows() == before);
  CHECK(house.all() == expected(0, 900));
  CHECK(house.all(Signal::kSpan) == expected(0, 900));

  CHECK(objects(house) == (9 + 1) * 2 * 2);
  house.clock.elapsed = 61'000'000'000;
  REQUIRE(house.store->maintain().ok());
  CHECK(objects(house) == (9 + 1 + 1) * 2);  // the spans' went, the logs' are pinned
  CHECK(house.duck->run("SELECT count(*) FROM " + relation.sql)->rows.at(0).at(0) == Value(std::int64_t{900}));
  const_cast<Relation&>(relation).pin.reset();
  REQUIRE(house.store->maintain().ok());
  CHECK(objects(house) == 2 * 2);
  house.enter();
  CHECK(house.all() == expected(0, 900));
}

TEST_CASE("store: latencies are every record's once, from memory, files, merged files and without sidecars") {
  House house("latency", kByHand);
  std::mt19937_64 random(5);
  std::vector<std::shared_ptr<const base::Batch>> batches;
  std::uint64_t sequence = 0;
  const auto send = [&](Signal signal) {
    base::BatchBuilder builder(signal);
    for (const char* service : {"cart", "shop", "bad\xff"}) {
      builder.resource(service, "prod", "1.0", "web-1", "eu", "otlp");
      for (int i = 0; i < 300; ++i) {
        builder.record(kStart + static_cast<std::int64_t>(random() % (90 * 60'000'000'000ULL)), "x");
        auto& batch = builder.batch();
        batch.duration_ns.back() = random() % 9 == 0 ? base::kDurationUnset : static_cast<std::int64_t>(random() % (1ULL << (random() % 40)));
        batch.status.back() = random() % 5 == 0 ? 503 : 200;
        if (signal == Signal::kLog) batch.severity.back() = random() % 7 == 0 ? 17 : 9;
        if (signal == Signal::kSpan) batch.kind.back() = static_cast<std::uint8_t>(random() % 6), batch.outcome.back() = static_cast<std::uint8_t>(random() % 3);
      }
    }
    batches.push_back(std::make_shared<const base::Batch>(builder.take()));
    house.store->accept({++sequence, "otlp", 0, {}, batches.back()});
  };
  struct Sum {
    std::uint64_t count = 0, errors = 0;
    std::int64_t max = 0;
    std::map<int, std::uint64_t> buckets;
    bool operator==(const Sum&) const = default;
  };
  using Sums = std::map<std::pair<std::string, std::int64_t>, Sum>;
  const std::vector<std::string> filters[] = {{}, {"shop"}, {}, {"bad\xef\xbf\xbd", "cart"}, {"it's nobody"}};
  std::size_t asked = 0;
  const auto check = [&](const char* when) {
    CAPTURE(when);
    const std::int64_t minute = kStart / kMinute * kMinute + kMinute;
    const std::pair<std::int64_t, std::int64_t> ranges[] = {
        {minute, minute + 60 * kMinute}, {kStart + 1, kStart + 77 * kMinute + 12'345}, {kStart - kMinute, kStart + 100 * kMinute},
        {minute + 5, minute + 6'000'000'000}, {minute - 3, minute + kMinute + 3}};
    for (const auto signal : {Signal::kLog, Signal::kSpan}) {
      for (const auto& [from, to] : ranges) {
        for (const std::int64_t step : {std::int64_t{0}, kMinute, 5 * kMinute, std::int64_t{7'000'000'000}}) {
          const auto& only = filters[asked++ % std::size(filters)];
          CAPTURE(from - kStart);
          CAPTURE(step);
          CAPTURE(only.size());
          Sums want, got;
          for (const auto& batch : batches) {
            if (batch->signal != signal) continue;
            for (std::size_t row = 0; row < batch->size(); ++row) {
              const auto time = batch->time_ns[row], duration = batch->duration_ns[row];
              if (time < from || time >= to || duration == base::kDurationUnset) continue;
              if (signal == Signal::kSpan && batch->kind[row] != 2 && batch->kind[row] != 5) continue;
              const auto service = base::to_utf8(batch->view(batch->resources[batch->resource[row]].service));
              if (!only.empty() && std::find(only.begin(), only.end(), service) == only.end()) continue;
              auto& sum = want[{service, step == 0 ? from : time / step * step}];
              ++sum.count;
              sum.errors += batch->status[row] >= 500 || (signal == Signal::kLog ? batch->severity[row] >= 17 : batch->outcome[row] == 2);
              sum.max = std::max(sum.max, duration);
              ++sum.buckets[LatencyHistogram::bucket_of(duration)];
            }
          }
          const auto rows = house.store->latency(signal, from, to, step, only);
          REQUIRE(rows.ok());
          for (const auto& row : *rows) {
            auto& sum = got[{row.service, row.time_ns}];
            CHECK(sum.count == 0);  // one row for each
            sum = {row.histogram.count(), row.histogram.errors(), row.histogram.max_ns(), {}};
            row.histogram.each_bucket([&](int bucket, std::uint64_t count) { sum.buckets[bucket] = count; });
          }
          CHECK(got.size() == want.size());
          CHECK(got == want);
        }
      }
    }
  };
  for (int i = 0; i < 9; ++i) {
    send(Signal::kLog);
    send(Signal::kSpan);
    if (i == 4) check("in memory");
    if (i % 3 != 1) REQUIRE(house.store->flush().ok());
    if (i == 6) check("in files and in memory");
  }
  REQUIRE(house.store->flush().ok());
  check("in files");
  house.clock.elapsed = 5 * kHourNs;
  REQUIRE(house.store->maintain().ok());
  check("merged");
  const auto each_log_sidecar = [&](const std::function<std::optional<std::string>(std::string)>& change) {
    const auto entries = house.blob->list("telemetry/logs/").value();
    for (const auto& entry : entries) {
      if (!entry.key.ends_with(".tix")) continue;
      const auto changed = change(house.blob->read(entry.key).value());
      REQUIRE(house.blob->remove(entry.key).ok());
      if (changed.has_value()) REQUIRE(house.blob->put(entry.key, *changed).ok());
    }
    house.enter();
  };
  house.enter();
  check("after a start, with sidecars from blob");
  // As an earlier version wrote it: no section.  Every other file, so that both kinds answer one question.
  std::size_t sidecars = 0;
  each_log_sidecar([&](std::string bytes) -> std::optional<std::string> {
    if (sidecars++ % 2 == 0) return bytes;
    const auto sidecar = Sidecar::parse(bytes).value();
    const auto section = sidecar.latency();
    REQUIRE(section.has_value());
    std::uint32_t groups = 0;
    std::memcpy(&groups, bytes.data() + 20, 4);
    bytes.resize(bytes.size() - section->size() - 4);
    bytes[4] = 1;
    const auto crc = base::crc32c(std::string_view(bytes).substr(0, 28 + 4 * groups));
    std::memcpy(bytes.data() + 28 + 4 * groups, &crc, 4);
    return bytes;
  });
  CHECK(sidecars >= 2);
  check("some of version 1");
  each_log_sidecar([](std::string bytes) -> std::optional<std::string> {
    bytes[bytes.size() - 6] ^= 1;
    return bytes;
  });
  check("damaged");
  each_log_sidecar([](std::string) { return std::nullopt; });
  check("without sidecars");
  CHECK(house.store->latency(Signal::kMetric, 0, kAlways, 0).error().code == Errc::kInvalid);
}

TEST_CASE("store: latencies before 1970, and as many rows as the limit says") {
  House house("latency-edges", kByHand);
  const auto send = [&](std::uint64_t sequence, std::int64_t first_ns, std::size_t count) {
    base::BatchBuilder builder(Signal::kLog);
    builder.resource("shop", "", "", "", "", "");
    for (std::size_t i = 0; i < count; ++i) {
      builder.record(first_ns + static_cast<std::int64_t>(i) * 1'000'000'000, "x");
      builder.batch().duration_ns.back() = 5;
    }
    house.store->accept({sequence, "otlp", 0, {}, std::make_shared<const base::Batch>(builder.take())});
  };
  const auto counts = [&](std::int64_t from, std::int64_t to, std::int64_t step) {
    std::map<std::int64_t, std::uint64_t> out;
    const auto rows = house.store->latency(Signal::kLog, from, to, step);
    REQUIRE(rows.ok());
    for (const auto& row : *rows) out[row.time_ns] += row.histogram.count();
    return out;
  };
  using Counts = std::map<std::int64_t, std::uint64_t>;
  constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
  send(1, -90'000'000'001, 180);
  send(2, kLowest, 1);
  for (const bool young : {true, false}) {
    CAPTURE(young);
    if (!young) REQUIRE(house.store->flush().ok());
    CHECK(counts(-100 * kMinute, 100 * kMinute, kMinute) == Counts{{-2 * kMinute, 31}, {-kMinute, 60}, {0, 60}, {kMinute, 29}});
    CHECK(counts(-80'000'000'000, 5, 7'000'000'000).begin()->first == -84'000'000'000);
    CHECK(counts(-80'000'000'000, 5, 7'000'000'001).begin()->first == -84'000'000'012);
    CHECK(counts(kLowest, 0, kMinute) == Counts{{kLowest, 1}, {-2 * kMinute, 31}, {-kMinute, 60}});
  }
  send(3, kStart, kLatencyRowsMax);
  send(4, kStart + static_cast<std::int64_t>(kLatencyRowsMax) * 1'000'000'000, 1);
  const auto end = kStart + static_cast<std::int64_t>(kLatencyRowsMax) * 1'000'000'000;
  for (const bool young : {true, false}) {
    CAPTURE(young);
    if (!young) REQUIRE(house.store->flush().ok());
    CHECK(house.store->latency(Signal::kLog, kStart, end, 1'000'000'000).value().size() == kLatencyRowsMax);
    CHECK(house.store->latency(Signal::kLog, kStart, end + 1, 1'000'000'000).error().code == Errc::kLimit);
  }
}

TEST_CASE("store: hints leave out files and never rows that match") {
  House house("hints", kByHand);
  std::uint64_t sequence = 0;
  for (int i = 0; i < 6; ++i) {
    house.store->accept({++sequence, "otlp", 0, {}, numbered(Signal::kLog, i * 1000, 1000, kStart + i * kMinute, "service" + std::to_string(i))});
    REQUIRE(house.store->flush().ok());
  }
  const auto with = [&](const Hints& hints, const std::string& where, std::size_t files) {
    const auto relation = house.store->relation(Signal::kLog, 0, kAlways, hints).value();
    CHECK(relation.files >= files);
    CHECK(relation.files <= files + 1);  // a filter errs once in 256
    CHECK(relation.files + relation.files_pruned == 6);
    return std::get<std::int64_t>(house.duck->run("SELECT count(*) FROM " + relation.sql + " WHERE " + where)->rows.at(0).at(0));
  };
  CHECK(with({.words = {"number4321"}}, "message LIKE '%number4321 %'", 1) == 1);
  CHECK(with({.fragments = {"NUMBER2345 PL"}}, "message LIKE '%number2345 pl%'", 1) == 1);
  CHECK(with({.words = {"placed"}}, "true", 6) == 6000);
  CHECK(with({.words = {"absent"}}, "true", 0) == 0);
  CHECK(with({.services = {"service3", "nobody"}}, "service = 'service3'", 1) == 1000);
  Hints trace;
  trace.trace_id = base::TraceId{5555, 99};
  CHECK(with(trace, "trace_id = '00000000-0000-15b3-0000-000000000063'", 1) == 1);
  // A lost sidecar makes a question slower, not wrong.
  const auto sidecar = house.catalog->live_files()->at(4).sidecar_key;
  REQUIRE(house.blob->remove(sidecar).ok());
  house.enter();
  base::set_log_level(base::Level::kError);
  CHECK(with({.words = {"number4321"}}, "message LIKE '%number4321 %'", 1) == 1);
  CHECK(with({.words = {"number1321"}}, "message LIKE '%number1321 %'", 2) == 1);
}

TEST_CASE("store: retention removes whole files, and only those past it") {
  auto options = kByHand;
  options.retention = std::chrono::hours(24);
  House house("retention", options);
  house.store->accept({1, "otlp", 0, {}, numbered(Signal::kLog, 0, 10, kStart - 25 * kHourNs)});
  house.store->accept({2, "otlp", 0, {}, numbered(Signal::kLog, 10, 10, kStart - 9'000'000'000 - 24 * kHourNs)});
  REQUIRE(house.store->flush().ok());
  CHECK(house.all() == expected(0, 20));
  REQUIRE(house.store->maintain().ok());
  CHECK(house.all() == expected(10, 10));  // its last record is exactly as old as is kept
  house.clock.elapsed = 1;
  REQUIRE(house.store->maintain().ok());
  CHECK(house.all() == "0 0 0 | ");
  house.clock.elapsed = 2 * kMinute;
  REQUIRE(house.store->maintain().ok());
  CHECK(objects(house) == 0);
  CHECK(house.catalog->retired_files()->empty());
  CHECK(house.store->checkpoint() == 2);
}

TEST_CASE("store: a batch of many hours becomes files of their hours") {
  auto options = kByHand;
  options.retention = std::chrono::hours(24 * 365 * 200);
  House house("hours", options);
  base::BatchBuilder builder(Signal::kLog);
  builder.resource("s", "", "", "", "", "");
  for (int i = 0; i < 200; ++i) {
    builder.record(kStart + (i % 50) * kHourNs * (i % 2 ? -1 : 1), "m");
    builder.batch().duration_ns.back() = i;
  }
  builder.record(std::numeric_limits<std::int64_t>::min(), "first");
  builder.batch().duration_ns.back() = 200;
  builder.record(kAlways - 1, "last");
  builder.batch().duration_ns.back() = 201;
  house.store->accept({1, "x", 0, {}, std::make_shared<const base::Batch>(builder.take())});
  CHECK(house.all() == expected(0, 202));
  REQUIRE(house.store->flush().ok());
  CHECK(house.all() == expected(0, 202));
  CHECK(house.store->stats().at(Signal::kLog).files == kPartitionsPerFlushMax);
  const auto first = [&] { return house.ask("SELECT message", Signal::kLog, std::numeric_limits<std::int64_t>::min(), kStart - 1000 * kHourNs); };
  CHECK(first() == "first | ");
  // And merging keeps even the ends of time.
  house.store->accept({2, "x", 0, {}, numbered(Signal::kLog, 202, 1, kAlways - 1)});
  REQUIRE(house.store->flush().ok());
  house.clock.elapsed = kHourNs;
  REQUIRE(house.store->maintain().ok());
  CHECK(house.all() == expected(0, 203));
  CHECK(house.ask("SELECT count(*)", Signal::kLog, kAlways - 1, kAlways) == "2 | ");
}

TEST_CASE("store: positions, digests and per-signal checkpoints") {
  House house("positions", kByHand);
  house.store->accept({5, "file:1", 100, {1, 2}, numbered(Signal::kLog, 0, 1, kStart)});
  house.store->accept({6, "file:2", 7, {}, numbered(Signal::kSpan, 0, 1, kStart)});
  house.store->accept({7, "file:1", 200, {3, 4}, numbered(Signal::kLog, 1, 1, kStart)});
  // The spans cannot be written: the logs are published, the checkpoint stays before the spans.
  REQUIRE(house.store->flush().ok());
  CHECK(house.store->checkpoint() == 7);
  CHECK(house.store->positions().value() == std::map<std::string, std::uint64_t>{{"file:1", 200}, {"file:2", 7}});
  CHECK(house.store->digests()->size() == 2);
  house.enter();
  house.store->accept({6, "file:2", 7, {}, numbered(Signal::kSpan, 0, 1, kStart)});  // replayed
  CHECK(house.all(Signal::kSpan) == expected(0, 1));
}

// Goal: wherever a crash falls, opening again and replaying the spool beyond the checkpoint gives every record once.
TEST_CASE("store: crash at every step of flush, merge, retention and removal") {
  base::set_log_level(base::Level::kError);
  auto options = kByHand;
  options.retention = std::chrono::hours(30 * 24);
  options.orphan_age = std::chrono::hours(1);
  std::int64_t crashes = 0;
  for (std::int64_t steps = 0;; ++steps) {
    CAPTURE(steps);
    House house("crash", options);
    std::vector<Accepted> spool;
    const auto submit = [&](std::shared_ptr<const base::Batch> batch) {
      spool.push_back({spool.size() + 1, "file:1", spool.size() + 1, {}, std::move(batch)});
      house.store->accept(spool.back());
    };
    house.fault.left = steps;
    // Two batches that straddle an hour, in many small files, and what is old goes.
    submit(numbered(Signal::kLog, 100'000, 5, kStart - 31 * 24 * kHourNs));
    for (int i = 0; i < 2; ++i) {
      submit(numbered(Signal::kLog, i * 20, 10, kStart + 46 * kMinute + 55'000'000'000));
      submit(numbered(Signal::kSpan, i * 10, 10, kStart));
      (void)house.store->flush();
      submit(numbered(Signal::kLog, i * 20 + 10, 10, kStart));
      (void)house.store->flush();
    }
    house.clock.elapsed = 3 * kHourNs;
    (void)house.store->maintain();
    house.clock.elapsed = 4 * kHourNs;
    (void)house.store->maintain();
    const bool crashed = house.fault.left < 0;
    crashes += crashed;

    house.enter();
    house.replay(spool);
    const auto recent = [&] { return house.ask("SELECT count(*), count(DISTINCT duration_ns), coalesce(sum(duration_ns), 0)", Signal::kLog, kStart); };
    CHECK(recent() == expected(0, 40));
    CHECK(house.all(Signal::kSpan) == expected(0, 20));
    REQUIRE(house.store->flush().ok());
    CHECK(house.store->checkpoint() == spool.size());
    CHECK(house.store->positions()->at("file:1") == spool.size());
    CHECK(recent() == expected(0, 40));
    house.clock.elapsed = 8 * kHourNs;
    REQUIRE(house.store->maintain().ok());
    house.clock.elapsed = 9 * kHourNs + 1;
    REQUIRE(house.store->maintain().ok());
    CHECK(recent() == expected(0, 40));
    CHECK(house.all() == recent());  // what was past retention is gone
    CHECK(house.all(Signal::kSpan) == expected(0, 20));
    // Nothing is left on blob that the catalog does not name.
    CHECK(objects(house) == 2 * (house.store->stats().at(Signal::kLog).files + house.store->stats().at(Signal::kSpan).files));
    if (!crashed) break;
  }
  MESSAGE(crashes << " crash points");
  CHECK(crashes > 50);
}

// The same without a crash: each operation fails once, and the store goes on by itself.
TEST_CASE("store: a flush while the spool replays takes no record for done") {
  std::vector<Accepted> spool;
  for (std::uint64_t i = 1; i <= 6; ++i) spool.push_back({i, "otlp", 0, {}, numbered(i % 2 == 1 ? Signal::kSpan : Signal::kLog, static_cast<std::int64_t>(i), 1, kStart)});
  std::size_t apart = 0;
  for (std::int64_t steps = 0; steps < 24; ++steps) {
    CAPTURE(steps);
    House house("replay", kByHand);
    for (const auto& accepted : spool) house.store->accept(accepted);
    house.fault.left = steps;
    (void)house.store->flush();
    house.enter();
    // One signal may be published while another still waits; both are in the spool from the lower checkpoint on.
    apart += house.ask("SELECT count(*)", Signal::kLog) != house.ask("SELECT count(*)", Signal::kSpan) ? 1 : 0;
    for (const auto& accepted : spool) {
      if (accepted.sequence <= house.store->checkpoint()) continue;
      house.store->accept(accepted);
      REQUIRE(house.store->flush().ok());
    }
    CHECK(house.ask("SELECT count(*)", Signal::kLog) == "3 | ");
    CHECK(house.ask("SELECT count(*)", Signal::kSpan) == "3 | ");
  }
  CHECK(apart > 0);
}

TEST_CASE("store: a failure at every step is survived in place") {
  base::set_log_level(base::Level::kError);
  for (std::int64_t steps = 0;; ++steps) {
    CAPTURE(steps);
    House house("retry", kByHand);
    std::uint64_t sequence = 0;
    house.fault.left = steps;
    for (int i = 0; i < 8; ++i) {
      house.store->accept({++sequence, "s", 0, {}, numbered(Signal::kLog, i * 10, 10, kStart)});
      if (i == 5) house.clock.elapsed = 3 * kHourNs;  // what follows is merged with what was before
      if (i >= 5) (void)house.store->maintain();
      (void)house.store->flush();
      if (house.fault.left < 0) {
        house.fault.left = std::numeric_limits<std::int64_t>::max();
        steps = -steps - 1;  // remember that it struck
        CHECK(house.all() == expected(0, (i + 1) * 10));
      }
    }
    (void)house.store->maintain();
    const bool struck = steps < 0 || house.fault.left < 0;
    house.fault.left = std::numeric_limits<std::int64_t>::max();
    if (steps < 0) steps = -steps - 1;
    CHECK(house.all() == expected(0, 80));
    REQUIRE(house.store->flush().ok());
    REQUIRE(house.store->maintain().ok());
    CHECK(house.all() == expected(0, 80));
    CHECK(house.store->checkpoint() == 8);
    house.enter();
    CHECK(house.all() == expected(0, 80));
    if (!struck) break;
  }
}

TEST_CASE("store: memory is bounded, accept waits until a flush made room") {
  auto options = StoreOptions{};
  options.flush_age = std::chrono::hours(1);
  options.flush_rows = 1'000'000;
  options.memory_bytes_max = 3 * numbered(Signal::kLog, 0, 1000, kStart)->bytes();
  House house("memory", options);
  for (std::uint64_t i = 0; i < 40; ++i) {
    house.store->accept({i + 1, "s", 0, {}, numbered(Signal::kLog, static_cast<std::int64_t>(i) * 1000, 1000, kStart)});
    CHECK(house.store->stats().at(Signal::kLog).young_rows <= 3000);
  }
  CHECK(house.all() == expected(0, 40'000));
}

// Goal: while flushes, merges and retention run, each answer holds every record accepted before the question once.
TEST_CASE("store: answers stay exact while flush, merge and retention run") {
  const unsigned seed = 20261123;
  CAPTURE(seed);
  base::set_log_level(base::Level::kError);
  StoreOptions options;
  options.flush_rows = 3000;
  options.reader_grace = std::chrono::milliseconds(1);
  options.retention = std::chrono::hours(48);
  House house("stress", options);
  std::atomic<std::int64_t> accepted{0};
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0}, questions{0};

  std::thread writer([&] {
    std::mt19937 random(seed);
    std::uint64_t sequence = 0;
    for (std::int64_t next = 0; next < 120'000;) {
      const auto count = static_cast<std::int64_t>(1 + random() % 900);
      const auto time = kStart + static_cast<std::int64_t>(random() % 4) * kHourNs;
      // Old records come along, and go again at the next round.
      house.store->accept({++sequence, "s", 0, {}, numbered(Signal::kLog, 1'000'000'000 + next, 5, kStart - 60 * kHourNs)});
      house.store->accept({++sequence, "s", 0, {}, numbered(Signal::kLog, next, count, time)});
      next += count;
      accepted = next;
      house.clock.elapsed += 30'000'000;
    }
    done = true;
  });
  std::thread keeper([&] {
    while (!done) {
      house.clock.elapsed += 100'000'000;
      if (!house.store->maintain().ok()) ++wrong;
    }
  });
  std::vector<std::thread> readers;
  for (unsigned reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&, reader] {
      std::mt19937 random(seed + reader + 1);
      while (!done) {
        const auto before = accepted.load();
        Hints hints;
        const auto wanted = before > 0 ? static_cast<std::int64_t>(random() % static_cast<unsigned>(before)) : -1;
        if (wanted >= 0 && random() % 2 == 0) hints.trace_id = base::TraceId{static_cast<std::uint64_t>(wanted), 99};
        const auto relation = house.store->relation(Signal::kLog, kStart, kAlways, hints);
        const auto where = hints.trace_id.has_value() ? " WHERE duration_ns = " + std::to_string(wanted) : std::string();
        const auto table = house.duck->run("SELECT count(*), count(DISTINCT duration_ns), count(*) FILTER (duration_ns < " + std::to_string(before) +
                                           ") FROM " + relation->sql + where);
        ++questions;
        if (!table.ok()) {
          ++wrong;
          continue;
        }
        const auto at = [&](int column) { return std::get<std::int64_t>(table->rows[0][static_cast<std::size_t>(column)]); };
        if (at(0) != at(1) || at(2) != (hints.trace_id.has_value() ? 1 : before)) ++wrong;
        // The same through the histograms: nothing missing, nothing twice.
        const auto since = accepted.load();
        const auto latency = house.store->latency(Signal::kLog, kStart, kAlways, 0);
        const auto count = latency.ok() && !latency->empty() ? static_cast<std::int64_t>(latency->front().histogram.count()) : 0;
        ++questions;
        if (!latency.ok() || count < since || count > accepted.load() + 900) ++wrong;
      }
    });
  }
  writer.join();
  keeper.join();
  for (auto& reader : readers) reader.join();
  CHECK(wrong == 0);
  CHECK(questions > 5);
  const auto total = accepted.load();
  REQUIRE(house.store->flush().ok());
  REQUIRE(house.store->maintain().ok());
  CHECK(house.all() == expected(0, total));
  house.enter();
  CHECK(house.all() == expected(0, total));
  MESSAGE(questions.load() << " questions over " << total << " records");
}

TEST_CASE("merge policy: which files are merged") {
  std::int64_t next_id = 0;
  const auto file = [&](std::int64_t hour, int level, std::uint64_t rows) {
    auto made = std::make_shared<catalog::File>();
    made->id = ++next_id;
    made->partition = hour;
    made->level = level;
    made->rows = rows;
    return FileEntry(made);
  };
  const auto now = 100 * kHourNs + kMinute;  // hour 99 is over but not settled
  std::vector<FileEntry> live;
  for (int i = 0; i < 7; ++i) live.push_back(file(100, 0, 10));
  CHECK(choose_merge(live, now).empty());
  live.push_back(file(100, 1, 10));
  CHECK(choose_merge(live, now).empty());
  live.push_back(file(100, 0, 10));
  CHECK(choose_merge(live, now).size() == 8);

  live = {file(98, 0, 10), file(98, 2, 20), file(98, 3, kSmallRows)};
  CHECK(choose_merge(live, now).size() == 2);  // the large one is left alone
  live = {file(99, 0, 10), file(99, 2, 20)};
  CHECK(choose_merge(live, now).empty());
  CHECK(choose_merge(live, 100 * kHourNs + kHourSettledNs).size() == 2);
  live.clear();
  for (int i = 0; i < 10; ++i) live.push_back(file(98, 0, kMergeRowsMax / 4));
  CHECK(choose_merge(live, now).size() == 4);
}
