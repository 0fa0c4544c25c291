// Audit records of the firewall (policy/audit.h) as records of the store.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "edge/edge_telemetry.h"

namespace ringwall::edge {

namespace {

using Json = nlohmann::json;

constexpr std::uint8_t kRefusedSeverity = 13, kNotedSeverity = 9;  // OpenTelemetry's WARN and INFO
constexpr std::size_t kRulesShownMax = 20;

std::uint64_t high_first(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}
const Json& object_at(const Json& object, const char* key) {
  static const Json kNone = Json::object();
  const auto found = object.find(key);
  return found != object.end() && (found->is_object() || found->is_array()) ? *found : kNone;
}

// The messages that say what was found; those of the rules that only add up come last in a rule set and say nothing new.
struct Messages {
  std::string first, rules, tags;
};
Messages messages_of(const Json& transaction) {
  Messages out;
  std::size_t shown = 0;
  for (const auto& message : object_at(transaction, "messages")) {
    if (!message.is_object() || shown == kRulesShownMax) continue;
    const auto& details = object_at(message, "details");
    const auto id = text_at(details, "ruleId");
    if (out.first.empty()) out.first = fmt::format("{} ({})", text_at(message, "message"), id);
    out.rules += fmt::format("{}{}", shown == 0 ? "" : ",", id);
    for (const auto& tag : object_at(details, "tags")) {
      if (!tag.is_string()) continue;
      const auto& text = tag.get_ref<const std::string&>();
      if (text.starts_with("attack-") && ("," + out.tags + ",").find("," + text + ",") == std::string::npos) out.tags += (out.tags.empty() ? "" : ",") + text;
    }
    ++shown;
  }
  return out;
}

}  // namespace

void add_waf_log(base::BatchBuilder& logs, const ring::WafEvent& event) {
  const auto root = Json::parse(event.json, nullptr, false);
  const auto& transaction = root.is_object() ? object_at(root, "transaction") : root;
  const auto& request = transaction.is_object() ? object_at(transaction, "request") : transaction;
  const auto action = transaction.is_object() ? text_at(transaction, "action") : "";
  const auto uri = request.is_object() ? text_at(request, "uri") : "", method = request.is_object() ? text_at(request, "method") : "";
  const auto messages = transaction.is_object() ? messages_of(transaction) : Messages{};
  logs.record(static_cast<std::int64_t>(event.start_unix_ns), base::to_utf8(fmt::format("firewall {}: {} {} {}", action, messages.first, method, uri)));
  auto& batch = logs.batch();
  batch.trace_id.back() = {high_first(event.trace_id.data()), high_first(event.trace_id.data() + 8)};
  batch.span_id.back() = high_first(event.span_id.data());
  batch.severity.back() = action == "deny" || action == "drop" || action == "redirect" ? kRefusedSeverity : kNotedSeverity;
  const auto put = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) logs.attribute(key, base::to_utf8(value));
  };
  put("ringwall.event", "waf");
  put("ringwall.waf.action", action);
  put("ringwall.waf.rules", messages.rules);
  put("ringwall.waf.attacks", messages.tags);
  put("ringwall.waf.score", transaction.is_object() ? text_at(transaction, "score") : "");
  put("ringwall.waf.place", transaction.is_object() ? text_at(transaction, "place") : "");
  put("http.request.method", method);
  put("url.path", std::string_view(uri).substr(0, uri.find('?')));
  put("client.address", transaction.is_object() ? text_at(transaction, "client_ip") : "");
  put("geo.country.iso_code", transaction.is_object() ? text_at(transaction, "client_country") : "");
  put("ringwall.service", event.service);
  put("ringwall.waf.audit", event.json);
}

}  // namespace ringwall::edge
