#include "tune/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "policy/mask.h"
#include "tune/detail/mend.h"
#include "waf/transform.h"

namespace ringwall::tune {

namespace {

using Json = nlohmann::json;

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  return found->is_number_integer() ? fmt::format("{}", found->get<std::int64_t>()) : std::string();
}

std::int64_t number_at(const Json& object, const char* key) {
  const auto text = text_at(object, key);
  std::int64_t value = 0;
  for (const char c : text.substr(0, 18)) {
    if (c < '0' || c > '9') return 0;
    value = value * 10 + (c - '0');
  }
  return value;
}

const Json& object_at(const Json& object, const char* key) {
  static const Json kNone = Json::object();
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : kNone;
}

const Json& list_at(const Json& object, const char* key) {
  static const Json kNone = Json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kNone;
}

// What the record cut: "abc… (700 bytes)" to "abc".
bool uncut(std::string& value) {
  constexpr std::string_view kMark = "… (", kEnd = " bytes)";
  if (!value.ends_with(kEnd)) return false;
  const auto at = value.rfind(kMark);
  if (at == std::string::npos) return false;
  value.resize(at);
  return true;
}

bool hidden(std::string_view value) { return value.find(policy::kMasked) != std::string_view::npos; }

Pairs headers_at(const Json& object, Missing& missing) {
  Pairs out;
  for (const auto& [name, value] : object_at(object, "headers").items()) {
    if (!value.is_string()) continue;
    out.emplace_back(name, value.get<std::string>());
    if (uncut(out.back().second)) missing.headers_cut = true;
    if (hidden(out.back().second)) missing.secrets = true;
  }
  return out;
}

void read_body(const Json& request, Stored& out) {
  out.body = text_at(request, "body");
  if (text_at(request, "body_encoding") == "base64") {
    waf::Arena arena;
    out.body = waf::transform(waf::Transformation::kBase64Decode, out.body, arena);
  }
  if (hidden(out.body)) out.missing.secrets = true;
  out.missing.body_cut = text_at(request, "body_cut") == "true";
  if (out.missing.body_cut) out.body = detail::mend_body(header_of(out.headers, "content-type"), out.body);
  if (!out.body.empty()) return;
  const auto length = header_of(out.headers, "content-length");
  out.missing.body = (!length.empty() && length != "0") || !header_of(out.headers, "transfer-encoding").empty();
}

StoredMatch match_of(const Json& message) {
  StoredMatch out;
  const auto& details = object_at(message, "details");
  out.message = text_at(message, "message");
  out.rule_id = static_cast<std::uint64_t>(number_at(details, "ruleId"));
  out.data = text_at(details, "data");
  out.file = text_at(details, "file");
  out.line = static_cast<int>(number_at(details, "lineNumber"));
  out.variable = text_at(details, "variable");
  out.value = text_at(details, "value");
  out.phase = static_cast<int>(number_at(details, "phase"));
  if (const auto severity = text_at(details, "severity"); !severity.empty()) out.severity = static_cast<int>(number_at(details, "severity"));
  for (const auto& tag : list_at(details, "tags")) {
    if (tag.is_string()) out.tags.push_back(tag.get<std::string>());
  }
  return out;
}

std::string protocol_of(const std::string& version) { return version.empty() ? "HTTP/1.1" : "HTTP/" + version; }

Stored audit_of(const Json& transaction) {
  Stored out;
  out.audited = true;
  out.trace_id = text_at(transaction, "unique_id");
  out.policy = text_at(transaction, "place");
  out.action = text_at(transaction, "action");
  out.score = text_at(transaction, "score");
  out.client = text_at(transaction, "client_ip");
  out.server = text_at(transaction, "host_ip");
  out.client_port = static_cast<std::uint16_t>(number_at(transaction, "client_port"));
  out.server_port = static_cast<std::uint16_t>(number_at(transaction, "host_port"));
  if (const auto time = base::parse_rfc3339(text_at(transaction, "time_stamp")); time.ok()) out.time_ns = *time;
  const auto& request = object_at(transaction, "request");
  out.method = text_at(request, "method");
  out.uri = text_at(request, "uri");
  out.protocol = protocol_of(text_at(request, "http_version"));
  if (uncut(out.uri)) out.missing.headers_cut = true;
  if (hidden(out.uri)) out.missing.secrets = true;
  out.headers = headers_at(request, out.missing);
  read_body(request, out);
  const auto& response = object_at(transaction, "response");
  out.status = static_cast<int>(number_at(response, "http_code"));
  Missing ignored;
  out.response_headers = headers_at(response, ignored);
  for (const auto& message : list_at(transaction, "messages")) {
    if (message.is_object() && out.matches.size() < kStoredMatchesMax) out.matches.push_back(match_of(message));
  }
  out.missing.matches_cut = text_at(transaction, "truncated") == "true";
  return out;
}

Stored edge_of(const Json& record, const Json& attributes) {
  Stored out;
  out.trace_id = text_at(record, "trace_id");
  if (const auto time = base::parse_rfc3339(text_at(record, "ts")); time.ok()) out.time_ns = *time;
  out.method = text_at(attributes, "http.request.method_original");
  if (out.method.empty()) out.method = text_at(attributes, "http.request.method");
  out.uri = text_at(attributes, "url.path");
  if (const auto query = text_at(attributes, "url.query"); !query.empty()) out.uri += "?" + query;
  out.protocol = protocol_of(text_at(attributes, "network.protocol.version"));
  out.route = text_at(attributes, "http.route");
  out.action = text_at(attributes, "ringwall.waf.action");
  out.score = text_at(attributes, "ringwall.waf.score");
  out.client = text_at(attributes, "client.address");
  out.client_port = static_cast<std::uint16_t>(number_at(attributes, "client.port"));
  out.status = static_cast<int>(number_at(attributes, "http.response.status_code"));
  const std::pair<const char*, const char*> kHeaders[] = {{"Host", "server.address"}, {"User-Agent", "user_agent.original"}, {"Referer", "http.request.header.referer"}};
  for (const auto& [name, attribute] : kHeaders) {
    if (auto value = text_at(attributes, attribute); !value.empty()) out.headers.emplace_back(name, std::move(value));
  }
  out.missing.headers = true;
  out.missing.headers_cut = text_at(attributes, "ringwall.truncated") == "true";
  out.missing.body = out.method != "GET" && out.method != "HEAD" && out.method != "OPTIONS";
  out.missing.secrets = hidden(out.uri);
  return out;
}

}  // namespace

std::string to_text(const Missing& missing) {
  std::string out;
  const std::pair<bool, const char*> kParts[] = {{missing.headers, "most headers and cookies"}, {missing.headers_cut, "the rest of what was too long"}, {missing.body, "the body"},
                                                 {missing.body_cut, "the rest of the body"},    {missing.secrets, "secrets"},                             {missing.matches_cut, "further matches"}};
  for (const auto& [is, words] : kParts) {
    if (is) out += fmt::format("{}{}", out.empty() ? "" : ", ", words);
  }
  return out;
}

Result<std::optional<Stored>> read_stored(std::string_view line) {
  if (line.size() > kLineBytesMax) return fail(Errc::kLimit, fmt::format("a line of {} bytes, at most {} are read", line.size(), kLineBytesMax));
  const auto root = Json::parse(line, nullptr, false);
  if (!root.is_object()) return fail(Errc::kInvalid, "not a JSON object", "a line each, as `ringwall logs --json 'service:edge'` prints them");
  if (root.contains("transaction")) return std::optional<Stored>(audit_of(object_at(root, "transaction")));
  const auto& attributes = object_at(root, "attributes");
  if (text_at(attributes, "ringwall.event") == "waf") {
    const auto audit = Json::parse(text_at(attributes, "ringwall.waf.audit"), nullptr, false);
    if (!audit.is_object()) return fail(Errc::kInvalid, "an audit record that is not JSON");
    auto out = audit_of(object_at(audit, "transaction"));
    if (out.trace_id.empty()) out.trace_id = text_at(root, "trace_id");
    return std::optional<Stored>(std::move(out));
  }
  if (!attributes.contains("http.request.method") || !attributes.contains("url.path")) return std::optional<Stored>();
  return std::optional<Stored>(edge_of(root, attributes));
}

std::string_view header_of(const Pairs& headers, std::string_view lower) {
  for (const auto& [name, value] : headers) {
    if (base::lower_ascii(name) == lower) return value;
  }
  return {};
}

std::string_view path_of(std::string_view uri) { return uri.substr(0, uri.find_first_of("?#")); }

}  // namespace ringwall::tune
