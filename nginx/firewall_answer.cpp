#include <algorithm>

#include "firewall.h"
#include "policy/audit.h"
#include "ring/edge_record.h"
#include "ring/waf_event.h"

namespace ringwall::edge_module {

namespace {

ngx_http_output_header_filter_pt next_header_filter;
ngx_http_output_body_filter_pt next_body_filter;

std::string_view number(ngx_http_request_t* request, off_t value) {
  auto* text = static_cast<u_char*>(ngx_pnalloc(request->pool, NGX_OFF_T_LEN));
  if (text == nullptr) return {};
  return {reinterpret_cast<char*>(text), static_cast<std::size_t>(ngx_sprintf(text, "%O", value) - text)};
}

template <class Visit>
void each_answer_header(ngx_http_request_t* request, Visit visit) {
  const auto& out = request->headers_out;
  if (out.content_type.len != 0) visit("Content-Type", view(out.content_type));
  if (out.content_length_n >= 0) visit("Content-Length", number(request, out.content_length_n));
  for (const ngx_list_part_t* part = &out.headers.part; part != nullptr; part = part->next) {
    const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) {
      if (headers[i].hash != 0) visit(view(headers[i].key), view(headers[i].value));
    }
  }
}

// No body follows, whatever the headers say (RFC 9112, 6.3).
bool bodiless(const ngx_http_request_t* request) {
  const auto status = request->headers_out.status;
  return request->method == NGX_HTTP_HEAD || status < 200 || status == NGX_HTTP_NO_CONTENT || status == NGX_HTTP_NOT_MODIFIED;
}

ngx_int_t refuse(ngx_http_request_t* request, Judged& judged) {
  judged.holding = judged.inspecting = false;
  const auto status = carry_out(request, judged);
  return ngx_http_filter_finalize_request(request, &ngx_http_ringwall_module, status);
}

ngx_int_t on_answer_header(ngx_http_request_t* request) {
  auto* judged = request == request->main ? judged_of(request) : nullptr;
  if (judged == nullptr || judged->answer_begun || judged->enforced) return next_header_filter(request);
  judged->answer_begun = true;
  auto& t = *judged->transaction;
  t.response_line(static_cast<int>(request->headers_out.status), "HTTP/1.1");
  each_answer_header(request, [&t](std::string_view name, std::string_view value) { t.response_header(name, value); });
  t.now(static_cast<std::int64_t>(now_ns()));
  judged->verdict = t.response_headers_done();
  if (!refused(*judged)) {
    if (t.wants_response_body() && !bodiless(request)) {
      judged->inspecting = true;
      // What is only to be logged need not wait.
      judged->holding = t.enforcing();
      request->main_filter_need_in_memory = 1;
      request->filter_need_in_memory = 1;
      log_matches(request, *judged);
      return judged->holding ? NGX_OK : next_header_filter(request);
    }
    judged->answer_done = true;
    judged->verdict = t.response_body_done();
  }
  log_matches(request, *judged);
  return refused(*judged) ? refuse(request, *judged) : next_header_filter(request);
}

// Keeps a copy of what is in a buffer, and lets its owner use it again.
bool hold(ngx_http_request_t* request, Judged& judged, ngx_buf_t* buf) {
  const auto bytes = static_cast<std::size_t>(buf->last - buf->pos);
  auto* copy = bytes != 0 ? ngx_create_temp_buf(request->pool, bytes) : static_cast<ngx_buf_t*>(ngx_calloc_buf(request->pool));
  auto* link = ngx_alloc_chain_link(request->pool);
  if (copy == nullptr || link == nullptr) return false;
  if (bytes != 0) copy->last = ngx_cpymem(copy->last, buf->pos, bytes);
  copy->last_buf = buf->last_buf;
  copy->last_in_chain = buf->last_in_chain;
  copy->flush = buf->flush;
  copy->sync = bytes == 0 && !copy->last_buf && !copy->flush;
  buf->pos = buf->last;
  link->buf = copy;
  link->next = nullptr;
  *judged.held_end = link;
  judged.held_end = &link->next;
  return true;
}

ngx_int_t release(ngx_http_request_t* request, Judged& judged) {
  judged.holding = false;
  const auto status = next_header_filter(request);
  if (status == NGX_ERROR || status > NGX_OK || request->header_only) return status;
  auto* held = judged.held;
  judged.held = nullptr;
  return next_body_filter(request, held);
}

ngx_int_t on_answer_body(ngx_http_request_t* request, ngx_chain_t* in) {
  auto* judged = request == request->main ? judged_of(request) : nullptr;
  if (judged == nullptr || !judged->inspecting || in == nullptr) return next_body_filter(request, in);
  auto& t = *judged->transaction;
  bool enough = false;
  for (auto* link = in; link != nullptr; link = link->next) {
    auto* buf = link->buf;
    if (ngx_buf_in_memory(buf) && !enough) enough = !t.response_body({reinterpret_cast<const char*>(buf->pos), static_cast<std::size_t>(buf->last - buf->pos)});
    enough = enough || buf->last_buf;
    if (judged->holding && !hold(request, *judged, buf)) return NGX_ERROR;
  }
  if (!enough) return judged->holding ? NGX_OK : next_body_filter(request, in);
  judged->inspecting = false;
  judged->answer_done = true;
  judged->verdict = t.response_body_done();
  log_matches(request, *judged);
  if (!judged->holding) return next_body_filter(request, in);
  return refused(*judged) ? refuse(request, *judged) : release(request, *judged);
}

// What happened, in one word of the edge record.
ring::WafVerdict verdict_of(const Judged& judged) {
  using Action = waf::Verdict::Action;
  if (judged.enforced) {
    if (judged.listed_out) return ring::WafVerdict::kListed;
    if (judged.reached != nullptr && judged.verdict.rule_id == 0 && judged.verdict.status == kTooMany) return ring::WafVerdict::kLimited;
    switch (judged.verdict.action) {
      case Action::kDrop: return ring::WafVerdict::kDropped;
      case Action::kRedirect: return ring::WafVerdict::kRedirected;
      default: return ring::WafVerdict::kDenied;
    }
  }
  const auto& matches = judged.transaction->matches();
  const bool listed = judged.list != nullptr && judged.list->action != policy::ListAction::kAllow;
  return judged.reached != nullptr || judged.noted || listed || !judged.misfits.empty() || std::any_of(matches.begin(), matches.end(), [](const auto& match) { return match.log; }) ? ring::WafVerdict::kMatched : ring::WafVerdict::kPassed;
}

std::string_view word_of(ring::WafVerdict verdict) {
  constexpr std::string_view kWords[] = {"", "pass", "match", "deny", "drop", "redirect", "limit", "list"};
  return kWords[static_cast<std::size_t>(verdict)];
}

std::string_view score_of(const waf::Transaction& t) {
  for (const auto* name : {"blocking_inbound_anomaly_score", "inbound_anomaly_score", "anomaly_score"}) {
    if (const auto score = t.tx(name); !score.empty()) return score;
  }
  return {};
}

// The rule that decided, or else the gravest that matched.
std::uint64_t rule_of(const Judged& judged) {
  if (judged.verdict.rule_id != 0) return judged.verdict.rule_id;
  std::uint64_t id = 0;
  int severity = 1000;
  for (const auto& match : judged.transaction->matches()) {
    const int own = match.severity < 0 ? 999 : match.severity;
    if (!match.log || own >= severity) continue;
    severity = own;
    id = match.rule_id;
  }
  if (id == 0 && !judged.misfits.empty()) return judged.misfits[0].rule_id;
  return id;
}

void record_audit(ngx_http_request_t* request, const Judged& judged, const RequestContext& context, std::string_view score) {
  auto* conf = main_conf(request);
  if (!conf->writer.claimed() || (judged.misfits.empty() && (!judged.transaction->audit_wanted() || judged.transaction->matches().empty()))) return;
  policy::AuditExchange exchange;
  exchange.start_unix_ns = static_cast<std::int64_t>(context.start_ns);
  exchange.client_address = view(request->connection->addr_text);
  exchange.client_port = static_cast<std::uint16_t>(ngx_inet_get_port(request->connection->sockaddr));
  exchange.server_address = view(judged.server_address);
  exchange.unique_id = {context.text + 3, 32};
  exchange.method = view(request->method_name);
  exchange.uri = view(request->unparsed_uri);
  exchange.protocol = view(request->http_protocol);
  for (const ngx_list_part_t* part = &request->headers_in.headers.part; part != nullptr; part = part->next) {
    const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) exchange.request_headers.emplace_back(view(headers[i].key), view(headers[i].value));
  }
  each_answer_header(request, [&](std::string_view name, std::string_view value) { exchange.response_headers.emplace_back(name, value); });
  exchange.status = static_cast<int>(request->err_status != 0 ? request->err_status : request->headers_out.status);
  exchange.enforcing = judged.transaction->enforcing();
  exchange.action = word_of(verdict_of(judged));
  exchange.score = score;
  exchange.request_body = judged.transaction->request_body_seen();
  exchange.components = judged.policies->set->rules()->settings().component_signature;
  exchange.country = judged.place.country;
  if (judged.policy != nullptr) exchange.place = judged.policy->name;
  // What the model found comes first: the room of a record is limited.
  auto matches = judged.misfits;
  matches.insert(matches.end(), judged.transaction->matches().begin(), judged.transaction->matches().end());
  const auto json = policy::audit_json(exchange, matches);
  const auto* location = context.location != nullptr ? context.location : loc_conf(request);
  const ring::WafEvent event{context.start_ns, context.own.trace_id, context.own.parent_id, view(location->service), json};
  if (char* room = conf->writer.reserve(ring::waf_event_bytes(event))) {
    ring::encode_waf_event(event, room);
    conf->writer.publish();
  }
}

}  // namespace

void install_answer_filters() noexcept {
  next_header_filter = ngx_http_top_header_filter;
  ngx_http_top_header_filter = on_answer_header;
  next_body_filter = ngx_http_top_body_filter;
  ngx_http_top_body_filter = on_answer_body;
}

WafOutcome finish_firewall(ngx_http_request_t* request) noexcept {
  auto* judged = judged_of(request);
  if (judged == nullptr) return {};
  const auto score = score_of(*judged->transaction);
  const auto status = static_cast<int>(request->err_status != 0 ? request->err_status : request->headers_out.status);
  settle_bots(request, *judged, status);
  WafOutcome out{static_cast<std::uint8_t>(verdict_of(*judged)), 0, static_cast<std::uint32_t>(rule_of(*judged)), judged->reached != nullptr ? judged->reached->text.name : std::string_view(), judged->bots, {}, {}};
  for (const char digit : score) out.score = static_cast<std::uint16_t>(std::min(65'535, out.score * 10 + (digit >= '0' && digit <= '9' ? digit - '0' : 0)));
  if (judged->list != nullptr) out.list = judged->list->text.name;
  out.place = judged->place;
  if (judged->finished) return out;
  judged->finished = true;
  settle_limits(request, *judged, status);
  judged->transaction->now(static_cast<std::int64_t>(now_ns()));
  if (!judged->listed_out) judged->transaction->logging();
  log_matches(request, *judged);
  record_audit(request, *judged, *context_of(request), score);
  main_conf(request)->policies->give_back(judged->policies->set->rules(), std::move(judged->transaction));
  context_of(request)->judged = nullptr;
  return out;
}

ngx_int_t on_waf_log(ngx_http_request_t* request) {
  if (request == request->main) finish_firewall(request);
  return NGX_OK;
}

}  // namespace ringwall::edge_module
