#include "waf/detail/prefilter.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace ringwall::waf::detail {

namespace {

// Words, numbers, and what stands between them in texts that are neither markup nor code; any script.
bool is_plain(unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80 || std::string_view(" _-.,:!?").find(static_cast<char>(c)) != std::string_view::npos; }

}  // namespace

std::uint32_t Prefilter::add(const std::vector<Clause>& clauses) {
  clauses_.insert(clauses_.end(), clauses.begin(), clauses.end());
  first_.push_back(static_cast<std::uint32_t>(clauses_.size()));
  return static_cast<std::uint32_t>(first_.size() - 2);
}

std::size_t Prefilter::literals(const std::vector<std::uint32_t>& patterns) const {
  std::size_t count = 0;
  for (const auto pattern : patterns) {
    for (auto i = first_[pattern]; i < first_[pattern + 1]; ++i) count += clauses_[i].size();
  }
  return count;
}

Literals Prefilter::scanner_for(const std::vector<std::uint32_t>& patterns, bool plain) const {
  const auto can_be = [plain](const std::string& literal) { return !plain || std::all_of(literal.begin(), literal.end(), [](char c) { return is_plain(static_cast<unsigned char>(c)); }); };
  std::map<std::string, std::vector<std::uint32_t>> users;
  for (const auto pattern : patterns) {
    bool possible = true;
    for (auto i = first_[pattern]; i < first_[pattern + 1]; ++i) possible = possible && std::any_of(clauses_[i].begin(), clauses_[i].end(), can_be);
    for (auto i = first_[pattern]; possible && i < first_[pattern + 1]; ++i) {
      for (const auto& literal : clauses_[i]) {
        if (literal.size() > 1 && can_be(literal)) users[literal.substr(0, kLiteralBytesMax)].push_back(i);
      }
    }
  }
  return Literals(users, texts_);
}

void Prefilter::finish(std::vector<std::vector<std::uint32_t>> scanners) {
  words_ = (clauses_.size() + 63) / 64;
  clause_bytes_.resize(clauses_.size());
  for (std::uint32_t i = 0; i < clauses_.size(); ++i) {
    for (const auto& literal : clauses_[i]) {
      if (literal.size() != 1) continue;
      clause_bytes_[i].add(static_cast<unsigned char>(literal[0]));
      if (literal[0] == kAnyHighByte) clause_bytes_[i].bits[2] = clause_bytes_[i].bits[3] = ~std::uint64_t{0};
      // The text's own bytes are not folded.
      if (literal[0] >= 'a' && literal[0] <= 'z') clause_bytes_[i].add(static_cast<unsigned char>(literal[0] - 32));
    }
  }
  for (int c = 0; c < 256; ++c) {
    if (!is_plain(static_cast<unsigned char>(c))) not_plain_.add(static_cast<unsigned char>(c));
  }
  if (scanners.empty()) {
    scanners.emplace_back(first_.size() - 1);
    std::iota(scanners[0].begin(), scanners[0].end(), 0u);
  }
  for (auto patterns = scanners.begin(); patterns != scanners.end(); ++patterns) {
    const auto same = std::find(scanners.begin(), patterns, *patterns);
    literals_of_.push_back(same != patterns ? literals_of_[static_cast<std::size_t>(same - scanners.begin())] : static_cast<std::uint16_t>(literals_.size()));
    if (same == patterns) literals_.push_back(scanner_for(*patterns, false));
  }
  plain_.push_back(scanner_for(scanners[0], true));
  clauses_.clear();
  clauses_.shrink_to_fit();
}

}  // namespace ringwall::waf::detail
