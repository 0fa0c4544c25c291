// The console's files, read once at start and served from memory, with the headers a security product owes.
#pragma once

#include <map>
#include <string>

#include "base/world.h"
#include "http/server.h"

namespace ringwall::api {

// Added to every answer of the API and the console.
void add_security_headers(http::Response& response);

class Assets {
 public:
  // `directory` is the console's built folder; an absent one gives a page that says how to build it.
  static Result<Assets> load(base::Files& files, const std::string& directory);

  // The file of this path; every path that is not a file is the application's page, which routes by itself.  Names
  // with a content hash (/assets/…) may be kept forever by the browser.
  http::Response serve(const http::Request& request) const;

 private:
  struct Asset {
    std::string content, type, etag;
  };
  std::map<std::string, Asset> assets_;  // by path: "/index.html"
};

}  // namespace ringwall::api
