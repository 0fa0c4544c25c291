#include "api/auth.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/answers.h"
#include "api/secrets.h"

namespace ringwall::api {

namespace {

constexpr std::int64_t kFailureWindowNs = 60ll * 1'000'000'000;
constexpr std::int64_t kTouchEveryNs = 60ll * 1'000'000'000;  // last_used is this exact; not a write per request
constexpr std::size_t kTokenBytesMax = 128;

std::string cookie_of(const http::Request& request) {
  std::string_view cookies = request.header("cookie");
  while (!cookies.empty()) {
    const auto end = std::min(cookies.find(';'), cookies.size());
    auto pair = cookies.substr(0, end);
    while (!pair.empty() && pair.front() == ' ') pair.remove_prefix(1);
    if (pair.size() > kCookieName.size() && pair.starts_with(kCookieName) && pair[kCookieName.size()] == '=') {
      return std::string(pair.substr(kCookieName.size() + 1));
    }
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
  }
  return "";
}

std::string set_cookie(std::string_view value, std::int64_t age_s) {
  return fmt::format("{}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={}", kCookieName, value, age_s);
}

Error denied() {
  return fail(Errc::kDenied, "sign in, or send a token", "Authorization: Bearer rw_…; `ringwall status --json` shows one");
}

}  // namespace

Result<std::unique_ptr<Auth>> Auth::open(catalog::Catalog& catalog, base::Clock& clock) {
  std::unique_ptr<Auth> auth(new Auth(catalog, clock));
  auth->operator_token_ = RW_TRY(make_secret());
  auth->operator_hash_ = hash_secret(auth->operator_token_);
  RW_TRY(catalog.remove_sessions_expired(clock.now_ns()));
  return auth;
}

Result<std::string> Auth::create_token(const std::string& name) {
  auto secret = RW_TRY(make_secret());
  RW_TRY(catalog_.add_token({.name = name, .hash = hash_secret(secret), .created_ns = clock_.now_ns()}));
  return secret;
}

Result<bool> Auth::has_tokens() { return !RW_TRY(catalog_.tokens()).empty(); }

bool Auth::too_many_failures(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  const auto it = failures_.find(peer);
  return it != failures_.end() && it->second.count >= kFailuresMax &&
         clock_.monotonic_ns() - it->second.since_ns < kFailureWindowNs;
}

void Auth::count_failure(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.monotonic_ns();
  if (failures_.size() >= kFailureAddressesMax) {
    std::erase_if(failures_, [now](const auto& entry) { return now - entry.second.since_ns >= kFailureWindowNs; });
    if (failures_.size() >= kFailureAddressesMax) failures_.clear();
  }
  auto& failures = failures_[peer];
  if (now - failures.since_ns >= kFailureWindowNs) failures = {now, 0};
  ++failures.count;
}

Result<catalog::Token> Auth::check_token(const std::string& token, const std::string& peer) {
  // A right token is taken at any time: 256 bits are not guessed, and a neighbour's mistakes shall lock nobody out.
  if (token.size() <= kTokenBytesMax) {
    const auto hash = hash_secret(token);
    if (same_hash(hash, operator_hash_)) return catalog::Token{.name = "operator", .hash = hash};
    if (const auto found = RW_TRY(catalog_.find_token(hash)); found.has_value()) {
      const auto now = clock_.now_ns();
      if (now - found->last_used_ns > kTouchEveryNs) RW_TRY(catalog_.touch_token(found->id, now));
      return *found;
    }
  }
  if (too_many_failures(peer)) return fail(Errc::kLimit, "too many wrong tokens from this address", "wait a minute");
  count_failure(peer);
  return denied();
}

Result<std::string> Auth::identify(const http::Request& request) {
  if (const auto header = request.header("authorization"); header.starts_with("Bearer ")) {
    return RW_TRY(check_token(std::string(header.substr(7)), request.peer)).name;
  }
  const auto cookie = cookie_of(request);
  if (cookie.empty() || cookie.size() > kTokenBytesMax) return denied();
  const auto session = RW_TRY(catalog_.find_session(hash_secret(cookie)));
  if (!session.has_value() || session->expires_ns <= clock_.now_ns()) return denied();
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads && request.header("x-ringwall") != "1") {
    return fail(Errc::kDenied, "a change from a browser needs the header X-Ringwall: 1");
  }
  return std::string("admin");
}

http::Response Auth::sign_in(const http::Request& request) {
  const auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("token") || !body["token"].is_string()) {
    return error_answer(fail(Errc::kInvalid, "the body is not {\"token\":\"rw_…\"}"));
  }
  const auto signed_in = [&]() -> Result<std::string> {
    auto token = RW_TRY(check_token(body["token"].get<std::string>(), request.peer));
    const auto now = clock_.now_ns();
    if (token.id == 0) {
      // The operator token lives as long as this process, a session in the catalog; so the session gets a token
      // whose secret nobody knows.
      const auto hash = hash_secret(RW_TRY(make_secret()));
      token.id = RW_TRY(catalog_.add_token({.name = "operator session", .hash = hash, .created_ns = now}));
    }
    auto secret = RW_TRY(make_secret(""));
    RW_TRY(catalog_.put_session({.hash = hash_secret(secret), .token_id = token.id, .created_ns = now,
                                 .expires_ns = now + kSessionAgeNs, .last_used_ns = now}));
    return secret;
  }();
  if (!signed_in.ok()) return error_answer(signed_in.error());
  return {204, "", "", {{"Set-Cookie", set_cookie(*signed_in, kSessionAgeNs / 1'000'000'000)}}};
}

http::Response Auth::sign_out(const http::Request& request) {
  if (const auto cookie = cookie_of(request); !cookie.empty()) {
    if (const auto removed = catalog_.remove_session(hash_secret(cookie)); !removed.ok()) return error_answer(removed.error());
  }
  return {204, "", "", {{"Set-Cookie", set_cookie("", 0)}}};
}

}  // namespace ringwall::api
