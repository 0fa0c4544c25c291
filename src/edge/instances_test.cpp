#include "edge/detail/instances.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/detail/output_files.h"
#include "edge/detail/slots.h"
#include "edge/detail/test_support.h"

namespace ringwall::edge::detail {

namespace {

const InstancePaths kPaths{"/app", "/app/.ringwall/logs"};

declare::Declaration with(declare::Service service) {
  declare::Declaration d;
  service.name = "web";
  d.services = {std::move(service)};
  return d;
}

std::string command_of(const Instance& instance) {
  std::string out;
  for (const auto& part : instance.process.command) out += (out.empty() ? "" : " ") + part;
  return out;
}

}  // namespace

TEST_CASE("instances: of a command, with ports, indices and folders") {
  declare::Service web;
  web.command = {"node", "server.js", "--port={port}", "{index}"};
  web.env = {{"NAME", "web-{index}"}, {"URL", "http://127.0.0.1:{port}/"}};
  web.count = 2;
  web.port = 3000;
  web.working_directory = "web";
  web.health.path = "/health";
  const auto instances = instances_of(with(web), kPaths).value();
  REQUIRE(instances.size() == 2);
  CHECK(instances[1].address == "127.0.0.1:3001");
  CHECK(command_of(instances[1]) == "node server.js --port=3001 1");
  CHECK(instances[1].process.environment ==
        std::map<std::string, std::string>{
            {"NAME", "web-1"}, {"PORT", "3001"}, {"URL", "http://127.0.0.1:3001/"}});
  CHECK(instances[1].process.working_directory == "/app/web");
  CHECK(instances[1].process.output == "/app/.ringwall/logs/web-1.log");
  CHECK(instances[1].check.kind == CheckKind::kHttp);
  CHECK(instances[0].name.starts_with("web/0:"));
  CHECK(instances[1].name.starts_with("web/1:"));
}

TEST_CASE("instances: what makes one a new one") {
  struct Case {
    const char* what;
    void (*change)(declare::Service&);
    bool same;
  };
  const Case cases[] = {
      {"nothing", [](auto&) {}, true},
      {"the health check", [](auto& s) { s.health.path = "/other"; }, true},
      {"more of them", [](auto& s) { s.count = 5; }, true},
      {"a timeout", [](auto& s) { s.request_timeout = std::chrono::seconds(1); }, true},
      {"the command", [](auto& s) { s.command[1] = "other.js"; }, false},
      {"the environment", [](auto& s) { s.env["A"] = "2"; }, false},
      {"the user", [](auto& s) { s.user = "nobody"; }, false},
      {"the folder", [](auto& s) { s.working_directory = "/elsewhere"; }, false},
      {"the port", [](auto& s) { s.port = 4000; }, false},
  };
  declare::Service web;
  web.command = {"node", "server.js"};
  web.env = {{"A", "1"}};
  const auto name = instances_of(with(web), kPaths).value()[0].name;
  for (const auto& c : cases) {
    CAPTURE(c.what);
    auto changed = web;
    c.change(changed);
    CHECK((instances_of(with(changed), kPaths).value()[0].name == name) == c.same);
  }
}

TEST_CASE("instances: that run elsewhere, and what is refused") {
  declare::Service web;
  web.addresses = {"10.0.0.5:8080", "[::1]:8081"};
  const auto instances = instances_of(with(web), kPaths).value();
  REQUIRE(instances.size() == 2);
  CHECK(instances[1].name == "web/[::1]:8081");
  CHECK(instances[0].check.kind == CheckKind::kTcp);
  CHECK_FALSE(instances[0].local);

  web.addresses = {"8080"};
  CHECK(instances_of(with(web), kPaths)
            .error()
            .message.starts_with("services[0].addresses[0]: '8080' is not an address"));
  declare::Service many;
  many.command = {"true"};
  many.count = kInstancesPerServiceMax;
  CHECK(instances_of(with(many), kPaths).ok());
  ++many.count;
  CHECK(instances_of(with(many), kPaths).error().code == Errc::kLimit);
}

TEST_CASE("instances: services start after those they depend on") {
  struct Case {
    std::vector<std::pair<const char*, std::vector<std::string>>> services;
    const char* want;
  };
  const Case cases[] = {
      {{}, ""},
      {{{"a", {}}, {"b", {}}}, "a b"},
      {{{"a", {"b"}}, {"b", {"c"}}, {"c", {}}}, "c b a"},
      {{{"a", {"c"}}, {"b", {"c"}}, {"c", {}}}, "c a b"},
      {{{"a", {"unknown"}}}, "a"},
      {{{"a", {"b"}}, {"b", {"a"}}}, "services[0].depends_on: 'a' depends on itself"},
      {{{"a", {"a"}}}, "services[0].depends_on: 'a' depends on itself"},
  };
  for (const auto& c : cases) {
    std::vector<declare::Service> services;
    for (const auto& [name, depends_on] : c.services) {
      services.emplace_back();
      services.back().name = name;
      services.back().depends_on = depends_on;
    }
    const auto order = start_order(services);
    std::string got = order.ok() ? "" : order.error().message;
    if (order.ok()) {
      for (const auto index : order.value()) got += (got.empty() ? "" : " ") + services[index].name;
    }
    CHECK(got == c.want);
  }
}

TEST_CASE("slots: survive, are given out lowest first and only when free") {
  test::Folder folder;
  auto& files = base::real_files();
  const auto path = folder.path + "/slots.json";
  auto slots = Slots::open(files, path, 3);
  CHECK(slots.take("a").value() == 0);
  CHECK(slots.take("b").value() == 1);
  CHECK(slots.take("a").value() == 0);
  REQUIRE(slots.save().ok());

  slots = Slots::open(files, path, 3);
  CHECK(slots.take("c").value() == 2);
  CHECK(slots.take("b").value() == 1);
  CHECK(slots.take("d").error().code == Errc::kLimit);
  slots.release("a");
  CHECK(slots.take("d").value() == 0);

  // Numbers out of range or given twice are not believed.
  for (const auto* text : {"", "[]", "{\"a\":3}", "{\"a\":-1}", "{\"a\":\"0\"}"}) {
    REQUIRE(files.write_atomic(path, text).ok());
    CHECK(Slots::open(files, path, 3).all().empty());
  }
  REQUIRE(files.write_atomic(path, "{\"a\":1,\"b\":1}").ok());
  CHECK(Slots::open(files, path, 3).all().size() == 1);
}

TEST_CASE("output_files: the beginning is given back, offsets stay true") {
  test::Folder folder;
  const auto path = folder.path + "/out.log";
  auto file = base::real_files().open_append(path).value();
  const std::string line(4095, 'x');
  for (int i = 0; i < 256; ++i) REQUIRE(file->append(line + "\n").ok());
  REQUIRE(file->sync().ok());
  CHECK(limit_output(path, 1u << 30, 2u << 20, 64u << 10) == 0);
  CHECK(limit_output(path, 0, 512u << 10, 64u << 10) == 0);  // nobody has read it yet
  const auto given_back = limit_output(path, 1u << 30, 512u << 10, 64u << 10);
  CHECK(given_back >= 900u << 10);
  CHECK(base::real_files().size(path).value() == 256 * 4096);
  CHECK(base::real_files().read_range(path, 255 * 4096, 4096).value() == line + "\n");
  REQUIRE(file->append("more\n").ok());
  CHECK(base::real_files().read_range(path, 256 * 4096, 100).value() == "more\n");
}

}  // namespace ringwall::edge::detail
