// Texts changed the way attackers and fuzzers change them.
#pragma once

#include <string>
#include <string_view>

#include "prove/detail/random.h"
#include "prove/prove.h"

namespace ringwall::prove::detail {

// A text from the seeds, from a rule's phrases, or drawn from a rule's pattern.
std::string fresh_text(const Bank& bank, Random& random);
// One change; cut at kExchangeBytesMax.
void change_text(std::string& text, const Bank& bank, Random& random);

std::string percent_encoded(std::string_view text);                 // all but letters, digits and -._~
// A run of bytes in another writing: %41, %2541, %u0041, overlong UTF-8, \x41, \u0041, &#65;, base64, …
std::string in_other_writing(std::string_view text, Random& random);

}  // namespace ringwall::prove::detail
