#include "edge/processes.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "edge/detail/backoff.h"
#include "edge/detail/proc.h"
#include "edge/detail/process_table.h"
#include "edge/detail/test_support.h"

namespace ringwall::edge {

using namespace std::chrono_literals;
using test::eventually;

namespace {

struct World {
  test::Folder folder;
  test::Events events;
  std::unique_ptr<Processes> processes;

  World() { open(); }
  ~World() {
    if (!processes) open();
    processes->stop_unclaimed();
    processes->stop_all_and_wait();
  }
  void open() {
    processes.reset();
    processes = Processes::open(base::real_files(), base::real_clock(), folder.path + "/processes.json",
                                events.receiver())
                    .value();
  }
  ProcessSpec spec(const std::string& name, std::vector<std::string> command) const {
    return {
        .name = name, .command = std::move(command), .output = folder.path + "/out.log", .stop_timeout = 300ms};
  }
  std::string output() const { return base::real_files().read(folder.path + "/out.log").value(); }
};

bool alive(pid_t pid) {
  const auto stat = detail::read_stat(pid);
  return stat && stat->state != 'Z';
}

}  // namespace

TEST_CASE("backoff: at once after a stable run, doubling to a cap while it keeps failing") {
  detail::Backoff backoff;
  const std::pair<std::chrono::milliseconds, std::chrono::milliseconds> kRuns[] = {
      {0ms, 100ms},   {9999ms, 200ms}, {0ms, 400ms},   {0ms, 800ms},   {0ms, 1600ms},
      {0ms, 3200ms},  {0ms, 6400ms},   {0ms, 12800ms}, {0ms, 25600ms}, {0ms, 30000ms},
      {0ms, 30000ms}, {10s, 0ms},      {0ms, 100ms},
  };
  for (const auto& [ran, want] : kRuns) CHECK(backoff.after_run(ran) == want);
}

TEST_CASE("proc: the line of /proc/PID/stat") {
  const auto tail = " S 2 71 70 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9912 2";
  struct Case {
    std::string text, want;
  };
  const Case cases[] = {
      {std::string("71 (node)") + tail, "node S 2 71 70 9912"},
      {std::string("71 (a) R 1 (b)") + tail, "a) R 1 (b S 2 71 70 9912"},  // a name may look like the rest
      {"71 (node) S 2 71", "none"},
      {"71 node S 2", "none"},
      {"", "none"},
      {"71 (node) S x 71 70 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9912 2", "none"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto s = detail::parse_stat(c.text);
    CHECK((s ? fmt::format("{} {} {} {} {} {}", s->name, s->state, s->parent, s->group, s->session,
                           s->start_ticks)
             : "none") == c.want);
  }
  CHECK(detail::read_stat(::getpid())->parent == ::getppid());
}

TEST_CASE("process_table: text and back, and what is refused") {
  detail::ProcessTable table{"b", {{"web/0", {71, 9912, "ab", 40123}}, {"nginx/1", {72, 9913, "cd", 0}}}};
  CHECK(detail::parse_process_table(detail::process_table_text(table)).value() == table);
  for (const auto* text :
       {"", "{}", "[]", "{\"boot\":1,\"processes\":{}}", "{\"boot\":\"b\",\"processes\":{\"a\":{\"pid\":-1}}}",
        "{\"boot\":\"b\",\"processes\":{\"a\":{\"pid\":1,\"port\":65536,\"start_ticks\":1,\"spec\":\"\"}}}"}) {
    CAPTURE(text);
    CHECK(detail::parse_process_table(text).error().code == Errc::kCorrupt);
  }
}

TEST_CASE("processes: runs with the environment, folder and output it was given") {
  World world;
  auto spec =
      world.spec("web/0", {"/bin/sh", "-c", "echo \"$COLOUR $(pwd)\"; echo error >&2; exec sleep 1000"});
  spec.environment = {{"COLOUR", "red"}};
  spec.working_directory = "/usr";
  REQUIRE(world.processes->start(spec).ok());
  CHECK(eventually([&] { return world.output() == "red /usr\nerror\n"; }));
  const auto stat = detail::read_stat(world.processes->pid("web/0"));
  REQUIRE(stat);
  CHECK(stat->session == world.processes->pid("web/0"));
  CHECK(world.processes->start(spec).error().code == Errc::kExists);
}

TEST_CASE("processes: what cannot be run says why") {
  World world;
  auto missing = world.spec("a/0", {"no-such-program"});
  CHECK(world.processes->start(missing).error().message == "a/0: there is no program 'no-such-program'");
  auto folder = world.spec("a/0", {"/usr"});
  CHECK(world.processes->start(folder).error().message == "a/0: cannot run /usr: Permission denied");
  auto user = world.spec("a/0", {"/bin/true"});
  user.user = "nobody-of-that-name";
  CHECK(world.processes->start(user).error().message == "a/0: there is no user 'nobody-of-that-name'");
  auto directory = world.spec("a/0", {"/bin/true"});
  directory.working_directory = "/no/such/folder";
  CHECK(world.processes->start(directory).error().message ==
        "a/0: cannot run /bin/true: No such file or directory");
  CHECK(world.processes->list().empty());
}

TEST_CASE("processes: whoever ends is started again, with the reason kept") {
  World world;
  REQUIRE(world.processes->start(world.spec("web/0", {"/bin/sh", "-c", "exit 3"})).ok());
  CHECK(eventually([&] { return world.events.seen("started web/0", 3); }));
  CHECK(world.events.seen("exited web/0: exit status 3", 2));
  CHECK(world.processes->list()[0].restarts >= 2);

  REQUIRE(world.processes->start(world.spec("web/1", {"/bin/sleep", "1000"})).ok());
  const auto first = world.processes->pid("web/1");
  ::kill(first, SIGKILL);
  CHECK(
      eventually([&] { return world.processes->pid("web/1") != first && world.processes->pid("web/1") != 0; }));
  CHECK(world.events.seen("exited web/1: killed by signal 9"));
}

TEST_CASE("processes: the rest of the group ends with its leader") {
  World world;
  REQUIRE(world.processes->start(world.spec("web/0", {"/bin/sh", "-c", "sleep 1000 & echo $!; wait"})).ok());
  REQUIRE(eventually([&] { return world.output().ends_with("\n"); }));
  const auto leader = world.processes->pid("web/0");
  const auto helper = static_cast<pid_t>(std::stol(world.output()));
  REQUIRE(alive(helper));
  ::kill(leader, SIGKILL);
  CHECK(eventually([&] { return !alive(helper); }));
}

TEST_CASE("processes: stop asks first and kills after the timeout") {
  World world;
  auto polite = world.spec("polite/0", {"/bin/sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done"});
  polite.stop_timeout = 10s;  // a busy machine lets a shell wait
  REQUIRE(world.processes->start(polite).ok());
  REQUIRE(eventually([&] { return world.output() == "up\n"; }));
  world.processes->stop_and_wait("polite/0");
  CHECK(world.output().ends_with("bye\n"));
  CHECK(eventually([&] { return world.events.seen("stopped polite/0: exit status 0"); }));

  REQUIRE(world.processes
              ->start(world.spec("deaf/0",
                                 {"/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.01; done"}))
              .ok());
  REQUIRE(eventually([&] { return world.output().ends_with("deaf\n"); }));
  world.processes->stop_and_wait("deaf/0");
  CHECK(eventually([&] { return world.events.seen("stopped deaf/0: killed by signal 9"); }));
  CHECK(world.processes->list().empty());
}

TEST_CASE("processes: a second manager adopts what the first one left") {
  World world;
  const auto spec = world.spec("web/0", {"/bin/sleep", "1000"});
  REQUIRE(world.processes->start(spec).ok());
  const auto port = world.processes->port_for("web/0").value();
  const auto pid = world.processes->pid("web/0");

  world.open();
  CHECK(world.processes->unclaimed() == std::vector<std::string>{"web/0"});
  REQUIRE(world.processes->start(spec).ok());
  CHECK(world.processes->pid("web/0") == pid);
  CHECK(world.events.seen("adopted web/0"));
  CHECK(world.processes->unclaimed().empty());
  CHECK(world.processes->port_for("web/0").value() == port);

  // Watched as before, though a manager that is not its parent learns no exit status.
  ::kill(pid, SIGKILL);
  CHECK(eventually([&] { return world.processes->pid("web/0") != pid && world.processes->pid("web/0") != 0; }));
}

TEST_CASE("processes: another command replaces the recorded one, unclaimed ones are stopped") {
  World world;
  REQUIRE(world.processes->start(world.spec("web/0", {"/bin/sleep", "1000"})).ok());
  REQUIRE(world.processes->start(world.spec("old/0", {"/bin/sleep", "1000"})).ok());
  const auto web = world.processes->pid("web/0"), old = world.processes->pid("old/0");

  world.open();
  REQUIRE(world.processes->start(world.spec("web/0", {"/bin/sleep", "1001"})).ok());
  CHECK_FALSE(alive(web));
  CHECK(world.processes->pid("web/0") != web);
  CHECK(alive(old));
  world.processes->stop_unclaimed();
  CHECK(eventually([&] { return !alive(old); }));
  CHECK(eventually([&] { return world.events.seen("stopped old/0: killed by signal 15"); }));
}

TEST_CASE("processes: a recorded number that belongs to another process now is left alone") {
  World world;
  REQUIRE(world.processes->start(world.spec("other/0", {"/bin/sleep", "1000"})).ok());
  const auto other = world.processes->pid("other/0");
  auto table =
      detail::parse_process_table(base::real_files().read(world.folder.path + "/processes.json").value())
          .value();
  const auto spec = world.spec("web/0", {"/bin/sleep", "1000"});
  table.processes["web/0"] = {other, table.processes["other/0"].start_ticks + 1, spec_hash(spec), 0};
  world.processes.reset();
  REQUIRE(base::real_files()
              .write_atomic(world.folder.path + "/processes.json", detail::process_table_text(table))
              .ok());

  world.open();
  REQUIRE(world.processes->start(spec).ok());
  CHECK(world.processes->pid("web/0") != other);
  CHECK(alive(other));
}

TEST_CASE("processes: descriptors are passed on only when asked for") {
  World world;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  auto spec = world.spec("a/0", {"/bin/sh", "-c", fmt::format("echo from $FDS >&{}; sleep 1000", ends[1])});
  spec.inherited = {ends[1]};
  spec.inherited_environment = {{"FDS", "here"}};
  REQUIRE(world.processes->start(spec).ok());
  char text[32] = {};
  CHECK(::read(ends[0], text, sizeof text - 1) == 10);
  CHECK(std::string(text) == "from here\n");
  REQUIRE(world.processes
              ->start(world.spec("b/0", {"/bin/sh", "-c", "ls /proc/$$/fd | tr '\\n' ' '; exec sleep 1000"}))
              .ok());
  CHECK(eventually([&] { return world.output().starts_with("0 1 2 "); }));
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace ringwall::edge
