#include "policy/lists.h"

#include <fmt/format.h>

#include <algorithm>

#include "places/countries.h"
#include "policy/limits.h"

namespace ringwall::policy {

namespace {

constexpr std::pair<std::string_view, ListAction> kActions[] = {{"allow", ListAction::kAllow}, {"deny", ListAction::kDeny}, {"note", ListAction::kNote}};

}  // namespace

bool List::knows(const places::Address& client, std::string_view country) const {
  if (addresses != nullptr && addresses->contains(client)) return true;
  if (file != nullptr && file->contains(client)) return true;
  return !country.empty() && std::find(text.countries.begin(), text.countries.end(), country) != text.countries.end();
}

Result<AddressSetPtr> AddressSets::of(const std::vector<std::string>& texts) {
  auto& set = known_[texts];
  if (set == nullptr && before_ != nullptr) {
    if (const auto found = before_->known_.find(texts); found != before_->known_.end()) set = found->second;
  }
  if (set != nullptr) return set;
  std::vector<places::AddressRange> ranges;
  for (const auto& text : texts) ranges.push_back(RW_TRY(places::parse_address_range(text)));
  set = std::make_shared<const places::AddressSet>(RW_TRY(places::AddressSet::open(places::in_memory(places::build_address_set(std::move(ranges))))));
  return set;
}

Result<List> compile_list(const ListText& text, AddressSets& sets, AddressSetPtr file) {
  const auto wrong = [&](std::string_view what, std::string hint = {}) { return fail(Errc::kInvalid, fmt::format("list '{}': {}", text.name, what), std::move(hint)); };
  if (text.name.empty()) return wrong("it has no name");
  const auto* known = std::find_if(std::begin(kActions), std::end(kActions), [&](const auto& one) { return one.first == text.action; });
  if (known == std::end(kActions)) return wrong(fmt::format("action '{}' is not known", text.action), "allow, deny or note");
  if (text.addresses.empty() && text.file.empty() && text.countries.empty()) return wrong("it names nobody", "give addresses, a file or countries; everybody is 0.0.0.0/0 and ::/0");
  if (text.addresses.size() > kListAddressesMax) return fail(Errc::kLimit, fmt::format("list '{}': more than {} addresses", text.name, kListAddressesMax), "put them into a file");
  if ((text.skip_limits || text.skip_rules) && known->second != ListAction::kAllow) return wrong("only allow skips limits or rules");
  for (const auto& country : text.countries) {
    if (!places::is_country(country)) return wrong(fmt::format("'{}' is no country", country), "two capital letters of ISO 3166, as DE or GB");
  }
  List out{text, known->second, nullptr, std::move(file)};
  if (!text.addresses.empty()) out.addresses = RW_TRY_CTX(fmt::format("list '{}'", text.name), sets.of(text.addresses));
  return out;
}

const List* ask_lists(const std::vector<List>& lists, const places::Address& client, std::string_view country, std::string_view uri_path) {
  const List* noted = nullptr;
  for (const auto& list : lists) {
    if (!concerns_path(list.text.path, uri_path) || !list.knows(client, country)) continue;
    if (list.action != ListAction::kNote) return &list;
    if (noted == nullptr) noted = &list;
  }
  return noted;
}

}  // namespace ringwall::policy
