#include "tune/detail/attacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "prove/prove.h"
#include "tune/propose.h"

namespace ringwall::tune::detail {

namespace {

constexpr std::size_t kPayloadsAtOnce = 64;

// Everything but letters and digits as %XX, so that it arrives as it is.
std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) out += c;
    else fmt::format_to(std::back_inserter(out), "%{:02x}", u);
  }
  return out;
}

bool is_attack(const RuleMatch& match) {
  return match.finds && match.phase <= 2 && std::any_of(match.tags.begin(), match.tags.end(), [](const auto& tag) { return tag.starts_with("attack-") && tag != "attack-protocol"; });
}

// Names and cookies cannot hold these as they are.
bool fits_header(std::string_view value) { return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos; }

}  // namespace

void payloads_of(const std::vector<ftw::Test>& tests, Judge& judge, std::vector<Payload>& out) {
  std::set<std::string> known;
  for (const auto& one : out) known.insert(one.value);
  for (const auto& test : tests) {
    for (const auto& stage : test.stages) {
      if (stage.expected.ids.empty() || out.size() >= kPayloadsMax) continue;
      const auto exchange = prove::parse_exchange(stage.request);
      if (!exchange.ok()) continue;
      Stored stored;
      stored.audited = true;
      stored.method = exchange->method;
      stored.uri = exchange->uri;
      stored.protocol = exchange->protocol;
      stored.body = exchange->body;
      for (const auto& [name, value] : exchange->headers) stored.headers.emplace_back(name, value);
      for (const auto& match : judge.run(stored, Keep::kValues).matches) {
        if (!is_attack(match)) continue;
        for (const auto& hit : match.hits) {
          if (hit.variable == waf::Variable::kTx || hit.raw.empty() || hit.raw.size() > kPayloadBytesMax || out.size() >= kPayloadsMax || !known.insert(hit.raw).second) continue;
          out.push_back({hit.raw, fmt::format("{}-{}", test.rule_id, test.id), match.rule_id});
        }
      }
    }
  }
}

std::optional<Stored> with_payload(const Stored& like, const std::string& path, const Finding& field, const std::string& value) {
  using V = waf::Variable;
  Stored out;
  out.audited = true;
  out.policy = like.policy;
  out.method = "GET";
  out.uri = path;
  out.protocol = "HTTP/1.1";
  out.client = like.client;
  const auto host = header_of(like.headers, "host");
  out.headers = {{"Host", std::string(host)}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}};
  switch (field.variable) {
    case V::kArgs:
    case V::kArgsPost:
      if (like.body.empty() && field.variable == V::kArgs) {
        out.uri += "?" + encoded(field.name) + "=" + encoded(value);
        return out;
      }
      out.method = like.method;
      out.body = encoded(field.name) + "=" + encoded(value);
      out.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
      out.headers.emplace_back("Content-Length", std::to_string(out.body.size()));
      return out;
    case V::kArgsGet: out.uri += "?" + encoded(field.name) + "=" + encoded(value); return out;
    case V::kQueryString:
    case V::kRequestUri:
    case V::kRequestUriRaw:
    case V::kRequestLine: out.uri += "?x=" + encoded(value); return out;
    case V::kRequestHeaders:
      if (field.name.empty() || !fits_header(value)) return std::nullopt;
      std::erase_if(out.headers, [&](const auto& header) { return header.first == field.name; });
      out.headers.emplace_back(field.name, value);
      return out;
    case V::kRequestCookies:
      if (field.name.empty() || !fits_header(value) || value.find(';') != std::string::npos) return std::nullopt;
      out.headers.emplace_back("Cookie", field.name + "=" + value);
      return out;
    default: return std::nullopt;
  }
}

Price price_of(const std::vector<Payload>& payloads, const Rules& before, const Rules& after, const Stored& like, const std::string& path, const Finding& field, unsigned threads) {
  std::vector<char> fate(payloads.size(), 0);  // 1: refused before, 2: and lost
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    Judge then(before), now(after);
    for (std::size_t from; (from = next.fetch_add(kPayloadsAtOnce)) < payloads.size();) {
      for (auto i = from; i < std::min(from + kPayloadsAtOnce, payloads.size()); ++i) {
        const auto request = with_payload(like, path, field, payloads[i].value);
        if (!request || !then.run(*request, Keep::kIds).refused) continue;
        fate[i] = now.run(*request, Keep::kIds).refused ? 1 : 2;
      }
    }
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (auto& thread : others) thread.join();
  Price out;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    out.attacks += fate[i] != 0;
    if (fate[i] != 2) continue;
    ++out.lost;
    if (out.examples.size() < kExamplesMax) out.examples.push_back(fmt::format("{} (rule {})", payloads[i].from, payloads[i].rule_id));
  }
  return out;
}

}  // namespace ringwall::tune::detail
