// What each path of docs/api.md answers: parameters to questions, answers to JSON.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/api.h"
#include "base/result.h"
#include "query/query.h"
#include "query/tail.h"

namespace ringwall::cli {

struct RouteSources {
  query::Query& query;
  query::Tail& tail;
  std::function<std::string(bool local)> status;
  // Plans or applies a declaration; the JSON of API.md.
  std::function<Result<std::string>(bool apply, const std::string& path, const std::string& text)> change;
};

// The sources outlive the routes.
std::vector<api::Route> make_routes(RouteSources sources);

}  // namespace ringwall::cli
