// What the parts of ngx_http_ringwall_module share.  One part per file:
//   module.cpp       directives, configuration, life of a worker
//   trace.cpp        the trace of a request and the variables made of it
//   record.cpp       one record per request, in the log phase
//   framing.cpp      requests whose end or host could be seen differently are refused
//   health_gate.cpp  instances that are down get no request
//   tls_timer.cpp    how long a handshake took
//   firewall.h       and behind it: rules over requests and answers
//
// nginx runs each worker in one thread, so worker state needs no lock.
#pragma once

#include <cstdint>
#include <string_view>

#include "nginx_headers.h"
#include "ring/edge_record.h"
#include "ring/traceparent.h"
#include "ring/writer.h"

extern "C" {
extern ngx_module_t ngx_http_ringwall_module;
}

namespace ringwall::edge_module {

struct MainConf {
  ngx_str_t ring_path;
  void* ring = nullptr;  // the file's mapping; inherited by workers across fork and setuid
  ring::Writer writer;   // of this worker
  time_t claim_tried = 0;

  ngx_str_t health_path;
  const void* health = nullptr;

  ngx_str_t policies_path{};
  ngx_str_t board_path{};
  void* board = nullptr;          // the mapping of ring/update_board.h
  ngx_str_t table_path{};
  void* table = nullptr;          // the mapping of keep/table.h
  ngx_array_t* places = nullptr;  // ngx_str_t: names of policies, by the number of the place
  class Policies* policies = nullptr;
};

inline constexpr ngx_int_t kNoPlace = -2;

struct LocConf {
  ngx_flag_t trust_traceparent;
  ngx_str_t service;
  ngx_str_t route;
  ngx_int_t waf_place;  // of MainConf::places; negative: not judged
  ngx_flag_t waf_log;   // matches go to the error log
};

struct UpstreamConf {
  ngx_array_t* slots;  // ngx_uint_t, in the order of the `server` lines; nullptr without ringwall_health
  struct HealthGate* gate;
};

// Lives in the request's pool, made on first use.
struct RequestContext {
  ring::Traceparent own;  // trace id, the edge's span id, flags: what goes upstream
  char text[ring::kTraceparentBytes];
  std::uint8_t parent_span_id[8];
  std::uint8_t linked_trace_id[16];
  std::uint8_t linked_span_id[8];
  bool continued;

  std::uint64_t start_ns;
  std::uint32_t header_us;
  ngx_str_t request_id;  // of the client, as it came
  // Of the location the request first came to; an error page's location does not replace it.
  const LocConf* location;
  ring::RequestFault fault;  // refused for it
  struct Judged* judged;  // by the firewall; null: not at all
};

inline std::string_view view(const ngx_str_t& text) {
  return {reinterpret_cast<const char*>(text.data), text.len};
}
inline MainConf* main_conf(ngx_http_request_t* request) {
  return static_cast<MainConf*>(ngx_http_get_module_main_conf(request, ngx_http_ringwall_module));
}
inline LocConf* loc_conf(ngx_http_request_t* request) {
  return static_cast<LocConf*>(ngx_http_get_module_loc_conf(request, ngx_http_ringwall_module));
}

// Unix time; the vDSO answers without a system call.
std::uint64_t now_ns() noexcept;

// trace.cpp
ngx_int_t add_variables(ngx_conf_t* cf);
void seed_ids(ngx_log_t* log) noexcept;
// The context of the main request; nullptr only when memory is out.
RequestContext* context_of(ngx_http_request_t* request) noexcept;
// The same, null when there is none yet.
RequestContext* known_context_of(ngx_http_request_t* request) noexcept;
ngx_int_t on_post_read(ngx_http_request_t* request);
ngx_int_t on_preaccess(ngx_http_request_t* request);

// framing.cpp
ngx_int_t on_framing(ngx_http_request_t* request);

// record.cpp
ngx_int_t on_log(ngx_http_request_t* request);

// health_gate.cpp
char* set_health_slots(ngx_conf_t* cf, ngx_command_t* command, void* conf);
ngx_int_t install_health_gates(ngx_conf_t* cf, const MainConf& conf);

// tls_timer.cpp
ngx_int_t install_tls_timers(ngx_conf_t* cf);
std::uint32_t handshake_us(ngx_ssl_conn_t* connection) noexcept;

}  // namespace ringwall::edge_module
