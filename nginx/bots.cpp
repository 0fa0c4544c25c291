// Whether a program asks: signals of policy/bots.h from nginx's request.
#include "firewall.h"

namespace ringwall::edge_module {

namespace {

constexpr int kNotFound = 404, kGone = 410;

std::string_view kept(ngx_http_request_t* request, std::string_view text) noexcept {
  auto* copy = static_cast<char*>(ngx_pnalloc(request->pool, text.size()));
  if (copy == nullptr) return {};
  ngx_memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

}  // namespace

void watch_for_bots(ngx_http_request_t* request, Judged& judged) noexcept {
  policy::BotWatch watch({.protocol = static_cast<int>(request->http_version), .tls = request->connection->ssl != nullptr});
  for (const ngx_list_part_t* part = &request->headers_in.headers.part; part != nullptr; part = part->next) {
    const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) watch.header(view(headers[i].key), view(headers[i].value));
  }
  judged.bots = watch.finish();
  // Most have none, and cost no more.
  if (judged.bots.none()) return;
  u_char digits[NGX_INT_T_LEN];
  const auto* end = ngx_sprintf(digits, "%d", judged.bots.score());
  judged.transaction->set_tx("ringwall_bot_score", kept(request, {reinterpret_cast<const char*>(digits), static_cast<std::size_t>(end - digits)}));
  judged.transaction->set_tx("ringwall_bot_signals", kept(request, judged.bots.text()));
}

ngx_int_t refuse_bot(ngx_http_request_t* request, Judged& judged) noexcept {
  const auto& policy = judged.policy->text.bots;
  const auto score = judged.bots.score();
  judged.noted = policy.note_score != 0 && score >= policy.note_score;
  if (policy.deny_score == 0 || score < policy.deny_score) return NGX_DECLINED;
  judged.noted = true;
  if (judged.list != nullptr && judged.list->text.skip_limits) return NGX_DECLINED;
  ngx_log_error(NGX_LOG_NOTICE, request->connection->log, 0, "ringwall: bot score %d (%s)", score, judged.bots.text().c_str());
  if (!enforcing(judged)) return NGX_DECLINED;
  judged.verdict = {.action = waf::Verdict::Action::kDeny, .status = NGX_HTTP_FORBIDDEN};
  return carry_out(request, judged);
}

// Where an application serves the path it is one like any other, and what the firewall refused says nothing of that.
void settle_bots(ngx_http_request_t* request, Judged& judged, int status) noexcept {
  const auto& policy = judged.policy->text.bots;
  if (judged.enforced || (status != kNotFound && status != kGone) || !policy.is_honeypot(view(request->uri))) return;
  judged.bots.add(policy::BotSignal::kHoneypot);
  judged.noted = judged.noted || (policy.note_score != 0 && judged.bots.score() >= policy.note_score);
}

}  // namespace ringwall::edge_module
