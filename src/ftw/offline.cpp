#include "ftw/offline.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "ftw/detail/base64.h"

namespace ringwall::ftw {

namespace {

struct Request {
  bool readable = false;
  std::string method, uri, protocol, body;
  std::vector<std::pair<std::string, std::string>> headers;
};

std::string unchunked(std::string_view body) {
  std::string out;
  while (!body.empty()) {
    const auto end = body.find("\r\n");
    if (end == std::string_view::npos) break;
    const auto size = std::strtoul(std::string(body.substr(0, end)).c_str(), nullptr, 16);
    body.remove_prefix(end + 2);
    if (size == 0 || size > body.size()) break;
    out += body.substr(0, size);
    body.remove_prefix(std::min(size + 2, body.size()));
  }
  return out;
}

Request read_request(std::string_view text) {
  Request out;
  const auto head_end = text.find("\r\n\r\n");
  auto head = text.substr(0, head_end);
  const auto line = head.substr(0, head.find("\r\n"));
  head.remove_prefix(std::min(line.size() + 2, head.size()));
  const auto first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == 0) return out;
  out.method = line.substr(0, first);
  if (last == first) {
    out.uri = line.substr(first + 1);
    out.protocol = "HTTP/0.9";
  } else {
    out.uri = line.substr(first + 1, last - first - 1);
    out.protocol = line.substr(last + 1);
  }
  std::size_t length = std::string_view::npos;
  bool chunked = false;
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto header = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const auto colon = header.find(':');
    if (colon == std::string_view::npos) continue;
    out.headers.emplace_back(header.substr(0, colon), base::trim(header.substr(colon + 1)));
    const auto name = base::lower_ascii(out.headers.back().first);
    if (name == "content-length") length = std::strtoul(out.headers.back().second.c_str(), nullptr, 10);
    if (name == "transfer-encoding") chunked = base::lower_ascii(out.headers.back().second).find("chunked") != std::string::npos;
  }
  if (head_end != std::string_view::npos) {
    const auto body = text.substr(head_end + 4);
    out.body = chunked ? unchunked(body) : std::string(body.substr(0, length));
  }
  out.readable = true;
  return out;
}

struct Answer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// POST /reflect answers what its body says.
Answer backend(const Request& request) {
  Answer out;
  if (request.method != "POST" || !request.uri.starts_with("/reflect")) return out;
  const auto wanted = nlohmann::json::parse(request.body, nullptr, false);
  if (!wanted.is_object()) return {400, {}, "Invalid JSON in request body"};
  out.status = wanted.value("status", 200);
  if (wanted.contains("headers")) {
    for (const auto& [name, value] : wanted["headers"].items()) out.headers.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  out.body = wanted.value("body", "");
  if (out.body.empty()) out.body = detail::decode_base64(wanted.value("encodedBody", ""));
  bool typed = false;
  for (const auto& [name, value] : out.headers) typed = typed || base::lower_ascii(name) == "content-type";
  if (!out.body.empty() && !typed) {
    out.headers.emplace_back("Content-Type", base::trim(out.body).starts_with('<') ? "text/html; charset=utf-8" : "text/plain; charset=utf-8");
  }
  return out;
}

}  // namespace

std::string log_line(const waf::Match& match) {
  std::string line = fmt::format("Warning. {} at {}. [id \"{}\"] [msg \"{}\"] [data \"{}\"] [severity \"{}\"]", match.operator_text, match.variable, match.rule_id, match.msg,
                                 match.log_data, match.severity);
  for (const auto& tag : match.tags) line += fmt::format(" [tag \"{}\"]", tag);
  return line;
}

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
      if (match.log || match.audit_log) out.log.push_back(log_line(match));
    }
    return out;
  };
}

}  // namespace ringwall::ftw
