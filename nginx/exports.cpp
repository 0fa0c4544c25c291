// What nginx looks up in a dynamic module after dlopen; a source build of nginx generates the same three
// arrays.
#include "nginx_headers.h"

#define RW_EXPORT __attribute__((visibility("default")))

extern "C" {

extern RW_EXPORT ngx_module_t ngx_http_ringwall_module;

RW_EXPORT ngx_module_t* ngx_modules[] = {&ngx_http_ringwall_module, nullptr};
RW_EXPORT char* ngx_module_names[] = {const_cast<char*>("ngx_http_ringwall_module"), nullptr};
// Among the filters: before those that compress or cut, behind the one that brings files into memory.
RW_EXPORT char* ngx_module_order[] = {const_cast<char*>("ngx_http_ringwall_module"), const_cast<char*>("ngx_http_copy_filter_module"), nullptr};
}
