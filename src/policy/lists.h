// Lists of a policy: who is let through and who is refused, by address and country, before anything else of a request is looked at.
//
//   list := JSON {"name", "action", "addresses", "file", "countries", "path", "skip_limits", "skip_rules"}
//
// They are looked at in their order.  The first allow or deny that knows the client decides; a note is recorded and goes on.
//   deny   403: neither limits nor rules look at the request
//   allow  no further list; limits and rules go on, each unless it is skipped
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "places/address_set.h"

namespace ringwall::policy {

inline constexpr std::size_t kListsMax = 1000;       // of one policy
inline constexpr std::size_t kListAddressesMax = 10'000;  // written in it; more go into a file

enum class ListAction : std::uint8_t { kAllow, kDeny, kNote };

struct ListText {
  std::string name, action = "deny";
  std::vector<std::string> addresses;
  std::string file;                    // as PolicyFile::files names it
  std::vector<std::string> countries;  // "DE"
  std::string path;                    // as of a limit
  bool skip_limits = false, skip_rules = false;
  bool operator==(const ListText&) const = default;
};

struct List {
  ListText text;
  ListAction action = ListAction::kDeny;
  std::shared_ptr<const places::AddressSet> addresses, file;  // null: none

  // `country`: empty when it is not known.
  bool knows(const places::Address& client, std::string_view country) const;
};

using AddressSetPtr = std::shared_ptr<const places::AddressSet>;

// Sets made of the same texts are made once, however many places have them.
class AddressSets {
 public:
  // `before`: whose sets are taken over; may be null.
  explicit AddressSets(const AddressSets* before = nullptr) : before_(before) {}
  Result<AddressSetPtr> of(const std::vector<std::string>& texts);
  void forget_before() { before_ = nullptr; }

 private:
  const AddressSets* before_;
  std::map<std::vector<std::string>, AddressSetPtr> known_;
};

// `file`: of text.file, null when there is none.  Fails with kInvalid or kLimit and says which member is wrong.
Result<List> compile_list(const ListText& text, AddressSets& sets, AddressSetPtr file);

// The list that decides about this client, or else the first that noted it; null: none knows it.
const List* ask_lists(const std::vector<List>& lists, const places::Address& client, std::string_view country, std::string_view uri_path);

}  // namespace ringwall::policy
