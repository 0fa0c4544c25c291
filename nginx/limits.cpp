// Limits of the request's place: how often and how many at once, by who asks.  Counters are of all workers (keep/limits.h); where
// they cannot be had, requests pass.
#include <fmt/format.h>

#include <algorithm>

#include "firewall.h"

namespace ringwall::edge_module {

namespace {

constexpr ngx_int_t kTooMany = 429;
constexpr std::int64_t kSecondNs = 1'000'000'000;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Calls `each` with the value of every header of this name, in lower case, until it answers true.
template <class Each>
void each_header(ngx_http_request_t* request, std::string_view lower_name, Each each) {
  for (const ngx_list_part_t* part = &request->headers_in.headers.part; part != nullptr; part = part->next) {
    const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) {
      if (view({headers[i].key.len, headers[i].lowcase_key}) == lower_name && each(view(headers[i].value))) return;
    }
  }
}

std::string_view header_of(ngx_http_request_t* request, std::string_view lower_name) {
  std::string_view found;
  each_header(request, lower_name, [&](std::string_view value) {
    found = value;
    return true;
  });
  return found;
}

std::string_view cookie_of(ngx_http_request_t* request, std::string_view name) {
  std::string_view found;
  each_header(request, "cookie", [&](std::string_view rest) {
    while (!rest.empty() && found.empty()) {
      const auto end = std::min(rest.find(';'), rest.size());
      const auto pair = trimmed(rest.substr(0, end));
      if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') found = pair.substr(name.size() + 1);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return !found.empty();
  });
  return found;
}

std::string_view address_of(const ngx_connection_t* connection) { return policy::network_of(address_bytes(connection)); }

std::string key_of(ngx_http_request_t* request, const Judged& judged, const policy::Limit& limit) {
  std::string_view who;
  switch (limit.key) {
    case policy::LimitKey::kAddress: return policy::counted_under(limit, address_of(request->connection));
    case policy::LimitKey::kEveryone: return policy::counted_under(limit, {});
    case policy::LimitKey::kHeader: who = header_of(request, limit.field); break;
    case policy::LimitKey::kCookie: who = cookie_of(request, limit.field); break;
    case policy::LimitKey::kArgument: who = judged.transaction->argument(limit.field); break;
  }
  // Who leaves it out is known by the address.
  if (who.empty()) return policy::counted_under(limit, std::string(1, '\0') + std::string(address_of(request->connection)));
  return policy::counted_under(limit, who);
}

void say_retry_after(ngx_http_request_t* request, std::int64_t ns) {
  auto* header = static_cast<ngx_table_elt_t*>(ngx_list_push(&request->headers_out.headers));
  auto* text = static_cast<u_char*>(ngx_pnalloc(request->pool, NGX_INT64_LEN));
  if (header == nullptr || text == nullptr) return;
  const auto* end = ngx_sprintf(text, "%L", std::max<std::int64_t>((ns + kSecondNs - 1) / kSecondNs, 1));
  header->hash = 1;
  ngx_str_set(&header->key, "Retry-After");
  header->lowcase_key = reinterpret_cast<u_char*>(const_cast<char*>("retry-after"));
  header->value = {static_cast<std::size_t>(end - text), text};
}

struct Answer {
  bool denied = false;
  std::int64_t retry_after_ns = 0;
};

Answer ask(keep::Table& table, Judged& judged, const policy::Limit& limit, std::string key, std::int64_t now_ns) {
  if (limit.rate) {
    const bool by_answer = !limit.text.statuses.empty();
    const auto answer = by_answer ? keep::look(table, key, *limit.rate, now_ns) : keep::take(table, key, *limit.rate, now_ns);
    if (answer.limited == keep::Limited::kDenied) return {true, answer.retry_after_ns};
    if (by_answer) judged.counted.push_back({&limit, key, 0});
  }
  if (limit.concurrency) {
    const auto answer = keep::enter(table, key, *limit.concurrency, now_ns);
    if (answer.limited == keep::Limited::kDenied) return {true, kSecondNs};
    if (answer.lease != 0) judged.counted.push_back({&limit, std::move(key), answer.lease});
  }
  return {};
}

}  // namespace

ngx_int_t limit_request(ngx_http_request_t* request, Judged& judged, bool body_known) {
  auto* table = main_conf(request)->policies->table();
  if (table == nullptr || judged.policy->limits.empty() || (judged.list != nullptr && judged.list->text.skip_limits)) return NGX_DECLINED;
  const auto now = static_cast<std::int64_t>(now_ns());
  for (const auto& limit : judged.policy->limits) {
    if ((limit.key == policy::LimitKey::kArgument) != body_known || !limit.concerns(view(request->method_name), view(request->uri))) continue;
    const auto answer = ask(*table, judged, limit, key_of(request, judged, limit), now);
    if (!answer.denied) continue;
    judged.limited = true;
    ngx_log_error(NGX_LOG_NOTICE, request->connection->log, 0, "ringwall: limit \"%s\" reached", limit.text.name.c_str());
    if (!enforcing(judged)) continue;
    say_retry_after(request, answer.retry_after_ns);
    judged.verdict = {.action = waf::Verdict::Action::kDeny, .status = static_cast<int>(kTooMany)};
    return carry_out(request, judged);
  }
  return NGX_DECLINED;
}

void settle_limits(ngx_http_request_t* request, Judged& judged, int status) noexcept {
  if (judged.counted.empty()) return;
  auto* table = main_conf(request)->policies->table();
  const auto now = static_cast<std::int64_t>(now_ns());
  for (const auto& one : judged.counted) {
    if (one.lease != 0) (void)keep::leave(*table, one.key, one.lease, now);
    else if (one.limit->counts(status)) (void)keep::take(*table, one.key, *one.limit->rate, now);
  }
  judged.counted.clear();
}

}  // namespace ringwall::edge_module
