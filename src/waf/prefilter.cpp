#include "waf/detail/prefilter.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace ringwall::waf::detail {

namespace {

// Words, numbers, and what stands between them in texts that are neither markup nor code; any script.
bool is_plain(unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80 || std::string_view(" _-.,:!?").find(static_cast<char>(c)) != std::string_view::npos; }

// A byte of a literal as texts have it, whose own bytes are not folded.
void add_any_case(ByteSet& bytes, char c) {
  bytes.add(static_cast<unsigned char>(c));
  if (c >= 'a' && c <= 'z') bytes.add(static_cast<unsigned char>(c - 32));
}

// One byte of each literal, the least common.
ByteSet needs_of(const Clause& clause, Literals::Texts texts) {
  ByteSet bytes;
  for (const auto& literal : clause) {
    if (literal.size() == 1 && literal[0] == kAnyHighByte) bytes.bits[2] = bytes.bits[3] = ~std::uint64_t{0};
    add_any_case(bytes, *std::min_element(literal.begin(), literal.end(), [texts](char a, char b) {
      return Literals::commonness(texts, static_cast<unsigned char>(a)) < Literals::commonness(texts, static_cast<unsigned char>(b));
    }));
  }
  return bytes;
}

// How common the bytes of a set are together.
int common(const ByteSet& bytes, Literals::Texts texts) {
  int sum = 0;
  for (int c = 0; c < 256; ++c) sum += bytes.has(static_cast<unsigned char>(c)) ? Literals::commonness(texts, static_cast<unsigned char>(c)) : 0;
  return sum;
}

}  // namespace

std::uint32_t Prefilter::add(const std::vector<Clause>& clauses) {
  ByteSet least;
  for (const auto& clause : clauses) {
    const auto needs = needs_of(clause, texts_);
    if (&clause == &clauses.front() || common(needs, texts_) < common(least, texts_)) least = needs;
  }
  needs_.push_back(least);
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
      add_any_case(clause_bytes_[i], literal[0]);
      if (literal[0] == kAnyHighByte) clause_bytes_[i].bits[2] = clause_bytes_[i].bits[3] = ~std::uint64_t{0};
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
