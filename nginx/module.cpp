#include "firewall.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>

#include "keep/table.h"
#include "ring/health_table.h"
#include "ring/owner.h"

namespace ringwall::edge_module {
namespace {

char* conf_error() { return static_cast<char*>(NGX_CONF_ERROR); }

struct Mapped {
  void* base;
  std::size_t bytes;
};

void unmap_cleanup(void* data) {
  auto* mapped = static_cast<Mapped*>(data);
  ::munmap(mapped->base, mapped->bytes);
}

using Fault = const char* (*)(const void*, std::size_t);

// Maps one of the core's files for the life of this configuration.
void* map_file(ngx_conf_t* cf, ngx_str_t& path, int protection, Fault fault_of) {
  const auto* directive = static_cast<ngx_str_t*>(cf->args->elts);
  const auto complain = [&](const char* what, ngx_err_t error) -> void* {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, error,
                       "%V \"%V\" cannot be used: %s; \"ringwall up\" creates this file before it starts nginx",
                       directive, &path, what);
    return nullptr;
  };
  path = directive[1];
  if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) return nullptr;
  const int fd = ::open(reinterpret_cast<const char*>(path.data),
                        ((protection & PROT_WRITE) != 0 ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  if (fd < 0) return complain("it cannot be opened", ngx_errno);
  struct stat info {};
  void* base = MAP_FAILED;
  const bool sized = ::fstat(fd, &info) == 0 && info.st_size > 0;
  const auto bytes = static_cast<std::size_t>(info.st_size);
  if (sized) base = ::mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
  const auto error = ngx_errno;
  ::close(fd);
  if (!sized) return complain("it is empty", 0);
  if (base == MAP_FAILED) return complain("it cannot be mapped", error);
  auto* cleanup = ngx_pool_cleanup_add(cf->pool, sizeof(Mapped));
  const char* fault = cleanup != nullptr ? fault_of(base, bytes) : "no memory";
  if (fault != nullptr) {
    ::munmap(base, bytes);
    return complain(fault, 0);
  }
  cleanup->handler = unmap_cleanup;
  *static_cast<Mapped*>(cleanup->data) = {base, bytes};
  return base;
}

// With `master_process off` a reload replaces the configuration inside the one process that holds a ring.
void release_cleanup(void* data) { static_cast<MainConf*>(data)->writer.release(); }

char* set_ring(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* main = static_cast<MainConf*>(conf);
  if (main->ring != nullptr) return const_cast<char*>("is duplicate");
  main->ring = map_file(cf, main->ring_path, PROT_READ | PROT_WRITE, ring::ring_file_fault);
  if (main->ring == nullptr) return conf_error();
  main->writer.attach(main->ring);
  // Cleanups run last in, first out: the ring is given back before its mapping goes.
  auto* cleanup = ngx_pool_cleanup_add(cf->pool, 0);
  if (cleanup == nullptr) return conf_error();
  cleanup->handler = release_cleanup;
  cleanup->data = main;
  return NGX_CONF_OK;
}

char* set_health_table(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* main = static_cast<MainConf*>(conf);
  if (main->health != nullptr) return const_cast<char*>("is duplicate");
  main->health = map_file(cf, main->health_path, PROT_READ, ring::health_file_fault);
  return main->health != nullptr ? NGX_CONF_OK : conf_error();
}

char* set_waf_board(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* main = static_cast<MainConf*>(conf);
  if (main->board != nullptr) return const_cast<char*>("is duplicate");
  main->board = map_file(cf, main->board_path, PROT_READ | PROT_WRITE, ring::board_file_fault);
  return main->board != nullptr ? NGX_CONF_OK : conf_error();
}

char* set_waf_table(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* main = static_cast<MainConf*>(conf);
  if (main->table != nullptr) return const_cast<char*>("is duplicate");
  main->table = map_file(cf, main->table_path, PROT_READ | PROT_WRITE, keep::table_file_fault);
  return main->table != nullptr ? NGX_CONF_OK : conf_error();
}

void* create_main_conf(ngx_conf_t* cf) {
  void* room = ngx_palloc(cf->pool, sizeof(MainConf));
  return room != nullptr ? new (room) MainConf{} : nullptr;
}

void* create_upstream_conf(ngx_conf_t* cf) { return ngx_pcalloc(cf->pool, sizeof(UpstreamConf)); }

void* create_loc_conf(ngx_conf_t* cf) {
  auto* conf = static_cast<LocConf*>(ngx_pcalloc(cf->pool, sizeof(LocConf)));
  if (conf != nullptr) conf->trust_traceparent = conf->waf_place = conf->waf_log = NGX_CONF_UNSET;
  return conf;
}

char* merge_loc_conf(ngx_conf_t*, void* parent, void* child) {
  const auto& outer = *static_cast<LocConf*>(parent);
  auto& inner = *static_cast<LocConf*>(child);
  ngx_conf_merge_value(inner.trust_traceparent, outer.trust_traceparent, 1);
  ngx_conf_merge_value(inner.waf_place, outer.waf_place, kNoPlace);
  ngx_conf_merge_value(inner.waf_log, outer.waf_log, 0);
  if (inner.service.data == nullptr) inner.service = outer.service;
  if (inner.route.data == nullptr) inner.route = outer.route;
  return NGX_CONF_OK;
}

ngx_int_t add_handler(ngx_conf_t* cf, ngx_http_phases phase, ngx_http_handler_pt handler) {
  auto* core =
      static_cast<ngx_http_core_main_conf_t*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
  auto* slot = static_cast<ngx_http_handler_pt*>(ngx_array_push(&core->phases[phase].handlers));
  if (slot == nullptr) return NGX_ERROR;
  *slot = handler;
  return NGX_OK;
}

// Without ringwall_ring the module only offers its variables and costs nothing.
ngx_int_t postconfiguration(ngx_conf_t* cf) {
  auto* main = static_cast<MainConf*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_ringwall_module));
  if (install_health_gates(cf, *main) != NGX_OK) return NGX_ERROR;
  if (install_firewall(cf, *main) != NGX_OK) return NGX_ERROR;
  if (main->policies != nullptr &&
      (add_handler(cf, NGX_HTTP_REWRITE_PHASE, on_waf_rewrite) != NGX_OK || add_handler(cf, NGX_HTTP_PREACCESS_PHASE, on_waf_preaccess) != NGX_OK ||
       (main->ring == nullptr && add_handler(cf, NGX_HTTP_LOG_PHASE, on_waf_log) != NGX_OK))) {
    return NGX_ERROR;
  }
  // Handlers of a phase run last in, first out: the request's clock starts before it is refused.
  if ((main->ring != nullptr || main->policies != nullptr) && add_handler(cf, NGX_HTTP_POST_READ_PHASE, on_framing) != NGX_OK) return NGX_ERROR;
  if (main->ring == nullptr) return NGX_OK;
  if (add_handler(cf, NGX_HTTP_POST_READ_PHASE, on_post_read) != NGX_OK ||
      add_handler(cf, NGX_HTTP_PREACCESS_PHASE, on_preaccess) != NGX_OK ||
      add_handler(cf, NGX_HTTP_LOG_PHASE, on_log) != NGX_OK) {
    return NGX_ERROR;
  }
  return install_tls_timers(cf);
}

MainConf* cycle_conf(ngx_cycle_t* cycle) {
  return static_cast<MainConf*>(ngx_http_cycle_get_module_main_conf(cycle, ngx_http_ringwall_module));
}

ngx_int_t init_process(ngx_cycle_t* cycle) {
  seed_ids(cycle->log);
  // The cache manager and loader come here too and serve nobody.
  if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) return NGX_OK;
  auto* conf = cycle_conf(cycle);
  if (conf == nullptr) return NGX_OK;
  start_firewall(*conf);
  if (conf->ring == nullptr) return NGX_OK;
  if (!conf->writer.claim(ring::owner_of(static_cast<int>(ngx_pid)))) {
    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "ringwall: every ring of \"%V\" has an owner; records are dropped", &conf->ring_path);
  }
  return NGX_OK;
}

void exit_process(ngx_cycle_t* cycle) {
  auto* conf = cycle_conf(cycle);
  if (conf == nullptr) return;
  stop_firewall(*conf);
  conf->writer.release();
}

ngx_command_t commands[] = {
    // ringwall_ring PATH: where records go.
    {ngx_string("ringwall_ring"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_ring, NGX_HTTP_MAIN_CONF_OFFSET, 0,
     nullptr},
    // ringwall_health_table PATH: where the core writes the state of instances.
    {ngx_string("ringwall_health_table"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_health_table,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    // ringwall_health SLOT...: one slot per server line of this upstream, in their order.
    {ngx_string("ringwall_health"), NGX_HTTP_UPS_CONF | NGX_CONF_1MORE, set_health_slots,
     NGX_HTTP_SRV_CONF_OFFSET, 0, nullptr},
    // ringwall_trust_traceparent on|off: continue the client's trace, or start one and only note the client's.
    // Not in a location: the trace is there before nginx knows the location.
    {ngx_string("ringwall_trust_traceparent"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_CONF_FLAG,
     ngx_conf_set_flag_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocConf, trust_traceparent), nullptr},
    // ringwall_service NAME; ringwall_route ID: what this location is in the declaration.
    {ngx_string("ringwall_service"),
     NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, ngx_conf_set_str_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocConf, service), nullptr},
    {ngx_string("ringwall_route"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_str_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocConf, route), nullptr},
    // ringwall_waf_policies PATH; ringwall_waf_updates PATH: what the firewall does where, and how it hears of newer policies.
    {ngx_string("ringwall_waf_policies"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_waf_policies, NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("ringwall_waf_updates"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_waf_board, NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    // ringwall_waf_table PATH: what the firewall remembers between requests, for all workers.
    {ngx_string("ringwall_waf_table"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_waf_table, NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    // ringwall_waf NAME|off: the policy of this place.  ringwall_waf_log on|off: whether matches go to the error log.
    {ngx_string("ringwall_waf"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, set_waf_place, NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("ringwall_waf_log"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_FLAG, ngx_conf_set_flag_slot, NGX_HTTP_LOC_CONF_OFFSET,
     offsetof(LocConf, waf_log), nullptr},
    ngx_null_command,
};

ngx_http_module_t context = {
    add_variables,         // preconfiguration
    postconfiguration,     //
    create_main_conf,      //
    nullptr,               // init_main_conf
    create_upstream_conf,  // create_srv_conf: an upstream block is a server to nginx
    nullptr,               // merge_srv_conf
    create_loc_conf,       //
    merge_loc_conf,        //
};

}  // namespace
}  // namespace ringwall::edge_module

extern "C" {

__attribute__((visibility("default"))) ngx_module_t ngx_http_ringwall_module = {
    NGX_MODULE_V1,
    &ringwall::edge_module::context,
    ringwall::edge_module::commands,
    NGX_HTTP_MODULE,
    nullptr,                              // init_master
    nullptr,                              // init_module
    ringwall::edge_module::init_process,  //
    nullptr,                              // init_thread
    nullptr,                              // exit_thread
    ringwall::edge_module::exit_process,  //
    nullptr,                              // exit_master
    NGX_MODULE_V1_PADDING,
};
}
