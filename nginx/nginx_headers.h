// nginx is C and its headers say nothing about C++; this is the one place that includes them.
#pragma once

extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>
#include <ngx_http_ssl_module.h>
}
