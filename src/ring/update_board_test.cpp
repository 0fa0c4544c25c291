#include "ring/update_board.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "ring/owner.h"
#include "ring/test_folder.h"

using namespace ringwall;
using namespace ringwall::ring;
using namespace std::chrono_literals;

namespace {

void* map_for_worker(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR);
  void* base = ::mmap(nullptr, kBoardBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return base;
}

// A worker process that loads `loads` generations and refuses the one called `refused`.
pid_t spawn_worker(const std::string& path, std::uint32_t refused) {
  const auto child = ::fork();
  if (child != 0) return child;
  BoardWorker worker(map_for_worker(path));
  worker.claim(owner_of(::getpid()));
  auto seen = worker.generation();
  worker.live(seen);
  for (;;) {
    worker.wait(seen);
    const auto now = worker.generation();
    if (now == seen) continue;
    seen = now;
    if (now == refused) worker.failed(now, "no good", 7);
    else worker.live(now);
  }
}

}  // namespace

TEST_CASE("update board: the core hears which workers have a generation") {
  const TestFolder folder("board");
  const auto path = folder.path("waf.board");
  auto board = UpdateBoard::open_or_create(path).value();
  const auto first = board.generation();
  CHECK(board.state().live == 0);
  const pid_t workers[] = {spawn_worker(path, first + 2), spawn_worker(path, 0)};
  while (board.state().live != 2) ::usleep(1000);
  CHECK(board.publish() == first + 1);
  const auto both = board.wait(first + 1, 10s);
  CHECK(both.live == 2);
  CHECK(both.faults.empty());
  board.publish();
  const auto one = board.wait(first + 2, 10s);
  CHECK(one.live == 1);
  REQUIRE(one.faults.size() == 1);
  CHECK(one.faults[0] == "no good");
  // The dead are not waited for.
  for (const auto pid : workers) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  board.publish();
  const auto none = board.wait(first + 3, 10s);
  CHECK(none.live == 0);
  CHECK(none.behind == 0);
  // Another core goes on where this one was.
  CHECK(UpdateBoard::open_or_create(path)->generation() == first + 3);
}

TEST_CASE("update board: what is none is made anew, and named to a worker") {
  const TestFolder folder("board");
  std::ofstream(folder.path("b")) << "something else";
  CHECK(UpdateBoard::open_or_create(folder.path("b")).ok());
  std::string bytes(kBoardBytes, '\0');
  CHECK(std::string(board_file_fault(bytes.data(), 10)) == "it is too short");
  CHECK(std::string(board_file_fault(bytes.data(), bytes.size())) == "it is not a board of updates");
}
