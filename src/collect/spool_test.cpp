#include "collect/spool.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/sim.h"
#include "collect/test_batches.h"

namespace ringwall::collect {

namespace {

constexpr const char* kFile = "spool/00000000000000000001.spool";

struct Opened {
  std::unique_ptr<Spool> spool;
  std::string seen;  // "sequence:source:payload " of what was replayed
};

Result<Opened> open(base::Files& files, std::uint64_t checkpoint = 0, std::uint64_t segment_bytes_max = 1 << 20) {
  Opened opened;
  opened.spool = RW_TRY(Spool::open(files, {"spool", segment_bytes_max, checkpoint, 7}, [&](const SpoolRecord& record) -> Result<void> {
    opened.seen += fmt::format("{}:{}:{} ", record.sequence, record.source, record.payload);
    return {};
  }));
  return opened;
}

void add(Spool& spool, std::string_view payload) { spool.add(0, {}, "test", payload); }

}  // namespace

TEST_CASE("spool: a batch comes back as it was") {
  const auto batch = log_batch({"one", "two"});
  const auto payload = compress_batch(batch).value();
  const auto back = decompress_batch(payload).value();
  CHECK(base::encode(back) == base::encode(batch));
  CHECK(decompress_batch(payload.substr(0, payload.size() - 1)).error().code == Errc::kCorrupt);
  CHECK(decompress_batch("not zstd").error().code == Errc::kCorrupt);
}

// A small request may hold a great deal of the same; what was accepted has to be readable after a restart.
TEST_CASE("spool: a batch that compresses as far as zstd can comes back") {
  for (const std::size_t bytes : {std::size_t{1} << 20, std::size_t{64} << 20}) {
    CAPTURE(bytes);
    const auto batch = log_batch({std::string(bytes, 'a')});
    const auto payload = compress_batch(batch).value();
    const auto back = decompress_batch(payload);
    REQUIRE(back.ok());
    CHECK(back->arena == batch.arena);
  }
}

TEST_CASE("spool: what was committed is replayed beyond the checkpoint") {
  base::sim::Files files;
  {
    auto opened = open(files).value();
    add(*opened.spool, "a");
    add(*opened.spool, "b");
    REQUIRE(opened.spool->commit().ok());
    add(*opened.spool, "c");
    REQUIRE(opened.spool->commit().ok());
    add(*opened.spool, "never committed");
  }
  CHECK(open(files).value().seen == "1:test:a 2:test:b 3:test:c ");
  CHECK(open(files, 2).value().seen == "3:test:c ");
  CHECK(open(files, 3).value().seen.empty());
  CHECK(open(files, 3).value().spool->last_sequence() == 3);
}

// Goal: a committed record survives a power cut wherever it falls in the unsynced tail; of the group that was being
// written, whole records from its beginning may be there, and nothing else.
TEST_CASE("spool: power cut at every byte of the unsynced tail") {
  for (const auto tail : {base::sim::Tail::kCut, base::sim::Tail::kZeros}) {
    for (std::size_t kept = 0;; ++kept) {
      CAPTURE(kept);
      base::sim::Files files;
      auto opened = open(files).value();
      add(*opened.spool, "synced");
      REQUIRE(opened.spool->commit().ok());
      add(*opened.spool, "in flight");
      add(*opened.spool, "too");
      files.fail_operation(1);  // the sync after the write
      REQUIRE_FALSE(opened.spool->commit().ok());
      const auto unsynced = files.unsynced(kFile);
      REQUIRE(unsynced > 0);

      files.crash(kept, tail);

      auto again = open(files).value();
      const std::size_t first_bytes = unsynced / 2 + 3;  // "in flight" is six bytes longer than "too"
      std::string want = "1:test:synced ";
      if (kept >= first_bytes) want += "2:test:in flight ";
      if (kept >= unsynced) want += "3:test:too ";
      CHECK(again.seen == want);
      // And it goes on from there.
      add(*again.spool, "next");
      REQUIRE(again.spool->commit().ok());
      CHECK(open(files).value().seen == want + fmt::format("{}:test:next ", again.spool->last_sequence()));
      if (kept > unsynced) break;
    }
  }
}

// Goal: whichever operation fails, a commit that said no left nothing, and the same spool accepts again.
TEST_CASE("spool: the n-th operation fails") {
  for (std::uint64_t n = 0;; ++n) {
    CAPTURE(n);
    base::sim::Files files;
    auto opened = open(files, 0, 200).value();  // a new file after every few records
    const auto before = files.operations();
    files.fail_operation(n);
    std::string want;
    std::uint64_t failures = 0;
    for (int i = 0; i < 8; ++i) {
      const auto payload = fmt::format("payload {}", i);
      add(*opened.spool, payload);
      const auto outcome = opened.spool->commit();
      if (outcome.ok()) {
        want += fmt::format("{}:test:{} ", opened.spool->last_sequence(), payload);
      } else {
        CHECK(outcome.error().code == Errc::kUnavailable);
        ++failures;
      }
    }
    CHECK(failures <= 1);
    const auto used = files.operations() - before;
    // What a failed sync left behind is cut off before the next record is written.
    files.fail_operation(base::sim::Files::kNever);
    add(*opened.spool, "end");
    REQUIRE(opened.spool->commit().ok());
    want += fmt::format("{}:test:end ", opened.spool->last_sequence());
    CHECK(open(files).value().seen == want);
    files.crash(0);
    CHECK(open(files).value().seen == want);
    if (used <= n) {
      CHECK(failures == 0);
      break;
    }
  }
}

TEST_CASE("spool: damage behind which synced records lie is refused, wherever it is") {
  std::size_t size = 0, last_group = 0;
  for (std::size_t at = 0;; ++at) {
    CAPTURE(at);
    base::sim::Files files;
    {
      auto opened = open(files).value();
      for (const auto* payload : {"one", "two", "three"}) {
        last_group = opened.spool->bytes();
        add(*opened.spool, payload);
        REQUIRE(opened.spool->commit().ok());
      }
      size = opened.spool->bytes();
    }
    if (at == size) break;
    files.flip(kFile, at);
    const auto opened = open(files);
    if (at < last_group) {
      REQUIRE_FALSE(opened.ok());
      CHECK(opened.error().code == Errc::kCorrupt);
      CHECK(opened.error().message.starts_with(fmt::format("{}: byte ", kFile)));
    } else {
      // Not to be told from a torn write.
      REQUIRE(opened.ok());
      CHECK(opened->seen == "1:test:one 2:test:two ");
    }
  }
}

// A sender chooses what is in a payload; after a crash it may neither keep the program from starting nor keep it busy.
TEST_CASE("spool: records inside a torn payload are not taken for records") {
  std::string inner;
  {
    base::sim::Files files;
    auto opened = open(files, 1'000'000).value();
    add(*opened.spool, "x");
    REQUIRE(opened.spool->commit().ok());
    inner = files.read("spool/00000000000001000001.spool").value().substr(28);  // behind the head
  }
  base::sim::Files files;
  {
    auto opened = open(files).value();
    add(*opened.spool, "synced");
    REQUIRE(opened.spool->commit().ok());
    std::string payload;
    while (payload.size() < 1 << 20) payload += "RWR1" + std::string("\x00\x00\x08\x00", 4) + "....random....";
    add(*opened.spool, inner + payload);
    REQUIRE(opened.spool->commit().ok());
  }
  REQUIRE(files.truncate(kFile, files.size(kFile).value() - 1).ok());
  CHECK(open(files).value().seen == "1:test:synced ");
}

TEST_CASE("spool: a file before the last one may not be cut") {
  base::sim::Files files;
  {
    auto opened = open(files, 0, 1).value();
    add(*opened.spool, "one");
    REQUIRE(opened.spool->commit().ok());
    add(*opened.spool, "two");
    REQUIRE(opened.spool->commit().ok());
    REQUIRE(opened.spool->segments() == 2);
  }
  REQUIRE(files.truncate(kFile, files.size(kFile).value() - 1).ok());
  CHECK(open(files).error().message == fmt::format("{}: byte 28: record cut short", kFile));
}

TEST_CASE("spool: release removes whole files only") {
  base::sim::Files files;
  auto opened = open(files, 0, 150).value();
  for (int i = 0; i < 5; ++i) {
    add(*opened.spool, "twenty bytes or more");
    REQUIRE(opened.spool->commit().ok());
  }
  REQUIRE(opened.spool->segments() == 3);  // two records each
  opened.spool->release(1);
  CHECK(opened.spool->segments() == 3);
  opened.spool->release(3);
  CHECK(opened.spool->segments() == 2);
  opened.spool->release(5);
  CHECK(opened.spool->segments() == 0);
  CHECK(opened.spool->bytes() == 0);
  CHECK(files.list("spool").value().empty());
  add(*opened.spool, "six");
  REQUIRE(opened.spool->commit().ok());
  CHECK(open(files, 5).value().seen == "6:test:six ");
}

}  // namespace ringwall::collect
