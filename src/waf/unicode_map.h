// Which byte stands for a Unicode character in a code page: what t:urlDecodeUni makes of %uHHHH under SecUnicodeMapFile.
//
//   file    := section*                    the `unicode.mapping` that comes with ModSecurity
//   section := NUMBER [ "(" name ")" ] line-end pairs
//   pairs   := ( CODE ":" BYTE )*          hexadecimal, blanks or line ends between; the next section or the end ends them
//
// Source: ModSecurity reference manual v3, SecUnicodeMapFile, and the file itself.  Immutable and shared by threads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace ringwall::waf {

class UnicodeMap {
 public:
  // kNotFound when the file has no such code page (and names those it has), kInvalid "line 7: …" for what is no pair.
  static Result<std::shared_ptr<const UnicodeMap>> parse(std::string_view text, std::uint64_t code_page);

  // -1: it has none.
  int byte_of(std::uint16_t code) const { return bytes_[code]; }

 private:
  std::array<std::int16_t, 65536> bytes_;
};

}  // namespace ringwall::waf
