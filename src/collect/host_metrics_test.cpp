#include "collect/host_metrics.h"

#include <doctest/doctest.h>

#include "base/sim.h"
#include "collect/test_batches.h"

namespace ringwall::collect {

TEST_CASE("host metrics: what /proc says becomes metrics with their conventional names") {
  base::sim::Files files;
  const std::pair<const char*, const char*> kFiles[] = {
      {"stat", "cpu  100 200 300 400 500 600 700 800 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\nintr 5\n"},
      {"loadavg", "0.50 0.40 0.30 1/100 999\n"},
      {"meminfo", "MemTotal:        1000 kB\nMemFree:          250 kB\nSwapTotal: 5 kB\n"},
      {"diskstats", "   8       0 sda 10 0 20 0 30 0 40 0 0 1500 0 0 0 0\n   8       1 sda1 1 0 1 0 1 0 1 0 0 1 0 0 0 0\n   7 0 loop0 1 0 1 0 1 0 1 0 0 1 0 0 0 0\n"},
      {"net/dev", "Inter-|   Receive                                                |  Transmit\n"
                  " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
                  "  eth0:1000 10 1 0 0 0 0 0 2000 20 2 0 0 0 0 0\n"},
      {"pressure/io", "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n"},
  };
  for (const auto& [name, text] : kFiles) REQUIRE(files.write_atomic(std::string("/proc/") + name, text).ok());
  const auto batch = read_host_metrics(files, "/proc", {"test", "web-1", "lab"}, 42);
  CHECK(base::decode(base::encode(batch)).ok());
  const auto text = show(batch);
  CHECK(text.starts_with("[host test  web-1 lab host]\n42 'system.cpu.time' metric=1 unit=s value=1 {cpu.mode=user}\n"));
  for (const auto* line : {"42 'system.cpu.time' metric=1 unit=s value=4 {cpu.mode=idle}\n", "42 'system.cpu.load_average.1m' metric=0 unit={thread} value=0.5 {}\n",
                           "42 'system.memory.usage' metric=0 unit=By value=256000 {system.memory.state=free}\n",
                           "42 'system.disk.io' metric=1 unit=By value=10240 {system.device=sda disk.io.direction=read}\n",
                           "42 'system.disk.io' metric=1 unit=By value=20480 {system.device=sda disk.io.direction=write}\n",
                           "42 'system.disk.io_time' metric=1 unit=s value=1.5 {system.device=sda}\n",
                           "42 'system.network.io' metric=1 unit=By value=2000 {network.interface.name=eth0 network.io.direction=transmit}\n",
                           "42 'system.network.errors' metric=1 unit={error} value=3 {network.interface.name=eth0}\n",
                           "42 'system.pressure.stalled' metric=1 unit=s value=2.5 {resource=io kind=some}\n",
                           "42 'system.pressure.stalled' metric=1 unit=s value=0.5 {resource=io kind=full}\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
  CHECK(text.find("loop0") == std::string::npos);
  CHECK(text.find("sda1") == std::string::npos);
}

TEST_CASE("host metrics: odd or missing files give what is left") {
  base::sim::Files files;
  CHECK(read_host_metrics(files, "/proc", {}, 42).size() == 0);
  for (const auto* name : {"stat", "loadavg", "meminfo", "diskstats", "net/dev", "pressure/cpu"}) REQUIRE(files.write_atomic(std::string("/proc/") + name, "cpu\nMemTotal\n\n : :\nx y z\n").ok());
  const auto batch = read_host_metrics(files, "/proc", {}, 42);
  CHECK(base::decode(base::encode(batch)).ok());
}

TEST_CASE("host metrics: this machine has some") {
  CHECK(read_host_metrics(base::real_files(), "/proc", {}, 42).size() > 10);
}

}  // namespace ringwall::collect
