// The protection of a login, written as limits: guessing one account's password, guessing from one address, trying many accounts from
// one address (enumeration, credential stuffing) and one account from many addresses.  Only failed attempts count.
#pragma once

#include "policy/limits.h"

namespace ringwall::policy {

struct LoginText {
  std::string name = "login";
  std::string path;                  // as LimitText::path
  std::string account;               // a key: "argument:username"
  std::vector<std::string> methods;
  std::vector<int> statuses;         // of answers to failed attempts
  std::string location;              // where they are redirected; empty: not
  std::int64_t period_ms = 0;
  // In a period; 0: any number.
  std::int64_t failures_per_account = 0, failures_per_address = 0, accounts_per_address = 0, addresses_per_account = 0;
};

// "NAME.account", "NAME.address", "NAME.accounts" and "NAME.addresses", those that limit something.
std::vector<LimitText> limits_of(const LoginText& login);

}  // namespace ringwall::policy
