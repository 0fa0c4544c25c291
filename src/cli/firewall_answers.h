// What the console's firewall page asks for: the places of a declaration with their modes and exclusions, and an edit as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "declare/declaration.h"
#include "declare/edit.h"

namespace ringwall::cli {

// The JSON of GET /api/v1/firewall; `hash` is that of the text as this caller may see it.
std::string firewall_json(const declare::Declaration& declaration, const std::string& hash);

// {"host"?, "route"?, "mode"?, "exclusions"?: [{"rules", "targets"?, "path"?, "reason"?}]}; kInvalid for anything else.
Result<declare::FirewallEdit> firewall_edit_of(const nlohmann::json& body);

}  // namespace ringwall::cli
