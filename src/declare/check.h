// How the parts of a declaration fit together: names that exist, addresses that do not collide, files that are there.
#pragma once

#include "declare/declaration.h"
#include "declare/findings.h"
#include "declare/parse.h"

namespace ringwall::declare::detail {

// Looks only at parts whose own form is right, so that one mistake is told once.
void check_relations(const Declaration& declaration, Findings& findings, const Readable& readable);

}  // namespace ringwall::declare::detail
