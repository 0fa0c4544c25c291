#include <re2/re2.h>

#include <cstdlib>
#include <string_view>

#include "waf/detail/automaton.h"
#include "waf/regex.h"

constexpr std::size_t kBytesMax = 4096;

// A pattern, a zero, a text: the automaton and RE2 say the same, also where the text is long, and the automaton runs beside itself.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace ringwall::waf;
  using detail::Automaton;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto cut = all.find('\0');
  if (cut == std::string_view::npos || cut > 200 || size > kBytesMax) return 0;
  const auto pattern = to_re2(all.substr(0, cut));
  const auto text = all.substr(cut + 1);
  for (const bool ignore_case : {false, true}) {
    auto nfa = detail::nfa_of(pattern, ignore_case);
    if (!nfa) continue;
    re2::RE2::Options options;
    options.set_encoding(re2::RE2::Options::EncodingLatin1);
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_case_sensitive(!ignore_case);
    const re2::RE2 re2("(?m)" + pattern, options);
    if (!re2.ok()) continue;
    const Automaton automaton(std::move(*nfa));
    // At each place by itself: looking for them, RE2 overlooks matches that can only begin with the byte 255.
    bool found = false;
    const re2::StringPiece piece(text.data(), text.size());
    for (std::size_t at = 0; at <= text.size() && !found; ++at) found = re2.Match(piece, at, text.size(), re2::RE2::ANCHOR_START, nullptr, 0);
    const auto want = found ? Automaton::Answer::kYes : Automaton::Answer::kNo;
    std::uint64_t steps = 0;
    if (automaton.find(text, steps) != want) std::abort();
    const Automaton* twice[] = {&automaton, &automaton};
    Automaton::Answer answers[2];
    Automaton::find_each(twice, text, answers, steps);
    if (answers[0] != want || answers[1] != want) std::abort();
  }
  return 0;
}
