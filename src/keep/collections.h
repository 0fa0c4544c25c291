// IP, GLOBAL, SESSION, USER and RESOURCE of all workers together: the door of waf/engine.h over a Table.
//
//   record := idle_until:i64 entry*          one of each collection and key; kCollectionSpaces + 0 … 4 are their spaces
//   entry  := expires:i64 name_bytes:u16 value_bytes:u16 name value        expires 0: with the collection
//
// Every change is one edit of the record, so that what two workers add at once adds up.  All variables of a collection have
// kValueBytesMax bytes together (some hundred counters); one that does not fit is not kept and counted (too_large).
//
// A value with an end of its own (expirevar) is kept until then, also when SecCollectionTimeout is shorter: ModSecurity 2 lets
// a ban of a day end after an hour without requests.  One thread.
#pragma once

#include "keep/table.h"
#include "waf/engine.h"

namespace ringwall::keep {

inline constexpr std::uint8_t kCollectionSpaces = 16;

class Collections final : public waf::PersistentCollections {
 public:
  explicit Collections(Table& table) : table_(table) {}

  std::vector<std::pair<std::string, std::string>> load(waf::Variable collection, std::string_view key, std::int64_t now_ns) override;
  void set(waf::Variable collection, std::string_view key, std::string_view name, std::optional<std::string_view> value, const When& when) override;
  std::optional<std::int64_t> add(waf::Variable collection, std::string_view key, std::string_view name, std::int64_t by, const When& when) override;
  void expire(waf::Variable collection, std::string_view key, std::string_view name, std::int64_t expires_ns, const When& when) override;

 private:
  Table& table_;
};

}  // namespace ringwall::keep
