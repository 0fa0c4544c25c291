// What each path of docs/api.md answers: parameters to questions, answers to JSON.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/api.h"
#include "base/result.h"
#include "declare/edit.h"
#include "query/query.h"
#include "query/tail.h"

namespace ringwall::cli {

// A wanted declaration.  From the control socket it is a whole text.  From elsewhere it is the shown part (declare/shown.h) after
// an edit, which may change what the firewall does and nothing else.
struct ChangeRequest {
  bool apply = false, local = false;
  std::string path, text;
  std::string base;  // hash of the text it was made from; empty: whatever is in force
};

struct RouteSources {
  query::Query& query;
  query::Tail& tail;
  std::function<std::string(bool local)> status;
  // The declaration in force, and a plan or change of it; the JSON of docs/api.md.
  std::function<Result<std::string>(bool local)> declaration;
  std::function<Result<std::string>(const ChangeRequest&)> change;
  // What the firewall does where, and the declaration's text after an edit of it.
  std::function<Result<std::string>(bool local)> firewall;
  std::function<Result<std::string>(bool local, const declare::FirewallEdit&, const std::string& base)> edit;
};

// The sources outlive the routes.
std::vector<api::Route> make_routes(RouteSources sources);

}  // namespace ringwall::cli
