#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string>

#include "ring/owner.h"
#include "ring/ring.h"
#include "ring/test_folder.h"
#include "ring/writer.h"

namespace {

using namespace ringwall;
using namespace ringwall::ring;

// A record that shows whether it is whole: a number, and bytes that all follow from it.
struct Numbered {
  std::uint64_t n;
  std::uint32_t bytes;
};

bool whole(std::string_view payload, std::uint64_t& n) {
  Numbered head{};
  if (payload.size() < sizeof head) return false;
  std::memcpy(&head, payload.data(), sizeof head);
  n = head.n;
  if (payload.size() != sizeof head + head.bytes) return false;
  for (std::size_t i = sizeof head; i < payload.size(); ++i) {
    if (payload[i] != static_cast<char>(head.n * 31 + i)) return false;
  }
  return true;
}

[[noreturn]] void produce(void* base) {
  Writer writer;
  writer.attach(base);
  if (!writer.claim(owner_of(::getpid()))) ::_exit(2);
  for (std::uint64_t n = 0;; ++n) {
    const Numbered head{n, static_cast<std::uint32_t>(n * 977 % 900)};
    char* room = nullptr;
    while (room == nullptr) room = writer.reserve(sizeof head + head.bytes);
    // Byte by byte on purpose: as many places as possible to be killed at.
    std::memcpy(room, &head, sizeof head);
    for (std::size_t i = sizeof head; i < sizeof head + head.bytes; ++i) {
      static_cast<volatile char*>(room)[i] = static_cast<char>(n * 31 + i);
    }
    writer.publish();
  }
}

}  // namespace

// Goal: a worker killed with -9 at any instruction leaves whole records only, and the next worker goes on with
// the same ring at the same position.
TEST_CASE("ring: kill -9 of the writer at random points leaves no torn record") {
  TestFolder folder("ring-kill");
  const auto path = folder.path("r");
  auto reader = Reader::open_or_create(path, {.ring_count = 1, .ring_bytes = kRingBytesMin}).value();
  const auto bytes = file_bytes(1, kRingBytesMin);
  const int fd = ::open(path.c_str(), O_RDWR);
  void* base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  REQUIRE(base != MAP_FAILED);

  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  std::uint64_t records = 0;
  for (int round = 0; round < 100; ++round) {
    CAPTURE(round);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) produce(base);
    // Random by records, then by a random spin, so that the kill falls anywhere inside a record.
    const auto stop_after = random() % 300;
    std::uint64_t expected = 0;
    std::uint64_t n = 0;
    while (expected < stop_after) {
      if (const auto entry = reader.next(0)) {
        REQUIRE(whole(entry->payload, n));
        REQUIRE(n == expected++);
        reader.commit(0, entry->position);
      }
    }
    for (auto spin = random() % 20'000; spin != 0; --spin) asm volatile("");
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    while (const auto entry = reader.next(0)) {
      REQUIRE(whole(entry->payload, n));
      REQUIRE(n == expected++);
      reader.commit(0, entry->position);
    }
    records += expected;
  }
  CHECK(records > 0);
  CHECK(reader.drops().corrupt_bytes == 0);
  CHECK(reader.drops().no_ring == 0);
  CHECK(reader.release_dead() == 1);
  ::munmap(base, bytes);
}
