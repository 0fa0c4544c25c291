#include "api/assets.h"

#include <fmt/format.h>

#include "base/hash.h"

namespace ringwall::api {

namespace {

constexpr std::size_t kAssetsMax = 1000;
constexpr std::size_t kFolderDepthMax = 8;

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

constexpr std::string_view kNotBuilt =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Ringwall</title><h1>The console was not built</h1>"
    "<p>Run <code>script/build</code>, which builds the program and the console.</p></html>";

std::string_view type_of(std::string_view path) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},             {".png", "image/png"},                     {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},              {".json", "application/json"},             {".txt", "text/plain; charset=utf-8"}};
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

}  // namespace

void add_security_headers(http::Response& response) {
  response.headers.emplace_back("Content-Security-Policy", kPolicy);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  response.headers.emplace_back("Permissions-Policy", "camera=(), microphone=(), geolocation=()");
}

Result<Assets> Assets::load(base::Files& files, const std::string& directory) {
  Assets out;
  std::vector<std::pair<std::string, std::size_t>> folders = {{"", 0}};
  while (!folders.empty()) {
    const auto [folder, depth] = folders.back();
    folders.pop_back();
    const auto names = files.list(directory + folder);
    if (!names.ok() && folder.empty() && names.error().code == Errc::kNotFound) break;
    if (!names.ok()) return names.error();
    for (const auto& name : *names) {
      const auto path = folder + "/" + name;
      // What can be listed is a folder; the built console holds only files and folders.
      if (files.list(directory + path).ok()) {
        if (depth < kFolderDepthMax) folders.emplace_back(path, depth + 1);
        continue;
      }
      if (out.assets_.size() == kAssetsMax) return fail(Errc::kLimit, fmt::format("{}: more than {} files", directory, kAssetsMax));
      auto content = RW_TRY(files.read(directory + path));
      const auto etag = fmt::format("\"{:016x}\"", base::hash64(content));
      out.assets_.emplace(path, Asset{std::move(content), std::string(type_of(path)), etag});
    }
  }
  if (!out.assets_.contains("/index.html")) {
    out.assets_.emplace("/index.html", Asset{std::string(kNotBuilt), "text/html; charset=utf-8", "\"none\""});
  }
  return out;
}

http::Response Assets::serve(const http::Request& request) const {
  auto it = assets_.find(request.path);
  const bool hashed = it != assets_.end() && request.path.starts_with("/assets/");
  if (it == assets_.end()) {
    // A missing file is missing; a path of the application is its page.
    if (request.path.starts_with("/assets/")) return {404, "not found\n", "text/plain", {}};
    it = assets_.find("/index.html");
  }
  http::Response response{200, "", it->second.type, {}};
  response.headers.emplace_back("ETag", it->second.etag);
  response.headers.emplace_back("Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
  if (request.header("if-none-match") == it->second.etag) {
    response.status = 304;
  } else {
    response.body = it->second.content;
  }
  return response;
}

}  // namespace ringwall::api
