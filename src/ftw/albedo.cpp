#include "ftw/detail/albedo.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "ftw/detail/base64.h"

namespace ringwall::ftw::detail {

namespace {

std::string unchunked(std::string_view body) {
  std::string out;
  while (!body.empty()) {
    const auto end = body.find("\r\n");
    if (end == std::string_view::npos) break;
    const auto size = std::strtoul(std::string(body.substr(0, end)).c_str(), nullptr, 16);
    body.remove_prefix(end + 2);
    if (size == 0 || size > body.size()) break;
    out += body.substr(0, size);
    body.remove_prefix(std::min(size + 2, body.size()));
  }
  return out;
}

}  // namespace

Request read_request(std::string_view text) {
  Request out;
  const auto head_end = text.find("\r\n\r\n");
  auto head = text.substr(0, head_end);
  const auto line = head.substr(0, head.find("\r\n"));
  head.remove_prefix(std::min(line.size() + 2, head.size()));
  const auto first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == 0) return out;
  out.method = line.substr(0, first);
  if (last == first) {
    out.uri = line.substr(first + 1);
    out.protocol = "HTTP/0.9";
  } else {
    out.uri = line.substr(first + 1, last - first - 1);
    out.protocol = line.substr(last + 1);
  }
  std::size_t length = std::string_view::npos;
  bool chunked = false;
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto header = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const auto colon = header.find(':');
    if (colon == std::string_view::npos) continue;
    out.headers.emplace_back(header.substr(0, colon), base::trim(header.substr(colon + 1)));
    const auto name = base::lower_ascii(out.headers.back().first);
    if (name == "content-length") length = std::strtoul(out.headers.back().second.c_str(), nullptr, 10);
    if (name == "transfer-encoding") chunked = base::lower_ascii(out.headers.back().second).find("chunked") != std::string::npos;
  }
  if (head_end != std::string_view::npos) {
    const auto body = text.substr(head_end + 4);
    out.body = chunked ? unchunked(body) : std::string(body.substr(0, length));
  }
  out.readable = true;
  return out;
}

// POST /reflect answers what its body says.
Answer backend(const Request& request) {
  Answer out;
  if (request.method != "POST" || !request.uri.starts_with("/reflect")) return out;
  const auto wanted = nlohmann::json::parse(request.body, nullptr, false);
  if (!wanted.is_object()) return {400, {}, "Invalid JSON in request body"};
  out.status = wanted.value("status", 200);
  if (wanted.contains("headers")) {
    for (const auto& [name, value] : wanted["headers"].items()) out.headers.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  out.body = wanted.value("body", "");
  if (out.body.empty()) out.body = detail::decode_base64(wanted.value("encodedBody", ""));
  bool typed = false;
  for (const auto& [name, value] : out.headers) typed = typed || base::lower_ascii(name) == "content-type";
  if (!out.body.empty() && !typed) {
    out.headers.emplace_back("Content-Type", base::trim(out.body).starts_with('<') ? "text/html; charset=utf-8" : "text/plain; charset=utf-8");
  }
  return out;
}

}  // namespace ringwall::ftw::detail
