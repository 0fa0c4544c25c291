#include "policy/limits.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace ringwall::policy {

namespace {

constexpr std::int64_t kMillisecondNs = 1'000'000;

constexpr std::pair<std::string_view, LimitKey> kKeys[] = {
    {"address", LimitKey::kAddress}, {"everyone", LimitKey::kEveryone}, {"header", LimitKey::kHeader}, {"cookie", LimitKey::kCookie}, {"argument", LimitKey::kArgument}};

}  // namespace

namespace {

// "/login;a=1/x" as applications see it that ignore parameters: without those of its segments, and without segments that had nothing
// else ("/;a/login", "/.;a/login").
std::string without_parameters(std::string_view path) {
  std::string out;
  for (std::size_t begin = 0; begin < path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    const auto segment = path.substr(begin, end - begin), name = segment.substr(0, segment.find(';'));
    const bool slash = end < path.size();
    if ((!name.empty() && name != ".") || out.empty()) out.append(name).append(slash ? "/" : "");
    begin = end + 1;
  }
  return out;
}

}  // namespace

bool concerns_path(std::string_view written, std::string_view uri_path) {
  const auto here = [written](std::string_view path) { return written.starts_with("= ") ? path == written.substr(2) : path.starts_with(written); };
  return here(uri_path) || (uri_path.find(';') != std::string_view::npos && here(without_parameters(uri_path)));
}

bool Limit::concerns(std::string_view method, std::string_view uri_path) const {
  // To many applications "/login/" is "/login".
  const bool exact = text.path.starts_with("= ");
  if (!concerns_path(text.path, uri_path) && !(exact && concerns_path(text.path + "/", uri_path))) return false;
  return text.methods.empty() || std::find(text.methods.begin(), text.methods.end(), method) != text.methods.end();
}

bool Limit::counts(const LimitAnswer& answer) const {
  if (answer.bot_score < text.bots) return false;
  if (text.statuses.empty() && text.location.empty()) return true;
  const bool redirect = answer.status >= 300 && answer.status < 400;
  return std::find(text.statuses.begin(), text.statuses.end(), answer.status) != text.statuses.end() || (redirect && !text.location.empty() && leads_to(answer.location, text.location));
}

namespace {

constexpr const char* kKeyHint = "address, everyone, header:NAME, cookie:NAME or argument:NAME";

// `member` is for messages.
Result<CountedBy> parse_key(std::string_view member, const std::string& text) {
  const auto colon = text.find(':');
  const auto kind = std::string_view(text).substr(0, colon);
  const auto* known = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const auto& one) { return one.first == kind; });
  if (known == std::end(kKeys)) return fail(Errc::kInvalid, fmt::format("{} '{}' is not known", member, text), kKeyHint);
  CountedBy out{known->second, colon == std::string::npos ? std::string() : text.substr(colon + 1)};
  const bool named = out.key != LimitKey::kAddress && out.key != LimitKey::kEveryone;
  if (named == out.field.empty()) return fail(Errc::kInvalid, fmt::format("{} '{}' {}", member, text, named ? "names nothing" : "takes no name"), kKeyHint);
  if (out.key == LimitKey::kHeader) out.field = base::lower_ascii(out.field);
  return out;
}

}  // namespace

Result<Limit> compile_limit(const LimitText& text) {
  const auto here = fmt::format("limit '{}'", text.name);
  const auto wrong = [&](std::string_view what, std::string hint = {}) { return fail(Errc::kInvalid, fmt::format("{}: {}", here, what), std::move(hint)); };
  if (text.name.empty()) return wrong("it has no name");
  Limit out;
  out.text = text;
  out.by = RW_TRY_CTX(here, parse_key("key", text.key));
  if (text.requests == 0 && text.concurrent == 0) return wrong("it limits nothing", "give requests and period, or concurrent");
  if (!text.distinct.empty()) {
    out.of = RW_TRY_CTX(here, parse_key("distinct", text.distinct));
    if (out.of->key == LimitKey::kEveryone) return wrong("distinct 'everyone' is one value", kKeyHint);
    if (text.distinct == text.key) return wrong("key and distinct are the same: there is one value for each");
    if (text.burst != 0 || text.concurrent != 0) return wrong("distinct goes with requests and period alone");
    out.distinct = RW_TRY_CTX(here, keep::Distinct::make(text.requests, text.period_ms * kMillisecondNs));
  } else if (text.requests != 0) {
    out.rate = RW_TRY_CTX(here, keep::Rate::make(text.requests, text.period_ms * kMillisecondNs, text.burst != 0 ? text.burst : text.requests));
  }
  if (text.concurrent < 0 || text.concurrent > kConcurrentMax) return fail(Errc::kLimit, fmt::format("{}: {} at once: at most {}", here, text.concurrent, kConcurrentMax));
  if (text.bots < 0 || text.bots > kBotScoreMax) return fail(Errc::kLimit, fmt::format("{}: a score of {}: at most {}", here, text.bots, kBotScoreMax));
  if (text.concurrent != 0) out.concurrency = keep::Concurrency{static_cast<std::uint32_t>(text.concurrent), kLeaseNs};
  if (text.concurrent != 0 && out.by_answer()) return wrong("statuses, location or bots and concurrent do not go together", "make it two limits");
  if (out.by_answer() && text.requests == 0) return wrong("statuses, location or bots without requests and period");
  return out;
}

std::string counted_under(const Limit& limit, std::string_view who) {
  // Counters of different values are of one period; limits of one name that have two do not take each other's.
  if (limit.distinct) return fmt::format("{}{}{}{}{}", limit.text.name, '\0', limit.text.period_ms, '\0', who);
  return fmt::format("{}{}{}", limit.text.name, '\0', who);
}

std::string_view network_of(std::string_view address_bytes) { return address_bytes.substr(0, address_bytes.size() == 16 ? 8 : 4); }

std::string folded(std::string_view value) { return base::lower_ascii(base::trim(value)); }

bool leads_to(std::string_view location, std::string_view pattern) {
  if (const auto scheme = location.find("://"); scheme != location.npos && scheme < location.find_first_of("/?#")) location.remove_prefix(scheme + 1);
  if (location.starts_with("//")) {
    const auto path = location.find_first_of("/?#", 2);
    location = path == location.npos ? "/" : location.substr(path);
  }
  location = location.substr(0, location.find(pattern.find('?') == pattern.npos ? '?' : '#'));
  location = location.substr(0, location.find('#'));
  if (pattern.ends_with('*')) return location.starts_with(pattern.substr(0, pattern.size() - 1));
  return location == pattern;
}

}  // namespace ringwall::policy
