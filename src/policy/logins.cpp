#include "policy/logins.h"

namespace ringwall::policy {

std::vector<LimitText> limits_of(const LoginText& login) {
  std::vector<LimitText> out;
  const auto add = [&](std::string_view kind, std::string key, std::string distinct, std::int64_t most) {
    if (most == 0) return;
    out.push_back({.name = login.name + "." + std::string(kind), .key = std::move(key), .path = login.path, .methods = login.methods, .statuses = login.statuses,
                   .requests = most, .period_ms = login.period_ms, .distinct = std::move(distinct), .location = login.location});
  };
  add("account", login.account, "", login.failures_per_account);
  add("address", "address", "", login.failures_per_address);
  add("accounts", "address", login.account, login.accounts_per_address);
  add("addresses", login.account, "address", login.addresses_per_account);
  return out;
}

}  // namespace ringwall::policy
