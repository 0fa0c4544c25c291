#include "firewall.h"

#include <algorithm>
#include <new>

namespace ringwall::edge_module {

namespace {

void policies_cleanup(void* data) {
  auto* conf = static_cast<MainConf*>(data);
  delete conf->policies;
  conf->policies = nullptr;
}

}  // namespace

char* set_waf_policies(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* main = static_cast<MainConf*>(conf);
  if (main->policies_path.len != 0) return const_cast<char*>("is duplicate");
  main->policies_path = static_cast<ngx_str_t*>(cf->args->elts)[1];
  return ngx_conf_full_name(cf->cycle, &main->policies_path, 0) == NGX_OK ? NGX_CONF_OK : static_cast<char*>(NGX_CONF_ERROR);
}

// ringwall_waf NAME|off: places with the same name have the same number.
char* set_waf_place(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto* location = static_cast<LocConf*>(conf);
  if (location->waf_place != NGX_CONF_UNSET) return const_cast<char*>("is duplicate");
  const auto name = static_cast<ngx_str_t*>(cf->args->elts)[1];
  if (view(name) == "off") {
    location->waf_place = kNoPlace;
    return NGX_CONF_OK;
  }
  auto* main = static_cast<MainConf*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_ringwall_module));
  if (main->places == nullptr) main->places = ngx_array_create(cf->pool, 8, sizeof(ngx_str_t));
  if (main->places == nullptr) return static_cast<char*>(NGX_CONF_ERROR);
  auto* known = static_cast<ngx_str_t*>(main->places->elts);
  for (ngx_uint_t i = 0; i < main->places->nelts; ++i) {
    if (view(known[i]) != view(name)) continue;
    location->waf_place = static_cast<ngx_int_t>(i);
    return NGX_CONF_OK;
  }
  location->waf_place = static_cast<ngx_int_t>(main->places->nelts);
  auto* slot = static_cast<ngx_str_t*>(ngx_array_push(main->places));
  if (slot == nullptr) return static_cast<char*>(NGX_CONF_ERROR);
  *slot = name;
  return NGX_CONF_OK;
}

ngx_int_t install_firewall(ngx_conf_t* cf, MainConf& conf) {
  if (conf.places == nullptr) return NGX_OK;
  if (conf.policies_path.len == 0) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"ringwall_waf\" needs \"ringwall_waf_policies\" in http{}");
    return NGX_ERROR;
  }
  std::vector<std::string> places;
  const auto* names = static_cast<const ngx_str_t*>(conf.places->elts);
  for (ngx_uint_t i = 0; i < conf.places->nelts; ++i) places.emplace_back(view(names[i]));
  auto* cleanup = ngx_pool_cleanup_add(cf->pool, 0);
  if (cleanup == nullptr) return NGX_ERROR;
  conf.policies = new (std::nothrow) Policies(std::string(view(conf.policies_path)), std::move(places));
  if (conf.policies == nullptr) return NGX_ERROR;
  cleanup->handler = policies_cleanup;
  cleanup->data = &conf;
  const auto fault = conf.policies->load();
  if (!fault.empty()) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the firewall's policies cannot be used: %s", fault.c_str());
    return NGX_ERROR;
  }
  install_answer_filters();
  return NGX_OK;
}

void start_firewall(MainConf& conf) noexcept {
  if (conf.policies != nullptr) conf.policies->start(conf.board, conf.table);
}
void stop_firewall(MainConf& conf) noexcept {
  if (conf.policies != nullptr) conf.policies->stop();
}

bool enforcing(const Judged& judged) noexcept {
  return judged.policy->mode == waf::Mode::kBlock || (judged.policy->mode == waf::Mode::kAsRules && judged.transaction->enforcing());
}

std::string_view address_bytes(const ngx_connection_t* connection) {
  const auto* address = connection->sockaddr;
  if (address->sa_family == AF_INET6) return {reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr), 16};
  if (address->sa_family == AF_INET) return {reinterpret_cast<const char*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr), 4};
  return {};
}

Judged* judged_of(ngx_http_request_t* request) noexcept {
  const auto* context = known_context_of(request);
  return context == nullptr ? nullptr : context->judged;
}

void log_matches(ngx_http_request_t* request, Judged& judged) noexcept {
  const bool wanted = loc_conf(request)->waf_log == 1;
  const auto log_from = [&](const std::vector<waf::Match>& matches, std::size_t& logged) {
    for (; logged < matches.size(); ++logged) {
      if (!wanted || !matches[logged].log) continue;
      const auto line = waf::log_line(matches[logged]);
      ngx_log_error(NGX_LOG_WARN, request->connection->log, 0, "ringwall: %s", line.c_str());
    }
  };
  log_from(judged.transaction->matches(), judged.logged);
  log_from(judged.misfits, judged.misfits_logged);
}

ngx_int_t carry_out(ngx_http_request_t* request, Judged& judged) noexcept {
  const auto& verdict = judged.verdict;
  if (verdict.action == waf::Verdict::Action::kPass) return NGX_DECLINED;
  judged.enforced = true;
  auto* context = context_of(request);
  if (context != nullptr && context->location == nullptr) context->location = loc_conf(request);
  if (verdict.action == waf::Verdict::Action::kDrop) return NGX_HTTP_CLOSE;
  if (verdict.action == waf::Verdict::Action::kRedirect) {
    auto* header = static_cast<ngx_table_elt_t*>(ngx_list_push(&request->headers_out.headers));
    auto* text = static_cast<u_char*>(ngx_pnalloc(request->pool, verdict.location.size()));
    if (header == nullptr || text == nullptr) return NGX_HTTP_INTERNAL_SERVER_ERROR;
    // A line end would let whoever chose the address add headers of his own.
    auto* end = std::copy_if(verdict.location.begin(), verdict.location.end(), text, [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
    header->hash = 1;
    ngx_str_set(&header->key, "Location");
    header->value = {static_cast<std::size_t>(end - text), text};
    header->lowcase_key = reinterpret_cast<u_char*>(const_cast<char*>("location"));
    request->headers_out.location = header;
  }
  return verdict.status;
}

}  // namespace ringwall::edge_module
