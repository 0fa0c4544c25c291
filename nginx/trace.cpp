#include <sys/random.h>
#include <time.h>

#include <cstring>
#include <new>

#include "module.h"
#include "random.h"

namespace ringwall::edge_module {
namespace {

Random ids;

// Does nothing; its address marks our entry in the pool's list of cleanups.
void context_cleanup(void*) {}

// nginx forgets module contexts at an internal redirect.  The pool's cleanups survive it, so the context is
// one of them and is found again there, as ngx_http_realip_module does.
RequestContext* find_context(ngx_http_request_t* request) noexcept {
  auto* context = static_cast<RequestContext*>(ngx_http_get_module_ctx(request, ngx_http_ringwall_module));
  if (context != nullptr || !(request->internal || request->filter_finalize)) return context;
  for (auto* cleanup = request->pool->cleanup; cleanup != nullptr; cleanup = cleanup->next) {
    if (cleanup->handler != context_cleanup) continue;
    context = static_cast<RequestContext*>(cleanup->data);
    ngx_http_set_ctx(request, context, ngx_http_ringwall_module);
    return context;
  }
  return nullptr;
}

struct Found {
  std::string_view traceparent;
  unsigned traceparents = 0;
  ngx_str_t request_id{0, nullptr};
};

template <std::size_t N>
bool named(const ngx_table_elt_t& header, const char (&lower)[N]) noexcept {
  return header.key.len == N - 1 && std::memcmp(header.lowcase_key, lower, N - 1) == 0;
}

template <class Visit>
void each_header(ngx_http_request_t* request, Visit visit) noexcept {
  for (const ngx_list_part_t* part = &request->headers_in.headers.part; part != nullptr; part = part->next) {
    const auto* headers = static_cast<const ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) visit(headers[i]);
  }
}

Found find_headers(ngx_http_request_t* request) noexcept {
  Found found;
  each_header(request, [&found](const ngx_table_elt_t& header) {
    if (named(header, "traceparent")) {
      found.traceparent = view(header.value);
      ++found.traceparents;
    } else if (named(header, "x-request-id")) {
      found.request_id = header.value;
    }
  });
  return found;
}

void start_trace(RequestContext& context, const Found& found, bool trust) noexcept {
  // Two of them mean that somebody on the way did not understand the first (Trace Context, section 3.2).
  const auto claimed = found.traceparents == 1 ? ring::parse_traceparent(found.traceparent) : std::nullopt;
  if (claimed && trust) {
    context.own.trace_id = claimed->trace_id;
    context.own.flags = claimed->flags;
    context.continued = true;
    std::memcpy(context.parent_span_id, claimed->parent_id.data(), sizeof context.parent_span_id);
  } else {
    const std::uint64_t trace_id[2] = {ids.next_nonzero(), ids.next()};
    std::memcpy(context.own.trace_id.data(), trace_id, sizeof trace_id);
    context.own.flags = ring::kTraceSampled;
    if (claimed) {
      std::memcpy(context.linked_trace_id, claimed->trace_id.data(), sizeof context.linked_trace_id);
      std::memcpy(context.linked_span_id, claimed->parent_id.data(), sizeof context.linked_span_id);
    }
  }
  const auto span_id = ids.next_nonzero();
  std::memcpy(context.own.parent_id.data(), &span_id, sizeof span_id);
  ring::write_traceparent(context.own, context.text);
}

// nginx knows the start only to the millisecond of its cached clock.  While that clock still shows the same
// moment, the header came within one turn of the event loop and now is the better answer.
void note_start(RequestContext& context, ngx_http_request_t* request) noexcept {
  const auto now = now_ns();
  const auto* cached = ngx_timeofday();
  const auto start = (static_cast<std::uint64_t>(request->start_sec) * 1000 +
                      static_cast<std::uint64_t>(request->start_msec)) *
                     1'000'000;
  if ((cached->sec == request->start_sec && cached->msec == request->start_msec) || start > now) {
    context.start_ns = now;
  } else {
    context.start_ns = start;
    const auto us = (now - start) / 1000;
    context.header_us = us < ring::kPhaseAbsent ? static_cast<std::uint32_t>(us) : ring::kPhaseAbsent - 1;
  }
}

enum Part : uintptr_t { kTraceparent, kTraceId, kSpanId };

ngx_int_t trace_variable(ngx_http_request_t* request, ngx_http_variable_value_t* value, uintptr_t part) {
  auto* context = context_of(request);
  if (context == nullptr) return NGX_ERROR;
  constexpr struct { unsigned offset, length; } kParts[] = {{0, ring::kTraceparentBytes}, {3, 32}, {36, 16}};
  value->data = reinterpret_cast<u_char*>(context->text) + kParts[part].offset;
  value->len = kParts[part].length;
  value->valid = 1;
  value->no_cacheable = 0;
  value->not_found = 0;
  return NGX_OK;
}

// The client's tracestate belongs to the client's trace: it goes on with it and is dropped without it.
ngx_int_t tracestate_variable(ngx_http_request_t* request, ngx_http_variable_value_t* value, uintptr_t) {
  auto* context = context_of(request);
  if (context == nullptr) return NGX_ERROR;
  value->data = nullptr;
  value->len = 0;
  value->valid = 1;
  value->no_cacheable = 0;
  value->not_found = 0;
  if (!context->continued) return NGX_OK;

  // Several headers are one list (section 3.3.1.1).
  std::size_t bytes = 0;
  each_header(request->main, [&bytes](const ngx_table_elt_t& header) {
    if (named(header, "tracestate")) bytes += header.value.len + 1;
  });
  if (bytes == 0) return NGX_OK;
  auto* text = static_cast<u_char*>(ngx_pnalloc(request->pool, bytes));
  if (text == nullptr) return NGX_ERROR;
  auto* at = text;
  each_header(request->main, [&at, text](const ngx_table_elt_t& header) {
    if (!named(header, "tracestate") || header.value.len == 0) return;
    if (at != text) *at++ = ',';
    at = ngx_cpymem(at, header.value.data, header.value.len);
  });
  value->data = text;
  value->len = static_cast<unsigned>(at - text) & ((1u << 28) - 1);
  return NGX_OK;
}

}  // namespace

std::uint64_t now_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

void seed_ids(ngx_log_t* log) noexcept {
  std::uint64_t seed[4] = {};
  if (::getrandom(seed, sizeof seed, 0) != sizeof seed) {
    ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                  "ringwall: getrandom() failed, ids come from time and process id");
    seed[0] = now_ns();
    seed[1] = static_cast<std::uint64_t>(ngx_pid) << 32 | 1;
  }
  seed[3] |= 1;
  ids.seed(seed);
}

RequestContext* known_context_of(ngx_http_request_t* request) noexcept { return find_context(request->main); }

RequestContext* context_of(ngx_http_request_t* request) noexcept {
  request = request->main;
  if (auto* context = find_context(request)) return context;
  auto* cleanup = ngx_pool_cleanup_add(request->pool, sizeof(RequestContext));
  if (cleanup == nullptr) return nullptr;
  auto* context = new (cleanup->data) RequestContext{};
  cleanup->handler = context_cleanup;
  ngx_http_set_ctx(request, context, ngx_http_ringwall_module);

  note_start(*context, request);
  const auto found = find_headers(request);
  context->request_id = found.request_id;
  start_trace(*context, found, loc_conf(request)->trust_traceparent != 0);
  return context;
}

ngx_int_t on_post_read(ngx_http_request_t* request) {
  main_conf(request)->writer.prefetch();
  context_of(request);
  return NGX_DECLINED;
}

ngx_int_t on_preaccess(ngx_http_request_t* request) {
  if (request != request->main) return NGX_DECLINED;
  auto* context = context_of(request);
  if (context != nullptr && context->location == nullptr) context->location = loc_conf(request);
  return NGX_DECLINED;
}

ngx_int_t add_variables(ngx_conf_t* cf) {
  struct Variable {
    ngx_str_t name;
    ngx_http_get_variable_pt get;
    uintptr_t data;
  };
  Variable variables[] = {
      {ngx_string("ringwall_traceparent"), trace_variable, kTraceparent},
      {ngx_string("ringwall_trace_id"), trace_variable, kTraceId},
      {ngx_string("ringwall_span_id"), trace_variable, kSpanId},
      {ngx_string("ringwall_tracestate"), tracestate_variable, 0},
  };
  for (auto& variable : variables) {
    auto* added = ngx_http_add_variable(cf, &variable.name, 0);
    if (added == nullptr) return NGX_ERROR;
    added->get_handler = variable.get;
    added->data = variable.data;
  }
  return NGX_OK;
}

}  // namespace ringwall::edge_module
