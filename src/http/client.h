// A small HTTP client for the command line and the tests, on libcurl: TCP, TLS with a given CA, or a local socket.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ringwall::http {

struct Fetch {
  std::string method = "GET";
  std::string url;                   // with a unix_path the host part is ignored
  std::string unix_path;
  std::string ca_file;               // PEM; empty: the system's
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  std::chrono::milliseconds timeout{60'000};  // zero: none
  // Called with each piece of the body as it arrives instead of collecting it; false ends the transfer.
  std::function<bool(std::string_view)> on_data;
};

struct Fetched {
  int status = 0;
  std::string body;
  std::string headers;  // as received, one per line
};

// kUnavailable when there was no answer; any answer, of any status, is a success.
Result<Fetched> fetch(const Fetch& request);

std::string url_encode(std::string_view text);

}  // namespace ringwall::http
