#include "policy/audit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "waf/transform.h"

namespace ringwall::policy {

namespace {

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

// Variables that hold names and values together.
bool holds_pairs(std::string_view variable) {
  constexpr std::string_view kNames[] = {"REQUEST_BODY", "QUERY_STRING", "REQUEST_URI", "REQUEST_URI_RAW", "REQUEST_LINE", "FULL_REQUEST", "XML:/*"};
  return std::find(std::begin(kNames), std::end(kNames), variable) != std::end(kNames);
}

// What of a match may be shown: its value, and whether message and data may hold what is secret.
struct Shown {
  std::string value;
  bool secret = false;
};
Shown shown_of(const waf::Match& match) {
  const auto name = name_in(match.variable);
  if ((!name.empty() && names_secret(name)) || match.variable.starts_with("REQUEST_COOKIES:")) return {std::string(kMasked), true};
  const std::string_view value = match.value;
  const bool json = value.starts_with('{') || value.starts_with('[');
  auto out = holds_pairs(match.variable) ? mask_body({}, mask_uri(value)) : json ? mask_json(value) : match.value;
  const bool hidden = out != value;
  // Of a longer value the message may hold more than was looked at here.
  return {std::move(out), hidden || (holds_pairs(match.variable) && value.size() == waf::kValueShownMax)};
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
    w.text(name, base::lower_ascii(name) == "cookie" ? cut(mask_cookies(value)) : names_secret(name) ? std::string(kMasked) : cut(value));
  }
  w.close('}');
}

std::string_view header_of(const HeaderList& list, std::string_view lower) {
  for (const auto& [name, value] : list) {
    if (base::lower_ascii(name) == lower) return value;
  }
  return {};
}

// The beginning of a text, not inside of a character.
std::string_view beginning(std::string_view text, std::size_t bytes) {
  if (bytes >= text.size()) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

// The members of `request` that tell of its body, at most `room` bytes of JSON, with a ',' before them.
std::string body_members(const AuditExchange& e, std::size_t room) {
  if (e.request_body.empty()) return {};
  // Masking needs to see little more than what can be shown.
  const auto looked_at = beginning(e.request_body, 2 * kAuditBodyBytesMax);
  auto text = mask_body(header_of(e.request_headers, "content-type"), looked_at);
  bool whole = looked_at.size() == e.request_body.size();
  std::string out = fmt::format(",\"body_bytes\":{}", e.request_body.size());
  const bool plain = base::valid_utf8(text);
  if (!plain) out += ",\"body_encoding\":\"base64\"";
  constexpr std::size_t kAround = 32;  // for the keys
  const auto left = room > out.size() + kAround ? room - out.size() - kAround : 0;
  std::string json;
  for (auto kept = plain ? beginning(text, left) : std::string_view(text).substr(0, left / 4 * 3);; whole = false) {
    whole = whole && kept.size() == text.size();
    json.clear();
    waf::Arena arena;
    base::append_json_string(json, plain ? kept : waf::transform(waf::Transformation::kBase64Encode, kept, arena));
    if (json.size() <= left + 2 || kept.empty()) break;
    kept = beginning(kept, std::min(kept.size() - 1, kept.size() * left / json.size()));
  }
  if (!whole) out += ",\"body_cut\":\"true\"";
  return out + ",\"body\":" + json;
}

void message(Writer& w, const waf::Match& match) {
  const auto shown = shown_of(match);
  const auto secret = shown.secret ? std::string_view(match.value) : std::string_view();
  w.open("", '{');
  w.text("message", cut(masked(match.msg, secret)));
  w.open("details", '{');
  w.text("match", cut(fmt::format("{} at {} (value: {})", match.operator_text, match.variable, shown.value)));
  w.text("ruleId", fmt::format("{}", match.rule_id));
  if (match.rule != nullptr) {
    w.text("file", match.rule->place.file);
    w.text("lineNumber", fmt::format("{}", match.rule->place.line));
    w.text("rev", match.rule->actions.rev);
    w.text("ver", match.rule->actions.ver);
  }
  // It quotes parts of the value.
  w.text("data", shown.secret && !match.log_data.empty() ? std::string(kMasked) : cut(match.log_data));
  w.text("severity", match.severity < 0 ? "" : fmt::format("{}", match.severity));
  w.text("variable", match.variable);
  w.text("value", shown.value);
  w.number("phase", match.phase);
  w.open("tags", '[');
  for (const auto& tag : match.tags) w.text("", cut(tag, 64));
  w.close(']');
  w.close('}');
  w.close('}');
}

}  // namespace

std::string audit_json(const AuditExchange& e, const std::vector<waf::Match>& matches) {
  Writer w;
  w.open("", '{');
  w.open("transaction", '{');
  w.text("client_ip", e.client_address);
  if (!e.country.empty()) w.text("client_country", e.country);
  w.text("time_stamp", base::rfc3339(e.start_unix_ns));
  w.number("client_port", e.client_port);
  w.text("host_ip", e.server_address);
  w.number("host_port", e.server_port);
  w.text("unique_id", e.unique_id);
  w.text("action", e.action);
  w.text("score", e.score);
  if (!e.place.empty()) w.text("place", cut(e.place));
  w.open("request", '{');
  w.text("method", cut(e.method, 32));
  w.text("http_version", e.protocol.starts_with("HTTP/") ? e.protocol.substr(5) : e.protocol);
  w.text("uri", cut(mask_uri(e.uri), 2048));
  headers(w, e.request_headers, kAuditBytesMax / 3);
  const auto body_at = w.out.size();
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
  // What matched says more than a long body, so it has the first choice of the room, except for the beginning of the body.
  const auto kept = std::min(body_members(e, kAuditBodyBytesKept).size(), kAuditBodyBytesKept);
  constexpr std::size_t kEnd = 32;
  bool truncated = false;
  for (const auto& match : matches) {
    if (!match.audit_log) continue;
    const auto before = w;
    message(w, match);
    if (w.out.size() + kept + kEnd <= kAuditBytesMax) continue;
    w = before;
    truncated = true;
    break;
  }
  w.close(']');
  if (truncated) w.text("truncated", "true");
  w.close('}');
  w.close('}');
  const auto room = kAuditBytesMax > w.out.size() ? kAuditBytesMax - w.out.size() : 0;
  w.out.insert(body_at, body_members(e, std::min(room, kAuditBodyBytesMax)));
  return std::move(w.out);
}

}  // namespace ringwall::policy
