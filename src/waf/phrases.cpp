// Aho-Corasick: all phrases of @pm and @pmFromFile looked for in one pass.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "waf/detail/transform.h"
#include "waf/operators.h"

namespace ringwall::waf {

namespace {

// Complete rows are kept for as many states as this holds; a text is deeper only where it is much like a phrase.
constexpr std::size_t kPhraseRowBytesMax = 64 << 10;

// The trie, level by level.  The phrases are sorted, so those that begin as a state says are a range of them.
struct PhraseRange {
  std::uint32_t begin, end;
};

std::optional<std::string> phrase_hex_bytes(std::string_view digits) {
  std::string bytes;
  std::string half;
  for (const char c : digits) {
    if (c == ' ' || c == '\t') continue;
    if (!transforms::hex(c)) return std::nullopt;
    half += c;
    if (half.size() < 2) continue;
    bytes += static_cast<char>(transforms::hex_pair(half.data()));
    half.clear();
  }
  if (bytes.empty() || !half.empty()) return std::nullopt;
  return bytes;
}

}  // namespace

Result<PhraseSet> PhraseSet::make(const std::vector<std::string>& phrases) {
  std::vector<std::string> sorted;
  std::size_t bytes = 0;
  for (const auto& phrase : phrases) {
    if (phrase.empty()) continue;
    if (phrase.size() > kPhraseBytesMax) return fail(Errc::kLimit, fmt::format("a phrase of {} bytes; {} are possible", phrase.size(), kPhraseBytesMax));
    bytes += phrase.size();
    if (bytes > kPhraseSetBytesMax) return fail(Errc::kLimit, fmt::format("phrases of more than {} bytes together", kPhraseSetBytesMax));
    sorted.push_back(base::lower_ascii(phrase));
  }
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());

  PhraseSet set;
  set.class_.assign(256, 0);
  for (const auto& phrase : sorted) {
    for (const char c : phrase) {
      auto& byte_class = set.class_[static_cast<unsigned char>(c)];
      if (byte_class == 0) byte_class = static_cast<std::uint8_t>(set.classes_++);  // at most 230: no upper case is left
    }
  }
  for (int c = 'A'; c <= 'Z'; ++c) set.class_[c] = set.class_[static_cast<unsigned char>(transforms::lower(static_cast<char>(c)))];

  // The states of a level, each with the children that go into the next.
  std::vector<PhraseRange> level{{0, static_cast<std::uint32_t>(sorted.size())}}, next;
  std::vector<std::uint32_t> parent{0};
  set.last_class_.push_back(0);
  std::vector<Sparse>& states = set.sparse_;
  for (std::size_t depth = 0; !level.empty(); ++depth) {
    next.clear();
    const auto first_of_level = static_cast<std::uint32_t>(states.size());
    for (std::size_t i = 0; i < level.size(); ++i) {
      const auto state = static_cast<std::uint32_t>(first_of_level + i);
      states.push_back({static_cast<std::uint32_t>(parent.size()), 0});
      auto [at, end] = level[i];
      const bool ends_here = depth > 0 && sorted[at].size() == depth;
      set.found_.push_back(static_cast<std::uint16_t>(ends_here ? depth : 0));
      if (at < end && sorted[at].size() == depth) ++at;
      while (at < end) {
        const char c = sorted[at][depth];
        const auto from = at;
        while (at < end && sorted[at][depth] == c) ++at;
        next.push_back({from, at});
        parent.push_back(state);
        set.last_class_.push_back(set.class_[static_cast<unsigned char>(c)]);
      }
    }
    level.swap(next);
  }
  const auto count = static_cast<std::uint32_t>(states.size());
  states.push_back({count, 0});

  // In the order of the states, so that what a state falls back to, which is less deep, is complete before it.
  set.row_count_ = std::min(count, static_cast<std::uint32_t>(std::max<std::size_t>(1, kPhraseRowBytesMax / (set.classes_ * sizeof(std::uint32_t)))));
  set.rows_.assign(std::size_t{set.row_count_} * set.classes_, 0);
  for (std::uint32_t state = 0; state < count; ++state) {
    auto& self = states[state];
    if (state != 0 && parent[state] != 0) self.fallback = set.step(states[parent[state]].fallback, set.last_class_[state]);
    if (set.found_[state] == 0) set.found_[state] = set.found_[self.fallback];
    if (state >= set.row_count_) continue;
    const auto row = set.rows_.begin() + static_cast<std::ptrdiff_t>(std::size_t{state} * set.classes_);
    if (state != 0) std::copy_n(set.rows_.begin() + static_cast<std::ptrdiff_t>(std::size_t{self.fallback} * set.classes_), set.classes_, row);
    for (auto child = self.children; child < states[state + 1].children; ++child) row[set.last_class_[child]] = child;
  }
  set.last_class_.shrink_to_fit();
  set.found_.shrink_to_fit();
  set.sparse_.shrink_to_fit();
  return set;
}

// Each fall back takes away what an earlier byte has added to the depth: over a text at most two steps a byte.
std::uint32_t PhraseSet::step(std::uint32_t state, std::uint8_t byte_class) const {
  while (state >= row_count_) {
    for (auto child = sparse_[state].children; child < sparse_[state + 1].children; ++child) {
      if (last_class_[child] == byte_class) return child;
    }
    state = sparse_[state].fallback;
  }
  return rows_[std::size_t{state} * classes_ + byte_class];
}

bool PhraseSet::find(std::string_view text, std::size_t& offset, std::size_t& size) const {
  std::uint32_t state = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    state = step(state, class_[static_cast<unsigned char>(text[i])]);
    if (found_[state] == 0) continue;
    size = found_[state];
    offset = i + 1 - size;
    return true;
  }
  return false;
}

std::size_t PhraseSet::bytes_used() const {
  return class_.capacity() + rows_.capacity() * sizeof(std::uint32_t) + sparse_.capacity() * sizeof(Sparse) + last_class_.capacity() +
         found_.capacity() * sizeof(std::uint16_t);
}

std::vector<std::string> parse_phrases(std::string_view argument) {
  argument = base::trim(argument);
  if (argument.size() > 1 && argument.front() == '"' && argument.back() == '"') argument = argument.substr(1, argument.size() - 2);
  constexpr std::string_view kEscaped = "\\\":;";
  bool escapes = true;
  for (std::size_t i = 0; i < argument.size() && escapes; ++i) {
    if (argument[i] == '\\') escapes = ++i < argument.size() && kEscaped.find(argument[i]) != std::string_view::npos;
  }
  std::vector<std::string> phrases;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) phrases.push_back(std::move(word));
    word.clear();
  };
  for (std::size_t i = 0; i < argument.size(); ++i) {
    const char c = argument[i];
    if (transforms::blank(c)) {
      end_word();
    } else if (c == '|') {
      const auto end = argument.find('|', i + 1);
      const auto bytes = end == std::string_view::npos ? std::nullopt : phrase_hex_bytes(argument.substr(i + 1, end - i - 1));
      word += bytes ? *bytes : "|";
      if (bytes) i = end;
    } else {
      word += c == '\\' && escapes ? argument[++i] : c;
    }
  }
  end_word();
  return phrases;
}

}  // namespace ringwall::waf
