// Runs tests against a real nginx with Ringwall's module and the tests' backend behind it, all on loopback and stopped with the
// runner.  What rules matched is read from nginx's error log, between the lines of marker requests, as go-ftw does.
//
// nginx is told to let through what its rules about headers would drop before any module sees it: underscores_in_headers on,
// ignore_invalid_headers off, merge_slashes off.
#pragma once

#include <string>

#include "ftw/ftw.h"

namespace ringwall::ftw {

struct NginxOptions {
  std::string rules;   // absolute path of the SecLang file
  std::string module;  // ngx_http_ringwall_module.so
  std::string nginx = "nginx";
};

// Errors: those of the rule set; kUnavailable with nginx's own words when it does not start.
Result<Runner> nginx_runner(const NginxOptions& options);

}  // namespace ringwall::ftw
