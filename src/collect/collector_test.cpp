#include "collect/collector.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <random>
#include <set>
#include <thread>

#include "base/sim.h"
#include "collect/test_batches.h"

namespace ringwall::collect {

namespace {

using namespace std::chrono_literals;

struct World {
  base::sim::Files files;
  base::sim::Clock clock;
  std::vector<std::string> stored;  // texts of each batch, in the order of the sink
  std::vector<std::uint64_t> sequences;
  CollectorOptions options{.directory = "spool"};
  Recovered recovered;
  std::unique_ptr<Collector> collector;

  Result<void> open() {
    collector.reset();
    stored.clear();
    sequences.clear();
    collector = RW_TRY(Collector::open(options, recovered, files, clock, [this](const Durable& durable) {
      stored.push_back(texts(*durable.batch));
      sequences.push_back(durable.sequence);
    }));
    return {};
  }
  Result<std::uint64_t> send(std::initializer_list<std::string_view> messages, std::uint64_t position = 0, base::Digest digest = {}, std::string source = "test:1") {
    return collector->submit_and_wait({std::move(source), position, digest, log_batch(messages)});
  }
};

std::string show(const Counts& counts) {
  auto out = fmt::format("received {} stored {} pending {}", counts.received, counts.stored, counts.pending);
  std::uint64_t dropped = 0;
  for (const auto& d : counts.dropped) {
    out += fmt::format(" {}/{} {}", d.source, d.reason, d.records);
    dropped += d.records;
  }
  CHECK(counts.received == counts.stored + counts.pending + dropped);
  return out;
}

}  // namespace

TEST_CASE("collector: accepted batches reach the store in order and come back after a restart") {
  World world;
  REQUIRE(world.open().ok());
  CHECK(world.send({"a", "b"}).value() == 1);
  CHECK(world.send({"c"}).value() == 2);
  CHECK(world.stored == std::vector<std::string>{"a b", "c"});
  CHECK(show(world.collector->counts()) == "received 3 stored 3 pending 0");
  world.recovered.checkpoint = 1;
  REQUIRE(world.open().ok());
  CHECK(world.stored == std::vector<std::string>{"c"});
  CHECK(world.send({"d"}).value() == 3);
}

TEST_CASE("collector: a retry is answered and stored once") {
  World world;
  const base::Digest digest{1, 2};
  REQUIRE(world.open().ok());
  REQUIRE(world.send({"a"}, 0, digest).ok());
  REQUIRE(world.send({"a"}, 0, digest).ok());
  REQUIRE(world.send({"line"}, 100).ok());
  REQUIRE(world.send({"line"}, 100).ok());
  REQUIRE(world.send({"line"}, 90).ok());
  REQUIRE(world.send({"line"}, 90, {}, "test:2").ok());
  const std::vector<std::string> want{"a", "line", "line"};
  CHECK(world.stored == want);
  CHECK(show(world.collector->counts()) == "received 3 stored 3 pending 0");

  // The same after a restart, from the spool ...
  REQUIRE(world.open().ok());
  CHECK(world.stored == want);
  REQUIRE(world.send({"a"}, 0, digest).ok());
  REQUIRE(world.send({"line"}, 100).ok());
  CHECK(world.stored == want);
  CHECK(world.collector->position("test:1") == 100);
  CHECK(world.collector->position("test:9") == 0);

  // ... and from what the store knew when the spool is empty.
  world.collector->release(3);
  world.recovered = {3, {{"test:1", 100}}, {digest}};
  REQUIRE(world.open().ok());
  CHECK(world.stored.empty());
  REQUIRE(world.send({"a"}, 0, digest).ok());
  REQUIRE(world.send({"line"}, 100).ok());
  CHECK(world.stored.empty());

  // After the window it is taken for a new request.
  world.clock.advance(10min);
  REQUIRE(world.send({"a"}, 0, digest).ok());
  CHECK(world.stored.empty());
  world.clock.advance(1ns);
  REQUIRE(world.send({"a"}, 0, digest).ok());
  CHECK(world.stored == std::vector<std::string>{"a"});
}

TEST_CASE("collector: a disk that refuses acknowledges nothing, and everything is well when it is back") {
  World world;
  REQUIRE(world.open().ok());
  REQUIRE(world.send({"before"}).ok());
  const base::Digest digest{1, 2};
  world.files.fail_operation(0, 1000);
  CHECK(world.send({"lost"}, 0, digest).error().code == Errc::kUnavailable);
  CHECK(world.send({"kept by its source"}, 50).error().code == Errc::kUnavailable);
  CHECK(world.stored == std::vector<std::string>{"before"});
  CHECK(show(world.collector->counts()) == "received 2 stored 1 pending 0 test/disk 1");
  world.files.fail_operation(base::sim::Files::kNever);
  CHECK(world.send({"lost"}, 0, digest).ok());
  CHECK(world.send({"kept by its source"}, 50).ok());
  CHECK(world.stored == std::vector<std::string>{"before", "lost", "kept by its source"});
  REQUIRE(world.open().ok());
  CHECK(world.stored == std::vector<std::string>{"before", "lost", "kept by its source"});
}

TEST_CASE("collector: batches queued together fail together, and no position passes the hole") {
  base::sim::Files files;
  base::sim::Clock clock;
  std::promise<void> inside, go_on;
  auto may_go = go_on.get_future();
  std::vector<std::string> stored;
  auto collector = Collector::open({.directory = "spool"}, {}, files, clock, [&](const Durable& durable) {
    stored.push_back(texts(*durable.batch));
    if (stored.size() != 1) return;
    inside.set_value();
    may_go.wait();
  }).value();
  collector->submit({"other", 0, {}, log_batch({"first"})}, [](const Result<std::uint64_t>&) {});
  inside.get_future().wait();
  // The commit thread is busy; these wait, and their disk fails.
  files.fail_operation(0);
  std::vector<std::promise<bool>> outcomes(5);
  for (std::uint64_t i = 0; i < outcomes.size(); ++i) {
    collector->submit({"test:1", i + 1, {}, log_batch({fmt::format("{}", i + 1)})}, [&outcome = outcomes[i]](const Result<std::uint64_t>& result) { outcome.set_value(result.ok()); });
  }
  go_on.set_value();
  for (auto& outcome : outcomes) CHECK_FALSE(outcome.get_future().get());
  CHECK(collector->position("test:1") == 0);
  CHECK(collector->counts().received == 1);
  REQUIRE(collector->submit_and_wait({"test:1", 5, {}, log_batch({"1", "2", "3", "4", "5"})}).ok());
  const std::vector<std::string> want{"first", "1 2 3 4 5"};
  CHECK(stored == want);
}

TEST_CASE("collector: budgets refuse with a reason") {
  World world;
  world.options.spool_bytes_max = 400;
  REQUIRE(world.open().ok());
  std::uint64_t accepted = 0;
  Result<std::uint64_t> outcome = std::uint64_t{0};
  for (; accepted < 100; ++accepted) {
    outcome = world.send({"something"});
    if (!outcome.ok()) break;
  }
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().code == Errc::kUnavailable);
  CHECK(outcome.error().message == "overloaded: spool_full");
  CHECK(accepted >= 1);
  CHECK(world.collector->spool().bytes >= 400);
  CHECK(show(world.collector->counts()) == fmt::format("received {} stored {} pending 0 test/spool_full 1", accepted + 1, accepted));
  // Room again once the store has published.
  world.collector->release(accepted);
  while (world.collector->spool().bytes != 0) std::this_thread::yield();
  CHECK(world.send({"something"}).ok());
  CHECK(world.send({"x"}, 0, {}, std::string(513, 's')).error().code == Errc::kInvalid);
}

TEST_CASE("collector: a full queue says so") {
  base::sim::Files files;
  base::sim::Clock clock;
  std::promise<void> inside, go_on;
  auto may_go = go_on.get_future();
  bool first = true;
  auto collector = Collector::open({.directory = "spool", .queue_bytes_max = 1000}, {}, files, clock, [&](const Durable&) {
    if (!std::exchange(first, false)) return;
    inside.set_value();
    may_go.wait();
  }).value();
  std::atomic<int> accepted{0}, refused{0};
  const auto done = [&](const Result<std::uint64_t>& outcome) {
    if (!outcome.ok()) CHECK(outcome.error().message == "overloaded: queue_full");
    ++(outcome.ok() ? accepted : refused);
  };
  collector->submit({"test", 0, {}, log_batch({"first"})}, done);
  inside.get_future().wait();
  for (int i = 0; i < 50; ++i) collector->submit({"test", 0, {}, log_batch({"more"})}, done);
  CHECK(refused > 0);
  CHECK(refused < 50);
  go_on.set_value();
  auto counts = collector->counts();
  CHECK(counts.received == 51);
  while (counts.pending != 0) counts = collector->counts();
  collector.reset();
  CHECK(accepted + refused == 51);
}

TEST_CASE("collector: many threads, each batch once and in order of sequence") {
  World world;
  REQUIRE(world.open().ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&world, t] {
      for (std::uint64_t i = 1; i <= 50; ++i) {
        const auto text = fmt::format("{}.{}", t, i);
        REQUIRE(world.collector->submit_and_wait({fmt::format("test:{}", t), i, {}, log_batch({text})}).ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(world.stored.size() == 200);
  CHECK(std::set<std::string>(world.stored.begin(), world.stored.end()).size() == 200);
  for (std::size_t i = 0; i < world.sequences.size(); ++i) CHECK(world.sequences[i] == i + 1);
}

// Goal: through random sends, retries, failing disks, publications and power cuts, what was acknowledged is there
// exactly once, and what was not is there at most once.
TEST_CASE("collector: against a naive model, from a seed") {
  const char* given = std::getenv("RW_SEED");
  const auto first_seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  for (auto seed = first_seed; seed < first_seed + (given != nullptr ? 1 : 60); ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    World world;
    world.options.segment_bytes_max = 600;
    REQUIRE(world.open().ok());
    std::set<std::string> acknowledged;
    std::multiset<std::string> published;  // what the model's store kept for good
    std::vector<std::pair<std::string, base::Digest>> sent;
    std::uint64_t file_position = 0, number = 0;
    std::size_t taken = 0;  // of world.stored

    const auto publish = [&](std::size_t batches) {
      for (; batches > 0 && taken < world.stored.size(); --batches, ++taken) {
        published.insert(world.stored[taken]);
        world.recovered.checkpoint = world.sequences[taken];
      }
    };
    for (int step = 0; step < 120; ++step) {
      switch (random() % 10) {
        case 0:
        case 1:
        case 2: {  // a new request
          const auto text = fmt::format("r{}", ++number);
          const base::Digest digest{number, seed + 1};
          sent.emplace_back(text, digest);
          if (world.send({text}, 0, digest).ok()) acknowledged.insert(text);
          break;
        }
        case 3: {  // the sender did not hear the answer
          if (sent.empty()) break;
          const auto& [text, digest] = sent[random() % sent.size()];
          if (world.send({text}, 0, digest).ok()) acknowledged.insert(text);
          break;
        }
        case 4:
        case 5: {  // the next line of a file
          const auto text = fmt::format("l{}", file_position + 1);
          if (world.send({text}, file_position + 1, {}, "file:x").ok()) {
            acknowledged.insert(text);
            ++file_position;
          }
          break;
        }
        case 6: world.files.fail_operation(random() % 4, 1 + random() % 3); break;
        case 7:
          publish(1 + random() % 3);
          // The store's transaction holds the positions and digests of exactly what it published.
          world.recovered.digests.clear();
          for (const auto& [text, digest] : sent) {
            if (published.contains(text)) world.recovered.digests.push_back(digest);
          }
          for (const auto& text : published) {
            auto& position = world.recovered.positions["file:x"];
            if (text[0] == 'l') position = std::max<std::uint64_t>(position, std::strtoull(text.c_str() + 1, nullptr, 10));
          }
          world.collector->release(world.recovered.checkpoint);
          break;
        case 8: {  // power cut
          const auto kept = random() % 300;
          world.collector.reset();
          world.files.fail_operation(base::sim::Files::kNever);
          world.files.crash(kept, random() % 2 == 0 ? base::sim::Tail::kCut : base::sim::Tail::kZeros);
          REQUIRE(world.open().ok());
          taken = 0;
          file_position = world.collector->position("file:x");
          break;
        }
        default: break;
      }
    }
    world.files.fail_operation(base::sim::Files::kNever);
    REQUIRE(world.open().ok());
    taken = 0;
    publish(world.stored.size());
    for (const auto& text : acknowledged) {
      CAPTURE(text);
      CHECK(published.count(text) == 1);
    }
    for (const auto& text : published) {
      CAPTURE(text);
      CHECK(published.count(text) == 1);
    }
  }
}

}  // namespace ringwall::collect
