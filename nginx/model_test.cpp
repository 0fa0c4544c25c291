// An API's description inside a real nginx: what does not fit it is refused before the application hears of it.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "policy/bundle.h"
#include "policy/policy.h"
#include "ring/update_board.h"
#include "test_support.h"

namespace {

using namespace ringwall;
using namespace ringwall::edge_module;

constexpr const char* kRules = "SecRuleEngine On\nSecRequestBodyAccess On\nSecRequestBodyLimit 200000\nSecRequestBodyNoFilesLimit 200000\nSecAuditEngine RelevantOnly\n"
                               "SecRule REQUEST_HEADERS:Content-Type \"@contains json\" \"id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
                               "SecRule ARGS \"@contains evil\" \"id:1,phase:2,deny,msg:'Evil'\"\n";

std::string api(const char* page_type) {
  return std::string(R"({"openapi": "3.0.3", "servers": [{"url": "/v1"}], "paths": {
    "/pets": {"get": {"parameters": [{"name": "page", "in": "query", "schema": {"type": ")") + page_type + R"("}}]},
              "post": {"requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["name"], "additionalProperties": false,
                       "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "integer"}}}}}}}}},
    "/uploads": {"post": {"requestBody": {"content": {"application/octet-stream": {}}}}}}})";
}

struct Place {
  std::string name;
  waf::Mode mode, model_mode;
  openapi::Options options = {};
};

void put(const Nginx& nginx, const std::string& document, const std::vector<Place>& places) {
  const auto folder = nginx.folder().path("run/waf");
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/rules", std::ios::binary) << policy::make_bundle_of(kRules, "/test.conf", waf::real_files()).value();
  const auto file = "model-" + std::to_string(std::hash<std::string>{}(document));
  std::ofstream(folder + "/" + file, std::ios::binary) << document;
  policy::PolicyFile policies{"rules", {}};
  for (const auto& place : places) {
    policies.policies.push_back({.name = place.name, .mode = place.mode});
    policies.policies.back().model = policy::ModelText{file, place.model_mode, place.options};
  }
  std::ofstream(folder + "/policies.json") << policy::write_policy_file(policies);
}

const std::string kHttp = "ringwall_ring run/edge.ring; ringwall_waf_policies run/waf/policies.json; ringwall_waf_updates run/waf.board; client_max_body_size 10m; client_body_buffer_size 16k; ";

std::string send(int port, const std::string& line, const std::string& body = "", const std::string& headers = "Content-Type: application/json\r\n") {
  const auto head = body.empty() ? std::string() : headers + "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return converse(port, line + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + head + "\r\n" + body);
}

}  // namespace

TEST_CASE("model: requests that do not fit are refused and recorded") {
  Backend backend("b");
  Nginx nginx;
  if (::geteuid() == 0) nginx.keep_user();
  auto board = ring::UpdateBoard::open_or_create(nginx.folder().path("run/waf.board")).value();
  put(nginx, api("integer"), {{"block", waf::Mode::kBlock, waf::Mode::kAsRules, {.refuse_unknown_parameters = true}},
                              {"log", waf::Mode::kBlock, waf::Mode::kLog},
                              {"only", waf::Mode::kLog, waf::Mode::kBlock}});
  const std::string pass = " proxy_pass http://127.0.0.1:" + std::to_string(backend.port()) + "; ";
  nginx.configure(kHttp + "server { listen @PORT@; location / { ringwall_waf block;" + pass + "} location ~ ^/log(/.*) { ringwall_waf log;" + pass + "} location ~ ^/only(/.*) { ringwall_waf only;" + pass + "} }");
  nginx.start();
  struct Case {
    std::string line, body;
    int status, verdict;
    std::uint32_t rule;
    const char* said;  // in the audit record; null: there is none
  };
  const std::string long_list = "{\"name\": \"" + std::string(60'000, 'x') + "\", \"tags\": [1, 2, \"3\"]}";
  const Case cases[] = {
      {"GET /v1/pets?page=2", "", 200, 1, 0, nullptr},
      {"GET /v1/pets?page=two", "", 400, 3, 89003, "query page: is not an integer"},
      {"GET /v1/pets?pages=2", "", 400, 3, 89003, "query /pages: is not described"},
      {"GET /v1/other", "", 404, 3, 89000, "path: is not described"},
      {"DELETE /v1/pets", "", 405, 3, 89001, "method: is not described for this path"},
      {"GET /v1/x/%2e%2e/pets", "", 400, 3, 89000, "path: leads through '.' or '..'"},
      {"POST /v1/pets", "{\"name\": \"Rex\"}", 200, 1, 0, nullptr},
      {"POST /v1/pets", "{\"name\": \"Rex\", \"admin\": true}", 400, 3, 89004, "body /admin: is not described"},
      {"POST /v1/pets", long_list, 400, 3, 89004, "body /tags/2: is not an integer"},  // spooled to a file
      {"POST /v1/pets", "{\"name\": \"evil\", \"admin\": true}", 403, 3, 1, "Evil"},       // the rules come first
      {"POST /v1/uploads", "x", 415, 3, 89002, "content type: is not described for this operation"},
      {"GET /log/pets", "", 200, 2, 89000, "path: is not described"},                      // noted
      {"GET /only/pets?a=evil", "", 404, 3, 89000, "path: is not described"},              // its own mode; the rules only note
  };
  for (const auto& c : cases) {
    CAPTURE(c.line);
    const int before = backend.requests();
    CHECK(status_of(send(nginx.port(), c.line, c.body)) == c.status);
    const auto record = nginx.record();
    CHECK(int{record.waf_verdict} == c.verdict);
    CHECK(record.waf_rule_id == c.rule);
    CHECK((backend.requests() == before + 1) == (c.status == 200));
    const auto events = nginx.take_events();
    REQUIRE(events.size() == (c.said == nullptr ? 0 : 1));
    if (c.said == nullptr) continue;
    CHECK(events[0].find(c.said) != std::string::npos);
    if (c.rule >= 89000) CHECK(events[0].find("ringwall/openapi") != std::string::npos);
  }
  // What is too large to be looked at is refused where rules do, and cannot be judged where they do not.
  CHECK(status_of(send(nginx.port(), "POST /v1/pets", "{\"name\": \"" + std::string(300'000, 'x') + "\"}")) == 413);
  nginx.take_events();

  // Another description, under way; one that is none changes nothing.
  const auto live = [&] {
    REQUIRE(eventually([&] { return board.state().live + board.state().faults.size() == 1; }));
    return board.state();
  };
  live();
  put(nginx, api("string"), {{"block", waf::Mode::kBlock, waf::Mode::kAsRules}, {"log", waf::Mode::kBlock, waf::Mode::kLog}, {"only", waf::Mode::kLog, waf::Mode::kBlock}});
  board.publish();
  CHECK(live().faults.empty());
  CHECK(status_of(send(nginx.port(), "GET /v1/pets?page=two")) == 200);
  put(nginx, "{\"openapi\": \"3.0.3\"}", {{"block", waf::Mode::kBlock, waf::Mode::kAsRules}, {"log", waf::Mode::kBlock, waf::Mode::kLog}, {"only", waf::Mode::kLog, waf::Mode::kBlock}});
  board.publish();
  const auto state = live();
  REQUIRE(state.faults.size() == 1);
  CHECK(state.faults[0].find("has no paths") != std::string::npos);
  CHECK(status_of(send(nginx.port(), "GET /v1/pets?page=two")) == 200);
  CHECK(status_of(send(nginx.port(), "GET /v1/other")) == 404);
}

TEST_CASE("model: a body that nobody read is refused") {
  Backend backend("b");
  Nginx nginx;
  if (::geteuid() == 0) nginx.keep_user();
  put(nginx, api("integer"), {{"log", waf::Mode::kLog, waf::Mode::kBlock}});
  nginx.configure(kHttp + "server { listen @PORT@; ringwall_waf log; location / { proxy_pass http://127.0.0.1:" + std::to_string(backend.port()) + "; } }");
  (void)ring::UpdateBoard::open_or_create(nginx.folder().path("run/waf.board")).value();
  nginx.start();
  CHECK(status_of(send(nginx.port(), "POST /v1/pets", "{\"name\": \"" + std::string(150'000, 'x') + "\"}")) == 200);
  CHECK(status_of(send(nginx.port(), "POST /v1/pets", "{\"name\": \"" + std::string(300'000, 'x') + "\"}")) == 400);
}
