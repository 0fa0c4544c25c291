// Bytes that many look at and nobody copies: a mapped file, or a text in memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ringwall::places {

struct SharedBytes {
  std::string_view view;
  std::shared_ptr<const void> owner;  // keeps `view` alive
};

SharedBytes in_memory(std::string bytes);
// Maps a whole file; the descriptor may be closed afterwards.  `name` is for messages.  The file must stay as it is: who
// changes data writes another file.
Result<SharedBytes> map_file(int fd, const std::string& name);
Result<SharedBytes> map_file(const std::string& path);

}  // namespace ringwall::places
