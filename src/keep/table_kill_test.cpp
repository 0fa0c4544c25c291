// Several processes on one table, some of them killed.
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <random>

#include "keep/table.h"
#include "keep/test_support.h"

using namespace ringwall;
using namespace ringwall::keep;
using namespace ringwall::keep::test;

namespace {

struct Shared {
  std::atomic<std::uint64_t> done[64];
};

Shared* shared_memory() {
  void* base = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(base != MAP_FAILED);
  return new (base) Shared();
}

bool add_one(Table& table, std::string_view key, std::int64_t now_ns = 1) {
  return table.edit({0, key}, now_ns, [](Record& record) {
    std::uint64_t count = 0;
    if (record.found) std::memcpy(&count, record.value, sizeof count);
    ++count;
    record.assign({reinterpret_cast<const char*>(&count), sizeof count});
    record.expires_ns = kLater;
    return Then::kWrite;
  }) == Outcome::kDone;
}

std::uint64_t count_of(Table& table, std::string_view key) {
  Record record;
  std::uint64_t count = 0;
  REQUIRE(table.get({0, key}, 1, record) == Outcome::kDone);
  if (record.found) std::memcpy(&count, record.value, sizeof count);
  return count;
}

// A value that shows whether it is whole: its key, a number, and bytes that follow from both.
std::string value_of(std::uint64_t key, std::uint64_t n) {
  auto out = fmt::format("{} {} ", key, n);
  const auto bytes = (key * 977 + n * 131) % 900;
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(n * 31 + i);
  return out;
}

constexpr std::uint64_t kKeys = 40;

[[noreturn]] void write_for_ever(void* base, std::uint64_t seed, std::atomic<std::uint64_t>& done) {
  Table table;
  table.attach(base, this_process());
  std::mt19937_64 random(seed);
  for (;;) {
    const auto key = random() % kKeys;
    const auto name = fmt::format("key {}", key);
    switch (random() % 4) {
      case 0: (void)table.remove({0, name}, 1); break;
      case 1:
        if (add_one(table, "counter")) done.fetch_add(1);
        break;
      default: (void)table.set({0, name}, 1, value_of(key, random() % 1000), kLater);
    }
  }
}

void wait_for(pid_t child, int want_signal = 0) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (want_signal != 0) REQUIRE(WIFSIGNALED(status));
  else REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

}  // namespace

// Goal: no increment that was reported as done is missing, none is there twice.
TEST_CASE("table: counters of four processes add up") {
  Fixture f;
  auto* shared = shared_memory();
  constexpr int kProcesses = 4, kRounds = 100'000, kNames = 7;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      Table table;
      table.attach(f.file.base(), this_process());
      for (int i = 0; i < kRounds; ++i) {
        const auto name = static_cast<std::size_t>(i * (p + 1) % kNames);
        if (add_one(table, fmt::format("n{}", name))) shared->done[name].fetch_add(1);
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const auto child : children) wait_for(child);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kNames; ++i) {
    CHECK(count_of(f.table, fmt::format("n{}", i)) == shared->done[i].load());
    sum += shared->done[i].load();
  }
  const auto stats = f.table.stats();
  CHECK(sum + stats.busy == std::uint64_t{kProcesses} * kRounds);
  CHECK(sum > std::uint64_t{kProcesses} * kRounds / 2);
  CHECK(stats.taken_over + stats.repaired + stats.lost + stats.evicted == 0);
  MESSAGE("no state this time: ", stats.busy, " of ", kProcesses * kRounds);
  ::munmap(shared, sizeof(Shared));
}

// Goal: a worker killed with -9 at any instruction leaves every record as it was before or after the write, its lock is
// taken over, its cells are found again, and the others go on.
TEST_CASE("table: kill -9 in the middle of writes, 200 rounds") {
  Fixture f;
  auto* shared = shared_memory();
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const std::string untouched = value_of(7, 7);
  REQUIRE(f.table.set({0, "untouched"}, 1, untouched, kLater) == Outcome::kDone);
  std::uint64_t counted = 0, records = 0;
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    const auto before = shared->done[0].load();
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) write_for_ever(f.file.base(), random(), shared->done[0]);
    while (shared->done[0].load() < before + random() % 20 + 1) ::usleep(50);
    for (auto spin = random() % 20'000; spin != 0; --spin) asm volatile("");
    REQUIRE(::kill(child, SIGKILL) == 0);
    wait_for(child, SIGKILL);
    for (std::uint64_t key = 0; key < kKeys; ++key) {
      const auto value = f.get(fmt::format("key {}", key), 1);
      if (value == "-") continue;
      unsigned long long shown_key = 0, n = 0;
      REQUIRE(std::sscanf(value.c_str(), "%llu %llu", &shown_key, &n) == 2);
      REQUIRE(shown_key == key);
      REQUIRE(value == value_of(key, n));
      ++records;
    }
    REQUIRE(f.get("untouched", 1) == untouched);
    // It may have died between the increment and telling of it.
    const auto count = count_of(f.table, "counter"), told = shared->done[0].load();
    REQUIRE(count >= counted + (told - before));
    REQUIRE(count <= counted + (told - before) + 1);
    counted = count;
  }
  const auto stats = f.table.stats();
  MESSAGE("locks taken over: ", stats.taken_over, ", records looked at: ", records);
  CHECK(stats.taken_over > 0);
  CHECK(stats.repaired == 0);
  CHECK(stats.lost == 0);
  CHECK(stats.evicted == 0);
  for (std::uint64_t key = 0; key < kKeys; ++key) CHECK(f.table.remove({0, fmt::format("key {}", key)}, 1) == Outcome::kDone);
  CHECK(f.table.remove({0, "counter"}, 1) == Outcome::kDone);
  CHECK(f.table.remove({0, "untouched"}, 1) == Outcome::kDone);
  f.file.check_all();
  CHECK(f.file.cells_used() == 0);
  ::munmap(shared, sizeof(Shared));
}

// Goal: while one process is killed again and again, another one never waits long and loses nothing of its own.
TEST_CASE("table: the living go on beside the dying") {
  Fixture f;
  auto* shared = shared_memory();
  std::mt19937_64 random(5);
  std::uint64_t own = 0, refused = 0;
  std::int64_t now_ns = 1;
  for (int round = 0; round < 50; ++round) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) write_for_ever(f.file.base(), random(), shared->done[0]);
    const auto before = shared->done[0].load();
    while (shared->done[0].load() < before + 100) add_one(f.table, "own", now_ns += 1000) ? ++own : ++refused;
    REQUIRE(::kill(child, SIGKILL) == 0);
    wait_for(child, SIGKILL);
    // At once, although its lock may be taken.
    REQUIRE(add_one(f.table, "own", now_ns += kOwnerCheckNs));
    ++own;
  }
  CHECK(count_of(f.table, "own") == own);
  CHECK(f.table.stats().lost == 0);
  MESSAGE("no state: ", refused, " of ", own + refused, ", taken over: ", f.table.stats().taken_over);
  ::munmap(shared, sizeof(Shared));
}
