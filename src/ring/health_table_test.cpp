#include "ring/health_table.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "ring/test_folder.h"

namespace {
using namespace ringwall;
using namespace ringwall::ring;
}  // namespace

TEST_CASE("health table: a worker sees what the core sets") {
  TestFolder folder("health");
  const auto path = folder.path("health.table");
  auto table = HealthTable::open_or_create(path, 8).value();
  CHECK(table.slot_count() == 8);
  CHECK(std::filesystem::file_size(path) == 64 + 8 * 4);

  const int fd = ::open(path.c_str(), O_RDONLY);
  REQUIRE(fd >= 0);
  void* base = ::mmap(nullptr, 96, PROT_READ, MAP_SHARED, fd, 0);
  ::close(fd);
  REQUIRE(base != MAP_FAILED);
  CHECK(health_file_fault(base, 96) == nullptr);
  const HealthView view(base);
  const auto before = view.generation();
  CHECK(view.state(7) == Health::kUp);
  table.set(7, Health::kDown);
  CHECK(view.state(7) == Health::kDown);
  CHECK(view.generation() > before);
  // Setting what is set wakes nobody.
  const auto after = view.generation();
  table.set(7, Health::kDown);
  CHECK(view.generation() == after);
  ::munmap(base, 96);
}

TEST_CASE("health table: states survive the core, and the file stays the one nginx mapped") {
  TestFolder folder("health");
  const auto path = folder.path("health.table");
  {
    auto table = HealthTable::open_or_create(path, 4).value();
    table.set(2, Health::kDraining);
  }
  auto table = HealthTable::open_or_create(path, 2).value();
  CHECK(table.slot_count() == 4);
  CHECK(table.get(2) == Health::kDraining);
  CHECK(table.get(0) == Health::kUp);
  auto larger = HealthTable::open_or_create(path, 5);
  REQUIRE(!larger.ok());
  CHECK(larger.error().code == Errc::kLimit);
}

TEST_CASE("health table: what is not one is replaced, and named to a worker") {
  TestFolder folder("health");
  const auto path = folder.path("health.table");
  std::ofstream(path) << "something else, long enough for a header of sixty-four bytes and then some";
  CHECK(HealthTable::open_or_create(path, 4).value().slot_count() == 4);

  HealthHeader header{};
  CHECK(std::string(health_file_fault(&header, 63)) == "it is too short");
  CHECK(std::string(health_file_fault(&header, 64)) == "it is not a health table");
  header.magic = kHealthMagic;
  CHECK(std::string(health_file_fault(&header, 64)) == "it has another version");
  header.version = kHealthVersion;
  CHECK(std::string(health_file_fault(&header, 64)) == "its slot count is impossible");
  header.slot_count = 1;
  CHECK(std::string(health_file_fault(&header, 67)) == "it is shorter than its header says");
  CHECK(health_file_fault(&header, 68) == nullptr);
}

TEST_CASE("health table: the number of slots is limited") {
  TestFolder folder("health");
  CHECK(HealthTable::open_or_create(folder.path("a"), kHealthSlotsMax).ok());
  CHECK(HealthTable::open_or_create(folder.path("b"), kHealthSlotsMax + 1).error().code == Errc::kLimit);
  CHECK(HealthTable::open_or_create(folder.path("b"), 0).error().code == Errc::kLimit);
}
