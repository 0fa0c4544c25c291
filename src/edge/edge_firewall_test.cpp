// What the edge does when rules, lists and descriptions change, with real nginx processes under load.
#include <csignal>

#include "edge/detail/test_ring.h"
#include "places/test_support.h"

namespace ringwall::edge {

using namespace test;

TEST_CASE("edge: rules, modes and exclusions change under load without a reload, and a mistake in them changes nothing") {
  if (nginx_missing()) return;
  Ring ring;
  const auto rules = [&](const std::string& text) { REQUIRE(base::real_files().write_atomic(ring.folder.path + "/rules.conf", text).ok()); };
  const std::string evil = "SecRule ARGS \"@contains evil\" \"id:1,phase:2,deny,msg:'Evil'\"\n";
  rules(evil);
  ring.declaration.waf.mode = "block";
  ring.declaration.waf.core_rule_set = "";
  ring.declaration.waf.rules = {"rules.conf"};
  ring.start();
  const auto status = [&](const std::string& path) { return ring.get(ring.plain(path)).status; };
  const auto nginx = ring.edge->status().pid;
  const auto workers = [&] {
    std::vector<pid_t> pids;
    const auto children = base::real_files().read(fmt::format("/proc/{0}/task/{0}/children", nginx));
    for (std::size_t at = 0; children.ok() && at < children->size();) {
      pids.push_back(static_cast<pid_t>(std::strtol(children->c_str() + at, nullptr, 10)));
      at = children->find(' ', at) + 1;
    }
    return pids;
  };
  const auto before = workers();
  REQUIRE(before.size() == 2);
  CHECK(status("/echo?a=evil") == 403);
  CHECK(status("/echo?a=fine") == 200);
  CHECK(eventually([&] { return ring.collector.has_log("firewall deny: Evil (1) GET /echo?a=evil"); }));

  Load load(ring.http);
  const auto apply = [&](const declare::Declaration& next) {
    const auto applied = ring.edge->apply(next);
    if (applied.ok()) ring.declaration = next;
    return applied.ok() ? std::string() : applied.error().message;
  };
  auto next = ring.declaration;
  next.edge.hosts[0].routes[0].waf.mode = "log";
  CHECK(apply(next) == "");
  CHECK(status("/echo?a=evil") == 200);
  load.more(50);
  next.edge.hosts[0].routes[0].waf = {};
  next.edge.hosts[0].waf.exclusions = {{.rules = "1", .targets = {"ARGS:text"}, .path = "/echo", .reason = "they write about it"}};
  CHECK(apply(next) == "");
  CHECK(status("/echo?text=evil") == 200);
  CHECK(status("/echo?a=evil") == 403);
  rules(evil + "SecRule ARGS \"@contains worse\" \"id:2,phase:2,deny,status:406\"\n");
  next.waf.inbound_threshold = 6;  // the files are read again with any change
  CHECK(apply(next) == "");
  CHECK(status("/echo?a=worse") == 406);
  load.more(50);

  rules(evil + "SecRule ARGS \"@rx (\" \"id:2,phase:2,deny\"\n");
  next.waf.inbound_threshold = 7;
  CHECK(apply(next).find("rules.conf:2: not a regular expression") != std::string::npos);
  rules(evil + "SecRule ARGS \"@pmFromFile nowhere.data\" \"id:2,phase:2,deny\"\n");
  CHECK(apply(next).find("nowhere.data") != std::string::npos);
  rules(evil);
  next.edge.hosts[0].waf.exclusions[0].rules = "77";
  CHECK(apply(next).find("edge.hosts[0].waf.exclusions[0]: no rule of the set is called '77'") != std::string::npos);
  CHECK(status("/echo?a=worse") == 406);
  CHECK(status("/echo?text=evil") == 200);
  load.check_none_failed(ring);
  CHECK(workers() == before);
}

TEST_CASE("edge: the description of an API outlives nginx, and is taken up when it changes") {
  if (nginx_missing()) return;
  Ring ring;
  const auto put = [&](const std::string& path) {
    const auto text = fmt::format(R"({{"openapi": "3.1.0", "paths": {{"{}": {{"get": {{}}}}}}}})", path);
    REQUIRE(base::real_files().write_atomic(ring.folder.path + "/api.json", text).ok());
  };
  put("/echo");
  ring.declaration.waf.mode = "block";
  ring.declaration.waf.core_rule_set = "";
  ring.declaration.edge.hosts[0].waf.openapi.file = "api.json";
  ring.start();
  const auto status = [&](const std::string& path) { return ring.get(ring.plain(path)).status; };
  const auto models = [&] {
    const auto names = base::real_files().list(ring.folder.path + "/run/waf").value();
    return std::count_if(names.begin(), names.end(), [](const auto& name) { return name.starts_with("model-"); });
  };
  CHECK(models() == 1);
  CHECK(status("/echo") == 200);
  CHECK(status("/other") == 404);

  // A change of something else publishes anew, and leaves the file where it is.
  auto next = ring.declaration;
  next.waf.inbound_threshold = 6;
  REQUIRE(ring.edge->apply(next).ok());
  CHECK(models() == 1);

  // Another nginx reads the configuration from the disk.
  const auto master = ring.edge->status().pid;
  REQUIRE(::kill(master, SIGKILL) == 0);
  REQUIRE(eventually([&] { return ring.edge->status().pid > 0 && ring.edge->status().pid != master; }));
  const auto answers = [&](const std::string& path, int wanted) {
    return eventually([&] {
      http::Fetch request;
      request.url = ring.plain(path);
      const auto fetched = http::fetch(request);
      return fetched.ok() && fetched->status == wanted;
    });
  };
  CHECK(answers("/echo", 200));
  CHECK(answers("/other", 404));

  put("/other");
  CHECK(ring.edge->review_rules(next).value()->change.has_value());
  REQUIRE(ring.edge->apply(next).ok());
  CHECK(answers("/echo", 404));
  CHECK(!ring.edge->review_rules(next).value()->change.has_value());

  // Another core finds it broken, and what was in force stays; who applies a declaration hears of it.
  REQUIRE(base::real_files().write_atomic(ring.folder.path + "/api.json", "{\"openapi\": \"3.1.0\", \"paths\": 7}").ok());
  ring.start();
  CHECK(answers("/echo", 404));
  CHECK(answers("/other", 200));
  CHECK(ring.edge->apply(next).error().message.find("api.json:1") != std::string::npos);
  put("/echo");
  REQUIRE(ring.edge->apply(next).ok());
  CHECK(answers("/other", 404));
}

TEST_CASE("edge: rules that are broken on disk leave in force what they were, also for another core and another nginx") {
  if (nginx_missing()) return;
  Ring ring;
  const auto rules = [&](const std::string& text) { REQUIRE(base::real_files().write_atomic(ring.folder.path + "/rules.conf", text).ok()); };
  rules("SecRule ARGS \"@streq evil\" \"id:1,phase:1,deny,status:406\"\n");
  ring.declaration.waf.mode = "block";
  ring.declaration.waf.core_rule_set = "";
  ring.declaration.waf.rules = {"rules.conf"};
  ring.start();
  const auto status = [&](const std::string& path) { return ring.get(ring.plain(path)).status; };
  CHECK(status("/echo?a=evil") == 406);

  rules("SecRule ARGS \"@rx (evil\" \"id:1,phase:1,deny,status:406\"\n");
  ring.start();
  CHECK(status("/echo?a=evil") == 406);
  CHECK(status("/echo?a=good") == 200);
  const auto master = ring.edge->status().pid;
  REQUIRE(::kill(master, SIGKILL) == 0);
  REQUIRE(eventually([&] { return ring.edge->status().pid > 0 && ring.edge->status().pid != master; }));
  CHECK(eventually([&] {
    http::Fetch request;
    request.url = ring.plain("/echo?a=evil");
    const auto fetched = http::fetch(request);
    return fetched.ok() && fetched->status == 406;
  }));
  // A person who applies a declaration hears of it.
  CHECK(ring.edge->apply(ring.declaration).error().message.find("rules.conf:1: not a regular expression") != std::string::npos);
  rules("SecRule ARGS \"@streq good\" \"id:1,phase:1,deny,status:409\"\n");
  REQUIRE(ring.edge->apply(ring.declaration).ok());
  CHECK(status("/echo?a=evil") == 200);
  CHECK(status("/echo?a=good") == 409);
}

TEST_CASE("edge: a list or a database that changed on disk is in force by itself, and a broken one changes nothing") {
  if (nginx_missing()) return;
  Ring ring;
  // Another file under the same name, as those do who fetch lists.
  const auto put = [&](const std::string& name, const std::string& text) { REQUIRE(base::real_files().write_atomic(ring.folder.path + "/" + name, text).ok()); };
  const auto database = [](const char* country) { return places::testing::DatabaseWriter().add("127.0.0.0/8", places::testing::country(country, "Land")).finish(); };
  put("rules.conf", "SecRule REMOTE_ADDR \"@geoLookup\" \"id:1,phase:1,deny,status:451,chain\"\nSecRule GEO:COUNTRY_CODE \"@streq FR\"\n");
  put("bad.txt", "192.0.2.1 ; nobody here\n");
  put("paths.txt", "# none yet\n");
  put("country.mmdb", database("DE"));
  ring.declaration.waf.mode = "block";
  ring.declaration.waf.core_rule_set = "";
  ring.declaration.waf.rules = {"rules.conf"};
  ring.declaration.waf.places = {"country.mmdb"};
  ring.declaration.waf.lists = {{.name = "bad", .file = "bad.txt"}, {.name = "away", .countries = {"RU"}}};
  ring.declaration.edge.hosts[0].waf.lists = {{.name = "paths", .file = "paths.txt", .path = "/probe"}};
  ring.start();
  const auto becomes = [&](const std::string& path, int status) { return eventually([&] { return ring.get(ring.plain(path)).status == status; }); };
  const auto status = [&](const std::string& path) { return ring.get(ring.plain(path)).status; };
  const auto nginx = ring.edge->status().pid;
  CHECK(status("/echo") == 200);
  CHECK(eventually([&] { return ring.collector.has_attribute("geo.country.iso_code", "DE"); }));

  put("bad.txt", "192.0.2.1\n127.0.0.0/8\n");
  CHECK(becomes("/echo", 403));
  CHECK(eventually([&] { return ring.collector.has_attribute("ringwall.waf.list", "bad"); }));
  put("bad.txt", "192.0.2.2\n");
  CHECK(becomes("/echo", 200));
  put("country.mmdb", database("RU"));
  CHECK(becomes("/echo", 403));
  put("country.mmdb", database("FR"));
  CHECK(becomes("/echo", 451));
  put("country.mmdb", database("DE"));
  CHECK(becomes("/echo", 200));

  // The other list comes after the broken one, so that the broken one was looked at when it is in force.
  put("bad.txt", "127.0.0.0/8\noops\n");
  put("paths.txt", "127.0.0.1\n");
  CHECK(becomes("/probe", 403));
  CHECK(status("/echo") == 200);
  // A person who applies a declaration hears of it.
  auto next = ring.declaration;
  next.waf.inbound_threshold = 6;
  const auto applied = ring.edge->apply(next);
  REQUIRE(!applied.ok());
  CHECK(applied.error().message == "waf: list 'bad': " + ring.folder.path + "/bad.txt:2: 'oops' is no address");
  CHECK(ring.edge->status().pid == nginx);

  // Another core finds it broken, and what was in force stays.
  ring.start();
  CHECK(status("/echo") == 200);
  CHECK(status("/probe") == 403);
  put("bad.txt", "127.0.0.0/8\n");
  CHECK(becomes("/echo", 403));
}

}  // namespace ringwall::edge
