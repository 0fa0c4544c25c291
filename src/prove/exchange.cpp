#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "prove/prove.h"
#include "waf/transform.h"

namespace ringwall::prove {

namespace {

constexpr std::size_t kShownBytesMax = 400;  // of a value in a line

std::string without_chunks(std::string_view body) {
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

void answer_as_asked(Exchange& exchange) {
  if (exchange.method != "POST" || !exchange.uri.starts_with("/reflect")) return;
  const auto wanted = nlohmann::json::parse(exchange.body, nullptr, false);
  if (!wanted.is_object()) return;
  const auto text_of = [&](const char* key) { return wanted.contains(key) && wanted[key].is_string() ? wanted[key].get<std::string>() : std::string(); };
  if (wanted.contains("status") && wanted["status"].is_number_integer()) exchange.status = wanted["status"].get<int>();
  if (wanted.contains("headers") && wanted["headers"].is_object()) {
    for (const auto& [name, value] : wanted["headers"].items()) exchange.response_headers.push_back({name, value.is_string() ? value.get<std::string>() : value.dump()});
  }
  exchange.response_body = text_of("body");
  if (const auto encoded = text_of("encodedBody"); !encoded.empty()) {
    waf::Arena arena;
    exchange.response_body = waf::transform(waf::Transformation::kBase64Decode, encoded, arena);
  }
}

bool same_match(const waf::Match& a, const waf::Match& b) {
  return a.rule_id == b.rule_id && a.phase == b.phase && a.log == b.log && a.audit_log == b.audit_log && a.disruptive == b.disruptive && a.severity == b.severity &&
         a.msg == b.msg && a.log_data == b.log_data && a.tags == b.tags && a.variable == b.variable && a.value == b.value && a.operator_text == b.operator_text;
}

std::string shown_text(std::string_view text) {
  std::string out;
  base::append_json_string(out, text.substr(0, kShownBytesMax));
  if (text.size() > kShownBytesMax) out += fmt::format(" and {} bytes", text.size() - kShownBytesMax);
  return out;
}

}  // namespace

Result<Exchange> parse_exchange(std::string_view raw) {
  Exchange out;
  const auto head_end = raw.find("\r\n\r\n");
  auto head = raw.substr(0, head_end);
  const auto line = head.substr(0, head.find("\r\n"));
  head.remove_prefix(std::min(line.size() + 2, head.size()));
  const auto first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == 0) return fail(Errc::kInvalid, "a request without a request line", "METHOD URI PROTOCOL, and lines that end in CR LF");
  out.method = line.substr(0, first);
  out.uri = last == first ? line.substr(first + 1) : line.substr(first + 1, last - first - 1);
  out.protocol = last == first ? "HTTP/0.9" : line.substr(last + 1);
  std::size_t length = std::string_view::npos;
  bool chunked = false;
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto header = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const auto colon = header.find(':');
    if (colon == std::string_view::npos) continue;
    out.headers.push_back({std::string(header.substr(0, colon)), std::string(base::trim(header.substr(colon + 1)))});
    const auto name = base::lower_ascii(out.headers.back().name);
    if (name == "content-length") length = std::strtoul(out.headers.back().value.c_str(), nullptr, 10);
    if (name == "transfer-encoding") chunked = base::lower_ascii(out.headers.back().value).find("chunked") != std::string::npos;
  }
  if (head_end != std::string_view::npos) {
    const auto body = raw.substr(head_end + 4);
    out.body = chunked ? without_chunks(body) : std::string(body.substr(0, length));
  }
  answer_as_asked(out);
  return out;
}

std::string raw_request(const Exchange& exchange) {
  std::string out = fmt::format("{} {} {}\r\n", exchange.method, exchange.uri, exchange.protocol);
  for (const auto& [name, value] : exchange.headers) out += fmt::format("{}: {}\r\n", name, value);
  return out + "\r\n" + exchange.body;
}

Said judge(waf::Transaction& t, const Exchange& exchange) {
  using Action = waf::Verdict::Action;
  t.reset({.client_address = "192.0.2.1", .server_address = "192.0.2.9", .server_name = "localhost", .unique_id = "prove", .client_port = 50'000, .server_port = 80, .now_ns = 1'700'000'000'000'000'000});
  Said said;
  const auto passed = [&](int phase, const waf::Verdict& verdict) {
    said.verdict = verdict;
    said.ended_in = phase;
    return verdict.action == Action::kPass;
  };
  t.request_line(exchange.method, exchange.uri, exchange.protocol);
  for (const auto& [name, value] : exchange.headers) t.request_header(name, value);
  bool on = passed(1, t.request_headers_done());
  if (on) {
    t.request_body(exchange.body);
    on = passed(2, t.request_body_done());
  }
  if (on) {
    t.response_line(exchange.status, "HTTP/1.1");
    for (const auto& [name, value] : exchange.response_headers) t.response_header(name, value);
    on = passed(3, t.response_headers_done());
  }
  if (on) {
    if (t.wants_response_body()) t.response_body(exchange.response_body);
    passed(4, t.response_body_done());
  }
  t.logging();
  said.matches = &t.matches();
  said.audit_wanted = t.audit_wanted();
  said.steps = t.steps();
  return said;
}

bool same(const Said& a, const Said& b) {
  const auto& x = a.verdict;
  const auto& y = b.verdict;
  return x.action == y.action && x.status == y.status && x.rule_id == y.rule_id && x.location == y.location && x.pause_ms == y.pause_ms && a.ended_in == b.ended_in &&
         a.audit_wanted == b.audit_wanted && std::equal(a.matches->begin(), a.matches->end(), b.matches->begin(), b.matches->end(), same_match);
}

std::vector<std::string> lines(const Said& said) {
  constexpr const char* kActions[] = {"pass", "deny", "drop", "redirect"};
  const auto& v = said.verdict;
  std::vector<std::string> out{fmt::format("{} status={} rule={} location={} pause_ms={} phase={}", kActions[static_cast<int>(v.action)], v.status, v.rule_id, v.location, v.pause_ms, said.ended_in)};
  for (const auto& match : *said.matches) {
    out.push_back(fmt::format("rule {} phase={} {} value={} msg={} log_data={} severity={} flags={}{}{} tags={} {}", match.rule_id, match.phase, match.variable, shown_text(match.value), shown_text(match.msg),
                              shown_text(match.log_data), match.severity, match.log ? "l" : "-", match.audit_log ? "a" : "-", match.disruptive ? "d" : "-", fmt::join(match.tags, ","),
                              shown_text(match.operator_text)));
  }
  out.push_back(fmt::format("audit={}", said.audit_wanted ? "wanted" : "no"));
  return out;
}

}  // namespace ringwall::prove
