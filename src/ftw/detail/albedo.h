// The backend of the tests, as the Core Rule Set's own (coreruleset/albedo): what a request is to it, and what it answers.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringwall::ftw::detail {

struct Request {
  bool readable = false;
  std::string method, uri, protocol, body;
  std::vector<std::pair<std::string, std::string>> headers;
};
// Reads it the way a tolerant server does.
Request read_request(std::string_view text);

struct Answer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
// POST /reflect answers what its body says, anything else is 200 without a body.
Answer backend(const Request& request);

}  // namespace ringwall::ftw::detail
