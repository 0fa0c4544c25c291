#include "policy/audit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace ringwall::policy {

namespace {

// Parts of names, in lower case; "pass" covers password, passwd and passphrase.
constexpr std::string_view kSecretParts[] = {"authorization", "cookie", "token",  "secret", "pass",   "pwd",        "api-key",   "api_key",
                                             "apikey",        "session", "credit", "card",   "cvv",    "credential", "signature", "private"};

std::string cut(std::string_view text, std::size_t bytes = kAuditValueBytesMax) {
  if (text.size() <= bytes) return std::string(text);
  return fmt::format("{}… ({} bytes)", text.substr(0, bytes), text.size());
}

// The name of an argument as a variable shows it: "ARGS:password" to "password".
std::string_view name_in(std::string_view variable) {
  const auto colon = variable.find(':');
  return colon == std::string_view::npos ? std::string_view() : variable.substr(colon + 1);
}

// Of what a rule matched, which may stand in its message and its data too.
std::string masked(std::string text, std::string_view secret) {
  if (secret.empty()) return text;
  for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += kMasked.size()) text.replace(at, secret.size(), kMasked);
  return text;
}

class Writer {
 public:
  void text(std::string_view key, std::string_view value) {
    begin(key);
    base::append_json_string(out, value);
  }
  void number(std::string_view key, std::int64_t value) {
    begin(key);
    out += fmt::format("{}", value);
  }
  void open(std::string_view key, char bracket) {
    begin(key);
    out += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out += bracket;
    first_ = false;
  }
  std::string out;

 private:
  void begin(std::string_view key) {
    if (!first_) out += ',';
    first_ = false;
    if (key.empty()) return;
    base::append_json_string(out, key);
    out += ':';
  }
  bool first_ = true;
};

void headers(Writer& w, const HeaderList& list, std::size_t until) {
  w.open("headers", '{');
  for (const auto& [name, value] : list) {
    if (w.out.size() > until) break;
    w.text(name, names_secret(name) ? kMasked : cut(value));
  }
  w.close('}');
}

void message(Writer& w, const waf::Match& match) {
  const auto name = name_in(match.variable);
  const auto secret = !name.empty() && names_secret(name) ? std::string_view(match.value) : std::string_view();
  w.open("", '{');
  w.text("message", cut(masked(match.msg, secret)));
  w.open("details", '{');
  w.text("match", cut(fmt::format("{} at {} (value: {})", match.operator_text, match.variable, secret.empty() ? cut(match.value, waf::kValueShownMax) : std::string(kMasked))));
  w.text("ruleId", fmt::format("{}", match.rule_id));
  if (match.rule != nullptr) {
    w.text("file", match.rule->place.file);
    w.text("lineNumber", fmt::format("{}", match.rule->place.line));
    w.text("rev", match.rule->actions.rev);
    w.text("ver", match.rule->actions.ver);
  }
  w.text("data", cut(masked(match.log_data, secret)));
  w.text("severity", match.severity < 0 ? "" : fmt::format("{}", match.severity));
  w.text("variable", match.variable);
  w.number("phase", match.phase);
  w.open("tags", '[');
  for (const auto& tag : match.tags) w.text("", cut(tag, 64));
  w.close(']');
  w.close('}');
  w.close('}');
}

}  // namespace

bool names_secret(std::string_view name) {
  const auto lower = base::lower_ascii(name);
  return std::any_of(std::begin(kSecretParts), std::end(kSecretParts), [&](std::string_view part) { return lower.find(part) != std::string::npos; });
}

std::string mask_uri(std::string_view uri) {
  const auto question = uri.find('?');
  if (question == std::string_view::npos) return std::string(uri);
  std::string out(uri.substr(0, question + 1));
  for (auto rest = uri.substr(question + 1);;) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    const auto equals = pair.find('=');
    out += equals != std::string_view::npos && names_secret(pair.substr(0, equals)) ? fmt::format("{}={}", pair.substr(0, equals), kMasked) : std::string(pair);
    if (end == rest.size()) return out;
    out += '&';
    rest.remove_prefix(end + 1);
  }
}

std::string audit_json(const AuditExchange& e, const std::vector<waf::Match>& matches) {
  Writer w;
  w.open("", '{');
  w.open("transaction", '{');
  w.text("client_ip", e.client_address);
  w.text("time_stamp", base::rfc3339(e.start_unix_ns));
  w.number("client_port", e.client_port);
  w.text("host_ip", e.server_address);
  w.number("host_port", e.server_port);
  w.text("unique_id", e.unique_id);
  w.text("action", e.action);
  w.text("score", e.score);
  if (!e.place.empty()) w.text("place", e.place);
  w.open("request", '{');
  w.text("method", cut(e.method, 32));
  w.text("http_version", e.protocol.starts_with("HTTP/") ? e.protocol.substr(5) : e.protocol);
  w.text("uri", cut(mask_uri(e.uri), 2048));
  headers(w, e.request_headers, kAuditBytesMax / 3);
  w.close('}');
  w.open("response", '{');
  w.number("http_code", e.status);
  headers(w, e.response_headers, kAuditBytesMax / 2);
  w.close('}');
  w.open("producer", '{');
  w.text("modsecurity", "");
  w.text("connector", "ringwall");
  w.text("secrules_engine", e.enforcing ? "Enabled" : "DetectionOnly");
  w.open("components", '[');
  if (!e.components.empty()) w.text("", e.components);
  w.close(']');
  w.close('}');
  w.open("messages", '[');
  bool truncated = false;
  for (const auto& match : matches) {
    if (!match.audit_log) continue;
    const auto before = w;
    message(w, match);
    if (w.out.size() + 32 <= kAuditBytesMax) continue;
    w = before;
    truncated = true;
    break;
  }
  w.close(']');
  if (truncated) w.text("truncated", "true");
  w.close('}');
  w.close('}');
  return std::move(w.out);
}

}  // namespace ringwall::policy
