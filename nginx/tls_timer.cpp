// nginx has no hook at the end of a handshake, OpenSSL has: its info callback says when one starts and ends.
// The two moments are kept in the connection's ex_data as plain numbers, so nothing is allocated or freed.
#include "module.h"

namespace ringwall::edge_module {
namespace {

using InfoCallback = void (*)(const SSL*, int, int);

int start_index = -1;
int took_index = -1;
// The same function of nginx for every server.
InfoCallback nginx_callback = nullptr;

void on_info(const SSL* connection, int where, int result) {
  if (nginx_callback != nullptr) nginx_callback(connection, where, result);
  if ((where & (SSL_CB_HANDSHAKE_START | SSL_CB_HANDSHAKE_DONE)) == 0) return;
  auto* tls = const_cast<SSL*>(connection);
  // TLS 1.3 announces another start and end for each session ticket; only the first pair is the handshake.
  if ((where & SSL_CB_HANDSHAKE_START) != 0) {
    if (SSL_get_ex_data(tls, start_index) == nullptr) {
      SSL_set_ex_data(tls, start_index, reinterpret_cast<void*>(static_cast<uintptr_t>(now_ns())));
    }
  } else if (SSL_get_ex_data(tls, took_index) == nullptr) {
    const auto start = reinterpret_cast<uintptr_t>(SSL_get_ex_data(tls, start_index));
    const auto now = now_ns();
    // At least one, so that zero stays "not measured".
    const auto us = start != 0 && now > start ? (now - start) / 1000 + 1 : 1;
    SSL_set_ex_data(tls, took_index, reinterpret_cast<void*>(static_cast<uintptr_t>(us)));
  }
}

}  // namespace

ngx_int_t install_tls_timers(ngx_conf_t* cf) {
  if (start_index < 0) start_index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  if (took_index < 0) took_index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  if (start_index < 0 || took_index < 0) return NGX_ERROR;
  auto* core =
      static_cast<ngx_http_core_main_conf_t*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
  auto** servers = static_cast<ngx_http_core_srv_conf_t**>(core->servers.elts);
  for (ngx_uint_t i = 0; i < core->servers.nelts; ++i) {
    auto* conf =
        static_cast<ngx_http_ssl_srv_conf_t*>(servers[i]->ctx->srv_conf[ngx_http_ssl_module.ctx_index]);
    if (conf == nullptr || conf->ssl.ctx == nullptr) continue;
    const auto before = SSL_CTX_get_info_callback(conf->ssl.ctx);
    if (before != on_info) {
      nginx_callback = before;
      SSL_CTX_set_info_callback(conf->ssl.ctx, on_info);
    }
  }
  return NGX_OK;
}

std::uint32_t handshake_us(ngx_ssl_conn_t* connection) noexcept {
  if (took_index < 0) return 0;
  const auto us = reinterpret_cast<uintptr_t>(SSL_get_ex_data(connection, took_index));
  return us < ring::kPhaseAbsent ? static_cast<std::uint32_t>(us) : ring::kPhaseAbsent - 1;
}

}  // namespace ringwall::edge_module
