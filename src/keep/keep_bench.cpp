// keep_bench: nanoseconds for each limit check, increment of a collection and load, alone and with two processes.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "keep/collections.h"
#include "keep/limits.h"

using namespace ringwall::keep;

namespace {

constexpr std::int64_t kNow = 1'790'000'000'000'000'000;
constexpr int kRounds = 2'000'000;

bool lives(std::uint64_t) noexcept { return true; }

// Of this process's own time on a processor: others may be using the machine.
double own_nanoseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return 1e9 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec);
}

double nanoseconds(int rounds, auto&& step) {
  const auto begin = own_nanoseconds();
  for (int i = 0; i < rounds; ++i) step(i);
  return (own_nanoseconds() - begin) / rounds;
}

// The same in this process and in a second one; the time of this one.
void both(const char* what, TableFile& file, auto&& make_step) {
  for (const int processes : {1, 2}) {
    const auto child = processes == 2 ? ::fork() : -1;
    Table table;
    table.attach(file.base(), {static_cast<std::uint64_t>(::getpid()), lives});
    const auto busy = table.stats().busy;
    auto step = make_step(table, child == 0);
    if (child == 0) {
      for (int i = 0;; ++i) step(i);
    }
    if (processes == 2) ::usleep(20'000);
    const auto ns = nanoseconds(kRounds, step);
    std::printf("%-52s %d process%s %7.1f ns  no state %.4f %%\n", what, processes, processes == 1 ? "  " : "es", ns,
                100.0 * static_cast<double>(table.stats().busy - busy) / (kRounds * processes));
    if (processes == 2) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
      file.check_all();
    }
  }
}

}  // namespace

int main() {
  const auto path = std::string("keep_bench.table");
  ::unlink(path.c_str());
  auto file = TableFile::open_or_create(path, {.bytes = 64 << 20}).value();
  ::unlink(path.c_str());
  const auto rate = Rate::make(1'000'000'000, 1'000'000'000, 1'000'000'000'000).value();
  both("rate, one key", file, [&](Table& table, bool) {
    return [&](int i) { (void)take(table, "login 192.0.2.1", rate, kNow + i); };
  });
  both("rate, denied, one key", file, [&](Table& table, bool) {
    return [&, slow = Rate::make(1, kBurstNsMax, 1).value()](int i) { (void)take(table, "slow 192.0.2.1", slow, kNow + i); };
  });
  both("rate, 1000 keys of each process", file, [&](Table& table, bool second) {
    return [&, second, keys = std::vector<std::string>(1000)](int i) mutable {
      auto& key = keys[static_cast<std::size_t>(i) % 1000];
      if (key.empty()) key = (second ? "login 192.0.2." : "login 198.51.100.") + std::to_string(i % 1000);
      (void)take(table, key, rate, kNow + i);
    };
  });
  both("rate, 10 million keys in turn (evicts)", file, [&](Table& table, bool second) {
    return [&, second](int i) {
      char key[40];
      const auto size = std::snprintf(key, sizeof key, "%c %d", second ? 'x' : 'y', static_cast<int>(i * 7919L % 10'000'000));
      (void)take(table, {key, static_cast<std::size_t>(size)}, rate, kNow + i);
    };
  });
  both("enter and leave, one key", file, [&](Table& table, bool) {
    return [&](int i) {
      const auto answer = enter(table, "upload 192.0.2.1", {.max = 100}, kNow + i);
      if (answer.limited == Limited::kAllowed) (void)leave(table, "upload 192.0.2.1", answer.lease, kNow + i);
    };
  });
  both("collection, setvar:ip.n=+1 beside four others", file, [&](Table& table, bool) {
    Collections kept(table);
    for (const char* name : {"a", "banned", "score", "last_uri"}) kept.set(ringwall::waf::Variable::kIp, "192.0.2.1", name, "17", {kNow, kNow + 3'600'000'000'000});
    return [&, kept](int i) mutable { (void)kept.add(ringwall::waf::Variable::kIp, "192.0.2.1", "n", 1, {kNow + i, kNow + i + 3'600'000'000'000}); };
  });
  both("collection, load of five", file, [&](Table& table, bool) {
    return [&, kept = Collections(table)](int i) mutable { (void)kept.load(ringwall::waf::Variable::kIp, "192.0.2.1", kNow + i); };
  });
  // What a lock that nobody gives back costs who wants it.
  auto* shards = reinterpret_cast<Shard*>(static_cast<char*>(file.base()) + kTableHeaderBytes);
  for (std::uint32_t i = 0; i < file.shard_count(); ++i) shards[i].lock.store(1);
  Table table;
  table.attach(file.base(), {2, lives});
  std::printf("%-52s %20.1f ns\n", "a lock that is not had", nanoseconds(20'000, [&](int i) { (void)take(table, "k", rate, kNow + i); }));
  return 0;
}
