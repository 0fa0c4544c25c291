// One value against one schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "openapi/detail/schema.h"
#include "openapi/openapi.h"

namespace ringwall::openapi::detail {

inline constexpr int kJudgeDepthMax = 1500;  // calls within each other: values in values, times schemas about one value

// Where a value is, as a chain on the stack; only findings make a text of it.
struct Place {
  const Place* parent = nullptr;
  std::string_view name;        // of a member; of the first one: "body", "query page"
  std::uint32_t index = kNone;  // of an item
};
std::string show(const Place& place);

class SchemaJudge {
 public:
  // What is found is appended to `findings`, up to kFindingsMax.
  SchemaJudge(const Schemas& schemas, std::vector<Finding>& findings, std::uint64_t steps_max) : schemas_(schemas), findings_(findings), steps_left_(steps_max) {}

  bool fits(const Value* value, std::uint32_t schema, const Place& place, bool tell);
  void tell(const Place& place, std::string reason);
  // False when the work became too much: nothing that was said before counts.
  bool could_judge() const { return !gave_up_; }
  std::string_view why_not() const { return why_not_; }

 private:
  bool spend(std::uint64_t steps);
  // Says why, where that is wanted; always false.
  bool no(const Place& place, bool tell, std::string_view reason);
  template <class... Args>
  bool no_as(const Place& place, bool tell, std::string_view format, Args... args);
  bool judge(const Value* value, const Schema& schema, const Place& place, bool tell);
  bool text_as(const Value* value, std::uint32_t schema, const Place& place, bool tell);
  bool constant(const Value* value, const Schema& schema, const Place& place, bool tell);
  bool text(std::string_view text, const Schema& schema, const Place& place, bool tell);
  bool number(const Value* value, const Schema& schema, const Place& place, bool tell);
  bool array(const Value* value, const Schema& schema, const Place& place, bool tell);
  bool unique(const Value* value);
  bool object(const Value* value, const Schema& schema, const Place& place, bool tell);
  bool members(const Value* value, const Schema& schema, const Place& place, bool tell, std::uint32_t& required);
  bool member_fits(const Value* key, const Schema& schema, const Place& place, bool tell, std::uint32_t& required);
  bool dependents(const Value* value, const Schema& schema, const Place& place, bool tell);
  bool composed(const Value* value, const Schema& schema, const Place& place, bool tell);
  bool alternatives(const Value* value, const Schema& schema, const Place& place, bool tell);
  // The alternative that the discriminator names, or kNone.
  std::uint32_t named_alternative(const Value* value, const Schema& schema) const;

  const Schemas& schemas_;
  std::vector<Finding>& findings_;
  std::uint64_t steps_left_;
  int depth_ = 0;
  bool gave_up_ = false;
  std::string_view why_not_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace ringwall::openapi::detail
