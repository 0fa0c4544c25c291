// Limits of the request's place: how often and how many at once, by who asks.  Counters are of all workers (keep/limits.h); where
// they cannot be had, requests pass.
#include <algorithm>
#include <array>

#include "firewall.h"

namespace ringwall::edge_module {

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::size_t kValuesMax = 8;  // of one argument; applications take the first or the last of the query or the body, which are among them

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

// Whom a request counts for, or what it brings: a few texts, since an argument may come in the query and the body, and again.
struct Counted {
  std::array<std::string, kValuesMax> texts;
  std::size_t size = 0;

  void add(std::string text) {
    if (std::find(texts.begin(), texts.begin() + size, text) == texts.begin() + size) texts[size++] = std::move(text);
  }
};

// Nothing a client wrote is kept: values are known by their digest.
std::string digest_of(const keep::Table& table, std::string_view value) {
  const auto digest = table.digest(value);
  return {reinterpret_cast<const char*>(digest.data()), sizeof digest};
}

Counted values_of(ngx_http_request_t* request, const Judged& judged, const keep::Table& table, const policy::CountedBy& by) {
  Counted out;
  const auto add = [&](std::string_view value) {
    if (!value.empty()) out.add(digest_of(table, value));
  };
  switch (by.key) {
    case policy::LimitKey::kAddress: out.add(std::string(address_of(request->connection))); break;
    case policy::LimitKey::kEveryone: out.add({}); break;
    case policy::LimitKey::kHeader: add(header_of(request, by.field)); break;
    case policy::LimitKey::kCookie: add(cookie_of(request, by.field)); break;
    case policy::LimitKey::kArgument: {
      std::array<std::string_view, kValuesMax> values;
      const auto found = judged.transaction->arguments(by.field, values);
      for (std::size_t i = 0; i < found; ++i) add(policy::folded(values[i]));
      break;
    }
  }
  return out;
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

Answer ask(keep::Table& table, Judged& judged, const policy::Limit& limit, const std::string& key, std::int64_t now_ns) {
  const bool by_answer = limit.by_answer();
  if (limit.rate) {
    const auto answer = by_answer ? keep::look(table, key, *limit.rate, now_ns) : keep::take(table, key, *limit.rate, now_ns);
    if (answer.limited == keep::Limited::kDenied) return {true, answer.retry_after_ns};
    if (by_answer) judged.counted.push_back({&limit, key});
  }
  if (limit.concurrency) {
    const auto answer = keep::enter(table, key, *limit.concurrency, now_ns);
    if (answer.limited == keep::Limited::kDenied) return {true, kSecondNs};
    if (answer.lease != 0) judged.counted.push_back({&limit, key, answer.lease});
  }
  return {};
}

Answer ask_distinct(keep::Table& table, Judged& judged, const policy::Limit& limit, const std::string& key, const Counted& values, std::int64_t now_ns) {
  for (std::size_t i = 0; i < values.size; ++i) {
    const auto value = table.digest(values.texts[i])[0];
    const auto answer = limit.by_answer() ? keep::look(table, key, *limit.distinct, value, now_ns) : keep::take(table, key, *limit.distinct, value, now_ns);
    if (answer.limited == keep::Limited::kDenied) return {true, answer.retry_after_ns};
    if (limit.by_answer()) judged.counted.push_back({&limit, key, 0, value});
  }
  return {};
}

Answer ask(ngx_http_request_t* request, keep::Table& table, Judged& judged, const policy::Limit& limit, std::int64_t now_ns) {
  auto keys = values_of(request, judged, table, limit.by);
  // Whose body was not read, because a list skips the rules that say how, did not leave it out.
  if (keys.size == 0 && limit.by.key == policy::LimitKey::kArgument && judged.list != nullptr && judged.list->text.skip_rules) return {};
  // Who leaves it out is known by the address.
  if (keys.size == 0) keys.add(std::string(1, '\0') + std::string(address_of(request->connection)));
  const auto values = limit.of ? values_of(request, judged, table, *limit.of) : Counted();
  for (std::size_t i = 0; i < keys.size; ++i) {
    const auto key = policy::counted_under(limit, keys.texts[i]);
    const auto answer = limit.of ? ask_distinct(table, judged, limit, key, values, now_ns) : ask(table, judged, limit, key, now_ns);
    if (answer.denied) return answer;
  }
  return {};
}

}  // namespace

ngx_int_t limit_request(ngx_http_request_t* request, Judged& judged, bool body_known) {
  auto* table = main_conf(request)->policies->table();
  if (table == nullptr || judged.policy->limits.empty() || (judged.list != nullptr && judged.list->text.skip_limits)) return NGX_DECLINED;
  const auto now = static_cast<std::int64_t>(now_ns());
  for (const auto& limit : judged.policy->limits) {
    if (limit.needs_body() != body_known || !limit.concerns(view(request->method_name), view(request->uri))) continue;
    const auto answer = ask(request, *table, judged, limit, now);
    if (!answer.denied) continue;
    if (judged.reached == nullptr) judged.reached = &limit;
    ngx_log_error(NGX_LOG_NOTICE, request->connection->log, 0, "ringwall: limit \"%s\" reached", limit.text.name.c_str());
    if (!enforcing(judged)) continue;
    judged.reached = &limit;
    say_retry_after(request, answer.retry_after_ns);
    judged.verdict = {.action = waf::Verdict::Action::kDeny, .status = kTooMany};
    return carry_out(request, judged);
  }
  return NGX_DECLINED;
}

void settle_limits(ngx_http_request_t* request, Judged& judged, int status) noexcept {
  if (judged.counted.empty()) return;
  auto* table = main_conf(request)->policies->table();
  const auto now = static_cast<std::int64_t>(now_ns());
  const auto* location = request->headers_out.location;
  const policy::LimitAnswer answer{status, location != nullptr ? view(location->value) : std::string_view(), judged.bots.score()};
  for (const auto& one : judged.counted) {
    if (one.lease != 0) (void)keep::leave(*table, one.key, one.lease, now);
    else if (!one.limit->counts(answer)) continue;
    else if (one.limit->distinct) (void)keep::take(*table, one.key, *one.limit->distinct, one.value, now);
    else (void)keep::take(*table, one.key, *one.limit->rate, now);
  }
  judged.counted.clear();
}

}  // namespace ringwall::edge_module
