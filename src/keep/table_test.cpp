#include "keep/table.h"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <random>

#include "keep/test_support.h"

using namespace ringwall;
using namespace ringwall::keep;
using namespace ringwall::keep::test;

namespace {

std::string text_of(std::size_t bytes, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string out(bytes, '\0');
  for (auto& c : out) c = static_cast<char>(random());
  return out;
}

int asked = 0;
bool alive(std::uint64_t) noexcept { return ++asked, true; }
bool dead(std::uint64_t) noexcept { return ++asked, false; }

}  // namespace

TEST_CASE("table: what is set is there, whatever its size, and nothing else is") {
  Fixture f;
  for (const std::size_t key_bytes : {0u, 1u, 7u, 8u, 95u, 96u, 97u, 127u, 128u, 129u, 5000u}) {
    for (const std::size_t value_bytes : {0u, 1u, 8u, 9u, 88u, 96u, 97u, 1000u, 8191u, 8192u}) {
      CAPTURE(key_bytes);
      CAPTURE(value_bytes);
      const auto key = text_of(key_bytes, key_bytes), value = text_of(value_bytes, value_bytes);
      CHECK(f.table.set({0, key}, 0, value, kLater) == Outcome::kDone);
      CHECK(f.get(key) == value);
      CHECK(f.get(key + "x") == "-");
      Record other;
      CHECK(f.table.get({1, key}, 0, other) == Outcome::kDone);
      CHECK_FALSE(other.found);  // of another space
      CHECK(f.table.remove({0, key}, 0) == Outcome::kDone);
      CHECK(f.get(key) == "-");
      CHECK(f.file.cells_used() == 0);
    }
  }
  CHECK(f.table.set({0, "k"}, 0, std::string(8192, 'x'), kLater) == Outcome::kDone);
  CHECK(f.table.set({0, "k"}, 0, std::string(8193, 'y'), kLater) == Outcome::kNoState);
  CHECK(f.get("k") == std::string(8192, 'x'));
  CHECK(f.table.stats().too_large == 1);
  // Long keys that begin alike are different.
  const std::string begin(200, 'a');
  CHECK(f.table.set({0, begin + "1"}, 0, "one", kLater) == Outcome::kDone);
  CHECK(f.table.set({0, begin + "2"}, 0, "two", kLater) == Outcome::kDone);
  CHECK(f.get(begin + "1") == "one");
  CHECK(f.get(begin + "2") == "two");
}

TEST_CASE("table: a record ends with its time, by the clock that is given") {
  Fixture f;
  CHECK(f.table.set({0, "k"}, 0, "v", 100) == Outcome::kDone);
  CHECK(f.get("k", 99) == "v");
  CHECK(f.get("k", 100) == "-");
  CHECK(f.get("k", 50) == "v");  // nobody used its place
  CHECK(f.table.edit({0, "k"}, 100, [](Record& record) {
    CHECK_FALSE(record.found);
    CHECK(record.text().empty());
    record.assign("new");
    record.expires_ns = 300;
    return Then::kWrite;
  }) == Outcome::kDone);
  CHECK(f.get("k", 299) == "new");
  CHECK(f.file.cells_used() == 1);
}

TEST_CASE("table: as a naive model does") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Fixture f(seed % 2 == 0 ? 1 : 4);
    std::mt19937_64 random(seed);
    struct Value {
      std::string text;
      std::int64_t expires_ns;
    };
    std::map<std::string, Value> model;
    std::int64_t now = 0;
    for (int i = 0; i < 5000; ++i) {
      now += static_cast<std::int64_t>(random() % 3);
      const auto key = text_of(1 + random() % 3 * 60, random() % 24);
      const auto live = [&] { return model.contains(key) && model[key].expires_ns > now; };
      switch (random() % 4) {
        case 0: {
          model[key] = {text_of(random() % 400, random()), now + 1 + static_cast<std::int64_t>(random() % 200)};
          REQUIRE(f.table.set({0, key}, now, model[key].text, model[key].expires_ns) == Outcome::kDone);
          break;
        }
        case 1:  // one byte of it: mostly in place
          REQUIRE(f.table.edit({0, key}, now, [&](Record& record) {
            CHECK(record.found == live());
            if (!record.found || record.bytes == 0) return Then::kLeave;
            record.value[i % record.bytes] = model[key].text[i % record.bytes] = static_cast<char>(i);
            record.expires_ns = ++model[key].expires_ns;
            return Then::kWrite;
          }) == Outcome::kDone);
          break;
        case 2:
          if (random() % 4 != 0) break;
          model.erase(key);
          REQUIRE(f.table.remove({0, key}, now) == Outcome::kDone);
          break;
        default:
          REQUIRE(f.get(key, now) == (live() ? model[key].text : "-"));
      }
    }
    const auto used = f.file.cells_used();
    f.file.check_all();
    CHECK(f.file.cells_used() == used);
    for (const auto& [key, value] : model) CHECK(f.get(key, now) == (value.expires_ns > now ? value.text : "-"));
    CHECK(f.table.stats().lost == 0);
    CHECK(f.table.stats().repaired == 0);
    CHECK(f.table.stats().evicted == 0);
  }
}

TEST_CASE("table: when it is full, what would end soonest makes room") {
  Fixture f;
  for (int i = 0; i < 100; ++i) CHECK(f.table.set({0, fmt::format("long {}", i)}, 0, "kept", 2 * kLater) == Outcome::kDone);
  for (int i = 0; i < 20'000; ++i) {
    const auto key = fmt::format("short {}", i);
    REQUIRE(f.table.set({0, key}, 0, std::string(static_cast<std::size_t>(i % 200), 'x'), kLater + i) == Outcome::kDone);
    REQUIRE(f.get(key) == std::string(static_cast<std::size_t>(i % 200), 'x'));
  }
  int kept = 0;
  for (int i = 0; i < 100; ++i) kept += f.get(fmt::format("long {}", i)) == "kept" ? 1 : 0;
  CHECK(kept == 100);
  CHECK(f.table.stats().evicted > 19'000);
  CHECK(f.table.stats().repaired == 0);
  // The largest records, which need many cells at once.
  for (int i = 0; i < 50; ++i) REQUIRE(f.table.set({0, fmt::format("large {}", i)}, 0, std::string(kValueBytesMax, 'x'), kLater * 3) == Outcome::kDone);
  CHECK(f.get("large 49") == std::string(kValueBytesMax, 'x'));
}

TEST_CASE("table: what has ended makes room first and is no loss") {
  Fixture f;
  for (int i = 0; i < 500; ++i) REQUIRE(f.table.set({0, fmt::format("old {}", i)}, 0, "x", kLater) == Outcome::kDone);
  for (int i = 0; i < 200; ++i) REQUIRE(f.table.set({0, fmt::format("new {}", i)}, kLater, "x", 2 * kLater) == Outcome::kDone);
  for (int i = 0; i < 200; ++i) REQUIRE(f.get(fmt::format("new {}", i), kLater) == "x");
  CHECK(f.table.stats().evicted == 0);
}

TEST_CASE("table: a lock that is not had is no state, and its owner is asked after rarely") {
  Fixture f(1, {7, alive});
  CHECK(f.table.set({0, "k"}, 0, "v", kLater) == Outcome::kDone);
  f.shard().lock.store(99);
  asked = 0;
  Record record;
  for (int i = 0; i < 10; ++i) CHECK(f.table.get({0, "k"}, 1000 + i, record) == Outcome::kNoState);
  CHECK(asked == 1);
  CHECK(f.table.stats().busy == 10);
  CHECK(f.table.get({0, "k"}, 1000 + kOwnerCheckNs, record) == Outcome::kNoState);
  CHECK(asked == 2);
  // It dies: the next one takes over.
  f.table.attach(f.file.base(), {7, dead});
  CHECK(f.get("k") == "v");
  CHECK(f.table.stats().taken_over == 1);
  CHECK(f.shard().lock.load() == 0);
  // Our own word is none of a dead process: something is wrong, and it is not for us to break in.
  f.shard().lock.store(7);
  CHECK(f.table.get({0, "k"}, 0, record) == Outcome::kNoState);
  Table none;
  CHECK(none.get({0, "k"}, 0, record) == Outcome::kNoState);
}

TEST_CASE("table: files") {
  Folder folder;
  const auto path = folder.path();
  const auto opened = [&](TableOptions options = {.bytes = 200'000}) -> std::string {
    const auto file = TableFile::open_or_create(path, options);
    return file.ok() ? fmt::format("{} shards", file->shard_count()) : file.error().message.substr(file.error().message.find(": ") + 2);
  };
  const auto write_file = [&](std::string_view bytes) { std::ofstream(path, std::ios::binary) << bytes; };
  CHECK(TableFile::open(path).error().code == Errc::kNotFound);
  CHECK(opened({.bytes = 4096 + 65535}).starts_with("it has 69632 to 68719480832 bytes"));
  CHECK(opened() == "2 shards");
  CHECK(std::filesystem::file_size(path) == table_bytes(2));
  CHECK(opened({.bytes = 10 << 20}) == "2 shards");  // it keeps its size
  std::string bytes(table_bytes(2), '\0');
  std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  struct Case {
    const char* what;
    std::size_t offset;
    std::uint32_t value;
    std::size_t size;
    std::string_view want;
  };
  const Case kCases[] = {
      {"empty", 0, 0, 0, "it is too short"},
      {"half a header", 16, 1, 4095, "it is too short"},
      {"another file", 0, 1, bytes.size(), "it is not a table of ringwall's"},
      {"another version", 8, 2, bytes.size(), "it has another version"},
      {"no shards", 12, 0, bytes.size(), "its size is impossible"},
      {"too many", 12, kShardsMax + 1, bytes.size(), "its size is impossible"},
      {"cut", 12, 2, bytes.size() - 1, "it is shorter than its header says"},
      {"longer than it says", 12, 1, bytes.size(), "1 shards"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.what);
    auto damaged = bytes.substr(0, c.size);
    if (c.offset + 4 <= damaged.size()) std::memcpy(damaged.data() + c.offset, &c.value, 4);
    write_file(damaged);
    CHECK(opened() == c.want);
  }
  std::filesystem::remove(path);
  CHECK(opened({.bytes = 200'000, .reserve = true}) == "2 shards");
}

// Goal: what was kept is there after everything was stopped; after a reboot what is not as it was written is not.
TEST_CASE("table: opened again") {
  Folder folder;
  TableOptions first{.bytes = table_bytes(3), .boot_id = {1}}, second = first;
  second.boot_id = {2};
  const auto owners = this_process();
  {
    auto file = TableFile::open_or_create(folder.path(), first).value();
    Table table;
    table.attach(file.base(), owners);
    for (int i = 0; i < 300; ++i) CHECK(table.set({0, fmt::format("key {}", i)}, 0, fmt::format("value {}", i), kLater) == Outcome::kDone);
  }
  const auto found = [&](const TableOptions& options) {
    auto file = TableFile::open_or_create(folder.path(), options).value();
    Table table;
    table.attach(file.base(), owners);
    int n = 0;
    for (int i = 0; i < 300; ++i) {
      Record record;
      CHECK(table.get({0, fmt::format("key {}", i)}, 0, record) == Outcome::kDone);
      if (record.found) CHECK(record.text() == fmt::format("value {}", i));
      n += record.found ? 1 : 0;
    }
    return n;
  };
  CHECK(found(first) == 300);
  CHECK(found(second) == 300);
  {
    auto file = TableFile::open(folder.path()).value();
    auto* shards = reinterpret_cast<Shard*>(static_cast<char*>(file.base()) + kTableHeaderBytes);
    shards[0].lock.store(1);                      // who held it is gone, whatever lives under that number now
    shards[1].cells[0].bytes[8] ^= 1;           // a value
    shards[2].cells[0].bytes[0] ^= 1;           // a key
    std::memset(&shards[2].cells[1], 0, sizeof(Cell));  // a page that came too late; others may hang on it
  }
  CHECK(found(first) <= 297);
  CHECK(found(first) >= 290);
}

// Goal: whatever is in the memory, nothing reads or writes outside, everything ends, and afterwards the table works.
TEST_CASE("table: damaged memory") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Fixture f;
    std::mt19937_64 random(seed);
    for (int i = 0; i < 400; ++i) CHECK(f.table.set({0, fmt::format("{}", i)}, 0, text_of(random() % 300, 1), kLater + i) == Outcome::kDone);
    auto* bytes = reinterpret_cast<char*>(&f.shard()) + 8;  // not the lock
    const auto size = sizeof(Shard) - 8;
    for (auto n = 1 + random() % 200; n != 0; --n) bytes[random() % size] = static_cast<char>(random() % 4 == 0 ? random() : 0);
    for (int i = 0; i < 300; ++i) {
      const auto key = fmt::format("{}", random() % 600);
      const auto value = text_of(random() % 2000, 2);
      REQUIRE(f.table.set({0, key}, 0, value, kLater * 2) == Outcome::kDone);
      REQUIRE(f.get(key) == value);
      REQUIRE(f.table.remove({0, fmt::format("{}", random() % 600)}, 0) == Outcome::kDone);
    }
    f.file.check_all();
    CHECK(f.table.set({0, "last"}, 0, "x", kLater) == Outcome::kDone);
    CHECK(f.get("last") == "x");
  }
}
