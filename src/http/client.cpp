#include "http/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

namespace ringwall::http {

namespace {

struct Sink {
  const Fetch& request;
  Fetched answer;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& sink = *static_cast<Sink*>(user);
  const std::string_view piece(data, size * count);
  if (sink.request.on_data) return sink.request.on_data(piece) ? piece.size() : 0;
  sink.answer.body.append(piece);
  return piece.size();
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  static_cast<Sink*>(user)->answer.headers.append(data, size * count);
  return size * count;
}

}  // namespace

Result<Fetched> fetch(const Fetch& request) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(), &curl_easy_cleanup);
  if (global != CURLE_OK || handle == nullptr) return fail(Errc::kInternal, "libcurl did not start");
  CURL* curl = handle.get();

  Sink sink{request, {}};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr, &curl_slist_free_all);
  const auto add_header = [&headers](const char* line) { headers.reset(curl_slist_append(headers.release(), line)); };
  for (const auto& line : request.headers) add_header(line.c_str());
  add_header("Expect:");  // no extra round trip for a body

  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &sink);
  if (request.method != "GET" && request.method != "HEAD") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
  }
  if (!request.unix_path.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_path.c_str());
  if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());

  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  const bool ended_by_us = code == CURLE_WRITE_ERROR && request.on_data;
  if (code != CURLE_OK && !ended_by_us) {
    return fail(Errc::kUnavailable, fmt::format("{}: {}", request.unix_path.empty() ? request.url : request.unix_path,
                                                curl_easy_strerror(code)));
  }
  sink.answer.status = static_cast<int>(status);
  return std::move(sink.answer);
}

std::string url_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

}  // namespace ringwall::http
