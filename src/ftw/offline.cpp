#include "ftw/offline.h"

#include "ftw/detail/albedo.h"

namespace ringwall::ftw {

using detail::Answer, detail::backend, detail::read_request;

Runner offline_runner(std::shared_ptr<const waf::RuleSet> rules) {
  std::shared_ptr<waf::Transaction> transaction = waf::Transaction::make(std::move(rules));
  return [transaction](const Stage& stage) {
    Outcome out;
    const auto request = read_request(stage.request);
    if (!request.readable) {
      out.status = 400;
      return out;
    }
    auto& t = *transaction;
    t.reset({.client_address = "127.0.0.1", .server_address = "127.0.0.1", .server_name = "localhost", .unique_id = "test", .client_port = 50'000, .server_port = 80});
    t.request_line(request.method, request.uri, request.protocol);
    for (const auto& [name, value] : request.headers) t.request_header(name, value);
    auto verdict = t.request_headers_done();
    const auto refused = [&] { return verdict.action != waf::Verdict::Action::kPass; };
    if (!refused()) {
      t.request_body(request.body);
      verdict = t.request_body_done();
    }
    Answer answer;
    if (!refused()) {
      answer = backend(request);
      t.response_line(answer.status, "HTTP/1.1");
      for (const auto& [name, value] : answer.headers) t.response_header(name, value);
      verdict = t.response_headers_done();
      if (!refused()) {
        if (t.wants_response_body()) t.response_body(answer.body);
        verdict = t.response_body_done();
      }
    }
    t.logging();
    out.status = refused() ? verdict.status : answer.status;
    out.body = answer.body;
    for (const auto& match : t.matches()) {
      if (match.log || match.audit_log) out.log.push_back(waf::log_line(match));
    }
    return out;
  };
}

}  // namespace ringwall::ftw
