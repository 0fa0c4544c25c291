// Lists of addresses and countries inside a real nginx; ngx_http_realip_module plays the clients.
#include <doctest/doctest.h>

#include <fstream>

#include "keep/table.h"
#include "places/test_support.h"
#include "policy/bundle.h"
#include "policy/data_files.h"
#include "policy/policy.h"
#include "ring/update_board.h"
#include "test_support.h"

namespace {

using namespace ringwall;
using namespace ringwall::edge_module;
using places::testing::DatabaseWriter;

constexpr const char* kRealIp = "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; ";

// What the core does: data files and the bundle beside the policies.
class Policies {
 public:
  explicit Policies(const Nginx& nginx) : nginx_(nginx), data_(base::real_files(), nginx.folder().path("run/waf")) {}

  void text(const std::string& name, const std::string& content) const { std::ofstream(path(name), std::ios::binary) << content; }
  std::string path(const std::string& name) const { return nginx_.folder().path(name); }

  void put(const std::string& rules, const std::vector<policy::PolicyText>& policies) {
    data_.forget();
    const auto bundle = policy::make_bundle_of(rules, "/test.conf", data_.rule_files());
    REQUIRE_MESSAGE(bundle.ok(), (bundle.ok() ? "" : bundle.error().message));
    policy::PolicyFile file{"rules", policies, {}};
    for (const auto& one : policies) {
      for (const auto& list : one.lists) {
        if (!list.file.empty()) REQUIRE(data_.put(policy::DataFiles::Kind::kList, list.file).ok());
      }
    }
    file.files = data_.names();
    std::filesystem::create_directories(path("run/waf"));
    text("run/waf/rules", *bundle);
    text("run/waf/policies.json", policy::write_policy_file(file));
  }

 private:
  const Nginx& nginx_;
  policy::DataFiles data_;
};

std::string from(const char* client) { return std::string("X-Forwarded-For: ") + client + "\r\n"; }

}  // namespace

TEST_CASE("lists: who is let through, refused, noted; and where clients are") {
  Backend backend("b");
  Nginx nginx;
  REQUIRE(keep::TableFile::open_or_create(nginx.folder().path("run/waf.table"), {.bytes = 1 << 20}).ok());
  Policies policies(nginx);
  policies.text("drop.txt", "; a threat list\n203.0.113.0/24 ; SBL1\n2001:db8:bad::/48\n");
  policies.text("country.mmdb", DatabaseWriter().add("198.18.0.0/16", places::testing::country("RU", "Russia")).add("192.0.2.0/24", places::testing::country("DE", "Germany")).add("2001:db8::/32", places::testing::country("FR", "France")).finish());
  policies.text("asn.mmdb", DatabaseWriter(32).add("192.0.2.0/24", places::testing::network(64496, "Example Net")).finish());
  const std::vector<policy::ListText> lists = {
      {"watched", "note", {"198.51.100.0/24"}},
      {"office", "allow", {"192.0.2.7"}, "", {}, "", true, true},
      {"partner", "allow", {"192.0.2.8"}},
      {"threats", "deny", {"192.0.2.8"}, policies.path("drop.txt")},
      {"countries", "deny", {}, "", {"RU"}, "/shop"},
      {"closed", "deny", {"0.0.0.0/0", "::/0"}, "", {}, "= /closed"},
  };
  const policy::LimitText once{.name = "once", .path = "/once", .requests = 1, .period_ms = 3'600'000};
  policies.put("SecRuleEngine On\nSecRequestBodyAccess On\nSecAuditEngine RelevantOnly\nSecGeoLookupDb " + policies.path("country.mmdb") + "\nSecGeoLookupDb " + policies.path("asn.mmdb") +
                   "\nSecRule ARGS \"@contains evil\" \"id:1,phase:1,deny,status:406,msg:'Evil'\"\n"
                   "SecRule ARGS:where \"@streq here\" \"id:2,phase:1,deny,status:410,chain\"\nSecRule REMOTE_ADDR \"@geoLookup\" \"chain\"\nSecRule GEO:COUNTRY_CODE3 \"@streq FRA\"\n",
               {{"all", waf::Mode::kBlock, {}, {}, {once}, lists}, {"log", waf::Mode::kLog, {}, {}, {}, lists}});
  const auto pass = " proxy_pass http://127.0.0.1:" + std::to_string(backend.port()) + "; } ";
  nginx.configure(std::string("error_log run/notices.log notice; ringwall_ring run/edge.ring; ringwall_waf_policies run/waf/policies.json; ringwall_waf_table run/waf.table; ") + kRealIp + "server { listen @PORT@; ringwall_waf all; location / {" + pass +
                      "location /seen { ringwall_waf log;" + pass + "}",
                  2);
  nginx.start();
  using Verdict = ring::WafVerdict;
  struct Case {
    const char *name, *client, *path;
    int status;
    Verdict verdict;
    const char *list, *country;
  };
  const Case kCases[] = {
      {"nobody knows it", "198.51.101.1", "/", 200, Verdict::kPassed, "", ""},
      {"a threat", "203.0.113.77", "/", 403, Verdict::kListed, "threats", ""},
      {"one of IPv6, which has a country too", "2001:db8:bad::1", "/", 403, Verdict::kListed, "threats", "FR"},
      {"its neighbour", "2001:db8:bae::1", "/", 200, Verdict::kPassed, "", "FR"},
      {"what it sends is not looked at", "203.0.113.77", "/?a=evil", 403, Verdict::kListed, "threats", ""},
      {"a noted one", "198.51.100.1", "/", 200, Verdict::kMatched, "watched", ""},
      {"and rules go on", "198.51.100.1", "/?a=evil", 406, Verdict::kDenied, "watched", ""},
      {"an allow before a deny", "192.0.2.8", "/", 200, Verdict::kPassed, "partner", "DE"},
      {"and rules go on", "192.0.2.8", "/?a=evil", 406, Verdict::kDenied, "partner", "DE"},
      {"an allow that skips rules", "192.0.2.7", "/?a=evil", 200, Verdict::kPassed, "office", "DE"},
      {"a country", "198.18.1.1", "/shop/x", 403, Verdict::kListed, "countries", "RU"},
      {"elsewhere it is nobody's matter", "198.18.1.1", "/", 200, Verdict::kPassed, "", "RU"},
      {"another country", "192.0.2.9", "/shop/x", 200, Verdict::kPassed, "", "DE"},
      {"everybody", "192.0.2.9", "/closed", 403, Verdict::kListed, "closed", "DE"},
      {"everybody of IPv6", "2001:db8::1", "/closed", 403, Verdict::kListed, "closed", "FR"},
      {"but whom an allow knows", "192.0.2.8", "/closed", 200, Verdict::kPassed, "partner", "DE"},
      {"@geoLookup and GEO", "2001:db8::1", "/?where=here", 410, Verdict::kDenied, "", "FR"},
      {"another country in GEO", "192.0.2.9", "/?where=here", 200, Verdict::kPassed, "", "DE"},
      {"log mode lets pass", "203.0.113.77", "/seen", 200, Verdict::kMatched, "threats", ""},
      {"a limit", "192.0.2.8", "/once", 200, Verdict::kPassed, "partner", "DE"},
      {"a limit goes on too", "192.0.2.8", "/once", 429, Verdict::kLimited, "partner", "DE"},
      {"unless it is skipped", "192.0.2.7", "/once", 200, Verdict::kPassed, "office", "DE"},
      {"unless it is skipped", "192.0.2.7", "/once", 200, Verdict::kPassed, "office", "DE"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.name);
    CAPTURE(c.client);
    nginx.take_events();
    CHECK(status_of(get(nginx.port(), c.path, from(c.client))) == c.status);
    const auto record = nginx.record();
    CHECK(int{record.waf_verdict} == static_cast<int>(c.verdict));
    CHECK(record[ring::EdgeString::kWafList] == c.list);
    CHECK(record[ring::EdgeString::kClientCountry] == c.country);
    CHECK(record.client_asn == (c.country == std::string("DE") ? 64496 : 0));
    CHECK(record[ring::EdgeString::kClientOrganization] == (c.country == std::string("DE") ? "Example Net" : ""));
    const auto events = nginx.take_events();
    if (c.verdict == Verdict::kDenied && c.country[0] != '\0') {
      REQUIRE(events.size() == 1);
      CHECK(events[0].find(std::string("\"client_country\":\"") + c.country + "\"") != std::string::npos);
    }
    if (c.verdict == Verdict::kListed) CHECK((record.waf_rule_id == 0 && events.empty()));
  }
  std::ifstream file(policies.path("run/notices.log"));
  const std::string log((std::istreambuf_iterator<char>(file)), {});
  CHECK(log.find("ringwall: list \"threats\" denies") != std::string::npos);
  CHECK(log.find("ringwall: list \"watched\" notes") != std::string::npos);
}

TEST_CASE("lists: a newer list and a newer database come without a reload, and damaged ones change nothing") {
  Backend backend("b");
  Nginx nginx;
  auto board = ring::UpdateBoard::open_or_create(nginx.folder().path("run/waf.board")).value();
  Policies policies(nginx);
  const auto put = [&](const std::string& list, const char* country) {
    policies.text("drop.txt", list);
    policies.text("country.mmdb", DatabaseWriter().add("192.0.2.0/24", places::testing::country(country, "Land")).finish());
    policies.put("SecRuleEngine On\nSecGeoLookupDb " + policies.path("country.mmdb") + "\n", {{"all", waf::Mode::kBlock, {}, {}, {}, {{"threats", "deny", {}, policies.path("drop.txt")}, {"there", "deny", {}, "", {"RU"}}}}});
  };
  put("203.0.113.1\n", "DE");
  nginx.configure(std::string("ringwall_ring run/edge.ring; ringwall_waf_policies run/waf/policies.json; ringwall_waf_updates run/waf.board; ") + kRealIp + "server { listen @PORT@; ringwall_waf all; location / { proxy_pass http://127.0.0.1:" + std::to_string(backend.port()) + "; } }",
                  2);
  nginx.start();
  const auto live = [&] {
    REQUIRE(eventually([&] { return board.state().live + board.state().faults.size() == 2; }));
    return board.state();
  };
  live();
  const auto workers = nginx.workers();
  REQUIRE(workers.size() == 2);
  const auto all_answer = [&](const char* client, int status) {
    for (int i = 0; i < 20; ++i) {
      if (status_of(get(nginx.port(), "/", from(client))) != status) return false;
    }
    return true;
  };
  CHECK(all_answer("203.0.113.1", 403));
  CHECK(all_answer("203.0.113.2", 200));
  CHECK(all_answer("192.0.2.1", 200));
  // The sizes differ, so that they are read again whatever the clock's steps are.
  put("203.0.113.2\n203.0.113.3\n", "DE");
  board.publish();
  CHECK(live().faults.empty());
  CHECK(all_answer("203.0.113.1", 200));
  CHECK(all_answer("203.0.113.2", 403));
  put("203.0.113.2\n203.0.113.3\n203.0.113.4\n", "RU");
  board.publish();
  CHECK(live().faults.empty());
  CHECK(all_answer("192.0.2.1", 403));
  // A compiled list that somebody cut.
  for (const auto& entry : std::filesystem::directory_iterator(nginx.folder().path("run/waf"))) {
    if (entry.path().filename().string().starts_with("list-")) std::filesystem::remove(entry.path());
  }
  auto text = policy::read_policy_file(base::real_files().read(nginx.folder().path("run/waf/policies.json")).value(), "p").value();
  text.files[policies.path("drop.txt")] = "list-cut";
  policies.text("run/waf/list-cut", "RWADDR1\nrest");
  policies.text("run/waf/policies.json", policy::write_policy_file(text));
  board.publish();
  REQUIRE(live().faults.size() == 2);
  CHECK(live().faults[0].find("list-cut: not a compiled list of addresses") != std::string::npos);
  CHECK(all_answer("203.0.113.2", 403));
  CHECK(all_answer("192.0.2.1", 403));
  CHECK(nginx.workers() == workers);
}
