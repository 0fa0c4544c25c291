#include <unistd.h>

#include <new>

#include "firewall.h"

extern "C" {
extern ngx_module_t ngx_http_grpc_module;
}

namespace ringwall::edge_module {

namespace {

constexpr std::size_t kFilePieceBytes = 64 << 10;
constexpr ngx_msec_t kPauseMax = 10'000;

void judged_cleanup(void* data) {
  auto* judged = static_cast<Judged*>(data);
  judged->~Judged();
}

std::string_view protocol_of(const ngx_http_request_t* request) {
  return request->http_protocol.len != 0 ? view(request->http_protocol) : "HTTP/0.9";
}

Judged* begin(ngx_http_request_t* request, RequestContext& context, MainConf& conf, ngx_int_t place) {
  const auto& policies = conf.policies->current();
  const auto* policy = policies->by_place[static_cast<std::size_t>(place)];
  if (policy->mode == waf::Mode::kOff) return nullptr;
  auto* cleanup = ngx_pool_cleanup_add(request->pool, sizeof(Judged));
  if (cleanup == nullptr) return nullptr;
  auto* judged = new (cleanup->data) Judged;
  cleanup->handler = judged_cleanup;
  context.judged = judged;
  judged->policies = policies;
  judged->policy = policy;
  judged->transaction = conf.policies->take(policies->set->rules());
  judged->held_end = &judged->held;

  auto* connection = request->connection;
  auto* address = static_cast<u_char*>(ngx_pnalloc(request->pool, NGX_SOCKADDR_STRLEN));
  judged->server_address = {NGX_SOCKADDR_STRLEN, address};
  if (address == nullptr || ngx_connection_local_sockaddr(connection, &judged->server_address, 0) != NGX_OK) judged->server_address = {};
  auto& t = *judged->transaction;
  t.reset({.client_address = view(connection->addr_text),
           .server_address = view(judged->server_address),
           .server_name = view(request->headers_in.server),
           .unique_id = {context.text + 3, 32},
           .client_port = static_cast<std::uint16_t>(ngx_inet_get_port(connection->sockaddr)),
           .server_port = static_cast<std::uint16_t>(connection->local_sockaddr != nullptr ? ngx_inet_get_port(connection->local_sockaddr) : 0),
           .now_ns = static_cast<std::int64_t>(context.start_ns)},
          policy->overlay.get());
  t.request_line(view(request->method_name), target_of(request), protocol_of(request));
  for (const ngx_list_part_t* part = &request->headers_in.headers.part; part != nullptr; part = part->next) {
    const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) t.request_header(view(headers[i].key), view(headers[i].value));
  }
  return judged;
}

// Answers later: as ngx_http_limit_req_module does.
void on_pause_over(ngx_http_request_t* request) {
  auto* event = request->connection->write;
  if (event->delayed) {
    if (ngx_handle_write_event(event, 0) != NGX_OK) ngx_http_finalize_request(request, NGX_HTTP_INTERNAL_SERVER_ERROR);
    return;
  }
  request->read_event_handler = ngx_http_block_reading;
  request->write_event_handler = ngx_http_core_run_phases;
  ngx_http_core_run_phases(request);
}

ngx_int_t answer(ngx_http_request_t* request, Judged& judged) {
  log_matches(request, judged);
  const auto pause = judged.verdict.pause_ms;
  if (pause != 0 && !judged.paused) {
    judged.paused = true;
    request->read_event_handler = ngx_http_test_reading;
    request->write_event_handler = on_pause_over;
    request->connection->write->delayed = 1;
    ngx_add_timer(request->connection->write, pause < kPauseMax ? static_cast<ngx_msec_t>(pause) : kPauseMax);
    return NGX_DONE;  // the rewrite phase takes NGX_AGAIN for an answer
  }
  return carry_out(request, judged);
}

bool starts_with_nocase(const ngx_table_elt_t* header, std::string_view lower) {
  return header != nullptr && header->value.len >= lower.size() &&
         ngx_strncasecmp(header->value.data, reinterpret_cast<u_char*>(const_cast<char*>(lower.data())), lower.size()) == 0;
}

// A gRPC stream has no end that could be waited for.  It is one where the place speaks gRPC, not where the client says so: anybody
// can write a content type over a form.  The first member of what ngx_http_grpc_module keeps of a location is its upstream.
bool streams(ngx_http_request_t* request) {
  if (!starts_with_nocase(request->headers_in.content_type, "application/grpc")) return false;
  const auto* conf = static_cast<const ngx_http_upstream_conf_t*>(ngx_http_get_module_loc_conf(request, ngx_http_grpc_module));
  return conf != nullptr && conf->upstream != nullptr;
}

// Feeds what nginx has read, in memory or spooled to a file.
bool feed(ngx_http_request_t* request, waf::Transaction& t) {
  if (request->request_body == nullptr) return true;
  for (auto* link = request->request_body->bufs; link != nullptr; link = link->next) {
    const auto* buf = link->buf;
    if (!buf->in_file) {
      if (!t.request_body({reinterpret_cast<const char*>(buf->pos), static_cast<std::size_t>(buf->last - buf->pos)})) return true;
      continue;
    }
    auto* piece = static_cast<char*>(ngx_pnalloc(request->pool, kFilePieceBytes));
    if (piece == nullptr) return false;
    for (auto at = buf->file_pos; at < buf->file_last;) {
      const auto wanted = std::min<off_t>(buf->file_last - at, kFilePieceBytes);
      const auto n = ::pread(buf->file->fd, piece, static_cast<std::size_t>(wanted), at);
      if (n <= 0) return false;
      if (!t.request_body({piece, static_cast<std::size_t>(n)})) return true;
      at += n;
    }
  }
  return true;
}

void on_body(ngx_http_request_t* request) {
  if (auto* judged = judged_of(request)) judged->body_there = true;
  request->preserve_body = 1;
  request->write_event_handler = ngx_http_core_run_phases;
  ngx_http_core_run_phases(request);
}

}  // namespace

// The target as the client wrote it, which for a proxy's form of it nginx does not keep.  nginx takes more than one blank around it;
// rules that look at its beginning or end must not see them.
std::string_view target_of(const ngx_http_request_t* request) {
  const auto line = view(request->request_line);
  const auto first = line.find(' '), last = line.rfind(' ');
  if (request->http_version < NGX_HTTP_VERSION_20 && first != line.npos && last > first) {
    auto target = line.substr(first + 1, last - first - 1);
    while (target.starts_with(' ')) target.remove_prefix(1);
    while (target.ends_with(' ')) target.remove_suffix(1);
    return target;
  }
  return view(request->unparsed_uri);
}

bool has_body(const ngx_http_request_t* request) { return request->headers_in.content_length_n > 0 || request->headers_in.chunked; }

ngx_int_t on_waf_rewrite(ngx_http_request_t* request) {
  if (request != request->main) return NGX_DECLINED;
  auto* conf = main_conf(request);
  auto* context = context_of(request);
  if (context == nullptr) return NGX_DECLINED;
  auto* judged = context->judged;
  if (judged == nullptr) {
    const auto place = loc_conf(request)->waf_place;
    if (place < 0 || request->internal) return NGX_DECLINED;
    judged = begin(request, *context, *conf, place);
    if (judged == nullptr) return NGX_DECLINED;
    if (const auto status = list_request(request, *judged); status != NGX_DECLINED) return status;
    watch_for_bots(request, *judged);
    if (const auto status = limit_request(request, *judged, false); status != NGX_DECLINED) return status;
    if (const auto status = refuse_bot(request, *judged); status != NGX_DECLINED) return status;
    judged->verdict = judged->transaction->request_headers_done();
    return answer(request, *judged);
  }
  // After a pause.
  if (!judged->headers_done && judged->paused && !judged->enforced) {
    judged->headers_done = true;
    return carry_out(request, *judged);
  }
  return NGX_DECLINED;
}

ngx_int_t on_waf_preaccess(ngx_http_request_t* request) {
  if (request != request->main) return NGX_DECLINED;
  auto* judged = judged_of(request);
  if (judged == nullptr || judged->enforced) return NGX_DECLINED;
  if (judged->request_done) return NGX_DECLINED;
  judged->headers_done = true;
  auto& t = *judged->transaction;
  if (!judged->body_asked && has_body(request) && t.wants_request_body() && !streams(request)) {
    judged->body_asked = true;
    const auto status = ngx_http_read_client_request_body(request, on_body);
    if (status >= NGX_HTTP_SPECIAL_RESPONSE) return status;
    ngx_http_finalize_request(request, NGX_DONE);
    return NGX_DONE;
  }
  if (judged->body_asked && !judged->body_there) return NGX_DONE;
  judged->request_done = true;
  if (judged->body_there && !feed(request, t)) return NGX_HTTP_INTERNAL_SERVER_ERROR;
  t.now(static_cast<std::int64_t>(now_ns()));
  judged->verdict = t.request_body_done();
  if (!refused(*judged)) judge_model(request, *judged);
  if (!refused(*judged)) {
    if (const auto status = limit_request(request, *judged, true); status != NGX_DECLINED) return status;
  }
  return answer(request, *judged);
}

}  // namespace ringwall::edge_module
