// What of a declaration's text may leave the machine, and the whole text again after an edit of that part.
//
// Services carry passwords in `env`, so the console sees the application's name, the edge and the firewall; every other key of
// the outermost level is one line:
//
//   services: # 31 lines that are not shown
//
// Lines stay lines: comments, order and layout of what is shown are those of the text.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ringwall::declare {

// kInvalid for a text whose outermost keys do not each begin a line, or whose shown part needs an anchor of the rest.
Result<std::string> shown_part(std::string_view text);

// `edited` is shown_part(text) after changes: every line that stands for hidden ones must be there, once and as it was.  The
// hidden lines come back and mean what they meant: no text of `edited` can take them in, and no alias can reach them.
Result<std::string> with_hidden_part(std::string_view text, std::string_view edited);

}  // namespace ringwall::declare
