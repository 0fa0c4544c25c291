// What the machine adds to a declaration before nginx can be configured: certificates, users, folders, limits.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "declare/declaration.h"
#include "edge/detail/address.h"
#include "edge/edge.h"
#include "edge/nginx_config.h"

namespace ringwall::edge::detail {

// Files of every host's certificate; those of the local authority are issued or renewed now.
Result<std::vector<PlannedCertificate>> certificates_of(const declare::Declaration& declaration,
                                                        const std::string& base_directory, pki::LocalCa& ca);

// User, folders and limits of the machine; the rest of the plan stays empty.
ConfigPlan machine_plan(const EdgeOptions& options);

Result<std::vector<Address>> listeners_of(const declare::Declaration& declaration);

}  // namespace ringwall::edge::detail
