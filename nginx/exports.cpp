// What nginx looks up in a dynamic module after dlopen; a source build of nginx generates the same three
// arrays.
#include "nginx_headers.h"

#define RW_EXPORT __attribute__((visibility("default")))

extern "C" {

extern RW_EXPORT ngx_module_t ngx_http_ringwall_module;

RW_EXPORT ngx_module_t* ngx_modules[] = {&ngx_http_ringwall_module, nullptr};
RW_EXPORT char* ngx_module_names[] = {const_cast<char*>("ngx_http_ringwall_module"), nullptr};
// No place among the filters is asked for: the module has none.
RW_EXPORT char* ngx_module_order[] = {nullptr};
}
