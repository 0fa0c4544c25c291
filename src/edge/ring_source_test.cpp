#include "edge/ring_source.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "edge/detail/test_support.h"
#include "ring/owner.h"
#include "ring/writer.h"

namespace ringwall::edge {

namespace {

// Keeps what it is given as the contract of collect::Collector says: a position that is not beyond the last one
// of its source is a retry.  refuse() makes the next n submissions of a signal fail.
class FakeCollector final : public collect::Collector {
 public:
  void submit(collect::Submission s, Done done) override {
    if (refuse_[s.batch.signal] > 0) {
      --refuse_[s.batch.signal];
      return done(fail(Errc::kUnavailable, "the disk is full"));
    }
    if (s.position > positions[s.source]) {
      positions[s.source] = s.position;
      for (const auto slice : s.batch.text) texts[s.batch.signal].emplace_back(s.batch.view(slice));
    }
    done(std::uint64_t{1});
  }
  Result<std::uint64_t> submit_and_wait(collect::Submission) override {
    return fail(Errc::kInternal, "not used here");
  }
  std::uint64_t position(const std::string& source) const override {
    const auto found = positions.find(source);
    return found == positions.end() ? 0 : found->second;
  }
  void release(std::uint64_t) override {}
  void count_received(const std::string& source, base::Signal, std::uint64_t n) override {
    received[source] += n;
  }
  void count_dropped(const std::string& source, const std::string& reason, std::uint64_t n) override {
    dropped[source + " " + reason] += n;
  }
  collect::Counts counts() const override { return {}; }
  SpoolState spool() const override { return {}; }

  void refuse(base::Signal signal, int times) { refuse_[signal] = times; }

  std::map<std::string, std::uint64_t> positions, received, dropped;
  std::map<base::Signal, std::vector<std::string>> texts;

 private:
  std::map<base::Signal, int> refuse_;
};

struct Ring {
  test::Folder folder;
  std::string path = folder.path + "/edge.ring";
  FakeCollector collector;
  std::unique_ptr<RingSource> source;
  void* base = nullptr;
  std::size_t bytes = 0;
  ring::Writer writer;
  int number = 0;

  Ring() {
    open();
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct stat info {};
    REQUIRE(::fstat(fd, &info) == 0);
    bytes = static_cast<std::size_t>(info.st_size);
    base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    writer.attach(base);
    REQUIRE(writer.claim(ring::owner_of(::getpid())));
  }
  ~Ring() { ::munmap(base, bytes); }

  void open() {
    source.reset();
    auto reader =
        ring::Reader::open_or_create(path, {.ring_count = 2, .ring_bytes = ring::kRingBytesMin}).value();
    source = RingSource::open(std::move(reader), collector, {"test", "1", "here", "local"}).value();
  }

  // As a worker does: requests "/1", "/2", ...
  bool request() {
    ring::EdgeRecord record;
    const auto request_path = fmt::format("/{}", ++number);
    record.status = 200;
    record[ring::EdgeString::kMethod] = "GET";
    record[ring::EdgeString::kPath] = request_path;
    record[ring::EdgeString::kRoute] = request_path;
    const auto size = ring::prepare(record);
    char* room = writer.reserve(size);
    if (room == nullptr) return false;
    ring::encode(record, room);
    writer.publish();
    return true;
  }

  void check_each_once(int count) {
    std::vector<std::string> logs, spans;
    for (int i = 1; i <= count; ++i) {
      logs.push_back(fmt::format("GET /{} 200 0.0ms", i));
      spans.push_back(fmt::format("GET /{}", i));
    }
    CHECK(collector.texts[base::Signal::kLog] == logs);
    CHECK(collector.texts[base::Signal::kSpan] == spans);
  }
};

}  // namespace

TEST_CASE("ring_source: each request becomes one log and one span") {
  Ring ring;
  for (int i = 0; i < 3; ++i) ring.request();
  CHECK(ring.source->step() == 3);
  CHECK(ring.source->step() == 0);
  ring.request();
  CHECK(ring.source->step() == 1);
  ring.check_each_once(4);
  CHECK(ring.source->counts().requests == 4);
}

// Goal: whichever submissions fail, and whenever the core is killed and comes back, each record arrives once.
TEST_CASE("ring_source: exactly once through refusals and restarts") {
  for (int logs_refused = 0; logs_refused < 3; ++logs_refused) {
    for (int spans_refused = 0; spans_refused < 3; ++spans_refused) {
      for (const bool restart : {false, true}) {
        CAPTURE(logs_refused);
        CAPTURE(spans_refused);
        CAPTURE(restart);
        Ring ring;
        ring.request();
        ring.collector.refuse(base::Signal::kLog, logs_refused);
        ring.collector.refuse(base::Signal::kSpan, spans_refused);
        ring.source->step();
        ring.request();
        if (restart) ring.open();
        for (int i = 0; i < 5; ++i) ring.source->step();
        ring.check_each_once(2);
      }
    }
  }
}

TEST_CASE("ring_source: what workers dropped is counted twice, what makes no sense too") {
  Ring ring;
  int kept = 0;
  while (ring.request()) ++kept;
  for (int i = 0; i < 4; ++i) ring.request();  // five dropped in all
  ring.source->step();
  CHECK(ring.collector.dropped["edge ring_full"] == 10);
  CHECK(ring.collector.received["edge"] == 10);
  CHECK(ring.source->counts().dropped == 5);
  ring.check_each_once(kept);

  char* room = ring.writer.reserve(9);
  REQUIRE(room != nullptr);
  std::memcpy(room, "no record", 9);
  ring.writer.publish();
  ring.source->step();
  CHECK(ring.collector.dropped["edge bad_record"] == 2);
  ring.check_each_once(kept);
}

TEST_CASE("ring_source: the thread takes what comes") {
  Ring ring;
  ring.source->start();
  for (int i = 0; i < 50; ++i) ring.request();
  CHECK(test::eventually([&] { return ring.source->counts().requests == 50; }));
  ring.source.reset();
  ring.check_each_once(50);
}

}  // namespace ringwall::edge
