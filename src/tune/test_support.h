// Rules and records for this module's tests: records are made as the module in nginx makes them.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "policy/audit.h"
#include "policy/bundle.h"
#include "policy/model.h"
#include "tune/rules.h"

namespace ringwall::tune {

inline Rules rules_of(const std::string& text, std::vector<policy::PolicyText> policies = {{"default", waf::Mode::kBlock, {}, {}}}, std::map<std::string, std::string> hosts = {}) {
  const std::string settings = "SecRuleEngine On\nSecRequestBodyAccess On\nSecAuditEngine RelevantOnly\n";
  const auto bundle = policy::make_bundle_of(settings + text, "/test.conf", waf::Files{});
  REQUIRE_MESSAGE(bundle.ok(), (bundle.ok() ? "" : bundle.error().message));
  auto rules = Rules::load({"rules", std::move(policies)}, *bundle, std::move(hosts));
  REQUIRE_MESSAGE(rules.ok(), (rules.ok() ? "" : rules.error().message));
  return std::move(*rules);
}

struct Sent {
  std::string client = "192.0.2.1", method = "GET", uri = "/", body, content_type, trace_id = "4bf92f3577b34da6a3ce929d0e0e4736", policy = "default";
  bool enforcing = true;
  int status = 200;  // of the application, when it gets there
  Pairs headers;
  std::string misfit;  // what an API description refused it for, before rules looked at it: "query n: no number"
};

// The audit record of a request as these rules judged it, or the edge's when nothing matched.
inline std::string line_of(const Rules& rules, const Sent& sent) {
  auto t = waf::Transaction::make(rules.set());
  const auto* policy = rules.set() == nullptr ? nullptr : [&] {
    Stored place;
    place.policy = sent.policy;
    return rules.place_of(place);
  }();
  REQUIRE(policy != nullptr);
  t->reset({.client_address = sent.client, .unique_id = sent.trace_id, .now_ns = 1'700'000'000'000'000'000}, policy->overlay.get());
  t->request_line(sent.method, sent.uri, "HTTP/1.1");
  Pairs headers{{"Host", "a"}};
  if (!sent.content_type.empty()) headers.emplace_back("Content-Type", sent.content_type);
  headers.insert(headers.end(), sent.headers.begin(), sent.headers.end());
  policy::AuditExchange exchange;
  const auto length = std::to_string(sent.body.size());
  if (!sent.body.empty()) headers.emplace_back("Content-Length", length);
  for (const auto& [name, value] : headers) {
    t->request_header(name, value);
    exchange.request_headers.emplace_back(name, value);
  }
  auto verdict = t->request_headers_done();
  const auto passes = [&] { return verdict.action == waf::Verdict::Action::kPass; };
  if (passes()) {
    t->request_body(sent.body);
    verdict = t->request_body_done();
  }
  exchange.start_unix_ns = 1'700'000'000'000'000'000;
  exchange.client_address = sent.client;
  exchange.unique_id = sent.trace_id;
  exchange.place = sent.policy;
  exchange.method = sent.method;
  exchange.uri = sent.uri;
  exchange.protocol = "HTTP/1.1";
  exchange.enforcing = sent.enforcing;
  exchange.status = !passes() && sent.enforcing ? verdict.status : sent.status;
  exchange.action = !passes() && sent.enforcing ? "deny" : "match";
  exchange.request_body = t->request_body_seen();
  t->logging();
  auto matches = t->matches();
  if (!sent.misfit.empty()) {
    openapi::Judgement judgement;
    judgement.findings.push_back({sent.misfit.substr(0, sent.misfit.find(": ")), sent.misfit.substr(sent.misfit.find(": ") + 2)});
    const auto misfits = policy::model_matches(judgement, true);
    matches.insert(matches.begin(), misfits.begin(), misfits.end());
    exchange.status = 400, exchange.action = "deny";
  }
  if (!matches.empty()) return policy::audit_json(exchange, matches);
  return R"({"trace_id":")" + sent.trace_id + R"(","ts":"2023-11-14T22:13:20.000000000Z","attributes":{"http.request.method":")" + sent.method + R"(","url.path":")" + sent.uri.substr(0, sent.uri.find('?')) +
         (sent.uri.find('?') == std::string::npos ? "" : R"(","url.query":")" + sent.uri.substr(sent.uri.find('?') + 1)) + R"(","server.address":"a","client.address":")" + sent.client +
         R"(","http.response.status_code":")" + std::to_string(sent.status) + R"(","ringwall.waf.action":"pass"}})";
}

}  // namespace ringwall::tune
