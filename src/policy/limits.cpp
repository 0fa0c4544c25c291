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

// "/login;a=1/x" without the parameters of its segments, which some applications ignore.
std::string without_parameters(std::string_view path) {
  std::string out;
  bool parameters = false;
  for (const char c : path) {
    parameters = c != '/' && (parameters || c == ';');
    if (!parameters) out += c;
  }
  return out;
}

}  // namespace

bool concerns_path(std::string_view written, std::string_view uri_path) {
  const auto here = [written](std::string_view path) { return written.starts_with("= ") ? path == written.substr(2) : path.starts_with(written); };
  return here(uri_path) || (uri_path.find(';') != std::string_view::npos && here(without_parameters(uri_path)));
}

bool Limit::concerns(std::string_view method, std::string_view uri_path) const {
  if (!concerns_path(text.path, uri_path)) return false;
  return text.methods.empty() || std::find(text.methods.begin(), text.methods.end(), method) != text.methods.end();
}

bool Limit::counts(int status) const { return std::find(text.statuses.begin(), text.statuses.end(), status) != text.statuses.end(); }

Result<Limit> compile_limit(const LimitText& text) {
  const auto wrong = [&](std::string_view what, std::string hint = {}) { return fail(Errc::kInvalid, fmt::format("limit '{}': {}", text.name, what), std::move(hint)); };
  if (text.name.empty()) return wrong("it has no name");
  Limit out;
  out.text = text;
  const auto colon = text.key.find(':');
  const auto kind = std::string_view(text.key).substr(0, colon);
  const auto* known = std::find_if(std::begin(kKeys), std::end(kKeys), [&](const auto& one) { return one.first == kind; });
  constexpr const char* kHint = "address, everyone, header:NAME, cookie:NAME or argument:NAME";
  if (known == std::end(kKeys)) return wrong(fmt::format("key '{}' is not known", text.key), kHint);
  out.key = known->second;
  if (colon != std::string::npos) out.field = text.key.substr(colon + 1);
  const bool named = out.key != LimitKey::kAddress && out.key != LimitKey::kEveryone;
  if (named == out.field.empty()) return wrong(fmt::format("key '{}' {}", text.key, named ? "names nothing" : "takes no name"), kHint);
  if (out.key == LimitKey::kHeader) out.field = base::lower_ascii(out.field);
  if (text.requests == 0 && text.concurrent == 0) return wrong("it limits nothing", "give requests and period, or concurrent");
  if (text.requests != 0) out.rate = RW_TRY_CTX(fmt::format("limit '{}'", text.name), keep::Rate::make(text.requests, text.period_ms * kMillisecondNs, text.burst != 0 ? text.burst : text.requests));
  if (text.concurrent < 0 || text.concurrent > kConcurrentMax) return fail(Errc::kLimit, fmt::format("limit '{}': {} at once: at most {}", text.name, text.concurrent, kConcurrentMax));
  if (text.concurrent != 0) out.concurrency = keep::Concurrency{static_cast<std::uint32_t>(text.concurrent), kLeaseNs};
  if (text.concurrent != 0 && !text.statuses.empty()) return wrong("statuses and concurrent do not go together", "make it two limits");
  if (!text.statuses.empty() && text.requests == 0) return wrong("statuses without requests and period");
  return out;
}

std::string counted_under(const Limit& limit, std::string_view who) { return fmt::format("{}{}{}", limit.text.name, '\0', who); }

std::string_view network_of(std::string_view address_bytes) { return address_bytes.substr(0, address_bytes.size() == 16 ? 8 : 4); }

}  // namespace ringwall::policy
