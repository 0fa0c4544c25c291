#include "ring/ring.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "ring/owner.h"
#include "ring/test_folder.h"
#include "ring/writer.h"

namespace {

using namespace ringwall;
using namespace ringwall::ring;

constexpr Options kSmall{.ring_count = 3, .ring_bytes = kRingBytesMin};

// A worker's mapping of the file.
class Mapped {
 public:
  explicit Mapped(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR);
    struct stat info {};
    REQUIRE(::fstat(fd, &info) == 0);
    bytes = static_cast<std::size_t>(info.st_size);
    base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    REQUIRE(base != MAP_FAILED);
    REQUIRE(ring_file_fault(base, bytes) == nullptr);
  }
  ~Mapped() { ::munmap(base, bytes); }
  Writer writer(std::uint64_t self = owner_of(::getpid())) const {
    Writer writer;
    writer.attach(base);
    writer.claim(self);
    return writer;
  }
  Control& control(std::uint32_t ring) const {
    return *reinterpret_cast<Control*>(static_cast<char*>(base) + control_offset(ring));
  }
  void* base = nullptr;
  std::size_t bytes = 0;
};

bool write(Writer& writer, std::string_view text) {
  char* room = writer.reserve(text.size());
  if (room == nullptr) return false;
  std::memcpy(room, text.data(), text.size());
  writer.publish();
  return true;
}

std::string next(Reader& reader, std::uint32_t ring) {
  const auto entry = reader.next(ring);
  return entry ? std::string(entry->payload) : "nothing";
}

// Record n of a stream anyone can check: its length and bytes follow from n.
std::string numbered(std::uint64_t n) {
  std::string text = std::to_string(n) + ":";
  text.append((n * 7919) % 1500, static_cast<char>('a' + n % 26));
  return text;
}

}  // namespace

TEST_CASE("ring: what a worker publishes is read in order, and reserving is not publishing") {
  TestFolder folder("ring");
  auto reader = Reader::open_or_create(folder.path("r"), kSmall).value();
  const Mapped mapped(folder.path("r"));
  auto writer = mapped.writer();
  REQUIRE(writer.claimed());
  CHECK(write(writer, "one"));
  CHECK(write(writer, ""));
  std::memcpy(writer.reserve(5), "never", 5);
  CHECK(next(reader, 0) == "one");
  CHECK(next(reader, 0).empty());
  CHECK(next(reader, 0) == "nothing");
  CHECK(write(writer, "two"));
  CHECK(next(reader, 0) == "two");
}

TEST_CASE("ring: a full ring drops and counts, and takes again after a commit") {
  TestFolder folder("ring");
  auto reader = Reader::open_or_create(folder.path("r"), kSmall).value();
  const Mapped mapped(folder.path("r"));
  auto writer = mapped.writer();
  const std::string kilobyte(1024 - kFrameHeaderBytes, 'k');
  int fitted = 0;
  while (write(writer, kilobyte)) ++fitted;
  CHECK(fitted == 64);
  CHECK(!write(writer, ""));
  CHECK(reader.drops().full == 2);
  // Reading alone gives nothing back.
  const auto first = reader.next(0).value();
  CHECK(!write(writer, kilobyte));
  reader.commit(0, first.position);
  CHECK(write(writer, kilobyte));
  CHECK(!write(writer, ""));
  CHECK(reader.drops().full == 4);
}

TEST_CASE("ring: the largest record fits, one byte more is counted") {
  TestFolder folder("ring");
  auto reader = Reader::open_or_create(folder.path("r"), kSmall).value();
  const Mapped mapped(folder.path("r"));
  auto writer = mapped.writer();
  CHECK(write(writer, std::string(kPayloadBytesMax, 'x')));
  CHECK(!write(writer, std::string(kPayloadBytesMax + 1, 'x')));
  CHECK(reader.drops().oversize == 1);
  CHECK(next(reader, 0).size() == kPayloadBytesMax);
}

TEST_CASE("ring: every ring taken means drop and count") {
  TestFolder folder("ring");
  auto reader = Reader::open_or_create(folder.path("r"), kSmall).value();
  const Mapped mapped(folder.path("r"));
  Writer writers[] = {mapped.writer(), mapped.writer(), mapped.writer()};
  for (auto& writer : writers) CHECK(writer.claimed());
  CHECK(reader.rings_in_use() == 3);
  auto late = mapped.writer();
  CHECK(!late.claimed());
  CHECK(!write(late, "lost"));
  CHECK(reader.drops().no_ring == 1);
  writers[1].release();
  CHECK(late.claim(owner_of(::getpid())));
  CHECK(late.ring() == 1);
}

// Goal: positions go on where the last owner stopped, so (epoch, ring, position) never repeats.
TEST_CASE("ring: a dead owner's ring is taken over undrained, or released once drained") {
  TestFolder folder("ring");
  auto reader =
      Reader::open_or_create(folder.path("r"), {.ring_count = 1, .ring_bytes = kRingBytesMin}).value();
  const Mapped mapped(folder.path("r"));
  // The same process id with another start time: somebody else who is gone.
  const auto dead = owner_of(::getpid()) + (std::uint64_t{1} << kOwnerPidBits);
  CHECK(!owner_lives(dead));
  auto first = mapped.writer(dead);
  CHECK(write(first, "left behind"));
  CHECK(reader.release_dead() == 0);

  auto second = mapped.writer();
  REQUIRE(second.claimed());
  CHECK(write(second, "and on"));
  const auto one = reader.next(0).value();
  const auto two = reader.next(0).value();
  CHECK(one.payload == "left behind");
  CHECK(two.payload == "and on");
  CHECK(two.position > one.position);
  CHECK(mapped.control(0).owner == owner_of(::getpid()));
  CHECK(reader.release_dead() == 0);

  mapped.control(0).owner = dead;
  CHECK(reader.release_dead() == 0);
  reader.commit(0, two.position);
  CHECK(reader.release_dead() == 1);
  CHECK(mapped.control(0).owner == kNobody);
  CHECK(reader.rings_in_use() == 0);
}

TEST_CASE("ring: seek after a crash skips what is durable and repeats the rest") {
  TestFolder folder("ring");
  const auto path = folder.path("r");
  auto crashed = Reader::open_or_create(path, kSmall).value();
  const auto epoch = crashed.epoch();
  CHECK(epoch != 0);
  const Mapped mapped(path);
  auto writer = mapped.writer();
  for (const auto* text : {"a", "b", "c", "d"}) CHECK(write(writer, text));
  const auto a = crashed.next(0).value().position;
  const auto b = crashed.next(0).value().position;
  crashed.commit(0, a);
  CHECK(crashed.tail(0) == a);
  // The file is locked while its reader lives.
  CHECK(Reader::open_or_create(path, kSmall).error().code == Errc::kUnavailable);
  { const auto gone = std::move(crashed); }

  auto reader = Reader::open_or_create(path, {}).value();
  CHECK(reader.epoch() == epoch);
  CHECK(reader.ring_count() == 3);
  CHECK(reader.seek(0, a - 8).ok());
  CHECK(next(reader, 0) == "b");
  CHECK(reader.seek(0, b).ok());
  CHECK(reader.tail(0) == b);
  CHECK(next(reader, 0) == "c");
  CHECK(next(reader, 0) == "d");
  CHECK(reader.seek(0, reader.cursor(0) + 8).error().code == Errc::kCorrupt);
}

TEST_CASE("ring: bytes that make no sense are skipped, counted and given back") {
  TestFolder folder("ring");
  auto reader = Reader::open_or_create(folder.path("r"), kSmall).value();
  const Mapped mapped(folder.path("r"));
  auto writer = mapped.writer();
  char* data = static_cast<char*>(mapped.base) + data_offset(kSmall.ring_count, kSmall.ring_bytes, 0);
  CHECK(write(writer, "good"));
  const auto bad = mapped.control(0).head.load();
  CHECK(write(writer, "broken"));
  CHECK(write(writer, "behind it"));
  const auto end = mapped.control(0).head.load();

  const std::uint32_t lengths[] = {kPayloadBytesMax + 1, kSkip, 1000};
  for (const auto length : lengths) {
    CAPTURE(length);
    std::memcpy(data + bad, &length, sizeof length);
    mapped.control(0).tail = 0;
    { const auto closed = std::move(reader); }
    reader = Reader::open_or_create(folder.path("r"), kSmall).value();
    const auto good = reader.next(0).value();
    CHECK(good.payload == "good");
    CHECK(!reader.next(0));
    CHECK(reader.drops().corrupt_bytes == end - bad);
    CHECK(reader.tail(0) == 0);
    reader.commit(0, good.position);
    CHECK(reader.tail(0) == end);
  }
  CHECK(write(writer, "fine again"));
  CHECK(next(reader, 0) == "fine again");
}

TEST_CASE("ring: a file of another boot or kind is replaced under a new epoch") {
  TestFolder folder("ring");
  const auto path = folder.path("r");
  const auto first = Reader::open_or_create(path, kSmall).value().epoch();
  {
    const Mapped mapped(path);
    static_cast<FileHeader*>(mapped.base)->boot_id[3] ^= 1;
  }
  const auto second = Reader::open_or_create(path, kSmall).value().epoch();
  CHECK(second != first);
  CHECK(Reader::open_or_create(path, kSmall).value().epoch() == second);
  std::ofstream(path, std::ios::trunc) << "not a ring";
  CHECK(Reader::open_or_create(path, kSmall).value().epoch() != second);
}

TEST_CASE("ring: impossible dimensions are refused") {
  TestFolder folder("ring");
  const Options kWrong[] = {
      {.ring_count = 0},
      {.ring_count = kRingCountMax + 1},
      {.ring_bytes = kRingBytesMin / 2},
      {.ring_bytes = kRingBytesMin + 1},
      {.ring_bytes = kRingBytesMax * 2},
  };
  for (const auto& options : kWrong)
    CHECK(Reader::open_or_create(folder.path("r"), options).error().code == Errc::kInvalid);
}

// Goal: with reader and writer running against each other through many laps, every record that was taken
// arrives once, in order, whole.
TEST_CASE("ring: two threads, many laps") {
  TestFolder folder("ring");
  auto reader = Reader::open_or_create(folder.path("r"), kSmall).value();
  const Mapped mapped(folder.path("r"));
  constexpr std::uint64_t kRecords = 50'000;
  std::thread worker([&] {
    auto writer = mapped.writer();
    for (std::uint64_t n = 0; n < kRecords;) {
      if (write(writer, numbered(n)))
        ++n;
      else
        std::this_thread::yield();
    }
  });
  std::uint64_t expected = 0;
  bool in_order = true;
  while (expected < kRecords) {
    const auto entry = reader.next(0);
    if (!entry) {
      std::this_thread::yield();
      continue;
    }
    in_order = in_order && entry->payload == numbered(expected);
    ++expected;
    if (expected % 5 == 0 || reader.cursor(0) - reader.tail(0) > kSmall.ring_bytes / 4)
      reader.commit(0, entry->position);
  }
  worker.join();
  CHECK(in_order);
  CHECK(!reader.next(0));
  CHECK(reader.drops().corrupt_bytes == 0);
}
