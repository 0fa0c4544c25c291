#include "policy/lists.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "places/test_support.h"
#include "policy/bundle.h"
#include "policy/data_files.h"
#include "policy/policy.h"

using namespace ringwall;
using namespace ringwall::policy;
using places::testing::DatabaseWriter;

namespace {

// A folder with files of a declaration and one of policies; goes away with the test.
struct World {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("ringwall-lists-" + std::to_string(::getpid()));
  World() { std::filesystem::create_directories(path / "run"); }
  ~World() { std::filesystem::remove_all(path); }
  std::string at(const std::string& name) const { return (path / name).string(); }
  std::string run() const { return at("run"); }
  // Another inode each time, as those who replace lists do.
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(path / (name + ".new"), std::ios::binary) << text;
    std::filesystem::rename(path / (name + ".new"), path / name);
  }
};

places::Address address(const char* text) { return places::parse_address(text).value(); }

std::string ask(const std::vector<List>& lists, const char* client, std::string_view country = "", std::string_view path = "/") {
  const auto* list = ask_lists(lists, address(client), country, path);
  return list == nullptr ? "nobody" : list->text.name;
}

std::vector<List> compiled(const std::vector<ListText>& texts) {
  AddressSets sets;
  std::vector<List> out;
  for (const auto& text : texts) out.push_back(compile_list(text, sets, nullptr).value());
  return out;
}

}  // namespace

TEST_CASE("lists: the first that decides, by address, country and path") {
  const auto lists = compiled({{"watched", "note", {"192.0.2.0/24", "2001:db8::/32"}},
                               {"office", "allow", {"192.0.2.7"}},
                               {"admin", "deny", {"0.0.0.0/0", "::/0"}, "", {}, "/admin/"},
                               {"login", "deny", {}, "", {"KP"}, "= /login"},
                               {"bad", "deny", {"192.0.2.0/25", "203.0.113.1-203.0.113.9"}, "", {"XK", "RU"}},
                               {"late", "allow", {"192.0.2.9"}}});
  struct Case {
    const char *client, *country, *path, *want;
  };
  const Case kCases[] = {
      {"198.51.100.1", "", "/", "nobody"},
      {"198.51.100.1", "DE", "/", "nobody"},
      {"198.51.100.1", "RU", "/", "bad"},
      {"203.0.113.9", "DE", "/", "bad"},
      {"203.0.113.10", "DE", "/", "nobody"},
      // An allow before a deny, and one behind it.
      {"192.0.2.7", "", "/", "office"},
      {"192.0.2.9", "", "/", "bad"},
      {"192.0.2.7", "RU", "/admin/x", "office"},
      // A note is told when nothing decides.
      {"192.0.2.200", "", "/", "watched"},
      {"::ffff:192.0.2.200", "", "/", "watched"},
      {"2001:db8::1", "", "/", "watched"},
      {"2001:db8::1", "", "/admin/", "admin"},
      // Paths, with parameters that some applications ignore.
      {"198.51.100.1", "", "/admin/", "admin"},
      {"198.51.100.1", "", "/admin;x/", "admin"},
      {"198.51.100.1", "", "/adminer", "nobody"},
      {"198.51.100.1", "KP", "/login", "login"},
      {"198.51.100.1", "KP", "/login;a=1", "login"},
      {"198.51.100.1", "KP", "/login/x", "nobody"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.client);
    CAPTURE(c.path);
    CHECK(ask(lists, c.client, c.country, c.path) == c.want);
  }
}

TEST_CASE("lists: only these") {
  const auto lists = compiled({{"ours", "allow", {"192.0.2.0/24"}, "", {"DE"}}, {"others", "deny", {"0.0.0.0/0", "::/0"}}});
  CHECK(ask(lists, "192.0.2.1") == "ours");
  CHECK(ask(lists, "203.0.113.1", "DE") == "ours");
  CHECK(ask(lists, "203.0.113.1", "FR") == "others");
  CHECK(ask(lists, "203.0.113.1") == "others");
  CHECK(ask(lists, "2001:db8::1") == "others");
}

TEST_CASE("lists: mistakes") {
  struct Case {
    ListText text;
    const char* want;
  };
  const Case kCases[] = {
      {{"", "deny", {"192.0.2.1"}}, "list '': it has no name"},
      {{"a", "block", {"192.0.2.1"}}, "list 'a': action 'block' is not known"},
      {{"a", "deny"}, "list 'a': it names nobody"},
      {{"a", "deny", {"192.0.2"}}, "list 'a': '192.0.2' is no address"},
      {{"a", "deny", {}, "", {"UK"}}, "list 'a': 'UK' is no country"},
      {{"a", "deny", {"192.0.2.1"}, "", {}, "", true}, "list 'a': only allow skips limits or rules"},
      {{"a", "deny", std::vector<std::string>(kListAddressesMax + 1, "192.0.2.1")}, "list 'a': more than 10000 addresses"},
  };
  for (const auto& c : kCases) {
    AddressSets sets;
    const auto list = compile_list(c.text, sets, nullptr);
    REQUIRE(!list.ok());
    CHECK(list.error().message == c.want);
  }
}

TEST_CASE("lists: files of addresses and places in a set of policies, and newer ones") {
  const World world;
  world.put("drop.txt", "; a threat list\n192.0.2.0/24 ; SBL1\n");
  world.put("city.mmdb", DatabaseWriter().add("203.0.113.0/24", places::testing::country("DE", "Germany")).finish());
  world.put("asn.mmdb", DatabaseWriter(28).add("203.0.113.0/25", places::testing::network(64496, "Example Net")).finish());
  DataFiles data(base::real_files(), world.run());
  const auto rules = "SecRuleEngine On\nSecGeoLookupDb " + world.at("city.mmdb") + "\nSecGeoLookupDb " + world.at("asn.mmdb") +
                     "\nSecRule REMOTE_ADDR \"@geoLookup\" \"id:1,phase:1,deny,status:451,chain\"\nSecRule GEO:COUNTRY_CODE \"@streq DE\" \"chain\"\nSecRule GEO:ASN \"@eq 64496\" \"t:none\"\n"
                     "SecRule REMOTE_ADDR \"!@geoLookup\" \"id:2,phase:1,deny,status:404\"\n";
  const auto bundle = make_bundle_of(rules, "/main.conf", data.rule_files());
  REQUIRE_MESSAGE(bundle.ok(), (bundle.ok() ? "" : bundle.error().message));
  CHECK(bundle->size() < 1000);  // no database in it
  world.put("run/rules", *bundle);
  PolicyFile file{"rules", {{"all", waf::Mode::kBlock, {}, {}, {}, {{"threats", "deny", {}, world.at("drop.txt")}, {"here", "note", {}, "", {"DE"}}}}}, {}};
  REQUIRE(data.put(DataFiles::Kind::kList, world.at("drop.txt")).ok());
  const auto load = [&](const std::shared_ptr<const PolicySet>& previous) {
    file.files = data.names();
    world.put("run/policies.json", write_policy_file(file));
    CHECK(read_policy_file(write_policy_file(file), "again").value().policies == file.policies);
    auto set = PolicySet::load(folder_reader(world.run()), "policies.json", previous, data.mapper());
    REQUIRE_MESSAGE(set.ok(), (set.ok() ? "" : set.error().message));
    return *set;
  };
  const auto status = [](const PolicySet& set, const char* client) {
    auto t = waf::Transaction::make(set.rules());
    t->reset({.client_address = client}, set.find("all")->overlay.get());
    t->request_line("GET", "/", "HTTP/1.1");
    const auto verdict = t->request_headers_done();
    return verdict.action == waf::Verdict::Action::kPass ? 200 : verdict.status;
  };

  const auto set = load(nullptr);
  CHECK(ask(set->find("all")->lists, "192.0.2.77") == "threats");
  CHECK(ask(set->find("all")->lists, "192.0.3.77", "DE") == "here");
  CHECK(status(*set, "203.0.113.1") == 451);
  CHECK(status(*set, "203.0.113.200") == 200);  // in no network that is known
  CHECK(status(*set, "198.51.100.1") == 404);

  // A newer list: the rules are those there were.  The older set goes on as it is.
  world.put("drop.txt", "192.0.3.0/24\n");
  REQUIRE(data.put_again(world.at("drop.txt")).ok());
  const auto second = load(set);
  CHECK(second->rules() == set->rules());
  CHECK(ask(second->find("all")->lists, "192.0.2.77") == "nobody");
  CHECK(ask(second->find("all")->lists, "192.0.3.77") == "threats");
  CHECK(ask(set->find("all")->lists, "192.0.2.77") == "threats");

  // A newer database: rules that look into it.
  world.put("city.mmdb", DatabaseWriter().add("198.51.100.0/24", places::testing::country("FR", "France")).finish());
  REQUIRE(data.put_again(world.at("city.mmdb")).ok());
  const auto third = load(second);
  CHECK(third->rules() != second->rules());
  CHECK(status(*third, "198.51.100.1") == 200);
  CHECK(status(*third, "203.0.113.1") == 200);

  // Nothing else of a database but its file is there: whoever has neither hears of it.
  CHECK(PolicySet::load(folder_reader(world.run()), "policies.json").error().message.find("there is no data here") != std::string::npos);
  file.files = {{world.at("city.mmdb"), "places-1"}};
  world.put("run/policies.json", write_policy_file(file));
  CHECK(!PolicySet::load(folder_reader(world.run()), "policies.json", third, data.mapper()).ok());
}

TEST_CASE("data files: what changed is read again, what is broken is not") {
  const World world;
  const auto path = world.at("list.txt");
  world.put("list.txt", "192.0.2.1\n");
  DataFiles data(base::real_files(), world.run());
  const auto first = data.put(DataFiles::Kind::kList, path).value();
  CHECK(data.put(DataFiles::Kind::kList, path).value() == first);
  const auto names = data.names();
  CHECK(data.changed(names).empty());

  // Two looks have to agree.
  world.put("list.txt", "192.0.2.1\n192.0.2.2\n");
  CHECK(data.changed(names).empty());
  CHECK(data.changed(names) == std::vector<std::string>{path});
  const auto second = data.put_again(path).value();
  CHECK(second != first);
  CHECK(data.changed(data.names()).empty());
  // What was read, but never came into force, is a change still.
  CHECK(data.changed(names) == std::vector<std::string>{path});

  // A broken one is told once, with its line.
  world.put("list.txt", "192.0.2.1\noops\n");
  CHECK(data.changed(data.names()).empty());
  REQUIRE(data.changed(data.names()).size() == 1);
  CHECK(data.put_again(path).error().message == path + ":2: 'oops' is no address");
  CHECK(data.changed(data.names()).empty());
  CHECK(data.changed(data.names()).empty());
  // One that is gone too.
  std::filesystem::remove(path);
  CHECK(data.changed(data.names()).empty());
  REQUIRE(data.changed(data.names()).size() == 1);
  CHECK(!data.put_again(path).ok());

  // Another core finds it broken, and keeps what the last one had.
  world.put("list.txt", "oops\n");
  DataFiles next(base::real_files(), world.run());
  CHECK(next.put(DataFiles::Kind::kList, path).error().message == path + ":1: 'oops' is no address");
  next.fall_back_on({{path, second}});
  CHECK(next.put(DataFiles::Kind::kList, path).value() == second);
  CHECK(next.take_faults() == std::vector<std::string>{path + ":1: 'oops' is no address"});
  next.fall_back_on({{path, "list-of-nobody"}});
  CHECK(!next.put(DataFiles::Kind::kList, path).ok());

  // A database is looked at before it becomes a file.
  world.put("geo.mmdb", "no database");
  CHECK(data.put(DataFiles::Kind::kPlaces, world.at("geo.mmdb")).error().message == world.at("geo.mmdb") + ": not a MaxMind database");
}
