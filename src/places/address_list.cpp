#include "places/address_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace ringwall::places {

Result<std::vector<AddressRange>> parse_address_list(std::string_view text, std::size_t entries_max) {
  if (text.size() > kListBytesMax) return fail(Errc::kLimit, fmt::format("larger than {} bytes", kListBytesMax));
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<AddressRange> out;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = base::trim(line.substr(0, line.find_first_of("#;")));
    if (line.empty()) continue;
    if (out.size() == entries_max) return fail(Errc::kLimit, fmt::format("{}: more than {} addresses and networks", number, entries_max));
    auto range = parse_address_range(line);
    if (!range.ok()) return fail(Errc::kInvalid, fmt::format("{}: {}", number, range.error().message), range.error().hint);
    out.push_back(*range);
  }
  return out;
}

}  // namespace ringwall::places
